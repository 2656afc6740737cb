package poller

import (
	"math"
	"time"

	"innius_exporter/internal/poller/schedule"
)

// oracle asks the sensor whose weighted true lag is greatest, of equals always the same one: the others, which then miss
// a reading, need a request less, where taking turns would keep all of them late. While none lags it saves its requests.
// It looks into the plant, so no schedule can be expected to reach it; greedy as it is, it is no proven bound either.
type oracle struct {
	subjects map[string]*subject // by sensor id
	until    time.Time
	machines map[string]map[string]*candidate // by machine and sensor id
	all      []*candidate
	byTask   map[*task]*candidate
	waiting  int
}

// candidate is a sensor that the oracle may ask.
type candidate struct {
	task     *task
	asked    time.Time
	failures int
	gone     bool
	*subject
	truth   truth
	waiting bool
}

func newOracle(subjects map[string]*subject, until time.Time) *oracle {
	return &oracle{subjects: subjects, until: until, machines: map[string]map[string]*candidate{}, byTask: map[*task]*candidate{}}
}

func (o *oracle) Set(machineID string, sensors []schedule.Spec[*sensor]) (added, removed int) {
	before, after := o.machines[machineID], map[string]*candidate{}
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
		c.gone = true
	}
	o.machines[machineID] = after
	o.sweep()
	return added, len(before)
}

func (o *oracle) add(id string) *candidate {
	subject := o.subjects[id]
	c := &candidate{task: &task{}, subject: subject, truth: newTruth(subject.Sensor, time.Now(), o.until), waiting: true}
	o.all = append(o.all, c)
	o.byTask[c.task] = c
	return c
}

// sweep drops what is gone.
func (o *oracle) sweep() {
	kept := o.all[:0]
	o.waiting = 0
	for _, c := range o.all {
		if c.gone {
			continue
		}
		kept = append(kept, c)
		if c.waiting {
			o.waiting++
		}
	}
	o.all = kept
}

// due is when the next sensor lags, or must be asked to keep its promise: at once where one does.
func (o *oracle) Due() (time.Time, bool) {
	now, first := time.Now(), o.until
	for _, c := range o.all {
		if c.waiting && first.After(now) {
			first = earlier(first, c.due(now))
		}
	}
	return first, o.waiting > 0
}

// due is now where the sensor lags; else when its next reading is visible, or its promise due. One that fails is left
// alone for a while, as by every schedule.
func (c *candidate) due(now time.Time) time.Time {
	if retry := c.retry(); retry.After(now) {
		return retry
	}
	if c.urgency(now) > 0 {
		return now
	}
	due := time.Unix(0, c.truth.nextVisible)
	if c.maxAge > 0 {
		due = earlier(due, c.asked.Add(c.maxAge-ahead))
	}
	return due
}

func (c *candidate) retry() time.Time {
	if c.failures == 0 {
		return time.Time{}
	}
	return c.asked.Add(schedule.BackOff(c.failures, 30*time.Second, time.Hour))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (o *oracle) Next(now time.Time) *task {
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
	best.asked = now
	return best.task
}

// ahead is by how much a promise must be ahead: an answer takes up to 2 s, and the next request has to be waited for, too.
const ahead = 3500 * time.Millisecond

// urgency is the weighted true lag. The root of the weight is what minimises the weighted mean: where all is fast, lag
// grows with the time since the last answer, and the best intervals go with 1/sqrt(weight) (Olston and Pandey, WWW
// 2008). By weight*lag they would go with 1/weight, and the mean would be round-robin's. A promise that would be broken
// goes before all lag.
func (c *candidate) urgency(now time.Time) float64 {
	if c.maxAge > 0 && now.Sub(c.asked) >= c.maxAge-ahead {
		return 1e30
	}
	var held int64
	if at := c.task.Sensor.entry.Load().Time; !at.IsZero() {
		held = at.UnixNano()
	}
	return math.Sqrt(c.weight) * float64(max(0, c.truth.at(now.UnixNano())-held))
}

func (o *oracle) Succeeded(t *task, _ schedule.Result)                 { o.back(t).failures = 0 }
func (o *oracle) Failed(t *task)                                       { o.back(t).failures++ }
func (o *oracle) Requeue(t *task)                                      { o.back(t) }
func (o *oracle) Len() int                                             { return len(o.all) }
func (o *oracle) Groups() int                                          { return len(o.machines) }
func (o *oracle) Probe(now time.Time, _ map[string]bool, _ bool) *task { return o.Next(now) }
func (o *oracle) ResetBackoff()                                        {}
func (o *oracle) Demand(time.Time) (float64, float64)                  { return 0, 1 }

func (o *oracle) back(t *task) *candidate {
	c := o.byTask[t]
	if !c.gone && !c.waiting {
		c.waiting = true
		o.waiting++
	}
	return c
}
