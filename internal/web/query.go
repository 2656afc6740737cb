package web

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// query is what a request selects, and how the page shows it.
type query struct {
	status.Selection
	open   []string // "all", "none" or the ids of machines; empty: not given
	values url.Values
}

// The parameters that select, and those of the page only. Each but account and open may be given once; an empty one, as a form
// sends it, selects nothing.
var (
	selecting = []string{"account", "q", "machine", "sensor", "status"}
	showing   = []string{"view", "sort", "open"}
)

// parseQuery reads the parameters of the page or of the JSON.
func parseQuery(raw string, page bool) (q query, err error) {
	known := selecting
	if page {
		known = slices.Concat(selecting, showing)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("malformed query: write % and ; as %25 and %3B")
	}
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			return q, fmt.Errorf("unknown parameter %q; known are %s", cut(name), strings.Join(known, ", "))
		case len(given) > 1 && name != "account" && name != "open":
			return q, fmt.Errorf("parameter %q is given %d times; it may be given once", cut(name), len(given))
		}
		values[name] = slices.DeleteFunc(given, func(value string) bool { return value == "" })
	}
	maps.DeleteFunc(values, func(_ string, given []string) bool { return len(given) == 0 })
	one := values.Get
	q = query{values: values, open: values["open"], Selection: status.Selection{
		Accounts: values["account"], Search: one("q"), Machine: one("machine"), Sensor: one("sensor"),
		Status: poller.SensorStatus(one("status")), Sort: one("sort"), Flat: one("view") == "sensors",
	}}
	if q.Flat && q.Sort == "" {
		q.Sort = "-age"
	}
	return q, q.check()
}

// check returns an error for a value that is not known.
func (q *query) check() error {
	by := strings.TrimPrefix(q.Sort, "-")
	switch view := q.values.Get("view"); {
	case q.Status != "" && !slices.Contains(poller.SensorStatuses[:], q.Status):
		return fmt.Errorf("unknown status %q; known are %s", cut(string(q.Status)),
			strings.ReplaceAll(strings.Trim(fmt.Sprint(poller.SensorStatuses), "[]"), " ", ", "))
	case len(q.Search) > maxText: // thousands of words would take long to find
		return fmt.Errorf("q has %d bytes; at most %d are searched", len(q.Search), maxText)
	case view != "" && view != "sensors":
		return fmt.Errorf("unknown view %q; known is sensors", cut(view))
	case by != "" && !slices.ContainsFunc(columns, func(c column) bool { return c.Class == by && c.Sorts != "" }):
		return fmt.Errorf("no column %q to sort by", cut(by))
	}
	return nil
}

// Link returns the query with other values of parameters, given as pairs of name and value; an empty value removes it. It is
// relative, so that a proxy may serve the page under any path.
func (q *query) Link(changes ...string) string {
	values := maps.Clone(q.values)
	for pair := range slices.Chunk(changes, 2) {
		if values.Del(pair[0]); pair[1] != "" {
			values.Set(pair[0], pair[1])
		}
	}
	return "?" + values.Encode()
}

// JSON returns the part of the query that the JSON knows.
func (q *query) JSON() string { return q.Link("view", "", "sort", "", "open", "") }

// SortLink returns the query that sorts by a column, and reverses the order if it is sorted by it.
func (q *query) SortLink(c column) string {
	by := c.Sorts
	if strings.TrimPrefix(q.Sort, "-") == c.Class {
		if by = c.Class; q.Sort == by {
			by = "-" + by
		}
	}
	return q.Link("sort", by)
}

// Order returns the value of aria-sort of a column; empty if the sensors are not sorted by it.
func (q *query) Order(c column) string {
	switch q.Sort {
	case c.Class:
		return "ascending"
	case "-" + c.Class:
		return "descending"
	}
	return ""
}
