package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// source is a sensor as the API shows it: timestamps and when each became visible, ascending.
type source struct {
	stamps, visible []float64
	page            int     // readings that an answer holds at most; 0: all
	step            float64 // seconds between two requests at least
}

// since returns what an answer brings that is newer than the reading held, and whether it reaches back to that.
func (s source) since(held, seen int) (times []float64, whole bool) {
	times = s.stamps[held+1 : seen]
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
		s.stamps, s.visible = append(s.stamps, at), append(s.visible, at+delay)
	}
	return s
}

// batched makes the readings visible at whole multiples of a batch only.
func (s source) batched(batch float64) source {
	for i, at := range s.stamps {
		s.visible[i] = math.Ceil(at/batch) * batch
	}
	return s
}

// skewed stamps the readings with a clock that is wrong by so many seconds.
func (s source) skewed(by float64) source {
	for i := range s.stamps {
		s.stamps[i] += by
	}
	return s
}

// asked lets a Sensor decide when the source is asked, at a level, and returns the mean lag in the second half and the
// requests in it for each reading.
func (s source) asked(sensor *Sensor, turn float64) (lag, requests float64) {
	end := s.visible[len(s.visible)-1]
	now, held, seen, dither := s.visible[len(s.visible)/8], -1, 0, 0.0
	for now < end {
		for seen < len(s.visible) && s.visible[seen] <= now {
			seen++
		}
		times, whole := s.since(held, seen)
		sensor.Learn(now, times, whole)
		held = seen - 1
		dither = math.Mod(dither+math.Phi, 1)
		next := now + max(0.1, s.step, sensor.Wait(turn, dither))
		if now > end/2 {
			requests++
			lag += s.lagOf(held, now, min(next, end))
		}
		now = next
	}
	return lag / (end / 2), requests / float64(len(s.stamps)/2)
}

// lagOf integrates the lag while one reading is held.
func (s source) lagOf(held int, from, to float64) (lag float64) {
	for i := held + 1; i < len(s.visible) && s.visible[i] < to; i++ {
		lag += (s.stamps[i] - s.stamps[i-1]) * (to - max(from, s.visible[i]))
	}
	return lag
}

func random() *rand.Rand { return rand.New(rand.NewPCG(3, 5)) }

func TestASlowSensorIsAskedJustAfterEachReading(t *testing.T) {
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
		lag, requests := s.asked(new(Sensor), 60)
		readings := requests
		if len(s.stamps) == 24000 {
			readings = requests * 60 // it is asked once a batch, not once a reading
		}
		if lag > 15 || readings > 3 {
			t.Errorf("%s: mean lag %.1f s, %.2f requests a reading; blind, at the turn of 60 s, it would be 30 s and 10", name, lag, readings)
		}
	}
}

func TestTheMomentOfAnUploadIsFoundThoughAMissCostsMuch(t *testing.T) {
	s := periodic(random(), 24000, 10, 0.05, 0).batched(600).paged(20)
	s.step = 10
	if lag, requests := s.asked(new(Sensor), 60); lag > 2 || requests*60 > 1.1 {
		t.Errorf("mean lag %.1f s, %.2f requests a batch", lag, requests*60)
	}
}

func TestAnUploadThatMovesIsFoundAgain(t *testing.T) {
	s := periodic(random(), 24000, 10, 0.05, 0).batched(600)
	for i := len(s.visible) / 4; i < len(s.visible); i++ {
		s.visible[i] += 45
	}
	s.step = 10
	if lag, requests := s.asked(new(Sensor), 60); lag > 15 || requests*60 > 3 {
		t.Errorf("mean lag %.1f s, %.2f requests a batch", lag, requests*60)
	}
}

func TestReadingsAfterAPauseAreNoBatch(t *testing.T) {
	var sensor Sensor
	sensor.Learn(10, []float64{6, 7, 8, 9}, true)
	sensor.Learn(40, nil, true)
	var times []float64
	for at := 41.0; at < 70; at++ {
		times = append(times, at)
	}
	sensor.Learn(70, times, true)
	if got := sensor.Period(); got != 1 {
		t.Errorf("it reports every %v s", got)
	}
}

