// Package apicheck walks an innius API with a real key, from the company to a value, and reports each request, how its
// response is understood, and what to set. It sends through innius.Client.Inspect, so that it understands what the exporter
// understands. It writes nothing but its report.
//
// The walk is in walk.go, and what it tries after a failure in cure.go. diagnose.go explains responses. settings.go holds the
// settings in force and those worth trying. report.go is the report and its text.
package apicheck

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/humanize"
)

const (
	maxRequests = 10 // of a walk, without the lists that --all reads
	reserved    = 3  // requests for finding out why no value was usable
	maxStrange  = 2  // objects whose responses are not understood

	maxPages = 100 // of a list; the exporter reads the others of a longer one slowly
)

// Options are the parameters of Run. Client, Account, Config and Text are required.
type Options struct {
	Client  *innius.Client
	Account config.Account
	Index   int            // of the account in the config
	Config  *config.Config // its filters and rules
	Proxy   *url.URL       // used for the URL of the account; nil: none
	All     bool           // list every machine and every sensor
	Text    *Text          // prints the report while it grows
}

// walk checks one account.
type walk struct {
	setup
	o      *Options
	report *Report
	limit  int // requests that may be sent

	at        [3]listed // company, machine and sensor that requests are for
	succeeded map[innius.Operation]bool
	machines  []*machine      // selected by the filters
	trials    []*trial        // responses with values
	odd       []*Finding      // failures of single objects
	strange   int             // how many of them are responses that are not understood
	attempted map[string]bool // requests that were sent to try settings
	stopped   bool            // a failure that concerns more than one object has ended the walk
	endless   bool            // the latest list has more than maxPages
}

// machine is a machine that the walk may visit.
type machine struct {
	listed
	report  *Machine
	sensors []listed // selected by the filters
	known   bool     // the sensors are listed
	begin   int      // the first to visit in the spread of its sensors: another one for each machine
}

// listed is a company, machine or sensor and its place in a list: another field than the first may hold its id.
type listed struct {
	innius.Sensor
	page  *innius.Inspection
	index int
}

// trial is a sensor whose values came.
type trial struct {
	machine *machine
	sensor  listed
	in      *innius.Inspection
	usable  bool // a reading has a number, or a text that a rule maps to one
}

// Run checks one account and returns what it found.
func Run(ctx context.Context, o Options) *Report {
	w := &walk{
		setup: setup{o.Account, o.Index, o.Client}, o: &o, limit: maxRequests,
		succeeded: map[innius.Operation]bool{}, attempted: map[string]bool{},
	}
	w.report = &Report{Account: o.Account.Name, URL: w.show(config.ShownURL(o.Account.URL)), Steps: []Step{}, Findings: []Finding{}}
	if o.Proxy != nil {
		w.report.Proxy = w.show(o.Proxy.Host)
	}
	o.Text.Begin(w.report)
	if limit := o.Account.RateLimit; limit.OwnBurst() < maxRequests {
		o.Text.lines("", fmt.Sprintf("rate_limit permits %d requests at once, then %g per hour.", limit.OwnBurst(), limit.Own()))
	}
	if w.readCompany(ctx) && w.readMachines(ctx) {
		w.readValues(ctx)
	}
	w.withdraw()
	w.report.OK = !slices.ContainsFunc(w.report.Findings, func(f Finding) bool { return f.Severity == Failure })
	return w.report
}

