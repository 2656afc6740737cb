package poller

import (
	"iter"
	"time"

	"innius_exporter/internal/poller/schedule"
)

// What readings come later than the schedule plans for, as measured in the simulator.
const (
	answering   = 1    // seconds that an answer takes, roughly
	usuallyLate = 0.02 // of a cycle, where the allowance is used up: what is due at once has to queue
)

// forecast is a schedule that is asked what it will do. It is at its level.
type forecast struct {
	*waterLevel
	now  float64 // seconds since the epoch
	late float64 // seconds that readings will come after they are due
}

func newForecast(w *waterLevel, at time.Time) *forecast {
	w.answering = answering
	for range 4 { // the level bounds the intervals that it is computed from: until it stays
		w.leveledAt = time.Time{}
		w.level(at)
	}
	f := &forecast{waterLevel: w, now: seconds(at), late: answering}
	if f.busy() {
		f.late += min(highest, usuallyLate*float64(w.count)/w.perHour()*3600)
	}
	return f
}

// busy reports whether the allowance is used up.
func (f *forecast) busy() bool {
	var sum float64
	for t := range f.all() {
		sum += 3600 * f.rate(t, f.turn)
	}
	return sum > 0.95*f.perHour()
}

// all yields every sensor that is asked.
func (f *forecast) all() iter.Seq[*turn] {
	return func(yield func(*turn) bool) {
		for _, sensors := range f.machines {
			for _, t := range sensors {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// need returns the requests per second that it takes to get each reading of a sensor whose pace is known.
func (f *forecast) need(t *turn) float64 { return 1 / max(f.interval.Seconds(), t.pace().Period()) }

// rateWithout returns the requests per second that a sensor takes at the level alone, without a promise.
func (f *forecast) rateWithout(t *turn) float64 {
	return 1 / f.clamp(1/t.pace().Rate(f.turn/t.haste()))
}

// promiseRate returns the requests per second that a sensor's promise takes.
func (f *forecast) promiseRate(t *turn) float64 {
	rate := t.pace().PromiseRate(f.promisedAge(t))
	if t.pace().Period() > f.promised(t.sensor.rule) {
		rate *= t.pace().TriesWithin(max(f.promised(t.sensor.rule), f.interval.Seconds()))
	}
	return rate
}

// outlook is what is said of one sensor. Ages are in seconds.
type outlook struct {
	kind        schedule.Kind
	rate        float64 // requests per second
	least, most float64 // the bounds between which the age of its value rises and falls; of no meaning without readings
}

func (f *forecast) outlook(t *turn) outlook {
	turn, interval := f.turn/t.haste(), f.interval.Seconds()
	o := outlook{kind: t.pace().Kind(turn), rate: f.rate(t, f.turn)}
	switch {
	case o.kind == schedule.Slow && t.pace().Period() < interval:
		o.kind = schedule.Fast // it is min_interval that keeps it from being asked for each reading
	case o.kind == schedule.Slow:
		o.rate = max(o.rate, t.pace().Tries(turn, interval)*f.need(t))
	}
	o.least, o.most = t.pace().Age(turn)
	tooth := f.clamp(o.most - o.least)
	if age := f.promised(t.sensor.rule); age > 0 {
		o.rate = max(o.rate, f.promiseRate(t))
		tooth = min(tooth, max(age-o.least, interval))
	}
	if t.failures > 0 {
		o.rate = 1 / f.backedOff(t).Sub(t.asked).Seconds()
	}
	o.least += f.late
	o.most = o.least + max(tooth, t.pace().Period()) // nothing newer can be had before
	return o
}
