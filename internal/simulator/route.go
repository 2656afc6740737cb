package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// call is one request on its way through the Server, which it sees as it was when the request arrived.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	format *Format
	faults *faults
	limits Limits
	plant  *plant

	op      string
	outside bool     // of Options.BasePath
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

// route finds the operation whose path matches, and what the path names.
func (c *call) route(segments []string) {
	f := c.format
	for _, p := range [][2]string{
		{OpCompany, f.Paths.Company}, {OpMachines, f.Paths.Machines}, {OpSensors, f.Paths.Sensors}, {OpValues, f.Paths.Values},
	} {
		if ids, ok := match(p[1], segments); ok {
			c.op = p[0]
			c.found = c.find(ids)
			return
		}
	}
}

// match compares a path with a template, and returns the ids at its placeholders.
func match(template string, segments []string) (ids map[string]string, ok bool) {
	words := strings.Split(strings.TrimPrefix(template, "/"), "/")
	if len(words) != len(segments) {
		return nil, false
	}
	ids = map[string]string{}
	for i, word := range words {
		name, isID := strings.CutPrefix(word, "{")
		switch {
		case isID && segments[i] != "":
			ids[strings.TrimSuffix(name, "}")] = segments[i]
		case isID || word != segments[i]:
			return nil, false
		}
	}
	return ids, true
}

// find looks up company, machine and sensor, as far as the path names them. A sensor without its machine is looked for in
// all machines.
func (c *call) find(ids map[string]string) bool {
	f := c.format
	if id, named := ids["company"]; named && id != f.wireID(c.plant.id) {
		return false
	}
	machineID, inMachine := ids["machine"]
	sensorID, ofSensor := ids["sensor"]
	if !inMachine && !ofSensor {
		return true
	}
	for _, m := range c.plant.machines {
		if inMachine && f.wireID(m.ID) != machineID {
			continue
		}
		c.machine = m
		i := slices.IndexFunc(m.sensors, func(s *series) bool { return f.wireID(s.ID) == sensorID })
		if ofSensor && i >= 0 {
			c.series = m.sensors[i]
		}
		if !ofSensor || i >= 0 {
			return true
		}
	}
	return false
}
