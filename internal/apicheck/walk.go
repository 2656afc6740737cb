package apicheck

import (
	"context"
	"fmt"
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
	entry   int // in Report.Machines, with --all
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
		w.price(fmt.Sprintf("rate_limit permits %d requests at once; each one more waits for %s.",
			o.Account.RateLimit.OwnBurst(), span(o.pace())))
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
