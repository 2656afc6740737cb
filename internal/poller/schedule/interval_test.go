package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// source is a sensor as the API shows it: when each reading was taken and became visible, ascending.
type source struct {
	times, visible []float64
	page           int     // readings in a response at most; 0: all
	step           float64 // seconds between two polls at least
}

// since returns what a response brings that is newer than the cached reading, and whether it reaches back to that.
func (s source) since(held, seen int) (times []float64, complete bool) {
	times = s.times[held+1 : seen]
	if s.page > 0 && len(times) >= s.page {
		return times[len(times)-s.page:], false
	}
	return times, true
}

func (s source) paged(page int) source {
	s.page = page
	return s
}

// periodic makes readings every period seconds, each late by up to jitter of it, visible after delay.
func periodic(random *rand.Rand, count int, period, jitter, delay float64) source {
	var s source
	for k := range count {
		at := float64(k)*period + random.Float64()*jitter*period
		s.times, s.visible = append(s.times, at), append(s.visible, at+delay)
	}
	return s
}

// batched makes the readings visible only at whole multiples of batch seconds.
func (s source) batched(batch float64) source {
	for i, at := range s.times {
		s.visible[i] = math.Ceil(at/batch) * batch
	}
	return s
}

// skewed shifts the times of the readings, as a wrong clock does.
func (s source) skewed(by float64) source {
	for i := range s.times {
		s.times[i] += by
	}
	return s
}

// poll polls the source when an Interval decides, at a level. It returns the mean lag in the second half and the requests in
// it per reading.
func (s source) poll(i *Interval, level float64) (lag, requests float64) {
	end := s.visible[len(s.visible)-1]
	now, held, seen, dither := s.visible[len(s.visible)/8], -1, 0, 0.0
	for now < end {
		for seen < len(s.visible) && s.visible[seen] <= now {
			seen++
		}
		times, complete := s.since(held, seen)
		i.Learn(now, times, complete)
		held = seen - 1
		dither = math.Mod(dither+math.Phi, 1)
		next := now + max(0.1, s.step, i.wait(level, dither))
		if now > end/2 {
			requests++
			lag += s.lagOf(held, now, min(next, end))
		}
		now = next
	}
	return lag / (end / 2), requests / float64(len(s.times)/2)
}

// lagOf integrates the lag while one reading is cached.
func (s source) lagOf(held int, from, to float64) (lag float64) {
	for i := held + 1; i < len(s.visible) && s.visible[i] < to; i++ {
		lag += (s.times[i] - s.times[i-1]) * (to - max(from, s.visible[i]))
	}
	return lag
}

func random() *rand.Rand { return rand.New(rand.NewPCG(3, 5)) }

func TestIntervalPollsSlowSensorJustAfterEachReading(t *testing.T) {
	for name, s := range map[string]source{
		"a fixed timer":           periodic(random(), 400, 600, 0, 0.5),
		"late by up to 5 %":       periodic(random(), 400, 600, 0.05, 0.5),
		"a clock 5 min behind":    periodic(random(), 400, 600, 0.05, 0.5).skewed(-300),
		"a clock 4 min ahead":     periodic(random(), 400, 600, 0.05, 0.5).skewed(240),
		"10 s in batches of 600":  periodic(random(), 24000, 10, 0.05, 0).batched(600),
		"the same on pages of 20": periodic(random(), 24000, 10, 0.05, 0).batched(600).paged(20),
		"the same on pages of 1":  periodic(random(), 24000, 10, 0.05, 0).batched(600).paged(1),
		"visible after a quarter": periodic(random(), 400, 600, 0.05, 150),
	} {
		lag, requests := s.poll(new(Interval), 60)
		readings := requests
		if len(s.times) == 24000 {
			readings = requests * 60 // per batch
		}
		if lag > 15 || readings > 3 {
			t.Errorf("%s: mean lag %.1f s, %.2f requests per reading; polled every 60 s it would be 30 s and 10", name, lag, readings)
		}
	}
}

func TestIntervalFindsTimeOfUploadsWithLongMinInterval(t *testing.T) {
	s := periodic(random(), 24000, 10, 0.05, 0).batched(600).paged(20)
	s.step = 10
	if lag, requests := s.poll(new(Interval), 60); lag > 2 || requests*60 > 1.1 {
		t.Errorf("mean lag %.1f s, %.2f requests per batch", lag, requests*60)
	}
}

func TestIntervalFollowsUploadsThatMove(t *testing.T) {
	s := periodic(random(), 24000, 10, 0.05, 0).batched(600)
	for i := len(s.visible) / 4; i < len(s.visible); i++ {
		s.visible[i] += 45
	}
	s.step = 10
	if lag, requests := s.poll(new(Interval), 60); lag > 15 || requests*60 > 3 {
		t.Errorf("mean lag %.1f s, %.2f requests per batch", lag, requests*60)
	}
}

