package schedule

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

const (
	maxGaps          = 32   // gaps remembered of each sensor
	irregularWindow  = 0.8  // a window wider than this part of the interval makes the phase useless
	gridAdvantage    = 1.2  // a fixed grid must fit this much tighter than the gaps
	minGridGaps      = 8    // gaps that a grid is fitted to at least
	defaultDelay     = 0.3  // seconds from timestamp to visibility, before it is measured
	margin           = 0.05 // seconds that a poll is placed after the expected moment
	delayDecay       = 0.005
	maxDelayDecay    = 0.005 // seconds
	maxBatchPages    = 4.0   // a batch has at most this many times the readings of a page
	wasteWeight      = 0.05  // weight of the latest poll in the share of wasted ones
	batchWeight      = 0.5   // weight of the latest batch
	maxNeverReported = 32.0  // levels that a sensor waits at most that has never reported
)

// Interval is what has been learned of when one sensor reports. The zero value knows nothing. Times are seconds since a
// moment that the caller chooses. Not safe for concurrent use.
type Interval struct {
	learned
	period    float64 // typical gap; 0: not learned
	low, up   float64 // the next reading comes between Newest+low and Newest+up
	missCount uint8
	missRoom  [4]float64
}

// learned is what Save saves; the rest follows from it. Arrays, not slices, so that a copy shares nothing.
type learned struct {
	Newest   float64 // time of the newest reading seen
	Polled   float64 // time of the last poll
	Delay    bounds  // from timestamp to visibility, including the sensor's clock error
	Batch    float64 // readings that become visible at once
	Wasted   float64 // share of polls that came too early
	Empty    uint32  // polls before the first reading
	Found    bool    // the last poll brought a reading
	Reported bool    // some poll has brought one
	GapCount uint8
	GapRoom  [maxGaps]float32
}

// Regular returns the interval of a sensor that reports exactly every so often and has just been polled.
func Regular(every time.Duration, now time.Time) *Interval {
	const readings = 10
	var times []float64
	for i := range readings {
		times = append(times, seconds(now)-float64(readings-1-i)*every.Seconds())
	}
	var i Interval
	i.Learn(seconds(now)+defaultDelay, times, true)
	return &i
}

// misses are the times of the latest polls without a reading since the newest one, oldest first.
func (i *Interval) misses() []float64 { return i.missRoom[:i.missCount] }

// gaps are the latest ones between readings, in seconds, oldest first.
func (i *Interval) gaps() []float32 { return i.GapRoom[:i.GapCount] }

// push appends an element, in place of the oldest one if there is no room, and returns how many there are now.
func push[T any](room []T, count uint8, element T) uint8 {
	if int(count) == len(room) {
		copy(room, room[1:])
		count--
	}
	room[count] = element
	return count + 1
}

// Learn updates the interval from a successful poll at a time. times are those of readings newer than all before,
// ascending. complete means that no reading before the first of these was missed: the page reached back far enough.
func (i *Interval) Learn(polled float64, times []float64, complete bool) {
	i.Polled, i.Found = polled, len(times) > 0
	if !i.Found {
		i.miss(polled)
		return
	}
	unseen := !complete && i.Reported && i.unseenBefore(times[0])
	i.measureDelay(polled, times, unseen)
	i.addGaps(times, unseen)
	i.Wasted *= 1 - wasteWeight
	i.Empty, i.Reported = 0, true
	i.fit()
}

func (i *Interval) miss(polled float64) {
	if !i.Reported {
		i.Empty++
		return
	}
	i.missCount = push(i.missRoom[:], i.missCount, polled)
	if !i.silent(polled) {
		i.Wasted += wasteWeight * (1 - i.Wasted)
	}
}

// hidden reports whether a reading existed but was not visible when the latest poll missed it.
func (i *Interval) hidden(at float64) bool { return i.missCount > 0 && at < i.missRoom[i.missCount-1] }

