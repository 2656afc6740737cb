package apicheck

import (
	"context"
	"fmt"
	"slices"

	"innius_exporter/innius"
)

// readValues goes from machine to machine and from sensor to sensor until a value is seen.
func (w *walk) readValues(ctx context.Context) {
	if w.o.All {
		w.listAll(ctx)
		w.limit = w.report.Requests + most
	}
	for w.left() > 0 && ctx.Err() == nil && !w.stopped {
		m := w.next()
		if m == nil || !w.visit(ctx, m) {
			break
		}
	}
	w.conclude(ctx)
}

// next is the machine on which the fewest sensors were tried: the first, the last, the middle one, and so on. It is nil
// where no sensor is left. Near the end, machines go first whose sensors need not be listed any more.
func (w *walk) next() (next *machine) {
	few := func(m *machine) int {
		if !m.known && w.left() < 3 { // list, values and an empty page
			return most + m.tries
		}
		return m.tries
	}
	for _, i := range spread(len(w.machines)) {
		m := w.machines[i]
		if left := !m.known || m.tries < len(m.sensors); left && (next == nil || few(m) < few(next)) {
			next = m
		}
	}
	return next
}

// spread is the order in which some of n objects show most of all: the first, the last, the middle, the quarters, the rest.
func spread(n int) []int {
	var order []int
	for _, i := range []int{0, n - 1, n / 2, n / 4, n - 1 - n/4} {
		if i >= 0 && !slices.Contains(order, i) && n > 0 {
			order = append(order, i)
		}
	}
	for i := range n {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	return order
}

// visit tries one sensor of a machine. It returns false when the walk is over: a value was seen, or nothing is to be
// learned from more.
func (w *walk) visit(ctx context.Context, m *machine) bool {
	if !m.known {
		m.begin = len(w.tried)
	}
	if !w.readSensors(ctx, m) {
		return false
	}
	n := len(m.sensors)
	if n == 0 || m.tries == n || w.left() <= 0 {
		return true
	}
	s := m.sensors[spread(n)[(m.begin+m.tries)%n]]
	m.tries++
	ask := w.valuesOf(m, s)
	in, failure := w.readPages(ctx, ask, fmt.Sprintf("sensor %s of machine %s", w.name(s.Name), w.name(m.Name)), w.read)
	if failure != nil {
		return w.oneObject(in, failure)
	}
	t := &trial{machine: m, sensor: s, in: in, usable: w.usable(m, s, in)}
	w.tried = append(w.tried, t)
	return t.usable == 0 && in.Values.Skipped[innius.SkipTime] == 0
}

// readPages reads values by read or send, and continues where a page is empty and more follow, as the exporter does.
func (w *walk) readPages(ctx context.Context, ask innius.InspectRequest, of string,
	read func(context.Context, innius.InspectRequest, string) (*innius.Inspection, *Finding),
) (in *innius.Inspection, failure *Finding) {
	for range maxEmpty {
		in, failure = read(ctx, ask, of)
		if failure != nil || in.Items > 0 || in.Next == "" || w.report.Requests >= w.limit {
			break
		}
		ask.StartKey = in.Next
	}
	return in, failure
}

// valuesOf makes a sensor the one that requests are for.
func (w *walk) valuesOf(m *machine, s listed) innius.InspectRequest {
	w.at[1], w.at[2] = m.listed, s
	return innius.InspectRequest{Operation: innius.OpValues}
}

// usable counts the readings that the exporter would expose.
func (w *walk) usable(m *machine, s listed, in *innius.Inspection) int {
	n := in.Values.Usable
	for _, r := range in.Values.Readings {
		if r.Skip == innius.SkipText && w.o.mapped(m.Sensor, s.Sensor, r.Text) {
			n++
		}
	}
	return n
}

// conclude reports what the values show, or why there was none.
func (w *walk) conclude(ctx context.Context) {
	if w.stopped {
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
	w.noValue(ctx)
	for _, t := range w.tried {
		if shows(t.in) { // text, whose order matters as much
			w.remarkValues(ctx, t)
			return
		}
	}
}

// remarkOdd reports single objects that could not be read, while others could.
func (w *walk) remarkOdd() {
	for _, f := range w.odd {
		w.find(&Finding{Kind: f.Kind, Severity: Note, Text: []string{f.Text[0], "Requests for other objects succeeded."}})
	}
}
