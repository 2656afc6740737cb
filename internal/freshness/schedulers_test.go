package freshness

import (
	"math"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

// contender makes the scheduler that a run is about.
type contender func(r *run, o schedule.Options) poller.Scheduler

// contenders are the schedulers that are compared.
var contenders = map[string]contender{
	byRoundRobin: func(_ *run, o schedule.Options) poller.Scheduler {
		return roundRobin{poller.NewScheduler(o), o.MinInterval}
	},
	byOracle:   func(r *run, _ schedule.Options) poller.Scheduler { return newOracle(r.byID, r.until) },
	bySchedule: exporters,
}

const (
	byRoundRobin = "round-robin"
	byOracle     = "oracle"
	bySchedule   = "schedule"
)

// exporters is the scheduler of the exporter.
func exporters(_ *run, o schedule.Options) poller.Scheduler {
	return poller.NewScheduler(o)
}

// roundRobin polls the sensor that was polled longest ago, and none more often than an interval.
type roundRobin struct {
	poller.Scheduler
	interval time.Duration
}

func (r roundRobin) Succeeded(t *poller.Task, _ schedule.Result) { r.Requeue(t) }

func (r roundRobin) Due() (time.Time, bool) {
	due, ok := r.Scheduler.Due()
	if due.IsZero() {
		return due, ok
	}
	return due.Add(r.interval), ok
}

// oracle polls the sensor whose weighted true lag is greatest; of equals always the same one, so that the others need one
// request less. While none lags it saves its requests. It knows the plant, so no scheduler can be expected to reach it.
// It is greedy, so it is no proven bound.
type oracle struct {
	subjects map[string]*subject // by sensor id
	until    time.Time
	groups   map[string]map[string]*candidate // by machine and sensor id
	all      []*candidate
	byTask   map[*poller.Task]*candidate
	waiting  int
}

// candidate is a sensor that the oracle may poll.
type candidate struct {
	*subject
	task     *poller.Task
	truth    truth
	held     int64 // time of the cached reading; 0: none
	polled   time.Time
	failures int
	waiting  bool
	removed  bool
}

func newOracle(subjects map[string]*subject, until time.Time) *oracle {
	return &oracle{
		subjects: subjects, until: until, groups: map[string]map[string]*candidate{}, byTask: map[*poller.Task]*candidate{},
	}
}

func (o *oracle) Set(group string, sensors []poller.Spec) (added, removed int) {
	before, after := o.groups[group], map[string]*candidate{}
	for _, s := range sensors {
		c := before[s.ID]
		if c == nil {
			c = o.add(s.ID)
			added++
		}
		c.task.Sensor = s.Sensor
		after[s.ID] = c
		delete(before, s.ID)
	}
	for _, c := range before {
		c.removed = true
	}
	o.groups[group] = after
	o.sweep()
	return added, len(before)
}

func (o *oracle) add(id string) *candidate {
	s := o.subjects[id]
	c := &candidate{subject: s, task: &poller.Task{}, truth: newTruth(s.Sensor, time.Now(), o.until), waiting: true}
	o.all = append(o.all, c)
	o.byTask[c.task] = c
	return c
}

// sweep drops the removed candidates.
func (o *oracle) sweep() {
	left := o.all[:0]
	o.waiting = 0
	for _, c := range o.all {
		if c.removed {
			continue
		}
		left = append(left, c)
		if c.waiting {
			o.waiting++
		}
	}
	o.all = left
}

// Due is now if a sensor lags or must be polled for its target.
func (o *oracle) Due() (time.Time, bool) {
	now, first := time.Now(), o.until
	for _, c := range o.all {
		if c.waiting && first.After(now) {
			first = earlier(first, c.due(now))
		}
	}
	return first, o.waiting > 0
}

// due is now if the sensor lags; else when its next reading is visible or its target due. Back-off is as in every
// scheduler.
func (c *candidate) due(now time.Time) time.Time {
	if retry := c.retry(); retry.After(now) {
		return retry
	}
	if c.urgency(now) > 0 {
		return now
	}
	due := time.Unix(0, c.truth.nextVisible)
	if c.maxAge > 0 {
		due = earlier(due, c.polled.Add(c.maxAge-lead))
	}
	return due
}

func (c *candidate) retry() time.Time {
	if c.failures == 0 {
		return time.Time{}
	}
	return c.polled.Add(schedule.BackOff(c.failures, 30*time.Second, time.Hour))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (o *oracle) Next(now time.Time) *poller.Task {
	var best *candidate
	greatest := -1.0
	for _, c := range o.all {
		if !c.waiting || c.retry().After(now) {
			continue
		}
		if urgency := c.urgency(now); urgency > greatest {
			best, greatest = c, urgency
		}
	}
	best.waiting = false
	o.waiting--
	best.polled = now
	return best.task
}

// lead is how early a sensor is polled for its target: a response takes up to 2 s, and a request must be available.
const lead = 3500 * time.Millisecond

// urgency is the weighted true lag. The square root of the weight minimises the weighted mean: if all is fast, lag grows
// with the time since the last poll, and the best intervals go with 1/sqrt(weight) (Olston and Pandey, WWW 2008). A
// target that would be missed goes before all lag.
func (c *candidate) urgency(now time.Time) float64 {
	if c.maxAge > 0 && now.Sub(c.polled) >= c.maxAge-lead {
		return 1e30
	}
	return math.Sqrt(c.weight) * float64(max(0, c.truth.at(now.UnixNano())-c.held))
}

func (o *oracle) Succeeded(t *poller.Task, r schedule.Result) {
	c := o.back(t)
	c.failures = 0
	if n := len(r.Times); n > 0 {
		c.held = r.Times[n-1].UnixNano()
	}
}

func (o *oracle) Failed(t *poller.Task)               { o.back(t).failures++ }
func (o *oracle) Requeue(t *poller.Task)              { o.back(t) }
func (o *oracle) Len() int                            { return len(o.all) }
func (o *oracle) Groups() int                         { return len(o.groups) }
func (o *oracle) ResetBackoff()                       {}
func (o *oracle) Demand(time.Time) (float64, float64) { return 0, 1 }

func (o *oracle) Probe(now time.Time, _ map[string]bool, _ bool) *poller.Task { return o.Next(now) }

func (o *oracle) back(t *poller.Task) *candidate {
	c := o.byTask[t]
	if !c.removed && !c.waiting {
		c.waiting = true
		o.waiting++
	}
	return c
}
