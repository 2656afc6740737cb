package poller

import (
	"math"
	"time"
)

// oracle asks the sensor whose weighted true lag is greatest, of equals always the same one: the others, which then miss
// a reading, need a request less, where taking turns would keep all of them late. While none lags it saves its requests.
// It looks into the plant, so no schedule can be expected to reach it; greedy as it is, it is no proven bound either.
type oracle struct {
	subjects map[string]*subject // by sensor id
	until    time.Time
	machines map[string]map[string]*candidate // by machine and sensor id
	all      []*candidate
	waiting  int
}

// candidate is a sensor that the oracle may ask.
type candidate struct {
	*turn
	*subject
	truth   truth
	waiting bool
}

func newOracle(subjects map[string]*subject, until time.Time) *oracle {
	return &oracle{subjects: subjects, until: until, machines: map[string]map[string]*candidate{}}
}

func (o *oracle) set(machineID string, sensors []*sensor) (added, removed int) {
	before, after := o.machines[machineID], map[string]*candidate{}
	for _, s := range sensors {
		c := before[s.ID]
		if c == nil {
			c = o.add(s.ID)
			added++
		}
		c.sensor = s
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
	t := &turn{}
	t.entry = entry[*turn]{value: t, index: -1}
	subject := o.subjects[id]
	c := &candidate{turn: t, subject: subject, truth: newTruth(subject.Sensor, time.Now(), o.until), waiting: true}
	o.all = append(o.all, c)
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
func (o *oracle) due() (time.Time, bool) {
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
	return c.asked.Add(backOff(c.failures, 30*time.Second, time.Hour))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (o *oracle) next(now time.Time) *turn {
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
	return best.turn
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
	if at := c.sensor.entry.Load().Time; !at.IsZero() {
		held = at.UnixNano()
	}
	return math.Sqrt(c.weight) * float64(max(0, c.truth.at(now.UnixNano())-held))
}

func (o *oracle) answered(t *turn, _ outcome)                          { t.failures = 0; o.back(t) }
func (o *oracle) failed(t *turn)                                       { t.failures++; o.back(t) }
func (o *oracle) again(t *turn)                                        { o.back(t) }
func (o *oracle) succeed(scheduler)                                    {}
func (o *oracle) len() int                                             { return len(o.all) }
func (o *oracle) turns() map[string][]*turn                            { return nil }
func (o *oracle) probe(now time.Time, _ map[string]bool, _ bool) *turn { return o.next(now) }
func (o *oracle) resetBackoff()                                        {}
func (o *oracle) wishes(time.Time) (float64, float64)                  { return 0, 1 }

func (o *oracle) back(t *turn) {
	for _, c := range o.machines[t.sensor.machine.ID] {
		if c.turn == t && !c.waiting {
			c.waiting = true
			o.waiting++
		}
	}
}
