package poller

import (
	"math"
	"time"
)

const (
	lateWeight = 0.02 // of the latest request in how late requests are on average
	scatter    = 0.1  // part by which turns differ, so that what began at once does not stay so
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

// set also goes on with the turns of a schedule before a reload, by the rules that hold now.
func (w *waterLevel) set(machineID string, sensors []*sensor) (added, removed int) {
	added, removed = w.roundRobin.set(machineID, sensors)
	for _, t := range w.admitted {
		if w.heritage[t.sensor.ref()] != nil && t.failures == 0 && !t.asked.IsZero() {
			w.plan(t, t.asked)
		}
	}
	return added, removed
}

// succeed also takes the level over, which is computed anew as soon as there is anybody to ask.
func (w *waterLevel) succeed(before scheduler) {
	w.roundRobin.succeed(before)
	if old, ok := before.(*waterLevel); ok {
		w.turn, w.late, w.answering, w.stretch, w.demand = old.turn, old.late, old.answering, old.stretch, old.demand
		if old.longest > old.maxInterval.Seconds() {
			w.longest = old.longest // the allowance does not permit max_interval
		}
	}
}

func (w *waterLevel) next(now time.Time) *turn {
	w.level(now)
	t := w.roundRobin.next(now)
	if !t.due.IsZero() {
		w.late += lateWeight * (now.Sub(t.due).Seconds() - w.late)
	}
	return t
}

func (w *waterLevel) answered(t *turn, o outcome) {
	t.failures = 0
	w.answering += lateWeight * (o.now.Sub(o.at).Seconds() - w.answering)
	times := make([]float64, len(o.times))
	for i, at := range o.times {
		times[i] = seconds(at)
	}
	if n := len(o.times); n > 0 {
		t.agree(o.at.Sub(o.times[n-1]), o.ahead)
	}
	t.learn(seconds(o.at.Add(t.ahead)), times, o.whole)
	w.plan(t, o.now)
}

// agree chooses the clock by which a new reading is younger, the API's or ours: either may be wrong, and the time of the requests
// must be of the clock that the readings have. age is by ours.
func (t *turn) agree(age, ahead time.Duration) {
	switch {
	case age.Abs() <= (age + ahead).Abs():
		t.ahead = 0
	case (ahead - t.ahead).Abs() > 2*time.Second: // the difference is known to a second
		t.ahead = ahead
	}
}

// plan puts a sensor back that was asked last at a moment known to it; it is due no earlier than now.
func (w *waterLevel) plan(t *turn, now time.Time) {
	wait := w.clamp(w.wait(t))
	w.put(t, later(t.asked.Add(time.Duration(wait*float64(time.Second))), now))
}

func (w *waterLevel) wishes(now time.Time) (demand, stretch float64) {
	if w.waiting.first() != nil {
		w.level(now) // nobody may be asked for long
	}
	return w.demand, w.stretch
}

// wait returns how long a sensor may be left, in seconds: by the level, or shorter to keep its promise.
func (w *waterLevel) wait(t *turn) float64 {
	turn := w.turn / t.haste() * (1 + scatter*(2*t.chance()-1))
	wait := t.pace().Wait(turn, t.chance())
	if age := w.promisedAge(t); age > 0 {
		wait = min(wait, t.pace().Within(age))
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

// rate returns the requests per second that a sensor takes at a level: of one that backs off no more than of others, or no
// level could make room for many that have just begun to fail.
func (w *waterLevel) rate(t *turn, level float64) float64 {
	rate := 1 / w.clamp(1/t.pace().Rate(level/t.haste()))
	if t.failures > 0 {
		return min(rate, 1/w.backedOff(t).Sub(t.asked).Seconds())
	}
	if age := w.promisedAge(t); age > 0 {
		rate = max(rate, t.pace().PromiseRate(age))
	}
	return rate
}

// clamp holds min_interval, and max_interval while the allowance permits it.
func (w *waterLevel) clamp(wait float64) float64 {
	return max(w.interval.Seconds(), min(wait, w.longest))
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
