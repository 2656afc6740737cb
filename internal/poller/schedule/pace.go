package schedule

import (
	"math"
	"slices"
)

const (
	remembered    = 32  // gaps kept of each sensor
	noRhythm      = 0.8 // a window wider than this part of the period tells nothing
	tighter       = 1.2 // how much tighter a fixed grid must fit than the gaps
	least         = 8   // readings that a grid is fitted to at least
	usualDelay    = 0.3 // seconds from timestamp to visibility that are allowed for before it is measured
	slack         = 0.05
	forgetting    = 0.005 // part of the measured delay that each answer takes back
	mostForgotten = 0.005 // seconds, and at most
	mostUnseen    = 4.0   // times what a page holds are missed of a batch at most
	learning      = 0.05  // weight of the latest request in the share of wasted ones
	neverSlow     = 32.0  // turns that a sensor which never reported is left at most
	adopting      = 0.5   // weight of the latest batch
)

// Sensor is what has been learned of one sensor. The zero value knows nothing. Not safe for concurrent use.
type Sensor struct {
	newest float64 // timestamp of the newest reading seen
	asked  float64 // when it was asked last

	period   float64 // typical gap; 0: not learned
	low, up  float64 // the next reading comes between newest+low and newest+up
	delay    bounds  // from timestamp to visibility, the sensor's clock error included
	batch    float64 // readings that become visible at once
	wasted   float64 // share of requests that came too early
	never    uint32  // requests without anything, ever
	fruitful bool    // the last request brought something
	reported bool    // has ever

	// Here and not behind pointers: copies share nothing, and there may be a million.
	missCount, gapCount uint8
	missRoom            [4]float64          // see misses
	gapRoom             [remembered]float32 // see gaps
}

// misses are the latest requests that brought nothing since the newest reading, oldest first.
func (s *Sensor) misses() []float64 { return s.missRoom[:s.missCount] }

// gaps are the latest ones between readings, in seconds, oldest first.
func (s *Sensor) gaps() []float32 { return s.gapRoom[:s.gapCount] }

// push adds an element behind the others, where there is no room in place of the oldest, and returns how many there are now.
func push[T any](room []T, count uint8, one T) uint8 {
	if int(count) == len(room) {
		copy(room, room[1:])
		count--
	}
	room[count] = one
	return count + 1
}

// Learn takes an answer in: when it was asked for, and the timestamps of readings newer than all before, ascending.
// whole says that no reading between the newest one before and the first of these can have been missed: the page reached
// back to what was known.
func (s *Sensor) Learn(asked float64, times []float64, whole bool) {
	s.asked, s.fruitful = asked, len(times) > 0
	if !s.fruitful {
		s.miss(asked)
		return
	}
	unseen := !whole && s.reported && s.unseenBefore(times[0])
	s.measureDelay(asked, times, unseen)
	s.remember(times, unseen)
	s.wasted *= 1 - learning
	s.never, s.reported = 0, true
	s.learnRhythm()
}

func (s *Sensor) miss(asked float64) {
	if !s.reported {
		s.never++
		return
	}
	s.missCount = push(s.missRoom[:], s.missCount, asked)
	if !s.silent(asked) {
		s.wasted += learning * (1 - s.wasted)
	}
}

// hidden reports whether a reading was there but not visible when the latest request missed it.
func (s *Sensor) hidden(at float64) bool { return s.missCount > 0 && at < s.missRoom[s.missCount-1] }

// unseenBefore reports whether readings before the first of a page may have been missed. A request that found nothing
// proves that there were none, unless even the first of the page was hidden from it.
func (s *Sensor) unseenBefore(first float64) bool {
	return s.period > 0 && first-s.newest > 1.5*s.period && (s.missCount == 0 || s.hidden(first))
}

// measureDelay brackets the delay from timestamp to visibility. A reading that is seen now, and was not when a request
// missed it, was invisible then: the delay is at least that long. One that is seen is at most as late as it is old.
// Several readings that a request missed are a batch: they became visible together, the first of them late.
func (s *Sensor) measureDelay(asked float64, times []float64, unseen bool) {
	s.delay.forget()
	first, last, count := times[0], times[len(times)-1], float64(len(times))
	if unseen && first-s.newest <= mostUnseen*count*s.period { // a page that is smaller than the batch
		count = math.Round((last - s.newest) / s.period)
		first = s.newest + s.period
	}
	if s.hidden(first) {
		s.batch += adopting * (count - s.batch)
	} else {
		s.batch = min(s.batch, count)
	}
	for _, miss := range s.misses() {
		s.delay.hid(miss - first)
	}
	s.missCount = 0
	if s.batched() {
		s.delay.showed(asked-first, false)
	} else {
		s.delay.showed(asked-last, !s.reported)
	}
}

