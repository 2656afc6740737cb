package apicheck

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

const (
	most       = 10 // requests of a walk, but for --all
	probing    = 3  // requests kept for finding out why there was no value
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
	at        [3]listed // company, machine and sensor that requests are for
	succeeded map[innius.Operation]bool
	machines  []*machine
	tried     []*trial        // values that came
	odd       []*Finding      // failures of single objects
	strange   int             // of them: responses that are not understood
	attempted map[string]bool // tries of cures
	stopped   bool            // a failure that concerns more than one object has ended the walk
}

// machine is one that the filters let through.
type machine struct {
	listed
	sensors []listed
	known   bool // the sensors are listed
	begin   int  // of the spread over its sensors: another for each machine
	tries   int  // sensors that were tried
	entry   int  // in Report.Machines, with --all
}

// listed is a sensor, or a machine, and its place in a list: its id may be in another field than was taken first.
type listed struct {
	innius.Sensor
	page  *innius.Inspection
	index int
}

// trial is one sensor whose values came.
type trial struct {
	machine *machine
	sensor  listed
	in      *innius.Inspection
	usable  int // readings with a number, or with a text that a rule gives one
}

// Run checks one account and returns what it found.
func Run(ctx context.Context, o Options) *Report {
	w := &walk{
		o: &o, limit: most, account: o.Account, client: o.Client, succeeded: map[innius.Operation]bool{}, attempted: map[string]bool{},
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
func (w *walk) send(ctx context.Context, ask innius.InspectRequest, of string) (*innius.Inspection, *Finding) {
	w.company.ID = cmp.Or(w.account.CompanyID, w.id(w.at[0]))
	ask.Ref = innius.SensorRef{Company: w.company.ID, Machine: w.id(w.at[1]), Sensor: w.id(w.at[2])}
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

// id is the id of an object by the field in force; where that holds none, by the one that it was read from first.
func (w *walk) id(o listed) string {
	if o.page == nil {
		return ""
	}
	if ids := w.client.Reread(o.page).IDs; o.index < len(ids) && ids[o.index] != "" {
		return ids[o.index]
	}
	return o.page.IDs[o.index]
}

// find adds a finding to the report; the same sort once is enough.
func (w *walk) find(f *Finding) {
	for _, known := range w.report.Findings {
		if known.Kind == f.Kind && known.Set == f.Set && known.about == f.about {
			return
		}
	}
	w.report.Findings = append(w.report.Findings, *f)
}

// withdraw takes back that a field holds objects, or their ids, where nothing below them was found by it.
func (w *walk) withdraw() {
	below := map[string]innius.Operation{
		"fields.company_id": innius.OpMachines, "fields.machine_id": innius.OpSensors, "fields.sensor_id": innius.OpValues,
		"fields.machines": innius.OpSensors, "fields.sensors": innius.OpValues, "company_id": innius.OpMachines,
	}
	for i := range w.report.Findings {
		f := &w.report.Findings[i]
		for _, s := range f.Settings {
			_, path, _ := strings.Cut(s.Path, ".")
			if op := below[path]; op != "" && !w.succeeded[op] {
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
	in, failure := w.read(ctx, innius.InspectRequest{Operation: innius.OpCompany}, "")
	if failure == nil {
		w.company, w.at[0] = innius.Company{ID: in.Objects[0].ID, Name: in.Objects[0].Name}, listed{page: in}
		w.remark(in)
		return true
	}
	switch settings := w.onlyCompany(ctx, in, failure); {
	case len(settings) > 0 && w.use(settings[0]):
		failure.Text = append(failure.Text, "The machines of each were requested, and only one company has any:")
		w.proven(failure, settings[0]...)
	case in.Status == http.StatusOK && in.Form == innius.FormJSON, in.Status == http.StatusForbidden:
		failure.Text = append(failure.Text, "If the innius Admin app shows the id of your company, set company_id to it: then the "+
			"exporter does not send this request.")
	}
	w.find(failure)
	return failure.Settings != nil
}

// onlyCompany is the only one of several companies that has machines.
func (w *walk) onlyCompany(ctx context.Context, in *innius.Inspection, failure *Finding) [][]Setting {
	if failure.Kind != kindCompanies || len(in.IDs)+3 > w.left() {
		return nil
	}
	var all []Setting
	for _, id := range in.IDs {
		all = append(all, Setting{"company_id", id})
	}
	return w.only(all, func() bool {
		list, failed := w.send(ctx, innius.InspectRequest{Operation: innius.OpMachines}, "of one of the companies")
		absent := list.Status == http.StatusForbidden || list.Status == http.StatusNotFound
		return !absent && (failed != nil || list.Items > 0) // after another failure it is not known
	})
}

// noteCompany reports the settings that save the company request.
func (w *walk) noteCompany() {
	if w.account.CompanyID == "" {
		w.find(w.proven(&Finding{Kind: "company-id", Severity: Note, Text: []string{
			"These two lines save the request for the company, and the series keep their names:",
		}}, Setting{"company_id", w.company.ID}, Setting{"company_name", w.company.Name}))
	}
}
