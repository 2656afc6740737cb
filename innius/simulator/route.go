package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// call is one request on its way through the Server.
type call struct {
	w http.ResponseWriter
	r *http.Request

	op      string
	outside bool // of Options.BasePath
	plant   *plant
	machine *machine // nil: the path names none, or one that does not exist
	series  *series
	found   bool // everything that the path names exists

	admitted bool
	clock    time.Duration // error of the header Date
	noDate   bool
}

// names are the plant's ids of what the request is about.
func (c *call) names() []string {
	var names []string
	if c.op != OpUnknown && c.op != OpCompany {
		names = append(names, c.plant.id)
	}
	if c.machine != nil {
		names = append(names, c.machine.ID)
	}
	if c.series != nil {
		names = append(names, c.series.ID)
	}
	return names
}

// date is the header Date; nil keeps net/http from adding its own.
func (c *call) date() []string {
	if c.noDate {
		return nil
	}
	return []string{c.now().UTC().Format(http.TimeFormat)}
}

// now is what the API's clock shows, right or wrong.
func (c *call) now() time.Time { return time.Now().Add(c.clock) }

// base is where the API is mounted: empty for the root, never with a slash at its end.
func (s *Server) base() string { return strings.TrimRight(s.opts.BasePath, "/") }

// open reads a request's path: which operation, on what.
func (s *Server) open(w http.ResponseWriter, r *http.Request) *call {
	s.mu.Lock()
	c := &call{w: w, r: r, op: OpUnknown, plant: s.plant}
	s.mu.Unlock()
	rest, inside := strings.CutPrefix(r.URL.EscapedPath(), s.base())
	c.outside = !inside || !strings.HasPrefix(rest, "/")
	if segments, ok := unescape(rest); ok && !c.outside {
		c.route(segments, &s.opts.Format)
	}
	return c
}

// unescape splits a path that starts with a slash, then unescapes each segment: an escaped slash belongs to an id.
func unescape(path string) (segments []string, ok bool) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments = append(segments, plain)
	}
	return segments, true
}

// patterns are the paths of the operations. They follow the documented hierarchy; the words themselves are assumed.
var patterns = []struct {
	op    string
	words []string // "" stands for an id
}{
	{OpCompany, []string{"companies", "me"}},
	{OpMachines, []string{"companies", "", "machines"}},
	{OpSensors, []string{"companies", "", "machines", "", "sensors"}},
	{OpValues, []string{"companies", "", "machines", "", "sensors", "", "values"}},
}

func (c *call) route(segments []string, f *Format) {
	for _, p := range patterns {
		if ids, ok := match(p.words, segments); ok {
			c.op = p.op
			c.found = c.find(ids, f)
			return
		}
	}
}

func match(words, segments []string) (ids []string, ok bool) {
	if len(words) != len(segments) {
		return nil, false
	}
	for i, word := range words {
		switch {
		case word == "" && segments[i] != "":
			ids = append(ids, segments[i])
		case word == "" || word != segments[i]:
			return nil, false
		}
	}
	return ids, true
}

// find looks up company, machine and sensor, as far as the path names them.
func (c *call) find(ids []string, f *Format) bool {
	if len(ids) > 0 && ids[0] != f.wireID(c.plant.id) {
		return false
	}
	if len(ids) > 1 {
		i := slices.IndexFunc(c.plant.machines, func(m *machine) bool { return f.wireID(m.ID) == ids[1] })
		if i < 0 {
			return false
		}
		c.machine = c.plant.machines[i]
	}
	if len(ids) > 2 {
		i := slices.IndexFunc(c.machine.sensors, func(s *series) bool { return f.wireID(s.ID) == ids[2] })
		if i < 0 {
			return false
		}
		c.series = c.machine.sensors[i]
	}
	return true
}
