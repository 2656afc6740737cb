package apicheck

import (
	"context"
	"fmt"
	"strings"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

const (
	most       = 10 // requests of a walk, but for --all
	probing    = 2  // requests kept for finding out why there was no value
	maxStrange = 2  // objects of one walk whose responses are not understood
	maxEmpty   = 5  // empty pages in a row that are followed, as the exporter does
)

// walk is the way through one account.
type walk struct {
	o      *Options
	report *Report
	limit  int // requests that the walk may send, listing with --all not included

	account config.Account // with the settings that were proven on the way
	client  *innius.Client // of this account

	company   innius.Company
	succeeded map[innius.Operation]bool
	machines  []*machine
	tried     []*trial   // values that came
	odd       []*Finding // failures of single objects
	strange   int        // of them: responses that are not understood
	stopped   bool       // a failure that concerns more than one object has ended the walk
}

// machine is one that the filters let through.
type machine struct {
	innius.Machine
	sensors []innius.Sensor
	listed  bool
	begin   int // of the spread over its sensors: another for each machine
	tries   int // sensors that were tried
	entry   int // in Report.Machines, with --all
}

// trial is one sensor whose values came.
type trial struct {
	machine *machine
	sensor  innius.Sensor
	in      *innius.Inspection
	usable  int // readings with a number, or with a text that a rule gives one
}

// Run checks one account and returns what it found.
func Run(ctx context.Context, o Options) *Report {
	w := &walk{
		o: &o, limit: most, account: o.Account, client: o.Client, succeeded: map[innius.Operation]bool{},
		report: &Report{Account: o.Account.Name, URL: o.Client.Scrub(o.Account.URL.String()), Steps: []Step{}, Findings: []Finding{}},
	}
	if o.Proxy != nil {
		w.report.Proxy = w.proxy()
	}
	o.Text.Begin(w.report)
	if limit := o.Account.RateLimit; limit.OwnBurst() < most {
		o.Text.Price(fmt.Sprintf("rate_limit permits %d requests at once, then %g an hour.", limit.OwnBurst(), limit.Own()))
	}
	if w.readCompany(ctx) && w.readMachines(ctx) {
		w.readValues(ctx)
	}
	w.withdraw()
	w.report.OK = !w.report.Failed()
	return w.report
}

// send sends one request, prints it, and returns it with the finding that its failure is.
func (w *walk) send(ctx context.Context, ask innius.Ask, of string) (*innius.Inspection, *Finding) {
	in := w.client.Inspect(ctx, ask)
	if in.Sent {
		w.report.Requests++
	}
	w.watchClock(in)
	failure := w.failure(in)
	if in.Err == nil {
		w.succeeded[in.Operation] = true
	}
	step := Step{
		Number: len(w.report.Steps) + 1, Of: of, Inspection: in, Milliseconds: in.Duration.Milliseconds(), More: in.Next != "",
		Skipped: w.skipped(in),
	}
	if in.Err != nil {
		step.Error = in.Err.Error()
	}
	if !in.Date.IsZero() {
		step.ClockAhead = new(int64(in.ClockAhead.Seconds()))
	}
	w.report.Steps = append(w.report.Steps, step)
	w.o.Text.Step(step)
	return in, failure
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

// withdraw takes back that a field holds objects, or their ids, where nothing below them was found by it.
func (w *walk) withdraw() {
	below := map[string]innius.Operation{
		"company_id": innius.OpMachines, "machine_id": innius.OpSensors, "sensor_id": innius.OpValues,
		"machines": innius.OpSensors, "sensors": innius.OpValues,
	}
	for i := range w.report.Findings {
		f := &w.report.Findings[i]
		for _, s := range f.Settings {
			_, field, _ := strings.Cut(s.Path, ".fields.")
			if op := below[field]; op != "" && !w.succeeded[op] {
				f.Settings, f.Text = nil, append(f.Text[:1:1], "No later request has shown whether this is the right field:")
			}
		}
	}
}

// name is the name of an object, in quotes and of a length that fits into a sentence.
func (w *walk) name(text string) string { return quote(w.show(text)) }

func (w *walk) show(text string) string { return w.o.Client.Scrub(text) }

// left is how many requests the walk may still send. Some are kept for finding out why there is no value, once a list of
// values was read; with a window there is less to find out.
func (w *walk) left() int {
	switch {
	case len(w.tried) == 0:
		return w.limit - w.report.Requests
	case w.client.Windowed():
		return w.limit - probing/2 - w.report.Requests
	}
	return w.limit - probing - w.report.Requests
}

// readCompany reads the company, unless the config names it.
func (w *walk) readCompany(ctx context.Context) bool {
	if id := w.account.CompanyID; id != "" {
		w.company = innius.Company{ID: id, Name: w.account.CompanyName}
		return true
	}
	in, failure := w.read(ctx, innius.Ask{Operation: innius.OpCompany}, "")
	if failure != nil {
		w.find(failure)
		return false
	}
	w.company = in.Company
	w.remark(in)
	return true
}

// noteCompany reports the settings that save the company request.
func (w *walk) noteCompany() {
	if w.account.CompanyID == "" {
		w.find(w.proven(&Finding{Kind: "company-id", Severity: Note, Text: []string{
			"These two lines save the request for the company, and the series keep their names:",
		}}, Setting{"company_id", w.company.ID}, Setting{"company_name", w.company.Name}))
	}
}