// unseenBefore reports whether readings before the first of a page may have been missed. A poll that found nothing
// proves that there were none, unless it missed even the first of the page.
func (i *Interval) unseenBefore(first float64) bool {
	return i.period > 0 && first-i.Newest > 1.5*i.period && (i.missCount == 0 || i.hidden(first))
}

// measureDelay bounds the delay from timestamp to visibility. A reading that a poll missed was invisible then, so the
// delay is at least that long. A reading that is visible is at most as late as it is old. Several readings that a poll
// missed are a batch: they became visible together.
func (i *Interval) measureDelay(polled float64, times []float64, unseen bool) {
	i.Delay.decay()
	first, last, count := times[0], times[len(times)-1], float64(len(times))
	if unseen && first-i.Newest <= maxBatchPages*count*i.period { // the page is smaller than the batch
		count = math.Round((last - i.Newest) / i.period)
		first = i.Newest + i.period
	}
	if i.hidden(first) {
		i.Batch += batchWeight * (count - i.Batch)
	} else {
		i.Batch = min(i.Batch, count)
	}
	for _, miss := range i.misses() {
		i.Delay.missed(miss - first)
	}
	i.missCount = 0
	if i.batched() {
		i.Delay.seen(polled-first, false)
	} else {
		i.Delay.seen(polled-last, !i.Reported)
	}
}

// batched reports whether several readings become visible at once. The delay is then that of the first of them.
func (i *Interval) batched() bool { return i.Batch >= 1.5 }

// bounds are those of a delay in seconds. It may be negative: a fast clock shows readings before their time.
type bounds struct {
	Least, Most float64
	Measured    bool // Least comes from a miss
}

// missed raises the lower bound to the age of a reading that was invisible.
func (b *bounds) missed(age float64) {
	if age > 0 {
		b.Least, b.Measured = max(b.Least, age), true
	}
}

// seen lowers both bounds to the age of a reading that was visible.
func (b *bounds) seen(age float64, first bool) {
	if first || age < b.Most {
		b.Most = age
	}
	b.Least = min(b.Least, age)
	if b.Measured {
		b.Most = max(b.Most, b.Least)
	}
}

// decay widens both bounds a little, because a delay may change.
func (b *bounds) decay() {
	b.Least -= min(maxDelayDecay, delayDecay*math.Abs(b.Least))
	b.Most += 0.01 + 0.01*math.Abs(b.Most)
}

// estimate is a little more than the lower bound, and at most the upper one.
func (b *bounds) estimate() float64 {
	if !b.Measured {
		return min(b.Most, defaultDelay)
	}
	return min(b.Most, b.Least+defaultDelay)
}

// VisibleAfter returns an estimate of the time from the timestamp of a reading to its visibility, for a poll so long after the
// one before; it is never negative. Of several readings that become visible at once it is that of the first.
func (i *Interval) VisibleAfter(gap time.Duration) time.Duration {
	delay := defaultDelay
	switch {
	case i == nil || !i.Reported:
	case i.period == 0 || i.stride() > gap.Seconds():
		delay = i.Delay.estimate()
	default: // each poll finds readings, so none measures the lower bound; the upper one is less than an interval above
		delay = min(i.Delay.Most, gap.Seconds())
	}
	return time.Duration(max(0, delay) * float64(time.Second))
}

// addGaps remembers the gaps. One with missed readings counts as the number of intervals that it spans.
func (i *Interval) addGaps(times []float64, unseen bool) {
	previous := i.Newest
	if !i.Reported {
		previous, times = times[0], times[1:]
	}
	for n, t := range times {
		gap := t - previous
		if unseen && n == 0 {
			gap /= max(1, math.Round(gap/i.period))
		}
		i.GapCount = push(i.GapRoom[:], i.GapCount, float32(gap))
		previous = t
	}
	i.Newest = previous
}

// fit computes interval and window from the gaps: their median, and what lies between the 5 % and 95 % quantiles, so
// that outliers (a night, a missing reading) do not matter; or from a fixed grid if that fits tighter.
func (i *Interval) fit() {
	if i.GapCount == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(i.gaps()))
	i.low, i.period, i.up = quantile(sorted, .05), quantile(sorted, .5), quantile(sorted, .95)
	if i.GapCount < minGridGaps || i.period <= 0 {
		return
	}
	if low, up, ok := i.fitGrid(); ok && (up-low)*gridAdvantage < i.up-i.low {
		i.low, i.up = low, up
	}
}

