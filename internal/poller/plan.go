package poller

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// Plan is what the rate limit of one account buys. The schedule and the discovery of the poller compute it from what is
// known of the sensors, so plan and behaviour cannot differ. A list counts as one request, even if it has several pages:
// with a hundred sensors a page that is 1 % of a cold start.
type Plan struct {
	Account          string
	Machines         int     // whose sensors are listed
	Sensors          int     // that are polled
	ExcludedMachines int     // by a filter; their sensors are not known
	Excluded         int     // sensors that are known and not polled: by a filter, or because another account polls them
	PerHour          float64 // requests per hour that the exporter may send
	Burst            int     // requests that may be sent at once after a rest

	Needed  float64 // requests per hour to poll after each reading, no sensor more often than min_interval, and the lists
	Planned float64 // requests per hour that will be sent
	Unknown int     // sensors without a learned interval, which Needed leaves out

	Readings, Seen float64 // per hour: what sensors report, as far as known, and what of it becomes a value
	Pages          PlannedPages

	Cycle     time.Duration // to poll every sensor once
	Level     time.Duration // between two polls of a sensor of weight 1 that reports all the time
	ColdStart time.Duration // from a start without state until every sensor has been polled
	Lists     PlannedLists
	Groups    []schedule.GroupForecast
	Outlooks  map[*Task]schedule.Outlook // of each sensor
	MaxAges   []PlannedMaxAge            // one for each rule with max_age, in the order of the config
	Stale     []PlannedStale             // values of stale_after that are shorter than the time between two polls

	Forecast *schedule.Forecast // nil without sensors
}

// PlannedPages is what it takes to read every reading: to poll each sensor before its page overflows.
type PlannedPages struct {
	Size     int     // readings of a page; 0: not known
	Complete bool    // sensors have page targets
	Needed   float64 // requests per hour, and the lists
	Read     float64 // part of the readings that pages show, as planned
	Missing  int     // sensors that miss readings, as planned
	Cannot   int     // sensors that miss some even with page targets

	// What is sufficient for all, with page targets; 0: nothing.
	SizeFor    int     // readings of a page, one of PageSizes
	PerHourFor float64 // requests per hour, and the lists
}

// PageSizes are the values of page_size that are recommended, up to the greatest of a config.
var PageSizes = []int{200, 500, 1000, 2000, 5000, 10_000}

// add adds a sensor.
func (p *PlannedPages) add(o schedule.Outlook) {
	p.Needed += o.ForPages
	p.Read += 3600 / o.Period * o.Read
	if o.Overflows {
		p.Missing++
	}
}

