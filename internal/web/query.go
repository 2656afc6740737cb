package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"innius_exporter/internal/poller"
)

// query is what a request for the status is restricted to; the zero value is everything.
type query struct {
	Machine, Sensor string // the label, id or name, exactly
	State           poller.State
}

// problem is why a request for the status cannot be answered.
type problem struct {
	code int
	text string
}

func (p *problem) Error() string { return p.text }

// parseQuery reads the parameters machine, sensor and state. An empty one is none: that is what a form sends.
func parseQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, &problem{http.StatusBadRequest, "the address has a malformed query: % and ; must be written %25 and %3B"}
	}
	var q query
	for name, given := range values {
		if len(given) > 1 {
			return query{}, &problem{http.StatusBadRequest, fmt.Sprintf("the parameter %q is given %d times; once is enough", cut(name), len(given))}
		}
		switch name {
		case "machine":
			q.Machine = given[0]
		case "sensor":
			q.Sensor = given[0]
		case "state":
			q.State = poller.State(given[0])
		default:
			return query{}, &problem{http.StatusBadRequest, fmt.Sprintf("there is no parameter %q; there are machine, sensor and state", cut(name))}
		}
	}
	if q.State != "" && !slices.Contains(poller.States[:], q.State) {
		return query{}, &problem{http.StatusBadRequest, fmt.Sprintf("there is no state %q; there are %s", cut(string(q.State)), stateNames())}
	}
	return q, nil
}

func stateNames() string {
	names := make([]string, len(poller.States))
	for i, s := range poller.States {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// restricts reports whether it asks for less than everything.
func (q query) restricts() bool { return q != query{} }

// of returns what a query asks for, without changing the status. Accounts keep what holds for all their sensors. That
// nothing has a state is an answer; that there is no such machine or sensor is a problem.
func (q query) of(s poller.Status) (poller.Status, error) {
	all, known := s.Accounts, false
	s.Accounts = []poller.AccountStatus{}
	for _, a := range all {
		machines := a.Machines
		a.Machines = []poller.MachineStatus{}
		found := q.Machine == "" && q.Sensor == ""
		for _, m := range machines {
			if !named(q.Machine, m.Machine, m.ID, m.Name) {
				continue
			}
			known = true
			one, hit := q.in(m)
			found = found || hit
			if len(one.Sensors) > 0 || hit && q.State == "" {
				a.Machines = append(a.Machines, one)
			}
		}
		if found {
			s.Accounts = append(s.Accounts, a)
		}
	}
	if len(s.Accounts) == 0 && len(all) > 0 {
		return s, &problem{http.StatusNotFound, q.missing(known, all)}
	}
	return s, nil
}

// in returns of a machine what the query asks for, and whether it has what the query names.
func (q query) in(m poller.MachineStatus) (poller.MachineStatus, bool) {
	sensors, hit := m.Sensors, q.Sensor == ""
	m.Sensors = make([]poller.SensorStatus, 0, len(sensors))
	for _, s := range sensors {
		if !named(q.Sensor, s.Sensor, s.ID, s.Name) {
			continue
		}
		hit = true
		if q.State == "" || s.State == q.State {
			m.Sensors = append(m.Sensors, s)
		}
	}
	return m, hit
}

// named reports whether a thing is the one wanted: by its label, id or name.
func named(wanted string, is ...string) bool { return wanted == "" || slices.Contains(is, wanted) }

// missing says what there is none of.
func (q query) missing(machineKnown bool, accounts []poller.AccountStatus) string {
	text := fmt.Sprintf("there is no machine %q", cut(q.Machine))
	switch {
	case q.Machine == "":
		text = fmt.Sprintf("there is no sensor %q", cut(q.Sensor))
	case machineKnown:
		text = fmt.Sprintf("there is no sensor %q on machine %q", cut(q.Sensor), cut(q.Machine))
	}
	text += "; it is found by its whole label, id or name"
	if slices.ContainsFunc(accounts, func(a poller.AccountStatus) bool { return !a.Discovery.Ended }) {
		text += ". The first discovery is still under way, so not all are known yet"
	}
	return text
}

// codeOf returns the status with which an error is answered.
func codeOf(err error) int {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.code
	}
	return http.StatusInternalServerError
}
