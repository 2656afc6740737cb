package apicheck

import (
	"context"
	"fmt"
	"time"

	"innius_exporter/innius"
)

// readMachines reads the list of machines: all of it with --all, else as far as is needed to find one that may be asked,
// and, where there is a second page, that one: a next_key that leads nowhere is a list that never ends.
func (w *walk) readMachines(ctx context.Context) bool {
	total, filtered := 0, 0
	pages := map[string]bool{"": true}
	for next := ""; ; {
		ask := innius.Ask{Operation: innius.OpMachines, Ref: innius.SensorRef{Company: w.company.ID}, StartKey: next}
		in, failure, step := w.quietly(ctx, ask, pageName("", next))
		if failure == nil {
			left := w.filterMachines(in.Machines)
			step.Skipped = skipText(left, len(in.Machines), "machines")
			total, filtered = total+len(in.Machines), filtered+left
		}
		w.tell(step)
		if failure != nil {
			w.find(w.tooMuch(ctx, ask, in, failure))
			return false
		}
		w.remark(in)
		if pages[in.Next] {
			w.mayEnd(in)
			break
		}
		enough := len(w.machines) > 0 && len(pages) > 1
		if !w.o.All && (enough || w.left() <= 2) {
			break
		}
		next = in.Next
		pages[next] = true
	}
	if len(w.machines) == 0 {
		w.find(w.noMachines(total, filtered))
	}
	return len(w.machines) > 0
}

func pageName(of, next string) string {
	switch {
	case next == "":
		return of
	case of == "":
		return "next page"
	}
	return of + ", next page"
}

func skipText(left, all int, what string) string {
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d %s left out by discovery.%s in the config", left, all, what, what)
}

func (w *walk) filterMachines(all []innius.Machine) (left int) {
	for _, m := range all {
		why := rejects(w.o.Config.Discovery.Machines, "machines", m.ID, m.Name)
		if why == "" {
			w.machines = append(w.machines, &machine{Machine: m, entry: len(w.report.Machines)})
		} else {
			left++
		}
		if w.o.All {
			w.report.Machines = append(w.report.Machines, Machine{ID: w.show(m.ID), Name: m.Name, Filtered: why, Sensors: []Sensor{}})
		}
	}
	return left
}

// listAll lists the sensors of every machine, after it has told the price.
func (w *walk) listAll(ctx context.Context) {
	n := len(w.machines)
	w.price(fmt.Sprintf("--all: %d machines: at least %d more requests, about %s at the pace of rate_limit.",
		n, n+1, w.duration(n+1)))
	for _, m := range w.machines {
		if ctx.Err() != nil || !w.readSensors(ctx, m) && w.report.Failed() {
			return
		}
	}
}

func (w *walk) price(text string) {
	if w.o.Price != nil {
		w.o.Price(text)
	}
}

// duration is how long so many requests take, when the burst is used up first.
func (w *walk) duration(requests int) time.Duration {
	later := max(0, requests+w.report.Requests-w.o.Account.RateLimit.OwnBurst())
	return (time.Duration(later) * w.o.pace()).Round(time.Second)
}

// readSensors lists the sensors of a machine, if that is not done: one page, or all with --all. It returns false where
// the walk cannot go on.
func (w *walk) readSensors(ctx context.Context, m *machine) bool {
	if m.listed {
		return true
	}
	m.listed = true
	pages := map[string]bool{"": true}
	for next := ""; ; {
		in, on := w.sensorPage(ctx, m, next)
		switch {
		case in == nil || !w.o.All:
			return on
		case pages[in.Next]:
			w.mayEnd(in)
			return on
		}
		next = in.Next
		pages[next] = true
	}
}

// sensorPage reads one page; nil where it did not come, and whether the walk may go on.
func (w *walk) sensorPage(ctx context.Context, m *machine, next string) (*innius.Inspection, bool) {
	ask := innius.Ask{
		Operation: innius.OpSensors, Ref: innius.SensorRef{Company: w.company.ID, Machine: m.ID}, StartKey: next,
	}
	in, failure, step := w.quietly(ctx, ask, pageName("machine "+w.name(m.Name), next))
	if failure == nil {
		left := w.filterSensors(m, in.Sensors)
		step.Skipped = skipText(left, len(in.Sensors), "sensors")
	}
	w.tell(step)
	if failure != nil {
		return nil, w.oneObject(ctx, ask, in, failure)
	}
	if len(in.Sensors) == 0 && next == "" {
		w.silent = append(w.silent, w.show(m.Name))
	}
	w.remark(in)
	return in, true
}

func (w *walk) filterSensors(m *machine, all []innius.Sensor) (left int) {
	for _, s := range all {
		why := rejects(w.o.Config.Discovery.Sensors, "sensors", s.ID, s.Name)
		if why == "" {
			m.sensors = append(m.sensors, s)
		} else {
			left++
		}
		w.listed(m, s, why)
	}
	return left
}

func (w *walk) listed(m *machine, s innius.Sensor, why string) {
	if w.o.All {
		own := &w.report.Machines[m.entry]
		own.Sensors = append(own.Sensors, Sensor{ID: w.show(s.ID), Name: s.Name, Unit: s.Unit, Filtered: why})
	}
}
