package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// query selects a part of the status; the zero value selects everything.
type query struct {
	Machine, Sensor string // exact label, id or name
	Status          poller.SensorStatus
}

// parseQuery reads the parameters machine, sensor and status. An empty parameter, as a form sends it, selects nothing.
func parseQuery(raw string) (query, error) {
	var q query
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("malformed query: write % and ; as %25 and %3B")
	}
	for name, given := range values {
		if len(given) > 1 {
			return query{}, fmt.Errorf("parameter %q is given %d times; it may be given once", cut(name), len(given))
		}
		switch name {
		case "machine":
			q.Machine = given[0]
		case "sensor":
			q.Sensor = given[0]
		case "status":
			q.Status = poller.SensorStatus(given[0])
		default:
			return query{}, fmt.Errorf("unknown parameter %q; known are machine, sensor and status", cut(name))
		}
	}
	if q.Status != "" && !slices.Contains(poller.SensorStatuses[:], q.Status) {
		return query{}, fmt.Errorf("unknown status %q; known are %s", cut(string(q.Status)),
			strings.ReplaceAll(strings.Trim(fmt.Sprint(poller.SensorStatuses), "[]"), " ", ", "))
	}
	return q, nil
}

func (q query) empty() bool { return q == query{} }

// apply returns the selected part of a status, which it does not change. Accounts keep what concerns all their sensors. An
// unknown machine or sensor is an error; that no sensor has the status is not.
func (q query) apply(s status.Status) (status.Status, error) {
	all, known := s.Accounts, false
	s.Accounts = []status.Account{}
	for _, a := range all {
		machines := a.Machines
		a.Machines = []status.Machine{}
		found := q.Machine == "" && q.Sensor == ""
		for _, m := range machines {
			if !named(q.Machine, m.Machine, m.ID, m.Name) {
				continue
			}
			known = true
			one, hit := q.filter(m)
			found = found || hit
			if len(one.Sensors) > 0 || hit && q.Status == "" {
				a.Machines = append(a.Machines, one)
			}
		}
		if found {
			s.Accounts = append(s.Accounts, a)
		}
	}
	if len(s.Accounts) == 0 && len(all) > 0 {
		return s, errors.New(q.notFound(known, all))
	}
	return s, nil
}

// filter returns the selected part of a machine, and whether the machine has the sensor that the query names.
func (q query) filter(m status.Machine) (status.Machine, bool) {
	sensors, hit := m.Sensors, q.Sensor == ""
	m.Sensors = make([]status.Sensor, 0, len(sensors))
	for _, s := range sensors {
		if !named(q.Sensor, s.Sensor, s.ID, s.Name) {
			continue
		}
		hit = true
		if q.Status == "" || s.Status == q.Status {
			m.Sensors = append(m.Sensors, s)
		}
	}
	return m, hit
}

// named reports whether one of the label, id and name of an object is the wanted one.
func named(wanted string, is ...string) bool { return wanted == "" || slices.Contains(is, wanted) }

// notFound describes what does not exist.
func (q query) notFound(machineKnown bool, accounts []status.Account) string {
	text := fmt.Sprintf("unknown machine %q", cut(q.Machine))
	switch {
	case q.Machine == "":
		text = fmt.Sprintf("unknown sensor %q", cut(q.Sensor))
	case machineKnown:
		text = fmt.Sprintf("unknown sensor %q of machine %q", cut(q.Sensor), cut(q.Machine))
	}
	text += "; write its exact label, id or name"
	if slices.ContainsFunc(accounts, func(a status.Account) bool { return !a.Discovery.Ended }) {
		text += ". The first discovery is still running, so not all are known yet"
	}
	return text
}
