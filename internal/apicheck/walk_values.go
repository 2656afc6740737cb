package apicheck

import (
	"context"
	"fmt"
	"strings"

	"innius_exporter/innius"
)

// readValues goes from machine to machine and from sensor to sensor until a value is seen.
func (w *walk) readValues(ctx context.Context) {
	if w.o.All {
		w.listAll(ctx)
		w.limit = w.report.Requests + most
	}
	for _, m := range w.machines {
		if w.left() <= 0 || ctx.Err() != nil || !w.readSensors(ctx, m) || w.trySensors(ctx, m) {
			break
		}
	}
	w.conclude(ctx)
}

// oneObject decides what a failure about one object means: where the API refuses this one, others may still answer.
func (w *walk) oneObject(ctx context.Context, ask innius.Ask, in *innius.Inspection, failure *Finding) bool {
	if failure.Kind == kindForbidden || failure.Kind == kindPath {
		w.odd = append(w.odd, *failure)
		return len(w.odd) < maxOdd
	}
	if cured := w.wantsWindow(ctx, ask, in, failure); cured != nil {
		w.find(cured)
		return false
	}
	w.find(w.tooMuch(ctx, ask, in, failure))
	return false
}

// trySensors asks a few sensors of a machine for their values. It returns true when the walk is over: a value was seen,
// or nothing is to be learned from more.
func (w *walk) trySensors(ctx context.Context, m *machine) bool {
	for i, s := range m.sensors {
		if i == perMachine || w.left() <= 0 || ctx.Err() != nil {
			return false
		}
		ask := w.valuesOf(m, s)
		in, failure := w.ask(ctx, ask, fmt.Sprintf("sensor %s of machine %s", w.name(s.Name), w.name(m.Name)))
		if failure != nil {
			if !w.oneObject(ctx, ask, in, failure) {
				return true
			}
			continue
		}
		t := &trial{machine: m, sensor: s, in: in, usable: w.usable(m, s, in)}
		w.tried = append(w.tried, t)
		if t.usable > 0 || in.Values.Skipped[innius.SkipTime] > 0 {
			return true
		}
	}
	return false
}

func (w *walk) valuesOf(m *machine, s innius.Sensor) innius.Ask {
	return innius.Ask{Operation: innius.OpValues, Ref: innius.SensorRef{Company: w.company.ID, Machine: m.ID, Sensor: s.ID}}
}

// usable counts the readings that the exporter would expose.
func (w *walk) usable(m *machine, s innius.Sensor, in *innius.Inspection) int {
	n := in.Values.Usable
	for _, r := range in.Values.Readings {
		if r.Skip == innius.SkipText && w.o.mapped(m.Machine, s, r.Text) {
			n++
		}
	}
	return n
}

// conclude says what the values show, or why there was none.
func (w *walk) conclude(ctx context.Context) {
	if w.report.Failed() {
		return
	}
	for _, t := range w.tried {
		if t.usable > 0 {
			w.remark(t.in)
			w.remarkValues(ctx, t)
			w.remarkOdd()
			return
		}
	}
	w.find(w.noValue(ctx))
}

// remarkOdd tells of single objects that could not be read, while others could.
func (w *walk) remarkOdd() {
	for _, f := range w.odd {
		f.Severity, f.Set = Note, ""
		f.Text = []string{strings.Join(f.Text[:1], " "), "Other objects answer, so this concerns single ones only."}
		w.find(&f)
	}
}