// fitGrid fits t = a + b k + residual by least squares: a timer whose readings are each early or late on their own. The
// gaps then scatter twice as wide as the readings, and the last residual is known.
func (i *Interval) fitGrid() (low, up float64, ok bool) {
	n := float64(i.GapCount) + 1
	var k, t, sumK, sumT, sumKK, sumKT float64
	for _, gap := range i.gaps() {
		k, t = i.step(k, t, gap)
		sumK, sumT, sumKK, sumKT = sumK+k, sumT+t, sumKK+k*k, sumKT+k*t
	}
	spread := n*sumKK - sumK*sumK
	if spread == 0 {
		return 0, 0, false
	}
	b := (n*sumKT - sumK*sumT) / spread
	a := (sumT - b*sumK) / n
	residuals := make([]float32, 1, maxGaps+1)
	residuals[0] = float32(-a)
	k, t = 0, 0
	for _, gap := range i.gaps() {
		k, t = i.step(k, t, gap)
		residuals = append(residuals, float32(t-a-b*k))
	}
	last := float64(residuals[len(residuals)-1])
	slices.Sort(residuals)
	return b + quantile(residuals, .05) - last, b + quantile(residuals, .95) - last, true
}

// step moves on by one gap, which spans a whole number of intervals, at least one.
func (i *Interval) step(k, t float64, gap float32) (float64, float64) {
	return k + max(1, math.Round(float64(gap)/i.period)), t + float64(gap)
}

func quantile(sorted []float32, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)])
}

// Period returns the learned reporting interval in seconds; 0 while it is not known. For uploads in batches it is the
// time from one batch to the next.
func (i *Interval) Period() float64 {
	if i == nil || i.period == 0 {
		return 0
	}
	return i.stride()
}

// Covers returns the seconds in which the readings of a sensor fill a page of some size; 0 while its interval is not known, or if
// the page is smaller than one of its uploads.
func (i *Interval) Covers(page int) float64 {
	if i == nil {
		return 0
	}
	return i.stride() * math.Floor(float64(page)/max(1, math.Round(i.Batch)))
}

// stride is the time from one moment at which something new is visible to the next.
func (i *Interval) stride() float64 { return i.period * max(1, math.Round(i.Batch)) }

func (i *Interval) regular() bool { return i.period > 0 && i.up-i.low <= irregularWindow*i.period }

// silent reports whether a sensor has been quiet for so long that it may be off.
func (i *Interval) silent(now float64) bool {
	return now-i.Newest > 3*i.up+i.Delay.estimate()+60
}

// savedVersion is that of the bytes of GobEncode.
const savedVersion = 2

// GobEncode implements gob.GobEncoder.
func (i *Interval) GobEncode() ([]byte, error) {
	return binary.Append([]byte{savedVersion}, binary.LittleEndian, &i.learned)
}

// GobDecode implements gob.GobDecoder. It ignores bytes of another version: to learn again is better than to refuse all state.
func (i *Interval) GobDecode(encoded []byte) error {
	var l learned
	if len(encoded) != 1+binary.Size(l) || encoded[0] != savedVersion {
		return nil
	}
	if _, err := binary.Decode(encoded[1:], binary.LittleEndian, &l); err == nil && l.valid() {
		*i = Interval{learned: l}
		i.fit()
	}
	return nil
}

// valid reports whether all numbers are finite and within their bounds.
func (l *learned) valid() bool {
	for _, gap := range l.GapRoom {
		if !(gap >= 0 && gap < math.MaxFloat32) {
			return false
		}
	}
	for _, f := range []float64{l.Newest, l.Polled, l.Delay.Least, l.Delay.Most, l.Batch} {
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return false
		}
	}
	return l.GapCount <= maxGaps && l.Wasted >= 0 && l.Wasted <= 1
}
