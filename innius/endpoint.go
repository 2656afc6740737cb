package innius

import (
	"cmp"
	"errors"
	"fmt"
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

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// placeholders are those that an operation's template may hold.
func (op Operation) placeholders() []string {
	names := []string{"company", "machine", "sensor"}[:slices.Index(Operations, op)]
	names = append([]string{"limit", "start_key"}, names...)
	if op == OpValues {
		names = append(names, "from_ms", "from_s", "from_rfc3339", "to_ms", "to_s", "to_rfc3339")
	}
	return names
}

// CheckEndpoint reports what is wrong with one template: it must start with a slash, hold no fragment, name the id of the
// object whose list or values it requests and no placeholder that the operation does not have, and make an address. Its errors
// show at most 4 characters of a text in it that is not known, which may be a secret.
func CheckEndpoint(op Operation, template string) error {
	if !strings.HasPrefix(template, "/") {
		return errors.New(`must start with "/": it is a path below url`)
	}
	if strings.ContainsAny(template, "# \t\r\n") {
		return errors.New(`must not contain "#" or white space`)
	}
	known := op.placeholders()
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if !slices.Contains(known, m[1]) {
			if name := m[1]; !slices.Contains(OpValues.placeholders(), name) {
				m[1] = cut(name, 4)
			}
			return fmt.Errorf("placeholder {%s} is not known here; known are {%s}", m[1], strings.Join(known, "}, {"))
		}
	}
	address := placeholder.ReplaceAllString(template, "-") // no digit, of which "%" might make something
	if strings.ContainsAny(address, "{}") {
		return errors.New("has an unpaired brace")
	}
	id := map[Operation]string{OpMachines: "company", OpSensors: "machine", OpValues: "sensor"}[op]
	if id != "" && !strings.Contains(template, "{"+id+"}") {
		cure := ""
		if op == OpMachines {
			cure = "; if the API needs none, append ?company={company}"
		}
		return fmt.Errorf("must contain {%s}, or every %s would get the same response%s", id, id, cure)
	}
	_, err := url.Parse(address) // what it refuses would fail at every single request
	if escape, ok := errors.AsType[url.EscapeError](err); ok {
		return fmt.Errorf("makes no valid address: %w", escape)
	}
	if err != nil {
		return errors.New("makes no valid address")
	}
	return nil
}

// SensorRef names a sensor by the ids of its hierarchy.
type SensorRef struct{ Company, Machine, Sensor string }

// request is what a template is filled with.
type request struct {
	op       Operation
	ref      SensorRef // the ids that the operation has
	limit    int       // results per page; the company has none
	startKey string    // next_key of the page before; empty for the first
	from, to time.Time
}

// expand fills the template of an operation and returns path and query below the base URL, both escaped.
// limit and start_key are added to the query where the template does not name them and they are needed. A parameter that is
// {start_key} alone is left out while there is no key: an empty start_key is a malformed parameter to many a server.
func (e Endpoints) expand(r request) string {
	values := r.values()
	fill := func(template string, escape func(string) string) string {
		return placeholder.ReplaceAllStringFunc(template, func(m string) string { return escape(values[m[1:len(m)-1]]) })
	}
	template := e.Of(r.op)
	path, query, _ := strings.Cut(template, "?")
	var parameters []string
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter != "" && (r.startKey != "" || !strings.HasSuffix(parameter, "={start_key}")) {
			parameters = append(parameters, fill(parameter, url.QueryEscape))
		}
	}
	if r.op != OpCompany && !strings.Contains(template, "{limit}") && !strings.Contains("&"+query, "&limit=") {
		parameters = append(parameters, "limit="+values["limit"])
	}
	if r.startKey != "" && !strings.Contains(template, "{start_key}") {
		parameters = append(parameters, "start_key="+url.QueryEscape(r.startKey))
	}
	path = fill(path, escapeSegment)
	if len(parameters) == 0 {
		return path
	}
	return path + "?" + strings.Join(parameters, "&")
}

// values are those of the placeholders. The times in text have whole seconds: every parser accepts them.
func (r request) values() map[string]string {
	values := map[string]string{
		"company": r.ref.Company, "machine": r.ref.Machine, "sensor": r.ref.Sensor,
		"limit": strconv.Itoa(r.limit), "start_key": r.startKey,
	}
	for end, t := range map[string]time.Time{"from": r.from, "to": r.to} {
		values[end+"_ms"] = strconv.FormatInt(t.UnixMilli(), 10)
		values[end+"_s"] = strconv.FormatInt(t.Unix(), 10)
		values[end+"_rfc3339"] = t.UTC().Format(time.RFC3339)
	}
	return values
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

// mayBeEmpty reports whether the absence of an operation's list means an empty list. Assumed, as a server in Go sends null
// for an empty list. Without machines there is nothing to poll: that must be an error.
func (op Operation) mayBeEmpty() bool { return op == OpSensors || op == OpValues }
