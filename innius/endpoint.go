package innius

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Operation names one of the API's four operations. It is a bounded set and safe as a metric label.
type Operation string

// The four operations of the API. Documented: innius, "How to use the innius API?".
const (
	OpCompany  Operation = "company"
	OpMachines Operation = "machines"
	OpSensors  Operation = "sensors"
	OpValues   Operation = "values"
)

// Operations lists the four in the order of the hierarchy.
var Operations = []Operation{OpCompany, OpMachines, OpSensors, OpValues}

// Endpoints holds a template of path and query for each operation, relative to the base URL. The zero value of a
// field means its default. Assumed: the paths follow the documented hierarchy; the real ones are the user's to set.
type Endpoints struct {
	Company, Machines, Sensors, Values string
}

// DefaultEndpoints follow the hierarchy of the API's documentation; the paths themselves are assumed.
var DefaultEndpoints = Endpoints{
	Company:  "/companies/me",
	Machines: "/companies/{company}/machines",
	Sensors:  "/companies/{company}/machines/{machine}/sensors",
	Values:   "/companies/{company}/machines/{machine}/sensors/{sensor}/values",
}

// Of returns the template of an operation, its default where none is set.
func (e Endpoints) Of(op Operation) string {
	own := map[Operation][2]string{
		OpCompany:  {e.Company, DefaultEndpoints.Company},
		OpMachines: {e.Machines, DefaultEndpoints.Machines},
		OpSensors:  {e.Sensors, DefaultEndpoints.Sensors},
		OpValues:   {e.Values, DefaultEndpoints.Values},
	}[op]
	return cmp.Or(own[0], own[1])
}

// needs is the id that each operation's template must name, or every object would get the same response.
var needs = map[Operation]string{OpMachines: "company", OpSensors: "machine", OpValues: "sensor"}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// knows returns the placeholders that an operation's template may hold.
func knows(op Operation) []string {
	names := []string{"limit", "start_key"}
	for i, id := range []string{"company", "machine", "sensor"} {
		if slices.Index(Operations, op) > i {
			names = append(names, id)
		}
	}
	if op == OpValues {
		for _, end := range []string{"from", "to"} {
			names = append(names, end+"_ms", end+"_s", end+"_rfc3339")
		}
	}
	return names
}

// CheckEndpoint reports what is wrong with one template: it must start with a slash, hold no fragment, name every id
// that its operation needs and no placeholder that the operation does not know, and make an address.
func CheckEndpoint(op Operation, template string) error {
	if !strings.HasPrefix(template, "/") {
		return fmt.Errorf("must start with \"/\": it is a path below url")
	}
	if strings.ContainsAny(template, "# \t\r\n") {
		return fmt.Errorf("must not hold \"#\" or white space")
	}
	var named []string
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if !slices.Contains(knows(op), m[1]) {
			return fmt.Errorf("placeholder {%s} is not known here; known are {%s}", m[1], strings.Join(knows(op), "}, {"))
		}
		named = append(named, m[1])
	}
	if strings.ContainsAny(placeholder.ReplaceAllString(template, ""), "{}") {
		return fmt.Errorf("has an unpaired brace")
	}
	if id := needs[op]; id != "" && !slices.Contains(named, id) {
		cure := ""
		if op == OpMachines {
			cure = "; where the API needs none, ?company={company} at its end will do"
		}
		return fmt.Errorf("must name {%s}, or every %s would get the same response%s", id, id, cure)
	}
	return parses(placeholder.ReplaceAllString(template, "-")) // no digit, of which "%" might make something
}

// parses refuses what net/url would refuse at every single request.
func parses(address string) error {
	_, err := url.Parse(address)
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if err != nil {
		return fmt.Errorf("makes no valid address: %w", err)
	}
	return nil
}

// check applies CheckEndpoint to all four.
func (e Endpoints) check() error {
	for _, op := range Operations {
		if err := CheckEndpoint(op, e.Of(op)); err != nil {
			return fmt.Errorf("endpoint of %s: %w", op, err)
		}
	}
	return nil
}

// request is what a template is filled with.
type request struct {
	op                       Operation
	company, machine, sensor string
	limit                    int    // results per page; 0: no limit is sent
	startKey                 string // next_key of the page before; empty for the first
	from, to                 time.Time
}

// parent is the id of the object whose list is requested.
func (r request) parent() string {
	return map[Operation]string{OpMachines: r.company, OpSensors: r.machine, OpValues: r.sensor}[r.op]
}

// expand fills the template of an operation and returns path and query below the base URL, both escaped.
// limit and start_key are added to the query where the template does not name them and they are needed.
func (e Endpoints) expand(r request) string {
	template := e.Of(r.op)
	path, query, _ := strings.Cut(template, "?")
	fill := func(escape func(string) string) func(string) string {
		values := r.placeholders()
		return func(m string) string { return escape(values[m[1:len(m)-1]]) }
	}
	path = placeholder.ReplaceAllStringFunc(path, fill(escapeSegment))
	query = fillQuery(query, fill(url.QueryEscape))
	added := url.Values{}
	if r.limit > 0 && !strings.Contains(template, "{limit}") && !strings.Contains("&"+query, "&limit=") {
		added.Set("limit", strconv.Itoa(r.limit))
	}
	if r.startKey != "" && !strings.Contains(template, "{start_key}") {
		added.Set("start_key", r.startKey)
	}
	parts := slices.DeleteFunc([]string{query, added.Encode()}, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return path
	}
	return path + "?" + strings.Join(parts, "&")
}

// fillQuery fills each parameter of a query template. A parameter whose value is {start_key} alone is left out
// while there is no key: an empty start_key is a malformed parameter to many a server.
func fillQuery(query string, fill func(string) string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		filled := placeholder.ReplaceAllStringFunc(part, fill)
		if strings.HasSuffix(part, "={start_key}") && strings.HasSuffix(filled, "=") {
			continue
		}
		kept = append(kept, filled)
	}
	return strings.Join(kept, "&")
}

func (r request) placeholders() map[string]string {
	values := map[string]string{
		"company": r.company, "machine": r.machine, "sensor": r.sensor,
		"limit": strconv.Itoa(r.limit), "start_key": r.startKey,
	}
	maps.Copy(values, timePlaceholders("from", r.from))
	maps.Copy(values, timePlaceholders("to", r.to))
	return values
}

func timePlaceholders(end string, t time.Time) map[string]string {
	return map[string]string{
		end + "_ms":      strconv.FormatInt(t.UnixMilli(), 10),
		end + "_s":       strconv.FormatInt(t.Unix(), 10),
		end + "_rfc3339": t.UTC().Format(time.RFC3339), // whole seconds: every parser takes them
	}
}

// windowed reports whether the values template has a window of time.
func (e Endpoints) windowed() bool { return strings.Contains(e.Of(OpValues), "{from_") }

// escapeSegment escapes an id for one path segment. The segments "." and ".." are escaped by hand: url.PathEscape
// leaves them, and a server or proxy would resolve them to another object.
func escapeSegment(id string) string {
	if strings.Trim(id, ".") == "" && len(id) <= 2 {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}