// compare computes what differs with page targets, and what would be sufficient.
func (p *PlannedPages) compare(s *schedule.Scheduler[*inventory.Sensor], plan *Plan, at time.Time) {
	if p.Cannot = p.Missing; p.Cannot == 0 || !p.Complete {
		p.Cannot = s.Overflowing(p.Size, plan.ForPolls(), at)
	}
	if p.Cannot == 0 {
		return
	}
	for _, size := range PageSizes {
		if size > p.Size && s.Overflowing(size, plan.ForPolls(), at) == 0 {
			p.SizeFor = size
			break
		}
	}
	fits := func(perHour float64) bool { return s.Overflowing(p.Size, perHour, at) == 0 }
	low, high := plan.ForPolls(), 2*plan.ForPolls()
	for ; !fits(high) && high < 1e9; high *= 2 {
		low = high
	}
	if high >= 1e9 {
		return
	}
	for high/low > 1.02 {
		if middle := (low + high) / 2; fits(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	p.PerHourFor = plan.WithLists(high)
}

// WithLists returns the requests per hour that leave so many to polls: discovery takes what it wants, up to its part.
func (p *Plan) WithLists(forPolls float64) float64 {
	return min(forPolls+p.Lists.Wanted, forPolls/(1-discoveryShare))
}

// PlannedLists is what discovery takes.
type PlannedLists struct {
	PerHour         float64       // requests
	Wanted          float64       // requests per hour that the configured interval would take
	Interval, Every time.Duration // between two requests for each list, as configured and as planned
}

// Limited reports whether the interval is longer than configured, because discovery may take only a part of the requests.
func (l PlannedLists) Limited() bool { return l.Every > l.Interval }

// Most is the part of the requests that discovery may take.
func (PlannedLists) Most() float64 { return discoveryShare }

// PlannedMaxAge is what the max-age target of one rule costs. Rates are requests per hour.
type PlannedMaxAge struct {
	Rule    int // its index in the config
	MaxAge  time.Duration
	Sensors int           // that the rule applies to
	Slower  int           // of them, that report less often than MaxAge: polled just after each reading
	Wanted  float64       // to meet it
	PerHour float64       // that it gets
	Extra   float64       // of these, that the sensors would not get without it
	Relaxed float64       // factor by which it is longer, as all others are; 1: it is met
	Floor   time.Duration // min_interval, if that is longer than MaxAge

	rule *inventory.Rule
}

// Met reports whether the target can be met.
func (p PlannedMaxAge) Met() bool { return p.Relaxed <= 1 && p.Floor == 0 }

// Fits is the shortest max_age that could be met if all were longer by the same factor.
func (p PlannedMaxAge) Fits() time.Duration {
	return schedule.Seconds(max(p.MaxAge, p.Floor).Seconds() * p.Relaxed)
}

// PlannedStale is a stale_after that is shorter than the time between two polls of some sensors, so that their values
// come and go.
type PlannedStale struct {
	StaleAfter time.Duration
	Sensors    int
	Age        time.Duration // that their values reach at most
}

// Plans returns the plan of each account, as of the time of Options.State, which holds the sensors. An account
// without sensors has an empty plan. No request is sent and nothing is logged. The accounts need new pacers and no
// clients.
func Plans(opts Options) []Plan {
	plans := make([]Plan, len(opts.Accounts))
	p := quietPoller(opts)
	for i, a := range p.accounts {
		plans[i].make(p, a, opts.State.At)
	}
	return plans
}

// Unmatched lists the filters and rules that match nothing in Options.State, in the words of the config; none if an account has
// not ended its first discovery. The conditions are those of Plans.
func Unmatched(opts Options) []string { return quietPoller(opts).Unmatched() }

// quietPoller makes a poller from saved state that logs nothing and never runs.
func quietPoller(opts Options) *Poller {
	saved := State{At: opts.State.At, Accounts: slices.Clone(opts.State.Accounts)}
	for i := range saved.Accounts { // a pause and the difference of clocks will pass
		k := &saved.Accounts[i]
		k.Pacer, k.Limit, k.ClockAhead = innius.PacerState{}, SavedLimit{}, 0
	}
	opts.State, opts.Logger, opts.NewScheduler = &saved, slog.New(slog.DiscardHandler), nil
	opts.Counters = cmp.Or(opts.Counters, &Counters{})
	return New(opts)
}

// make computes the plan of an account as of a moment.
func (p *Plan) make(poller *Poller, a *account, at time.Time) {
	s := a.schedule.(*schedule.Scheduler[*inventory.Sensor])
	p.Account, p.Machines, p.Sensors = a.Name, len(a.lists.sensors), s.Len()
	p.PerHour, p.Burst, p.Lists = a.Pacer.PerHour(), a.Pacer.Burst(), a.lists.plan()
	p.Cycle = schedule.Seconds(float64(p.Sensors) / p.ForPolls() * 3600)
	p.ColdStart = p.coldStart()
	for _, m := range poller.inventory.Snapshot().Accounts[a.index].Machines {
		if m.FilteredBy != "" {
			p.ExcludedMachines++
		}
		p.Excluded += len(m.Sensors) - len(m.Polled)
	}
	if p.Sensors > 0 {
		p.Forecast, p.Outlooks = s.Forecast(at)
		p.Pages = PlannedPages{Size: a.pageSize(), Complete: poller.opts.Complete, Needed: p.Lists.Wanted}
		p.addSensors(&poller.opts)
		if p.Pages.Size > 0 {
			p.Pages.compare(s, p, at)
		}
	}
}

// plan is what refreshing the lists takes.
func (d *discovery) plan() PlannedLists {
	l := PlannedLists{PerHour: max(0, d.perHour()), Wanted: d.wanted(), Interval: d.interval, Every: d.interval}
	if l.Wanted > l.PerHour {
		l.Every = schedule.Seconds(d.interval.Seconds() * l.Wanted / l.PerHour)
	}
	return l
}

// coldStart is the time that one request for each list and each sensor takes, beyond the burst. Once the first lists are
// due again, they take their share.
func (p *Plan) coldStart() time.Duration {
	requests := float64(2 + p.Machines + p.Sensors - p.Burst)
	alone := p.PerHour * p.Lists.Interval.Hours()
	if requests <= alone {
		return schedule.Seconds(max(0, requests) / p.PerHour * 3600)
	}
	return p.Lists.Interval + schedule.Seconds((requests-alone)/p.ForPolls()*3600)
}

// ForPolls is what discovery leaves of the requests, per hour.
func (p *Plan) ForPolls() float64 { return p.PerHour - p.Lists.PerHour }

// addSensors adds up what each sensor needs and gets.
func (p *Plan) addSensors(opts *Options) {
	p.Level, p.Needed, p.Planned = p.Forecast.Level, p.Lists.Wanted, p.Lists.PerHour
	p.addRules(opts)
	for t, o := range p.Outlooks {
		p.Needed += o.Needed
		p.Planned += o.PerHour
		switch {
		case o.Period == 0:
			p.Unknown++
		case o.Kind != schedule.KindFailing:
			p.Readings += 3600 / o.Period
			p.Seen += 3600 / (o.Most - o.Least)
			p.Pages.add(o)
		}
		for i := range p.MaxAges {
			p.MaxAges[i].add(t, o)
		}
		p.addStale(o, cmp.Or(t.Sensor.Rule.StaleAfter, opts.StaleAfter))
	}
	p.Planned = min(p.Planned, p.PerHour)
	p.Pages.Read /= max(p.Readings, 1e-9)
	p.Groups = schedule.Summarize(slices.Collect(maps.Values(p.Outlooks)))
	slices.SortFunc(p.Stale, func(a, b PlannedStale) int { return cmp.Compare(a.StaleAfter, b.StaleAfter) })
}

// addRules adds the rules with a target.
func (p *Plan) addRules(opts *Options) {
	for i := range opts.Rules {
		target := PlannedMaxAge{Rule: i, MaxAge: opts.Rules[i].MaxAge, Relaxed: p.Forecast.Relaxed, rule: &opts.Rules[i]}
		if target.MaxAge < opts.MinInterval {
			target.Floor = opts.MinInterval
		}
		if target.MaxAge > 0 {
			p.MaxAges = append(p.MaxAges, target)
		}
	}
}

// add adds what a sensor takes, if the rule applies to it.
func (p *PlannedMaxAge) add(t *Task, o schedule.Outlook) {
	if t.Sensor.Rule != p.rule {
		return
	}
	p.Sensors++
	if o.Period > p.MaxAge.Seconds() {
		p.Slower++
	}
	p.Wanted += o.TargetWanted
	p.PerHour += o.TargetGets
	p.Extra += o.TargetExtra
}

func (p *Plan) addStale(o schedule.Outlook, after time.Duration) {
	most := schedule.Seconds(o.Most)
	if after == 0 || !o.Kind.Reports() || most <= after {
		return
	}
	i := slices.IndexFunc(p.Stale, func(s PlannedStale) bool { return s.StaleAfter == after })
	if i < 0 {
		i, p.Stale = len(p.Stale), append(p.Stale, PlannedStale{StaleAfter: after})
	}
	p.Stale[i].Sensors++
	p.Stale[i].Age = max(p.Stale[i].Age, most)
}

// AssumedPerMachine is how many sensors a machine of an assumed plant has. It matters little: their list costs one
// request.
const AssumedPerMachine = 20

// Assume returns the state of an account with so many sensors that each report every so often, as after some polls. Its
// names match no filter or rule on purpose.
func Assume(a Account, sensors int, every time.Duration, at time.Time) SavedAccount {
	k := SavedAccount{
		Name: a.Name, Origin: a.Origin, Company: innius.Company{ID: a.Name + " (assumed)"}, Discovered: true, ListedAt: at,
	}
	saved := reading.Saved{Time: at, LastSuccess: at, Interval: schedule.Regular(every, at)}
	for i := range sensors {
		if i%AssumedPerMachine == 0 {
			m := innius.Machine{ID: fmt.Sprintf("m%d", i/AssumedPerMachine+1)}
			k.Machines = append(k.Machines, SavedMachine{Machine: m, ListedAt: at})
		}
		m := &k.Machines[len(k.Machines)-1]
		m.Sensors = append(m.Sensors, SavedSensor{Sensor: innius.Sensor{ID: fmt.Sprintf("s%d", i+1)}, Saved: saved})
	}
	return k
}
