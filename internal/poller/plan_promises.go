package poller

import (
	"cmp"
	"slices"
	"time"
)

// PlannedPromise is what the max_age of one rule costs and gets.
type PlannedPromise struct {
	Rule    int // its number in the config, from 1
	MaxAge  time.Duration
	Sensors int           // that the rule is for
	Never   int           // of them, that never reported: they are promised nothing
	Slower  int           // of them, that report more seldom than promised: asked just after each reading
	Asked   float64       // requests per hour that keeping it takes
	PerHour float64       // requests per hour that it gets
	Extra   float64       // requests per hour of these that the sensors would not get without it
	Stretch float64       // factor by which it is stretched, with all others; 1: it is kept
	Floor   time.Duration // min_interval, where that is longer than MaxAge; 0: it is not
}

// Kept reports whether the promise can be kept.
func (p PlannedPromise) Kept() bool { return p.Stretch <= 1 && p.Floor == 0 }

// Fits is the shortest max_age that could be kept, were all promises lengthened alike.
func (p PlannedPromise) Fits() time.Duration {
	return planned(max(p.MaxAge, p.Floor).Seconds() * p.Stretch)
}

// MostForPromises is the part of the allowance for readings that promises may take.
const MostForPromises = promisedShare

// addPromises adds one promise for each rule that makes one, whether or not a sensor is under it.
func (p *Plan) addPromises(rules []Rule) {
	byRule := map[*Rule]int{}
	for i := range rules {
		if age := rules[i].MaxAge; age > 0 {
			byRule[&rules[i]] = len(p.Promises)
			promise := PlannedPromise{Rule: i + 1, MaxAge: age, Stretch: p.forecast.stretch}
			if age < p.forecast.interval {
				promise.Floor = p.forecast.interval
			}
			p.Promises = append(p.Promises, promise)
		}
	}
	for t := range p.forecast.all() {
		if i, promised := byRule[t.sensor.rule]; promised {
			p.Promises[i].add(t, p.forecast)
		}
	}
}

func (p *PlannedPromise) add(t *turn, f *forecast) {
	p.Sensors++
	period := t.pace().Period()
	switch {
	case period == 0:
		p.Never++
	case period > p.MaxAge.Seconds():
		p.Slower++
	}
	got := f.promiseRate(t)
	p.Asked += 3600 * t.pace().PromiseRate(max(p.MaxAge, p.Floor).Seconds())
	p.PerHour += 3600 * got
	p.Extra += 3600 * max(0, got-f.rateWithout(t))
}

// PlannedStale is a stale_after that is shorter than the time between two readings of some sensors, so that their values
// come and go.
type PlannedStale struct {
	StaleAfter time.Duration
	Sensors    int
	Age        time.Duration // that their values reach, at the most
}

func (p *Plan) addStale(t *turn, o outlook, forAll time.Duration) {
	after := t.sensor.rule.StaleAfter
	if after == 0 {
		after = forAll
	}
	if after == 0 || !p.forecast.groupOf(t, o).pace.reports() || planned(o.most) <= after {
		return
	}
	for i := range p.Stale {
		if s := &p.Stale[i]; s.StaleAfter == after {
			s.Sensors, s.Age = s.Sensors+1, max(s.Age, planned(o.most))
			return
		}
	}
	p.Stale = append(p.Stale, PlannedStale{StaleAfter: after, Sensors: 1, Age: planned(o.most)})
	slices.SortFunc(p.Stale, func(a, b PlannedStale) int { return cmp.Compare(a.StaleAfter, b.StaleAfter) })
}
