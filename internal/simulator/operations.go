package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// respond carries out an operation.
func (c *call) respond() reply {
	switch {
	case c.op == OpUnknown:
		return c.format.failure(http.StatusNotFound, "no such path: "+c.r.URL.EscapedPath())
	case !c.found:
		return c.format.failure(http.StatusNotFound, "no such object: "+c.r.URL.EscapedPath())
	case c.op == OpCompany:
		return c.companyReply()
	}
	return c.listReply()
}

func (c *call) companyReply() reply {
	data := c.format.company(c.plant)
	if _, ok := c.faults.meet(c, NotAList); ok {
		data = notAList
	}
	return reply{status: http.StatusOK, body: appendObject(nil, object{{c.format.Fields.Data, data}})}
}

const notAList = "see the attached file"

func (c *call) listReply() reply {
	f := c.format
	q, err := c.parseQuery()
	if err != nil {
		return f.failure(http.StatusBadRequest, err.Error())
	}
	p, err := c.page(q)
	if err != nil {
		return f.failure(http.StatusBadRequest, err.Error())
	}
	c.disturbPage(q, &p)
	switch empty := len(p.items) == 0 && !p.text && p.next == "" && c.op != OpMachines; {
	case empty && c.op == OpValues && f.Window.NotFound && windowed(f, q.query):
		return f.failure(http.StatusNotFound, "no values in range")
	case empty && f.Empty != EmptyList:
		return f.emptyReply(c.op)
	}
	return reply{status: http.StatusOK, body: f.envelope(c.op, p)}
}

// pageOf is one page of a list: some items, and the key of the next page where there is one.
type pageOf struct {
	items []raw
	text  bool // data is no list but text
	next  string
}

func (c *call) page(q listQuery) (pageOf, error) {
	switch c.op {
	case OpMachines:
		return slicePage(c.plant.listed(), c.format.machine, c.format, q), nil
	case OpSensors:
		return slicePage(c.machine.sensors, c.format.sensor, c.format, q), nil
	}
	return readingsPage(c, q)
}

// slicePage is a page of a list that is held in memory; its positions are offsets.
func slicePage[T any](all []T, write func(T) raw, f *Format, q listQuery) pageOf {
	var p pageOf
	start := min(q.position, int64(len(all)))
	if q.empty < f.Sparse {
		return pageOf{next: cursor{start, q.empty + 1}.key(f)}
	}
	end := min(start+int64(q.limit), int64(len(all)))
	for _, item := range all[start:end] {
		p.items = append(p.items, write(item))
	}
	if end < int64(len(all)) {
		p.next = cursor{position: end}.key(f)
	}
	return p
}

// disturbPage carries out the faults that change a list.
func (c *call) disturbPage(q listQuery, p *pageOf) {
	if _, ok := c.faults.meet(c, NotAList); ok {
		p.text = true
	}
	if len(p.items) > 1 {
		if _, ok := c.faults.meet(c, Shrink); ok {
			p.items, p.next = p.items[:1], ""
		}
	}
	if _, ok := c.faults.meet(c, NextLoop); ok {
		p.next = q.startKey
		if !q.continued {
			p.next = q.cursor.key(c.format)
		}
	}
}

// listQuery is what the query of a list requests.
type listQuery struct {
	limit     int
	cursor           // where the page starts, if continued
	continued bool   // a start_key was given
	startKey  string // as given
	query     url.Values
}

// parseQuery reads the query. Its errors become the message of a 400.
func (c *call) parseQuery() (listQuery, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return listQuery{}, errors.New("the query is malformed")
	}
	names := c.format.Parameters
	if err = names.check(query); err != nil {
		return listQuery{}, err
	}
	q := listQuery{query: query}
	if q.limit, err = c.limit(query); err != nil {
		return listQuery{}, err
	}
	if q.continued = query.Has(names.StartKey); !q.continued {
		return q, nil
	}
	q.startKey = query.Get(names.StartKey)
	q.cursor, err = parseCursor(c.format, q.startKey)
	return q, err
}

func (c *call) limit(query url.Values) (int, error) {
	most, name := c.limits.maxPage(), c.format.Parameters.Limit
	if !query.Has(name) {
		return min(most, defaultPage), nil
	}
	n, err := strconv.Atoi(query.Get(name))
	switch {
	case err != nil || n < 1:
		return 0, fmt.Errorf("%s must be a whole number from 1 to %d", name, most)
	case n > most && !c.limits.ClampPage:
		return 0, fmt.Errorf("%s must be at most %d", name, most)
	}
	return min(n, most), nil
}

// check refuses parameters that are not known, where the API is strict.
func (p Parameters) check(query url.Values) error {
	known := []string{p.Limit, p.StartKey, p.From, p.To}
	for name := range query {
		if p.Strict && !slices.Contains(known, name) {
			return fmt.Errorf("unknown parameter %s; known are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// limited makes a 429, and reports whether it names its wait.
func (c *call) limited(wait time.Duration) (r reply, stated bool) {
	r = c.format.failure(http.StatusTooManyRequests, "Too Many Requests")
	header := c.limits.retryAfter(c.now(), wait)
	if header == "" {
		return r, false
	}
	r.header = map[string]string{"Retry-After": header}
	return r, c.limits.RetryAfter != Zero && c.limits.RetryAfter != One
}