// send sends one request, prints it, and returns it with an explanation of its failure.
func (w *walk) send(ctx context.Context, r innius.InspectRequest, of string) (*innius.Inspection, *Finding) {
	r.Ref = innius.SensorRef{Company: w.companyID(), Machine: w.id(w.at[1]), Sensor: w.id(w.at[2])}
	in := w.client.Inspect(ctx, r)
	step := Step{
		Number: len(w.report.Steps) + 1, Of: of, Inspection: in, More: in.Next != "", Milliseconds: in.Duration.Milliseconds(),
	}
	if in.Sent {
		w.report.Requests++
	}
	if !in.Date.IsZero() {
		step.ClockAhead = new(int64(in.ClockAhead.Seconds()))
		if in.ClockAhead.Abs() > time.Minute { // windows of time may miss readings
			where := map[bool]string{true: "ahead of", false: "behind"}[in.ClockAhead > 0]
			w.find(warning("clock", fmt.Sprintf("The clock of innius is %s %s this machine's clock. Most likely this one is wrong: let "+
				"NTP set it. The exporter uses the clock of innius, but Prometheus its own.", humanize.Duration(in.ClockAhead.Abs()), where)))
		}
	}
	failed := w.diagnose(in)
	if in.Err == nil {
		w.succeeded[in.Operation] = true
	} else {
		step.Error = in.Err.Error()
	}
	selected := func(o innius.Sensor) bool { return w.shown(in.Operation, o).Filtered == "" }
	if skipped := slices.DeleteFunc(slices.Clone(in.Objects), selected); len(skipped) > 0 {
		step.Skipped = fmt.Sprintf("%d of %d %s left out by discovery.%[3]s in the config", len(skipped), in.Items, in.Operation)
	}
	w.report.Steps = append(w.report.Steps, step)
	w.o.Text.Step(step)
	return in, failed
}

func (w *walk) companyID() string { return cmp.Or(w.account.CompanyID, w.id(w.at[0])) }

// id is the id of an object in the field in force, or in the field that was used first if that one is empty.
func (w *walk) id(o listed) string {
	if o.page == nil {
		return ""
	}
	if ids := w.client.Reread(o.page).IDs; o.index < len(ids) && ids[o.index] != "" {
		return ids[o.index]
	}
	return o.page.IDs[o.index]
}

// find adds findings to the report. Of those that are the same only the first is reported.
func (w *walk) find(all ...*Finding) {
	for _, f := range all {
		f.Set = cmp.Or(f.Set, w.yaml(f.suggest, w.o.Text.ConfigFile == ""))
		if !slices.ContainsFunc(w.report.Findings, func(known Finding) bool {
			return known.Kind == f.Kind && known.Set == f.Set && known.field == f.field
		}) {
			w.report.Findings = append(w.report.Findings, *f)
		}
	}
}

// withdraw removes settings of objects, or of their ids, if nothing below them was found.
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

// left is how many requests the walk may still send. After a list of values some are reserved for finding out why none was
// usable.
func (w *walk) left() int {
	if len(w.trials) == 0 {
		return w.limit - w.report.Requests
	}
	return w.limit - w.report.Requests - reserved
}

// readCompany reads the company unless the config holds its id. It returns false if the walk cannot continue.
func (w *walk) readCompany(ctx context.Context) bool {
	if w.account.CompanyID != "" {
		return true
	}
	in, failed := w.read(ctx, innius.InspectRequest{Operation: innius.OpCompany}, "")
	if failed == nil {
		w.at[0] = listed{in.Objects[0], in, 0}
		w.find(w.remarks(in)...)
		return true
	}
	if found := w.onlyCompany(ctx, in, failed); found != nil {
		w.setup, _ = w.with(found[0]...)
		w.prove(failed.add("The machines of each were requested, and only one company has any:"), found[0]...)
	} else if in.Status == http.StatusOK && in.Form == innius.FormJSON || in.Status == http.StatusForbidden {
		failed.add("If the innius Admin app shows the id of your company, set company_id to it. That saves this request.")
	}
	w.find(failed)
	return failed.Settings != nil
}

// onlyCompany finds the only one of several companies that has machines.
func (w *walk) onlyCompany(ctx context.Context, in *innius.Inspection, failed *Finding) [][]Setting {
	if failed.Kind != "companies" || len(in.IDs)+3 > w.left() {
		return nil
	}
	before := w.setup
	defer func() { w.setup = before }()
	return w.only("company_id", in.IDs, func(s setup) bool {
		w.setup = s
		list, failed := w.send(ctx, innius.InspectRequest{Operation: innius.OpMachines}, "of one of the companies")
		absent := list.Status == http.StatusForbidden || list.Status == http.StatusNotFound
		return !absent && (failed != nil || list.Items > 0) // after another failure it is not known
	})
}