func TestIntervalTakesReadingsAfterPauseForNoBatch(t *testing.T) {
	var i Interval
	i.Learn(10, []float64{6, 7, 8, 9}, true)
	i.Learn(40, nil, true)
	var times []float64
	for at := 41.0; at < 70; at++ {
		times = append(times, at)
	}
	i.Learn(70, times, true)
	if got := i.Period(); got != 1 {
		t.Errorf("interval is %v s, want 1", got)
	}
}

func TestIntervalStaysWhenSmallPagesMissReadings(t *testing.T) {
	var i Interval
	now := 0.0
	for k := range 200 {
		now += 60
		if k > 20 {
			now += 540
		}
		i.Learn(now+1, []float64{now}, false)
	}
	if got := i.Period(); got != 60 {
		t.Errorf("interval is %v s, want 60", got)
	}
}

func TestIntervalIgnoresPollsBeforeReadingIsExpected(t *testing.T) {
	var i Interval
	i.Learn(7201, []float64{-14400, -7200, 0, 7200}, true)
	i.Learn(10800, nil, true) // polled half way, because of max_interval
	if got := i.wait(60, 0.5); math.Abs(got-3600) > 2 {
		t.Errorf("waits %v s, want 3600", got)
	}
}

func TestIntervalPollsFastSensorOncePerLevel(t *testing.T) {
	lag, requests := periodic(random(), 20000, 1, 0.05, 0.5).poll(new(Interval), 60)
	if math.Abs(requests*60-1) > 0.05 || lag > 31 {
		t.Errorf("%.4f requests per reading, want 1/60; mean lag %.1f s, want about 30", requests, lag)
	}
}

func TestIntervalPollsIrregularSensorOncePerLevel(t *testing.T) {
	var s source
	source, at := random(), 0.0
	for range 2000 {
		at += source.ExpFloat64() * 100
		s.times, s.visible = append(s.times, at), append(s.visible, at)
	}
	var i Interval
	s.poll(&i, 60)
	if wait := i.wait(60, 0.5); wait != 60 {
		t.Errorf("waits %v s, want 60", wait)
	}
}

func TestIntervalEstimatesWhenReadingsAreVisible(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		source      source
		least, most float64 // seconds
	}{
		"at once":               {periodic(random, 300, 60, 0, 0), 0, 0.3},
		"later":                 {periodic(random, 300, 60, 0, 4), 3.5, 4.5},
		"in batches":            {periodic(random, 600, 10, 0, 0).batched(300), 280, 310}, // the first of each waits for the others
		"before their own time": {periodic(random, 300, 60, 0, 1).skewed(20), 0, 0},
	} {
		var i Interval
		c.source.poll(&i, 10)
		if got := i.VisibleAfter(time.Second).Seconds(); got < c.least || got > c.most {
			t.Errorf("%s: after %v s, want %v to %v s", name, got, c.least, c.most)
		}
	}
	for _, i := range []*Interval{nil, {}} {
		if got := i.VisibleAfter(time.Hour).Seconds(); got != defaultDelay {
			t.Errorf("%v s before the first reading", got)
		}
	}
}

// Where each poll finds readings, none shows that one was hidden, so nothing measures the least delay.
func TestIntervalEstimatesWhenReadingsOfFastSensorsAreVisible(t *testing.T) {
	for _, c := range []struct{ every, delay, gap, least, most float64 }{
		{5, 20, 61, 20, 22}, {5, 0, 61, 0, 2}, {1, 40, 120, 40, 42}, {5, 90, 61, 61, 61},
	} {
		var i Interval
		held := 0.0
		for now := 1000.0; now < 30_000; now += c.gap {
			var times []float64
			for at := held + c.every; at <= now-c.delay; at += c.every {
				times = append(times, at)
				held = at
			}
			i.Learn(now, times, true)
		}
		if got := i.VisibleAfter(time.Duration(c.gap * 1e9)).Seconds(); got < c.least || got > c.most {
			t.Errorf("%+v: after %v s", c, got)
		}
	}
}

func TestIntervalIgnoresOutliers(t *testing.T) {
	var i Interval
	stamps := []float64{}
	for k := range 40 {
		at := float64(k) * 60
		if k > 20 {
			at += 12 * 3600 // a night without readings
		}
		if k != 10 { // one is missing
			stamps = append(stamps, at)
		}
	}
	i.Learn(stamps[len(stamps)-1]+1, stamps, true)
	if got := i.Period(); got != 60 {
		t.Errorf("interval is %v s, want 60", got)
	}
}

func TestIntervalFollowsChange(t *testing.T) {
	var i Interval
	now := 0.0
	for range 100 {
		now += 600
		i.Learn(now+1, []float64{now}, true)
	}
	for range maxGaps {
		now += 60
		i.Learn(now+1, []float64{now}, true)
	}
	if got := i.Period(); got != 60 {
		t.Errorf("interval is %v s, want 60", got)
	}
}