func TestAnIntervalLearnedOncePassesOverReadingsThatSmallPagesMiss(t *testing.T) {
	var sensor Sensor
	now := 0.0
	for k := range 200 {
		now += 60
		if k > 20 {
			now += 540
		}
		sensor.Learn(now+1, []float64{now}, false)
	}
	if got := sensor.Period(); got != 60 {
		t.Errorf("learned %v s, want 60: nine of ten readings are not seen", got)
	}
}

func TestASensorSlowerThanItIsAskedIsNotHurriedForThat(t *testing.T) {
	var sensor Sensor
	sensor.Learn(7201, []float64{-14400, -7200, 0, 7200}, true)
	sensor.Learn(10800, nil, true) // a bound had it asked half way
	if got := sensor.Wait(60, 0.5); math.Abs(got-3600) > 2 {
		t.Errorf("asked again after %v s, want 3600", got)
	}
}

func TestASensorFasterThanItsTurnIsAskedEachTurn(t *testing.T) {
	lag, requests := periodic(random(), 20000, 1, 0.05, 0.5).asked(new(Sensor), 60)
	if math.Abs(requests*60-1) > 0.05 || lag > 31 {
		t.Errorf("%.4f requests a reading, want one in 60; mean lag %.1f s, want about 30", requests, lag)
	}
}

func TestWithoutRhythmTheTurnIsTheRule(t *testing.T) {
	var s source
	source, at := random(), 0.0
	for range 2000 {
		at += source.ExpFloat64() * 100
		s.stamps, s.visible = append(s.stamps, at), append(s.visible, at)
	}
	var sensor Sensor
	s.asked(&sensor, 60)
	if wait := sensor.Wait(60, 0.5); wait != 60 {
		t.Errorf("a sensor that reports at random is left for %v s, want the turn of 60", wait)
	}
}

func TestTheIntervalIsLearnedDespiteOutliers(t *testing.T) {
	var sensor Sensor
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
	sensor.Learn(stamps[len(stamps)-1]+1, stamps, true)
	if got := sensor.Period(); got != 60 {
		t.Errorf("learned %v s, want 60", got)
	}
}

func TestAChangedIntervalIsLearnedAnew(t *testing.T) {
	var sensor Sensor
	now := 0.0
	for range 100 {
		now += 600
		sensor.Learn(now+1, []float64{now}, true)
	}
	for range remembered {
		now += 60
		sensor.Learn(now+1, []float64{now}, true)
	}
	if got := sensor.Period(); got != 60 {
		t.Errorf("learned %v s, want 60", got)
	}
}

func TestOnlyASensorThatNeverReportedBacksOff(t *testing.T) {
	var never, silent Sensor
	silent.Learn(1, []float64{-120, -60, 0}, true)
	for k := range 40 {
		never.Learn(float64(k)*100, nil, true)
		silent.Learn(1+float64(k+1)*3600, nil, true)
	}
	if got := never.Wait(10, 0); got != 10*neverSlow {
		t.Errorf("one that never reported is left for %v s, want %v", got, 10*neverSlow)
	}
	if got := silent.Wait(10, 0); got < 9.9 || got > 10 {
		t.Errorf("one that has been silent for long is left for %v s, want nearly its turn of 10", got)
	}
}

