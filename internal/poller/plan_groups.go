package poller

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"innius_exporter/internal/poller/schedule"
)

// Pace is how a group of sensors reports, compared with how often it can be polled: a schedule.Kind, or one of three more.
type Pace string

// The paces.
const (
	PaceFast           = Pace(schedule.Fast)       // more often than they are asked: not every reading is seen
	PaceSlow           = Pace(schedule.Slow)       // less often than their turn, or than promised: polled just after each reading
	PaceIrregular      = Pace(schedule.Irregular)  // at random: asked every turn
	PacePromised  Pace = "promised"                // more often than promised: a max_age is what they are asked by
	PaceSilent         = Pace(schedule.Silent)     // not at the moment
	PaceNever          = Pace(schedule.Unreported) // not so far
	PaceWaiting   Pace = "waiting"                 // not known: they have not been asked yet
	PaceFailing   Pace = "failing"                 // cannot be read, and is tried with back-off
)

// PlannedGroup is what sensors that are treated alike can expect. The ages are those of the value exposed, now minus
// its timestamp, over sensors and time; zero where nothing is reported.
type PlannedGroup struct {
	Pace    Pace
	Weight  float64       // as in their rule; 1 by default
	MaxAge  time.Duration // promised to them; for PacePromised
	Sensors int
	PerHour float64       // requests
	Age     time.Duration // mean
	Age95   time.Duration // 95 % of the time it is below this
}

// group is how sensors are grouped.
type group struct {
	pace   Pace
	weight float64
	maxAge time.Duration
}

// grouping collects the sensors of each group.
type grouping map[group][]outlook

// groupOf returns the group of a sensor.
func (f *forecast) groupOf(t *turn, o outlook) group {
	rule := t.sensor.rule
	key := group{pace: Pace(o.kind), weight: 1}
	switch {
	case t.failures > 0:
		key.pace = PaceFailing
	case t.asked.IsZero() && t.pace().Period() == 0:
		key.pace = PaceWaiting
	case !key.pace.reports() || rule.MaxAge == 0:
	case t.pace().Period() > f.promised(t.sensor.rule):
		key.pace = PaceSlow
	default:
		key.pace, key.maxAge = PacePromised, rule.MaxAge
	}
	if rule.Weight > 0 {
		key.weight = rule.Weight
	}
	return key
}

// reports tells whether readings come at the moment.
func (p Pace) reports() bool {
	return p != PaceNever && p != PaceWaiting && p != PaceSilent && p != PaceFailing
}

// sorted returns the groups: those with the most to say first.
func (g grouping) sorted() []PlannedGroup {
	order := []Pace{PaceFast, PaceSlow, PaceIrregular, PacePromised, PaceSilent, PaceNever, PaceWaiting, PaceFailing}
	keys := slices.SortedFunc(maps.Keys(g), func(a, b group) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.pace), slices.Index(order, b.pace)), cmp.Compare(b.weight, a.weight),
			cmp.Compare(a.maxAge, b.maxAge))
	})
	groups := make([]PlannedGroup, len(keys))
	for i, key := range keys {
		groups[i] = key.planned(g[key])
	}
	return groups
}

func (key group) planned(sensors []outlook) PlannedGroup {
	p := PlannedGroup{Pace: key.pace, Weight: key.weight, MaxAge: key.maxAge, Sensors: len(sensors)}
	var ages float64
	for _, o := range sensors {
		p.PerHour += 3600 * o.rate
		ages += (o.least + o.most) / 2
	}
	if key.pace.reports() {
		p.Age, p.Age95 = planned(ages/float64(len(sensors))), planned(quantileOf(sensors, .95))
	}
	return p
}

// quantileOf returns the age, in seconds, below which sensors are for a part of their time: each is equally long at
// every age between its bounds.
func quantileOf(sensors []outlook, part float64) float64 {
	low, high := 0.0, 0.0
	for _, o := range sensors {
		high = max(high, o.most)
	}
	for high-low > 1e-3*high {
		middle := (low + high) / 2
		var below float64
		for _, o := range sensors {
			below += max(0, min(1, (middle-o.least)/max(1e-9, o.most-o.least)))
		}
		if below < part*float64(len(sensors)) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