// readMachines reads the list of machines, and its second page, which shows whether next_key works.
func (w *walk) readMachines(ctx context.Context) bool {
	all, _, failed := w.readList(ctx, innius.OpMachines, "", 2)
	for _, o := range all {
		m := &machine{listed: o, report: &Machine{Sensor: w.shown(innius.OpMachines, o.Sensor), Sensors: []Sensor{}}}
		if w.o.All {
			w.report.Machines = append(w.report.Machines, m.report)
		}
		if m.report.Filtered == "" {
			w.machines = append(w.machines, m)
		}
	}
	switch {
	case failed != nil:
	case len(w.machines) > 0:
		if w.account.CompanyID == "" {
			f := note("company-id", "These two lines save the request for the company, and the series keep their names:")
			w.find(w.prove(f, Setting{"company_id", w.companyID()}, Setting{"company_name", w.at[0].Name}))
		}
		return true
	case len(all) > 0:
		failed = allFiltered("machines")
	default:
		failed = failure("no-machines", "The list of machines is empty. Either the company has no machine yet, or this key may not "+
			"read any: check its rights in the innius Admin app.").check(w.pathSetting(innius.OpMachines))
	}
	w.find(failed)
	return false
}

// shown is a machine or sensor in the report, with the filter of the config that leaves it out.
func (w *walk) shown(op innius.Operation, o innius.Sensor) Sensor {
	s := Sensor{ID: w.show(o.ID), Name: o.Name, Unit: o.Unit}
	switch discovery := w.o.Config.Discovery; op {
	case innius.OpMachines:
		s.Filtered = discovery.Machines.Reject("discovery.machines", o.ID, o.Name)
	case innius.OpSensors:
		s.Filtered = discovery.Sensors.Reject("discovery.sensors", o.ID, o.Name)
	}
	return s
}

func allFiltered(objects string) *Finding {
	return failure("filtered", "All "+objects+" are left out by the filters in discovery."+objects+".").correct(
		Setting{"discovery." + objects + ".include", []string{".*"}}, Setting{"discovery." + objects + ".exclude", []string{}})
}

// readList reads a list: with --all to its end, otherwise so many pages, and until the filters select an object. It returns the
// request that failed.
func (w *walk) readList(ctx context.Context, op innius.Operation, of string, pages int) ([]listed, *innius.Inspection, *Finding) {
	var all []listed
	selected, seen := false, map[string]bool{}
	for r := (innius.InspectRequest{Operation: op}); ; {
		in, failed := w.read(ctx, r, of)
		if failed != nil {
			return all, in, failed
		}
		for i, o := range in.Objects {
			all = append(all, listed{o, in, i})
			selected = selected || w.shown(op, o).Filtered == ""
		}
		w.find(w.remarks(in)...)
		seen[r.StartKey] = true
		if in.Next != "" && seen[in.Next] {
			w.find(failure("paging", "The list of "+string(op)+" never ends: a next_key is the key of an earlier page. The API seems not "+
				"to know start_key, the parameter for the next page. The exporter refuses such a list.").correct(
				endpoint(op, withQuery(w.template(op), "start_key={start_key}"))))
		}
		if w.endless = len(seen) >= maxPages && in.Next != ""; w.endless {
			w.find(warning("long-list", fmt.Sprintf("The list of %s has more than %d pages (%d items so far), and perhaps never "+
				"ends, so the check reads no more lists. The exporter reads the rest slowly. If the items are not new ones, the API "+
				"seems not to know start_key, the parameter for the next page; otherwise increase page_size.", op, maxPages, len(all))).check(
				endpoint(op, w.template(op)), Setting{"page_size", w.account.PageSize}))
			return all, in, nil
		}
		if in.Next == "" || seen[in.Next] || !w.o.All && (selected && len(seen) >= pages || w.left() <= 2) {
			return all, in, nil
		}
		r.StartKey = in.Next
	}
}