func TestAPromiseIsAskedForInTime(t *testing.T) {
	var fast, slow, none Sensor
	fast.Learn(103, []float64{80, 90, 100}, true)
	slow.Learn(1805, []float64{0, 600, 1200, 1800}, true)
	none.Learn(5, nil, true)
	for name, c := range map[string]struct {
		sensor *Sensor
		want   float64
	}{"a fast one": {&fast, 57}, "one that reports more seldom": {&slow, 600 - 5 + usualDelay + slack}, "one that never reported": {&none, math.Inf(1)}} {
		if got := c.sensor.Within(60); got != c.want && math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s must be asked within %v s, want %v", name, got, c.want)
		}
	}
	if got := none.PromiseRate(60); got != 0 {
		t.Errorf("a promise for one that never reported costs %v requests a second", got)
	}
	if got, want := fast.PromiseRate(60), 1/(60-5-usualDelay); math.Abs(got-want) > 1e-6 {
		t.Errorf("a promise of 60 s costs %v requests a second", got)
	}
}

// Rate must tell what Wait does: the level is computed from it.
func TestTheRateThatIsPlannedIsTheRateThatComes(t *testing.T) {
	for name, s := range map[string]source{
		"slower than its turn":  periodic(random(), 1000, 600, 0.05, 0.5),
		"about as fast":         periodic(random(), 4000, 60, 0.05, 0.5),
		"faster than its turn":  periodic(random(), 40000, 5, 0.05, 0.5),
		"with a jitter of 30 %": periodic(random(), 1000, 600, 0.3, 0.5),
	} {
		var sensor Sensor
		_, requests := s.asked(&sensor, 60)
		end := s.visible[len(s.visible)-1]
		came, planned := requests*float64(len(s.stamps)/2)/(end/2), sensor.Rate(60)
		if ratio := came / planned; ratio < 0.75 || ratio > 1.25 {
			t.Errorf("%s: %.5f requests a second came, %.5f were planned", name, came, planned)
		}
	}
}

func FuzzWaitIsAlwaysANumber(f *testing.F) {
	f.Add([]byte{10, 0, 10, 10, 200, 0}, 60.0)
	f.Add([]byte{0, 0, 0}, 0.001)
	f.Add([]byte{255, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 255}, 1e6)
	f.Fuzz(func(t *testing.T, gaps []byte, turn float64) {
		if !(turn > 1e-6 && turn < 1e9) {
			return
		}
		var sensor Sensor
		now := 0.0
		for i, gap := range gaps {
			now += float64(gap) * float64(1+i%7)
			var times []float64
			if gap%3 != 0 {
				times = []float64{now - 2, now - 1}
			}
			sensor.Learn(now, times, true)
			for _, got := range []float64{sensor.Wait(turn, 0.5), sensor.Rate(turn), min(1e9, sensor.Within(60)), sensor.Period(), sensor.PromiseRate(60)} {
				if math.IsNaN(got) || math.IsInf(got, 0) {
					t.Fatalf("%v after gap %d of %v at level %v", got, i, gaps, turn)
				}
			}
		}
	})
}

func TestWhatWasLearnedOutlivesARestart(t *testing.T) {
	var before, after Sensor
	periodic(random(), 400, 600, 0.05, 0.5).asked(&before, 60)
	if err := after.Restore(before.Keep()); err != nil {
		t.Fatal(err)
	}
	if before.Wait(60, 0.5) != after.Wait(60, 0.5) || before.Period() != after.Period() || before.Rate(60) != after.Rate(60) {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestForeignBytesTeachNothing(t *testing.T) {
	var s Sensor
	s.Learn(11, []float64{0, 10}, true)
	good := s.Keep()
	for name, encoded := range map[string][]byte{
		"none": nil, "cut": good[:len(good)-1], "longer": append(slices.Clip(good), 0), "another version": append([]byte{9}, good[1:]...),
	} {
		if s.Restore(encoded) == nil || s.Period() != 10 {
			t.Errorf("%s: taken for ours, period %v", name, s.Period())
		}
	}
}

func FuzzRestore(f *testing.F) {
	var s Sensor
	s.Learn(11, []float64{0, 10}, true)
	f.Add(s.Keep())
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var s Sensor
		if s.Restore(encoded) != nil {
			return
		}
		if wait := s.Wait(60, 0.5); math.IsNaN(wait) || math.IsInf(wait, 0) {
			t.Fatalf("waits %v", wait)
		}
	})
}
