package collector

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	sampled        = 1000 // sensors that the level is computed from at most: it bounds the stall
	promisedShare  = 0.6  // part of the allowance that promises may take
	lateWeight     = 0.02 // of the latest request in how late requests are on average
	lateCorrection = 0.25 // part of the allowance left free for each cycle of being late
	mostSpare      = 0.08 // and at most
	mostAhead      = 0.03 // part planned in excess while requests are early
	boundShare     = 0.9  // part of the allowance that max_interval alone may take; beyond that it does not hold
	highest        = 1e8  // seconds: of levels, and of waits where nothing else bounds them
	scatter        = 0.1  // part by which turns differ, so that what began at once does not stay so
)

// waterLevel asks each sensor just after its next reading is expected, and shares what the allowance cannot cover by
// one common level: the turn of a sensor of weight 1 that reports all the time (package pace tells the rule and its
// sources). It keeps the books of roundRobin, and is round-robin where there is nothing to learn. A decision costs
// O(log n); the level is computed from a sample.
type waterLevel struct {
	*roundRobin
	perHour     func() float64 // requests per hour for readings
	maxInterval time.Duration

	turn      float64   // the level, in seconds
	longest   float64   // seconds that a sensor is left at most: max_interval, or no bound where the allowance does not permit it
	leveledAt time.Time // when it was computed
	late      float64   // seconds that requests come after they were due, moving average
	answering float64   // seconds that an answer takes, moving average
	stretch   float64   // factor by which all promises are stretched, at least 1
	demand    float64   // requests per hour that the sensors' own paces ask for
}

func newWaterLevel(minInterval, maxInterval time.Duration, perHour func() float64) *waterLevel {
	return &waterLevel{
		roundRobin: newRoundRobin(minInterval), perHour: perHour, maxInterval: maxInterval, longest: maxInterval.Seconds(), stretch: 1,
	}
}

// set also recalls what an earlier process learned of the sensors that are new here.
func (w *waterLevel) set(machineID string, sensors []*sensor) (added, removed int) {
	added, removed = w.roundRobin.set(machineID, sensors)
	if added == 0 {
		return added, removed
	}
	for _, t := range w.machines[machineID] {
		if encoded := t.sensor.cell.lessons.kept(); t.pace.Period() == 0 && encoded != nil && t.pace.Restore(encoded) == nil {
			t.sensor.cell.expect(t.pace.Period())
		}
	}
	return added, removed
}

func (w *waterLevel) next(now time.Time) *turn {
	t := w.roundRobin.next(now)
	if !t.due.IsZero() {
		w.late += lateWeight * (now.Sub(t.due).Seconds() - w.late)
	}
	w.level(now)
	return t
}

func (w *waterLevel) answered(t *turn, o outcome) {
	t.failures = 0
	w.answering += lateWeight * (o.now.Sub(o.at).Seconds() - w.answering)
	times := make([]float64, len(o.times))
	for i, at := range o.times {
		times[i] = seconds(at)
	}
	t.pace.Learn(seconds(o.at), times, o.whole)
	t.sensor.cell.expect(t.pace.Period())
	t.sensor.cell.lessons.keep(t.pace.Keep())
	wait := w.clamp(w.wait(t))
	w.put(t, later(o.at.Add(time.Duration(wait*float64(time.Second))), o.now))
}

func (w *waterLevel) wishes() (demand, stretch float64) { return w.demand, w.stretch }

// wait returns how long a sensor may be left, in seconds: by the level, or shorter to keep its promise.
func (w *waterLevel) wait(t *turn) float64 {
	turn := w.turn / t.haste() * (1 + scatter*(2*t.chance()-1))
	wait := t.pace.Wait(turn, t.chance())
	if age := w.promisedAge(t); age > 0 {
		wait = min(wait, t.pace.Within(age))
	}
	return wait
}

// promisedAge returns the age, in seconds, at which a sensor's reading must be asked for to keep its promise; 0: there is
// none. The answer takes its time, sometimes twice as long as on average.
func (w *waterLevel) promisedAge(t *turn) float64 {
	age := w.promised(t.sensor.rule)
	return age - min(2*w.answering, age/10)
}