// batched reports whether readings become visible several at once. Then the delay is that of the first of them.
func (s *Sensor) batched() bool { return s.batch >= 1.5 }

// bounds brackets a delay in seconds. It may be negative: a clock that is ahead shows readings before their time.
type bounds struct {
	least, most float64
	missed      bool // least has been measured
}

// hid raises the lower bound to the age of a reading that was hidden; one that was not there yet says nothing.
func (b *bounds) hid(age float64) {
	if age > 0 {
		b.least, b.missed = max(b.least, age), true
	}
}

// showed lowers the upper bound to the age of a reading that was there; and the lower one, where a reading was never as
// late as was thought.
func (b *bounds) showed(age float64, first bool) {
	if first || age < b.most {
		b.most = age
	}
	b.least = min(b.least, age)
	if b.missed {
		b.most = max(b.most, b.least)
	}
}

// forget widens both bounds a little: a delay may change.
func (b *bounds) forget() {
	b.least -= min(mostForgotten, forgetting*math.Abs(b.least))
	b.most += 0.01 + 0.01*math.Abs(b.most)
}

// estimate is a little more than the least that was measured, and no more than the most.
func (b *bounds) estimate() float64 {
	if !b.missed {
		return min(b.most, usualDelay)
	}
	return min(b.most, b.least+usualDelay)
}

// visibleAfter estimates the delay from timestamp to visibility, in seconds.
func (s *Sensor) visibleAfter() float64 { return s.delay.estimate() }

// remember adds the gaps. One in which readings were missed counts for as many periods as it spans.
func (s *Sensor) remember(times []float64, unseen bool) {
	previous := s.newest
	if !s.reported {
		previous, times = times[0], times[1:]
	}
	for i, t := range times {
		gap := t - previous
		if unseen && i == 0 {
			gap /= max(1, math.Round(gap/s.period))
		}
		s.gapCount = push(s.gapRoom[:], s.gapCount, float32(gap))
		previous = t
	}
	s.newest = previous
}

// learnRhythm tells period and window from the gaps: their median, and what lies between the 5 % and 95 % quantiles,
// so that outliers (a night, a missing reading) do not matter; or from a fixed grid where that fits tighter.
func (s *Sensor) learnRhythm() {
	if s.gapCount == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(s.gaps()))
	s.low, s.period, s.up = quantile(sorted, .05), quantile(sorted, .5), quantile(sorted, .95)
	if s.gapCount < least || s.period <= 0 {
		return
	}
	if low, up, ok := s.grid(); ok && (up-low)*tighter < s.up-s.low {
		s.low, s.up = low, up
	}
}

// grid fits t = a + b k + residual by least squares: a timer whose readings are late or early each on their own. There
// the gaps scatter twice as wide as the readings, and the last residual is known.
func (s *Sensor) grid() (low, up float64, ok bool) {
	n := float64(s.gapCount) + 1
	var k, t, sumK, sumT, sumKK, sumKT float64
	for _, gap := range s.gaps() {
		k, t = s.step(k, t, gap)
		sumK, sumT, sumKK, sumKT = sumK+k, sumT+t, sumKK+k*k, sumKT+k*t
	}
	spread := n*sumKK - sumK*sumK
	if spread == 0 {
		return 0, 0, false
	}
	b := (n*sumKT - sumK*sumT) / spread
	a := (sumT - b*sumK) / n
	residuals := make([]float32, 1, remembered+1)
	residuals[0] = float32(-a)
	k, t = 0, 0
	for _, gap := range s.gaps() {
		k, t = s.step(k, t, gap)
		residuals = append(residuals, float32(t-a-b*k))
	}
	last := float64(residuals[len(residuals)-1])
	slices.Sort(residuals)
	return b + quantile(residuals, .05) - last, b + quantile(residuals, .95) - last, true
}

// step moves on by one gap, which spans a whole number of periods, at least one.
func (s *Sensor) step(k, t float64, gap float32) (float64, float64) {
	return k + max(1, math.Round(float64(gap)/s.period)), t + float64(gap)
}

func quantile(sorted []float32, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)])
}

// Period returns the learned reporting interval in seconds; 0 while it is not known. For uploads in batches it is the
// batch's.
func (s *Sensor) Period() float64 {
	if s.period == 0 {
		return 0
	}
	return s.stride()
}

// stride is the time from one moment at which something new is visible to the next.
func (s *Sensor) stride() float64 { return s.period * max(1, math.Round(s.batch)) }

func (s *Sensor) rhythmic() bool { return s.period > 0 && s.up-s.low <= noRhythm*s.period }

// silent reports whether a sensor has been quiet for so long that it may be off.
func (s *Sensor) silent(now float64) bool {
	return now-s.newest > 3*s.up+s.visibleAfter()+60
}
