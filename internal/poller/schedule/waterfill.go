package schedule

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// MaxAgeShare is the part of the requests for polls that max-age targets may take.
	MaxAgeShare = 0.6

	maxSample        = 1000 // sensors that the level is computed from at most: it bounds how long the loop stalls
	maxIntervalShare = 0.9  // part of the requests that max_interval alone may take; beyond that it is not applied
	lateWeight       = 0.02 // of the latest poll in the averages of how late polls are and how long responses take
	lateCorrection   = 0.25 // part of the requests left free for each cycle of being late
	maxSpare         = 0.08 // and at most
	scatter          = 0.1  // part by which waits differ, so that what began together does not stay together
	unbounded        = 1e8  // seconds: the highest level, and the longest wait if nothing else bounds it
)

// State is what is known of one sensor.
type State struct {
	Interval *Interval     // what has been learned of when it reports, never changed in place; in a Spec nil means nothing
	Weight   float64       // of its lag against that of others; in a Spec 0 means 1
	MaxAge   time.Duration // target for the age of its reading; 0: none
	Polled   time.Time     // when the last request was sent; zero: never
	Failures int           // in a row
}

// waterFill computes the level at which the planned requests just use the rate limit, and what it means for a sensor.
type waterFill struct {
	minInterval, maxInterval float64 // seconds

	level    float64   // seconds; 0: not computed yet
	computed time.Time // when
	longest  float64   // seconds that a sensor waits at most: maxInterval, or unbounded if the rate limit is too low for it
	late     float64   // seconds that polls are late, moving average
	latency  float64   // seconds that a response takes, moving average
	relaxed  float64   // factor by which all max-age targets are longer than configured, at least 1
	demand   float64   // requests per hour that it would take to get each reading
}

// compute computes the level from a sample of the waiting sensors, for count sensors in all. The planned requests are to
// use what there is, except for a small part that grows with how late polls are. The level is computed from scratch:
// a controller that feeds back what was spent can lock in.
func (w *waterFill) compute(sample []*State, count int, perSecond float64, now time.Time) {
	w.computed = now
	share := float64(len(sample)) / float64(count)
	targets := w.relax(sample, share*perSecond, perSecond) / share
	w.longest = w.maxInterval
	if float64(count)/w.longest > maxIntervalShare*(perSecond-targets) {
		w.longest = unbounded
	}
	cycle := float64(count) / perSecond
	w.solve(sample, share*perSecond*(1-min(maxSpare, lateCorrection*w.late/cycle)))
}

// relax lengthens all max-age targets by one factor if they would take more than their share. It returns the requests
// per second that they take, and computes the demand.
func (w *waterFill) relax(sample []*State, perSecond, all float64) float64 {
	var wanted, demand float64
	w.relaxed = 1
	for _, s := range sample {
		if s.MaxAge > 0 {
			wanted += s.Interval.rateWithin(w.fetchAge(s))
		}
		if period := s.Interval.Period(); period > 0 {
			demand += 1 / max(w.minInterval, period)
		}
	}
	most := MaxAgeShare * perSecond
	w.relaxed = max(1, wanted/most)
	w.demand = math.Round(demand/perSecond*all*3600*1e3) / 1e3 // rounded, because it depends on the order of the sum
	return min(wanted, most)
}

// solve finds the level by bisection of its logarithm, to a thousandth.
func (w *waterFill) solve(sample []*State, perSecond float64) {
	low, high := 1e-3, unbounded
	for high/low > 1.001 {
		middle := math.Sqrt(low * high)
		var sum float64
		for _, s := range sample {
			sum += w.rate(s, middle)
		}
		if sum > perSecond {
			low = middle
		} else {
			high = middle
		}
	}
	w.level = high
}

// wait returns how many seconds a sensor waits after its last poll: by the level, or less for its target.
func (w *waterFill) wait(s *State, random *rand.Rand) float64 {
	level := w.levelOf(s, w.level) * (1 + scatter*(2*random.Float64()-1))
	wait := s.Interval.wait(level, random.Float64())
	if s.MaxAge > 0 {
		wait = min(wait, s.Interval.waitWithin(w.fetchAge(s)))
	}
	return w.clamp(wait)
}

// rate returns the requests per second that a sensor takes at a level. One in back-off counts with its retries at most:
// otherwise no level would make room for many that have just begun to fail.
func (w *waterFill) rate(s *State, level float64) float64 {
	rate := w.rateByLevel(s, level)
	if s.Failures > 0 {
		return min(rate, 1/s.backOff().Seconds())
	}
	if s.MaxAge > 0 {
		rate = max(rate, s.Interval.rateWithin(w.fetchAge(s)))
	}
	return rate
}

// rateByLevel is the rate without target and back-off.
func (w *waterFill) rateByLevel(s *State, level float64) float64 {
	return 1 / w.clamp(1/s.Interval.rate(w.levelOf(s, level)))
}

// levelOf is the level of a sensor: by its weight.
func (w *waterFill) levelOf(s *State, level float64) float64 { return level / math.Sqrt(s.Weight) }

// fetchAge returns the age in seconds at which a reading must be polled to meet the sensor's target. The response takes
// its time, sometimes twice as long as on average.
func (w *waterFill) fetchAge(s *State) float64 {
	age := w.target(s)
	return age - min(2*w.latency, age/10)
}

// target returns the sensor's max-age target as relaxed, in seconds. It is at least min_interval: a target that misses
// for that reason is no reason to relax the others.
func (w *waterFill) target(s *State) float64 {
	return max(s.MaxAge.Seconds(), w.minInterval) * w.relaxed
}

// clamp applies min_interval, and max_interval if the rate limit permits it.
func (w *waterFill) clamp(wait float64) float64 {
	return max(w.minInterval, min(wait, w.longest))
}

// backOff is how long the sensor waits after its latest failure.
func (s *State) backOff() time.Duration { return BackOff(s.Failures, 30*time.Second, time.Hour) }

// BackOff returns the wait after a number of failures in a row. It doubles from first with each failure, up to limit.
func BackOff(failures int, first, limit time.Duration) time.Duration {
	for ; failures > 1 && first < limit; failures-- {
		first *= 2
	}
	return min(first, limit)
}