func TestIntervalBacksOffOnlyWithoutAnyReading(t *testing.T) {
	var never, silent Interval
	silent.Learn(1, []float64{-120, -60, 0}, true)
	for k := range 40 {
		never.Learn(float64(k)*100, nil, true)
		silent.Learn(1+float64(k+1)*3600, nil, true)
	}
	if got := never.wait(10, 0); got != 10*maxNeverReported {
		t.Errorf("never reported: waits %v s, want %v", got, 10*maxNeverReported)
	}
	if got := silent.wait(10, 0); got < 9.9 || got > 10 {
		t.Errorf("silent for long: waits %v s, want nearly 10", got)
	}
}

func TestIntervalWaitsWithinMaxAge(t *testing.T) {
	var fast, slow, none Interval
	fast.Learn(103, []float64{80, 90, 100}, true)
	slow.Learn(1805, []float64{0, 600, 1200, 1800}, true)
	none.Learn(5, nil, true)
	for name, c := range map[string]struct {
		interval *Interval
		want     float64
	}{"fast": {&fast, 57}, "slow": {&slow, 600 - 5 + defaultDelay + margin}, "never reported": {&none, math.Inf(1)}} {
		if got := c.interval.waitWithin(60); got != c.want && math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: must be polled within %v s, want %v", name, got, c.want)
		}
	}
	if got := none.rateWithin(60); got != 0 {
		t.Errorf("never reported: target takes %v requests/s, want 0", got)
	}
	if got, want := fast.rateWithin(60), 1/(60-5-defaultDelay); math.Abs(got-want) > 1e-6 {
		t.Errorf("target of 60 s takes %v requests/s", got)
	}
}

// The level is computed from rate, and wait applies it.
func TestIntervalRateMatchesWait(t *testing.T) {
	for name, s := range map[string]source{
		"slower than the level": periodic(random(), 1000, 600, 0.05, 0.5),
		"about as fast":         periodic(random(), 4000, 60, 0.05, 0.5),
		"faster than the level": periodic(random(), 40000, 5, 0.05, 0.5),
		"with a jitter of 30 %": periodic(random(), 1000, 600, 0.3, 0.5),
	} {
		var i Interval
		_, requests := s.poll(&i, 60)
		end := s.visible[len(s.visible)-1]
		came, planned := requests*float64(len(s.times)/2)/(end/2), i.rate(60)
		if ratio := came / planned; ratio < 0.75 || ratio > 1.25 {
			t.Errorf("%s: %.5f requests/s were sent, %.5f were planned", name, came, planned)
		}
	}
}

func FuzzIntervalWait(f *testing.F) {
	f.Add([]byte{10, 0, 10, 10, 200, 0}, 60.0)
	f.Add([]byte{0, 0, 0}, 0.001)
	f.Add([]byte{255, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 255}, 1e6)
	f.Fuzz(func(t *testing.T, gaps []byte, level float64) {
		if !(level > 1e-6 && level < 1e9) {
			return
		}
		var i Interval
		now := 0.0
		for n, gap := range gaps {
			now += float64(gap) * float64(1+n%7)
			var times []float64
			if gap%3 != 0 {
				times = []float64{now - 2, now - 1}
			}
			i.Learn(now, times, true)
			for _, got := range []float64{i.wait(level, 0.5), i.rate(level), min(1e9, i.waitWithin(60)), i.Period(), i.rateWithin(60)} {
				if math.IsNaN(got) || math.IsInf(got, 0) {
					t.Fatalf("%v after gap %d of %v at level %v", got, n, gaps, level)
				}
			}
		}
	})
}

func TestIntervalSurvivesGob(t *testing.T) {
	var before, after Interval
	periodic(random(), 400, 600, 0.05, 0.5).poll(&before, 60)
	encoded, err := before.GobEncode()
	if after.GobDecode(encoded) != nil || err != nil {
		t.Fatal(err)
	}
	if before.wait(60, 0.5) != after.wait(60, 0.5) || before.Period() != after.Period() || before.rate(60) != after.rate(60) {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestIntervalIgnoresForeignBytes(t *testing.T) {
	var s Interval
	s.Learn(11, []float64{0, 10}, true)
	good, _ := s.GobEncode()
	for name, encoded := range map[string][]byte{
		"none": nil, "cut": good[:len(good)-1], "longer": append(slices.Clip(good), 0), "another version": append([]byte{9}, good[1:]...),
	} {
		if err := s.GobDecode(encoded); err != nil || s.Period() != 10 {
			t.Errorf("%s: %v, or interval changed to %v s", name, err, s.Period())
		}
	}
}

func FuzzIntervalGobDecode(f *testing.F) {
	var s Interval
	s.Learn(11, []float64{0, 10}, true)
	good, _ := s.GobEncode()
	f.Add(good)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var s Interval
		if s.GobDecode(encoded) != nil {
			return
		}
		if wait := s.wait(60, 0.5); math.IsNaN(wait) || math.IsInf(wait, 0) {
			t.Fatalf("waits %v s", wait)
		}
	})
}
