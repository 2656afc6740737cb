package apicheck

import (
	"context"
	"fmt"
	"strings"
	"time"

	"innius_exporter/innius"
)

const (
	most       = 10 // requests of a walk, but for --all
	perMachine = 3  // sensors that are tried on one machine before the next
	maxOdd     = 3  // objects that the API may refuse before the walk ends
	probing    = 2  // requests kept for finding out why there was no value
)

// noticeable is a wait before a request that a person would wonder about.
const noticeable = 10 * time.Second

// walk is the way through one account.
type walk struct {
	o      *Options
	report *Report
	limit  int // requests that the walk may send, listing with --all not included

	company  innius.Company
	machines []*machine
	tried    []*trial // values that were asked for
	odd      []Finding
	silent   []string // machines without sensors
}

// machine is one that the filters let through.
type machine struct {
	innius.Machine
	sensors []innius.Sensor
	listed  bool
}

// trial is one sensor whose values were asked for.
type trial struct {
	machine *machine
	sensor  innius.Sensor
	in      *innius.Inspection
	usable  int // readings with a number, or with a text that a rule gives one
}

// Run checks one account and returns what it found.
func Run(ctx context.Context, o Options) *Report {
	w := &walk{o: &o, limit: most, report: &Report{
		Account: o.Account.Name, URL: o.Client.Scrub(o.Account.URL.String()), Steps: []Step{}, Findings: []Finding{},
	}}
	if o.Proxy != nil {
		w.report.Proxy = w.proxy()
	}
	if o.Begin != nil {
		o.Begin(w.report)
	}
	if o.pace() > noticeable && o.Account.RateLimit.OwnBurst() < most {
		w.price(fmt.Sprintf("rate_limit permits %d requests at once; each one more waits for %s.", o.Account.RateLimit.OwnBurst(), span(o.pace())))
	}
	if w.readCompany(ctx) && w.readMachines(ctx) {
		w.readValues(ctx)
	}
	w.report.OK = !w.report.Failed()
	return w.report
}

// ask sends one request, tells of it, and returns it with the finding that its failure is.
func (w *walk) ask(ctx context.Context, ask innius.Ask, of string) (*innius.Inspection, *Finding) {
	in, failure, step := w.quietly(ctx, ask, of)
	w.tell(step)
	return in, failure
}

// quietly is ask for those who have something to add to the step.
func (w *walk) quietly(ctx context.Context, ask innius.Ask, of string) (*innius.Inspection, *Finding, Step) {
	in := w.o.Client.Inspect(ctx, ask)
	if in.Sent {
		w.report.Requests++
	}
	w.watchClock(in)
	return in, w.failure(in), stepOf(in, len(w.report.Steps)+1, of)
}

func (w *walk) tell(s Step) {
	w.report.Steps = append(w.report.Steps, s)
	if w.o.Step != nil {
		w.o.Step(s)
	}
}

// find adds a finding to the report; the same sort once is enough.
func (w *walk) find(f *Finding) {
	for _, known := range w.report.Findings {
		if known.Kind == f.Kind && known.Set == f.Set {
			return
		}
	}
	w.report.Findings = append(w.report.Findings, *f)
}

// name is the name of an object, in quotes and of a length that fits into a sentence.
func (w *walk) name(text string) string { return quote(w.show(text)) }

func (w *walk) show(text string) string { return w.o.Client.Scrub(text) }

// left is how many requests the walk may still send.
func (w *walk) left() int { return w.limit - probing - w.report.Requests }

func (w *walk) readCompany(ctx context.Context) bool {
	in, failure := w.ask(ctx, innius.Ask{Operation: innius.OpCompany}, "")
	if failure != nil {
		w.find(failure)
		return false
	}
	w.company = in.Company
	w.remark(in)
	return true
}

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
			w.machines = append(w.machines, &machine{Machine: m})
		} else {
			left++
		}
		if w.o.All {
			w.report.Machines = append(w.report.Machines, Machine{ID: w.show(m.ID), Name: m.Name, Filtered: why, Sensors: []Sensor{}})
		}
	}
	return left
}

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

// listAll lists the sensors of every machine, after it has told the price.
func (w *walk) listAll(ctx context.Context) {
	n := len(w.machines)
	w.price(fmt.Sprintf("--all: %d machines: at least %d more requests, about %s at the pace of rate_limit.",
		n, n+1, w.duration(n+1)))
	for _, m := range w.machines {
		if ctx.Err() != nil || !w.readSensors(ctx, m) {
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
		if in == nil || pages[in.Next] || !w.o.All {
			if in != nil && w.o.All {
				w.mayEnd(in)
			}
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
	for i := range w.report.Machines {
		if own := &w.report.Machines[i]; own.ID == w.show(m.ID) {
			own.Sensors = append(own.Sensors, Sensor{ID: w.show(s.ID), Name: s.Name, Unit: s.Unit, Filtered: why})
		}
	}
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
