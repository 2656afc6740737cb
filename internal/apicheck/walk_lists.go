package apicheck

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"innius_exporter/innius"
)

// readMachines reads the list of machines: all of it with --all, else as far as is needed to find one that may be polled,
// and, where there is a second page, that one: a next_key that leads nowhere is a list that never ends.
func (w *walk) readMachines(ctx context.Context) bool {
	total := 0
	_, failure := w.readList(ctx, innius.InspectRequest{Operation: innius.OpMachines}, "", 2, func(in *innius.Inspection) bool {
		total += len(in.Objects)
		w.filterMachines(in)
		return len(w.machines) > 0
	})
	switch {
	case failure != nil:
		w.find(failure)
		return false
	case len(w.machines) == 0:
		w.find(w.noMachines(total))
		return false
	}
	w.noteCompany()
	return true
}

// readList reads a list page by page: all of it with --all, else until take has enough and so many pages came, where there
// are as many. It returns the first page, or the one that failed.
func (w *walk) readList(ctx context.Context, ask innius.InspectRequest, of string, pages int, take func(*innius.Inspection) (enough bool),
) (first *innius.Inspection, failure *Finding) {
	seen := map[string]bool{"": true}
	for {
		in, failure := w.read(ctx, ask, of)
		if failure != nil {
			return in, failure
		}
		if first == nil {
			first = in
		}
		enough := take(in)
		w.remark(in)
		if seen[in.Next] {
			w.mayEnd(in)
			return first, nil
		}
		if !w.o.All && (enough && len(seen) >= pages || w.left() <= 2) {
			return first, nil
		}
		ask.StartKey, seen[in.Next] = in.Next, true
	}
}

// skipped is how many objects of a page the filters leave out.
func (w *walk) skipped(in *innius.Inspection) string {
	n := 0
	filter := w.o.Config.Discovery.Machines
	if in.Operation == innius.OpSensors {
		filter = w.o.Config.Discovery.Sensors
	}
	for _, o := range in.Objects {
		if in.Operation != innius.OpCompany && leftOut(filter, o.ID, o.Name) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d %s left out by discovery.%[3]s in the config", n, in.Items, in.Operation)
}

func (w *walk) filterMachines(in *innius.Inspection) {
	for i, m := range in.Objects {
		why := ""
		if leftOut(w.o.Config.Discovery.Machines, m.ID, m.Name) {
			why = "discovery.machines"
		} else {
			w.machines = append(w.machines, &machine{listed: listed{innius.Sensor{ID: m.ID, Name: m.Name}, in, i}, entry: len(w.report.Machines)})
		}
		if w.o.All {
			w.report.Machines = append(w.report.Machines, Machine{ID: w.show(m.ID), Name: m.Name, Filtered: why, Sensors: []Sensor{}})
		}
	}
}

// listAll lists the sensors of every machine, after it has printed the price.
func (w *walk) listAll(ctx context.Context) {
	n := len(w.machines)
	w.o.Text.Price(fmt.Sprintf("--all: %d machines: at least %d more requests; rate_limit permits %g an hour.",
		n, n+1, w.account.RateLimit.Own()))
	for _, m := range w.machines {
		if ctx.Err() != nil || !w.readSensors(ctx, m) {
			return
		}
	}
}

// readSensors lists the sensors of a machine, if that is not done: until there is one, or all with --all. It returns false
// where the walk cannot go on.
func (w *walk) readSensors(ctx context.Context, m *machine) bool {
	if m.known {
		return true
	}
	m.known, w.at[1] = true, m.listed
	ask := innius.InspectRequest{Operation: innius.OpSensors}
	in, failure := w.readList(ctx, ask, "machine "+w.name(m.Name), 1, func(in *innius.Inspection) bool {
		w.filterSensors(m, in)
		return len(in.Objects) > 0
	})
	if failure != nil {
		return w.oneObject(in, failure)
	}
	return true
}

func (w *walk) filterSensors(m *machine, in *innius.Inspection) {
	for i, s := range in.Objects {
		why := ""
		if leftOut(w.o.Config.Discovery.Sensors, s.ID, s.Name) {
			why = "discovery.sensors"
		} else {
			m.sensors = append(m.sensors, listed{s, in, i})
		}
		if w.o.All {
			own := &w.report.Machines[m.entry]
			own.Sensors = append(own.Sensors, Sensor{ID: w.show(s.ID), Name: s.Name, Unit: s.Unit, Filtered: why})
		}
	}
}

// oneObject decides what a failure about one object of a list means. Where the API refuses this one, others may still be
// good; two that are not understood are as good as all. It returns false where the walk cannot go on.
func (w *walk) oneObject(in *innius.Inspection, failure *Finding) bool {
	status := innius.StatusOf(in.Err)
	ofAll := []int{0, http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusTooManyRequests}
	if in.Err != nil && slices.Contains(ofAll, status) {
		w.find(failure)
		w.stopped = true
		return false
	}
	if failure.Kind == kindEcho {
		w.find(failure)
		return true
	}
	w.odd = append(w.odd, failure)
	if status < http.StatusForbidden && failure.Kind != kindValue { // neither refused nor out of order
		w.strange++
	}
	return w.strange < maxStrange
}