// readSensors lists the sensors of a machine once. It returns false if the walk cannot continue.
func (w *walk) readSensors(ctx context.Context, m *machine) bool {
	if m.known {
		return true
	}
	m.known, m.begin, w.at[1] = true, len(w.trials), m.listed
	all, in, failed := w.readList(ctx, innius.OpSensors, "machine "+w.quoted(m.Name), 1)
	for _, o := range all {
		s := w.shown(innius.OpSensors, o.Sensor)
		if m.report.Sensors = append(m.report.Sensors, s); s.Filtered == "" {
			m.sensors = append(m.sensors, o)
		}
	}
	return failed == nil || w.skipObject(in, failed)
}

// skipObject decides what the failure of one object means. If the API refuses it, others may still be good; two responses that
// are not understood are enough. It returns false if the walk cannot continue.
func (w *walk) skipObject(in *innius.Inspection, failed *Finding) bool {
	status := innius.StatusOf(in.Err)
	concernsAll := []int{0, http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusTooManyRequests}
	w.stopped = in.Err != nil && slices.Contains(concernsAll, status)
	if w.stopped || failed.Kind == "key-returned" {
		w.find(failed)
		return !w.stopped
	}
	w.odd = append(w.odd, failed)
	if status < http.StatusForbidden && failed.Kind != "value" { // neither refused nor out of order
		w.strange++
	}
	return w.strange < maxStrange
}

// readValues visits sensors, one of each machine and then another of each, until one has a usable value.
func (w *walk) readValues(ctx context.Context) {
	if w.o.All && !w.endless {
		n := len(w.machines)
		w.o.Text.lines("", fmt.Sprintf("--all: %d machines: at least %d more requests, %g per hour.", n, n+1,
			w.account.RateLimit.Own()))
		for _, m := range w.machines {
			if ctx.Err() != nil || !w.readSensors(ctx, m) || w.endless {
				break
			}
		}
	}
	if w.o.All {
		w.limit = w.report.Requests + maxRequests
	}
	order := spread(len(w.machines))
	for i := range maxRequests * len(order) {
		round, m := i/len(order), w.machines[order[i%len(order)]]
		if w.stopped || w.left() <= 0 || ctx.Err() != nil || !w.visit(ctx, m, round) {
			break
		}
	}
	if !w.stopped {
		w.conclude(ctx)
	}
}

// spread is an order in which a few of n objects show the most: the first, the last, the middle, the rest.
func spread(n int) (order []int) {
	rank := map[int]int{n / 2: -1, n - 1: -2, 0: -3}
	for i := range n {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank[a] - rank[b] })
	return order
}

// visit tries one sensor of a machine. It returns false when the walk is over: a value was seen, or more requests would show
// nothing new.
func (w *walk) visit(ctx context.Context, m *machine, round int) bool {
	if !w.readSensors(ctx, m) {
		return false
	}
	n := len(m.sensors)
	if round >= n || w.left() <= 0 {
		return true
	}
	t := &trial{machine: m, sensor: m.sensors[spread(n)[(m.begin+round)%n]]}
	in, failed := w.readPages(ctx, w.valuesOf(t), w.name(t), w.read)
	if failed != nil {
		return w.skipObject(in, failed)
	}
	t.in, t.usable = in, in.Values.Usable > 0 || slices.ContainsFunc(in.Values.Readings, func(r innius.Reading) bool {
		return r.Skip == innius.SkipText && w.mapped(t, r.Text)
	})
	w.trials = append(w.trials, t)
	return !t.usable && in.Values.Skipped[innius.SkipTime] == 0
}

// valuesOf makes requests concern a sensor.
func (w *walk) valuesOf(t *trial) innius.InspectRequest {
	w.at[1], w.at[2] = t.machine.listed, t.sensor
	return innius.InspectRequest{Operation: innius.OpValues}
}

// readPages reads values with read or send, and continues after an empty page if more follow, as the exporter does.
func (w *walk) readPages(ctx context.Context, r innius.InspectRequest, of string,
	read func(context.Context, innius.InspectRequest, string) (*innius.Inspection, *Finding),
) (in *innius.Inspection, failed *Finding) {
	for range innius.MaxValuePages {
		in, failed = read(ctx, r, of)
		if failed != nil || in.Items > 0 || in.Next == "" || w.report.Requests >= w.limit {
			break
		}
		r.StartKey = in.Next
	}
	return in, failed
}