// promised returns the age that a rule's sensors are promised, as stretched, in seconds; 0: nothing. It is no less than
// min_interval: one that cannot be kept for that reason is no reason to stretch the others.
func (w *waterLevel) promised(r *Rule) float64 {
	if r.MaxAge == 0 {
		return 0
	}
	return max(r.MaxAge, w.interval).Seconds() * w.stretch
}

// rate returns the requests per second that a sensor takes at a level.
func (w *waterLevel) rate(t *turn, level float64) float64 {
	if t.failures > 0 {
		return 1 / w.backedOff(t).Sub(t.asked).Seconds()
	}
	rate := 1 / w.clamp(1/t.pace.Rate(level/t.haste()))
	if age := w.promisedAge(t); age > 0 {
		rate = max(rate, t.pace.PromiseRate(age))
	}
	return rate
}

// clamp holds min_interval, and max_interval while the allowance permits it.
func (w *waterLevel) clamp(wait float64) float64 {
	return max(w.interval.Seconds(), min(wait, w.longest))
}

// bound decides whether max_interval can be held: whether the requests that it alone demands, of sensors that could be
// left for ever, leave enough of the allowance for those that could not.
func (w *waterLevel) bound(perSecond float64) {
	w.longest = w.maxInterval.Seconds()
	if float64(w.count)/w.longest > boundShare*perSecond {
		w.longest = highest
	}
}

// chance returns the next of a sensor's own pseudo-random numbers in [0, 1): the same sensor is always treated alike.
func (t *turn) chance() float64 {
	if t.seed == 0 {
		t.seed = uint64(hash(t.sensor.ID)) + 1
	}
	t.seed = t.seed*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
	return float64(t.seed>>11) / (1 << 53)
}

// haste is the factor by which a sensor's turn is shorter: the square root of what its lag weighs.
func (t *turn) haste() float64 {
	if t.sensor.rule.Weight > 0 {
		return math.Sqrt(t.sensor.rule.Weight)
	}
	return 1
}

// level computes the level anew, 20 times a cycle: the planned requests shall just use the allowance, but for a little
// that grows with how late requests come. It is computed, never integrated: feeding back what was spent would lock in.
func (w *waterLevel) level(now time.Time) {
	perSecond := w.perHour() / 3600
	cycle := float64(w.count) / perSecond
	if w.turn == 0 {
		w.turn = min(highest, cycle)
	}
	if now.Sub(w.leveledAt).Seconds() < max(2, cycle/20) {
		return
	}
	w.leveledAt = now
	turns, share := w.sample()
	w.promises(turns, share*perSecond)
	w.bound(perSecond)
	target := share * perSecond * (1 - max(-mostAhead, min(mostSpare, lateCorrection*w.late/cycle)))
	w.turn = w.solve(turns, target)
}

// sample returns sensors that are waiting, and the part of all that they are.
func (w *waterLevel) sample() ([]*entry[*turn], float64) {
	all := w.waiting.items
	if len(all) <= sampled {
		return all, float64(len(all)) / float64(max(1, w.count))
	}
	some := make([]*entry[*turn], sampled)
	for i := range some {
		some[i] = all[rand.IntN(len(all))]
	}
	return some, float64(sampled) / float64(w.count)
}

// solve finds the level by bisection, on a scale of ratios, to a thousandth.
func (w *waterLevel) solve(turns []*entry[*turn], target float64) float64 {
	low, high := 1e-3, highest
	for high/low > 1.001 {
		middle := math.Sqrt(low * high)
		var sum float64
		for _, e := range turns {
			sum += w.rate(e.value, middle)
		}
		if sum > target {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// promises stretches all promises alike where they would take more than their share, and adds up the demand.
func (w *waterLevel) promises(turns []*entry[*turn], perSecond float64) {
	var asked, demand float64
	w.stretch = 1
	for _, e := range turns {
		if e.value.sensor.rule.MaxAge > 0 {
			asked += e.value.pace.PromiseRate(w.promisedAge(e.value))
		}
		if period := e.value.pace.Period(); period > 0 {
			demand += 1 / max(w.interval.Seconds(), period)
		}
	}
	w.stretch = max(1, asked/(promisedShare*perSecond))
	w.demand = demand / perSecond * w.perHour()
}
