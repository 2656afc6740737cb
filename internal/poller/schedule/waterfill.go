package schedule

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// MaxAgeShare is the part of the requests for polls that max-age targets may take. Page targets get what is left of it: all
	// targets together take at most this part of the requests that other sensors would have without them.
	MaxAgeShare = 0.6

	pageFill  = 0.9 // of a page, after which a sensor with a page target is polled
	pageClass = 1.1 // sensors whose page targets differ by a smaller factor all get theirs, or none does

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
	count    int       // of how many sensors
	longest  float64   // seconds that a sensor waits at most: maxInterval, or unbounded if the rate limit is too low for it
	late     float64   // seconds that polls are late, moving average
	latency  float64   // seconds that a response takes, moving average
	relaxed  float64   // factor by which all max-age targets are longer than configured, at least 1
	demand   float64   // requests per hour that a poll after each reading would take

	complete bool    // sensors have page targets
	page     int     // readings that a page holds; 0: not known
	fits     float64 // seconds: the shortest page target for which there are requests; sensors with a shorter one get none
}

// compute computes the level from a sample of the waiting sensors, for count sensors in all. The planned requests are to
// use what there is, except for a small part that grows with how late polls are. The level is computed from scratch:
// a controller that feeds back what was spent can lock in.
func (w *waterFill) compute(sample []*State, count int, perSecond float64, now time.Time) {
	w.computed, w.count = now, count
	share := float64(len(sample)) / float64(count)
	cycle := float64(count) / perSecond
	available := share * perSecond * (1 - min(maxSpare, lateCorrection*w.late/cycle))
	targets := w.relax(sample, share*perSecond, perSecond)
	w.longest, w.fits = unbounded, math.Inf(1)
	if w.complete {
		targets += w.fitPages(sample, available)
	}
	if float64(count)/w.maxInterval <= maxIntervalShare*(perSecond-targets/share) {
		w.longest = w.maxInterval
	}
	w.level = w.solve(sample, available, w.rate)
}

// fitPages computes fits. Page targets are given out, the longest first, as long as the level stays below the one that leaves
// other sensors their part: to read every reading of a slow sensor takes the fewest requests. It returns the requests per second
// that the targets take, beyond those of max_interval.
func (w *waterFill) fitPages(sample []*State, perSecond float64) (taken float64) {
	level := w.solve(sample, perSecond, w.untargeted) / (1 - MaxAgeShare)
	left, all := perSecond, make([]*State, 0, len(sample))
	for _, s := range sample {
		left -= w.rate(s, level)
		if w.pageTarget(s) > 0 && s.Failures == 0 {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *State) int { return cmp.Compare(w.pageTarget(b), w.pageTarget(a)) })
	fits, longest := 0.0, math.Inf(1) // of the class
	for _, s := range all {
		if target := w.pageTarget(s); target*pageClass < longest {
			longest = target
		}
		if left -= max(0, w.pageRate(s)-w.rate(s, level)); left < 0 {
			fits = longest * math.Sqrt(pageClass) // sensors that the sample lacks differ a little
			break
		}
	}
	w.fits = fits
	for _, s := range all {
		if w.meetsPage(s) {
			taken += max(0, w.pageRate(s)-1/w.maxInterval)
		}
	}
	return taken
}

// pageTarget returns the seconds after which a sensor is polled before its page overflows; 0: it has none, because its
// interval is not known, or min_interval is longer than what a page covers.
func (w *waterFill) pageTarget(s *State) float64 {
	covers := s.Interval.Covers(w.page)
	if covers < w.minInterval {
		return 0
	}
	return max(w.minInterval, pageFill*covers)
}

// pageRate returns the requests per second that it takes to meet the page target of a sensor. A poll for each reading, or each
// upload of several, is sufficient in any case.
func (w *waterFill) pageRate(s *State) float64 { return 1 / max(w.pageTarget(s), s.Interval.stride()) }

// meetsPage reports whether a sensor is polled before its page overflows.
func (w *waterFill) meetsPage(s *State) bool {
	target := w.pageTarget(s)
	return target > 0 && target >= w.fits
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

// solve finds the level at which sensors take so many requests, by bisection of its logarithm, to a thousandth.
func (w *waterFill) solve(sample []*State, perSecond float64, rate func(s *State, level float64) float64) float64 {
	low, high := 1e-3, unbounded
	for high/low > 1.001 {
		middle := math.Sqrt(low * high)
		var sum float64
		for _, s := range sample {
			sum += rate(s, middle)
		}
		if sum > perSecond {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// wait returns how many seconds a sensor waits after its last poll: by the level, or less for its target.
func (w *waterFill) wait(s *State, random *rand.Rand) float64 {
	level := w.levelOf(s, w.level) * (1 + scatter*(2*random.Float64()-1))
	wait := s.Interval.wait(level, random.Float64())
	if s.MaxAge > 0 {
		wait = min(wait, s.Interval.waitWithin(w.fetchAge(s)))
	}
	if w.meetsPage(s) { // no page overflows before the next upload
		wait = min(wait, max(w.pageTarget(s), s.Interval.wait(min(level, s.Interval.stride()), 0)))
	}
	return w.clamp(wait)
}

// rate returns the requests per second that a sensor takes at a level. One in back-off counts with its retries at most:
// otherwise no level would make room for many that have just begun to fail.
func (w *waterFill) rate(s *State, level float64) float64 {
	rate := w.untargeted(s, level)
	if s.Failures > 0 {
		return rate
	}
	if s.MaxAge > 0 {
		rate = max(rate, s.Interval.rateWithin(w.fetchAge(s)))
	}
	if w.meetsPage(s) {
		rate = max(rate, w.pageRate(s))
	}
	return rate
}

// untargeted is the rate without targets.
func (w *waterFill) untargeted(s *State, level float64) float64 {
	rate := w.rateByLevel(s, level)
	if s.Failures > 0 {
		rate = min(rate, 1/s.backOff().Seconds())
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