// mapped reports whether the first rule for a sensor maps a text to a number or a state.
func (w *walk) mapped(t *trial, text string) bool {
	for _, rule := range w.o.Config.Sensors {
		if rule.Machine.Match(t.machine.ID, t.machine.Name) && rule.Sensor.Match(t.sensor.ID, t.sensor.Name) {
			_, ok := rule.Values[text]
			return ok || len(rule.States) > 0
		}
	}
	return false
}

// name is a sensor and its machine, for people.
func (w *walk) name(t *trial) string {
	return "sensor " + w.quoted(t.sensor.Name) + " of machine " + w.quoted(t.machine.Name)
}

// conclude reports what the values show, or why there is none.
func (w *walk) conclude(ctx context.Context) {
	i := slices.IndexFunc(w.trials, func(t *trial) bool { return t.usable })
	if i >= 0 {
		w.find(w.remarks(w.trials[i].in)...)
		w.noteOdd()
	} else {
		w.explainNoValue(ctx)
		i = slices.IndexFunc(w.trials, func(t *trial) bool { return shows(t.in) }) // text, whose order matters as much
	}
	if i >= 0 {
		w.checkOrder(ctx, w.trials[i])
	}
}

// noteOdd reports single objects that could not be read, while others could.
func (w *walk) noteOdd() {
	for _, f := range w.odd {
		w.find(note(f.Kind, f.Text[0], "Requests for other objects succeeded."))
	}
}

// explainNoValue finds each cause that the sensors tried show, as each of them must be corrected.
func (w *walk) explainNoValue(ctx context.Context) {
	before := len(w.report.Findings)
	w.explainReadings()
	switch {
	case ctx.Err() != nil:
		w.find(stopped())
	case len(w.report.Findings) > before:
	case len(w.trials) > 0:
		w.noteOdd()
		w.find(w.explainNoReadings(ctx, w.trials[0]))
	case len(w.odd) > 0:
		w.find(w.odd...)
	case slices.ContainsFunc(w.report.Steps, func(s Step) bool { return s.Skipped != "" && s.Operation == innius.OpSensors }):
		w.find(allFiltered("sensors"))
	default:
		w.find(failure("no-sensors", "None of the machines above has a sensor. Either they have none yet, or this key may not "+
			"read them, or the path is wrong.").check(w.pathSetting(innius.OpSensors)))
	}
}

// explainReadings reports sensors whose readings are in the future or whose values are text. All rules for texts are in one
// list: a config file has only one.
func (w *walk) explainReadings() {
	var found []string
	var rules []any
	for _, t := range w.trials {
		numbers := map[string]int{}
		for _, r := range t.in.Values.Readings {
			if _, known := numbers[r.Text]; r.Skip == innius.SkipText && !known && len(numbers) < 10 {
				numbers[r.Text] = len(numbers)
			}
		}
		text := first(t.in, innius.SkipText)
		values := "The values of " + w.name(t) + " are text, such as " + text.Shown() + "."
		switch {
		case t.in.Values.Skipped[innius.SkipFuture] > 0:
			w.find(w.future(t.in, w.name(t)))
		case len(numbers) == 0:
		case text.Hint() != "":
			w.find(failure("text", values+" No setting can express that: please report it, with the response below.").showing(t.in))
		default:
			found = append(found, values)
			rules = append(rules, map[string]any{
				"machine": regexp.QuoteMeta(t.machine.Name), "sensor": regexp.QuoteMeta(t.sensor.Name), "values": numbers,
			})
		}
	}
	if rules != nil {
		found = append(found, "Prometheus stores numbers only: choose one for each text, or list the texts in states instead. "+
			"If other sensors have numbers, this is no failure of the API: --all lists all sensors.")
		w.find(failure("text", found...).correct(Setting{"sensors", rules}))
	}
}
