package poller

import (
	"log/slog"
	"math"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

// Plan says what the allowance of one account buys. It is computed by the very schedule and discovery that the loop
// runs with, from what is known of the sensors, so that plan and behaviour cannot drift apart.
//
// Lists of several pages count as one request, which is below the truth by one request for each page more: 1 % of a cold
// start where a page holds a hundred sensors.
type Plan struct {
	Account          string
	Machines         int     // that are listed
	Sensors          int     // that are asked for
	FilteredMachines int     // machines that are known and not asked for, by a filter; their sensors are not known
	Filtered         int     // sensors that are known and not asked for: by a filter, or because another account asks
	PerHour          float64 // requests per hour that the exporter may send
	Burst            int     // requests that a rested key may send at once

	Needed  float64 // requests per hour to get every reading, no sensor more often than min_interval, and the lists
	Planned float64 // requests per hour that will be sent
	Unknown int     // sensors of which no pace is known, and that Needed therefore leaves out

	Readings, Seen float64 // per hour: what sensors that can be read report, as far as known, and what of it becomes visible

	Cycle     time.Duration // to ask every sensor once
	Turn      time.Duration // between two requests for a sensor of weight 1 that reports all the time: the common level
	ColdStart time.Duration // from a start without state to a first answer about every sensor
	Lists     PlannedLists
	Groups    []PlannedGroup
	Promises  []PlannedPromise // one for each rule with max_age, in the order of the config
	Stale     []PlannedStale   // rules, or all, whose stale_after takes values away between two requests

	forecast *forecast // that it is made from; nil without sensors
}

// PlannedLists is what discovery takes.
type PlannedLists struct {
	PerHour         float64       // requests
	Wanted          float64       // requests per hour that the configured interval would take
	Interval, Every time.Duration // between two looks at each list, as configured and as it will be
}

// Stretched reports whether the interval cannot be held within discovery's share of the allowance.
func (l PlannedLists) Stretched() bool { return l.Every > l.Interval }

// Most is the part of the allowance that discovery may take.
func (PlannedLists) Most() float64 { return shareOfDiscovery }

// Plans returns the plan of each account of the options, in their order, as of the moment at which Options.Kept was
// taken; what is not kept is not known, and an account without sensors gets a plan of none. Nothing is asked, logged or
// written. The pacers of the accounts must be new; clients are not needed.
func Plans(opts Options) []Plan {
	plans := make([]Plan, len(opts.Accounts))
	p := quietPoller(opts)
	for i, a := range p.accounts {
		plans[i].make(p, a, opts.Kept.At)
	}
	return plans
}

// quietPoller makes a poller of what is kept, which logs nothing and never runs.
func quietPoller(opts Options) *Poller {
	kept := opts.Kept.rested()
	opts.Kept, opts.Logger, opts.newSchedule = &kept, slog.New(slog.DiscardHandler), nil
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics()
	}
	return NewPoller(opts)
}

// rested returns the snapshot without what passes: a pause, and the difference of clocks.
func (s *Snapshot) rested() Snapshot {
	rested := Snapshot{At: s.At, Accounts: make([]KeptAccount, len(s.Accounts))}
	for i, k := range s.Accounts {
		k.Ledger, k.Limit, k.ClockAhead = innius.PacerState{}, SavedLimit{}, 0
		rested.Accounts[i] = k
	}
	return rested
}

// make makes the plan of an account that knows its sensors, as of a moment.
func (p *Plan) make(poller *Poller, a *account, at time.Time) {
	w := a.schedule.(*waterLevel) // what defaultSchedule makes
	p.Account, p.Machines, p.Sensors, p.PerHour = a.Name, len(a.discovery.sensors), w.count, a.Pacer.PerHour()
	p.Burst = a.Pacer.Burst()
	p.Cycle, p.Lists = planned(float64(w.count)/w.perHour()*3600), a.discovery.plan()
	p.ColdStart = p.coldStart(w.perHour())
	for _, m := range poller.catalogue.view.Load().machines[a.index] {
		if m.filtered != "" {
			p.FilteredMachines++
		}
		for _, s := range m.sensors {
			if !s.polled() {
				p.Filtered++
			}
		}
	}
	if w.count > 0 {
		p.forecast = newForecast(w, at)
		p.Turn = planned(w.turn)
		p.addSensors(poller.opts.StaleAfter)
		p.addPromises(poller.opts.Rules)
	}
}

// plan tells what looking again at known lists takes, and how far their interval is stretched for it.
func (d *discovery) plan() PlannedLists {
	lists := float64(2 + len(d.sensors))
	l := PlannedLists{PerHour: max(0, d.perHour()), Wanted: lists / d.interval.Hours(), Interval: d.interval, Every: d.interval}
	if l.Wanted > l.PerHour {
		l.Every = planned(lists / l.PerHour * 3600)
	}
	return l
}

// coldStart is the time that one request for each list and each sensor takes, beyond the burst. Once the first lists are
// due again, readings have to share.
func (p *Plan) coldStart(forReadings float64) time.Duration {
	requests := float64(2 + p.Machines + p.Sensors - p.Burst)
	alone := p.PerHour * p.Lists.Interval.Hours()
	if requests <= alone {
		return planned(max(0, requests) / p.PerHour * 3600)
	}
	return p.Lists.Interval + planned((requests-alone)/forReadings*3600)
}

// addSensors adds up what each sensor needs and gets.
func (p *Plan) addSensors(staleAfter time.Duration) {
	groups := grouping{}
	p.Needed, p.Planned = p.Lists.Wanted, p.Lists.PerHour
	for t := range p.forecast.all() {
		o := p.forecast.outlook(t)
		if t.pace().Period() == 0 {
			p.Unknown++
		} else {
			p.Needed += 3600 * p.forecast.need(t)
		}
		p.Planned += 3600 * o.rate
		p.addReadings(t, o)
		p.addStale(t, o, staleAfter)
		key := p.forecast.groupOf(t, o)
		groups[key] = append(groups[key], o)
	}
	p.Planned = min(p.Planned, p.PerHour)
	p.Groups = groups.sorted()
}

func (p *Plan) addReadings(t *turn, o outlook) {
	if period := t.pace().Period(); period > 0 && t.failures == 0 {
		p.Readings += 3600 / period
		p.Seen += 3600 / (o.most - o.least)
	}
}

// ForReadings is the part of the allowance that discovery leaves to readings, in requests per hour.
func (p *Plan) ForReadings() float64 { return p.PerHour - p.Lists.PerHour }

// Example is what one sensor more of weight 1 would get that reports every so often.
func (p *Plan) Example(every time.Duration) PlannedGroup {
	t := &turn{sensor: &sensor{rule: noRule, entry: reading.New()}, learned: *regular(every, time.Unix(0, int64(p.forecast.now*1e9)))}
	o := p.forecast.outlook(t)
	return p.forecast.groupOf(t, o).planned([]outlook{o})
}

// planned makes a duration of seconds, the longest one where they are beyond it.
func planned(seconds float64) time.Duration {
	return time.Duration(min(seconds*float64(time.Second), float64(math.MaxInt64/2)))
}
