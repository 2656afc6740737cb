package reading

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
)

var withExtremes = Rule{Extremes: true, Values: map[string]float64{"RUN": 7}}

// arrived is a new reading as the model knows it: all of them.
type arrived struct {
	at    time.Time
	value float64
	poll  int
	in    time.Time // when that poll ended
	peak  [2]bool   // it was the minimum, the maximum when it arrived
}

// extremesModel is a sensor by the definition of its minimum and maximum, next to its entry.
type extremesModel struct {
	*testing.T
	rand     *rand.Rand
	entry    *Entry
	now      time.Time // of both clocks
	stale    time.Duration
	all      []*arrived
	poll     int // the latest that brought new readings
	late     bool
	thinned  bool
	seed     uint64
	exactly  int // comparisons
	bounded  int
	restarts int
}

// live are the readings that count at a moment, the newest last. Those of the latest poll do not expire by their arrival.
func (m *extremesModel) live(stale time.Duration) (live []*arrived) {
	for _, one := range m.all {
		if (one.poll == m.poll || m.now.Sub(one.in) <= 10*time.Minute) && m.now.Sub(one.at) <= stale {
			live = append(live, one)
		}
	}
	return live
}

func bounds(of []*arrived) (lowest, highest float64) {
	lowest, highest = math.Inf(1), math.Inf(-1)
	for _, one := range of {
		lowest, highest = math.Min(lowest, one.value), math.Max(highest, one.value)
	}
	return lowest, highest
}

// newest returns the reading of the latest source time.
func (m *extremesModel) newest() *arrived {
	return slices.MaxFunc(m.all, func(a, b *arrived) int { return a.at.Compare(b.at) })
}

// store polls once: the readings are those of a page.
func (m *extremesModel) store(page []innius.Reading, complete bool) {
	before := m.entry.Load()
	known := before.Recent.Points()
	if len(known) == 0 && !before.Time.IsZero() {
		known = []Point{{float64(before.Time.Unix()), before.Value}}
	}
	m.entry.Store(innius.Newest{Readings: page}, withExtremes, complete, m.now)
	var added []*arrived
	for _, r := range page {
		isKnown := func(p Point) bool { return p[0] == float64(r.Time.Unix()) }
		one := &arrived{at: r.Time, value: r.Value, poll: m.poll + 1, in: m.now}
		if r.Text == "RUN" {
			one.value = 7
		}
		switch {
		case r.Time.Equal(before.Time):
			m.newest().value = one.value
		case r.Time.After(before.Seen):
			added = append(added, one)
		case len(known) > 0 && float64(r.Time.Unix()) > known[0][0] && !slices.ContainsFunc(known, isKnown):
			added, m.late = append(added, one), true
		}
	}
	if before.Seen.IsZero() && len(added) > 0 {
		added = added[len(added)-1:]
	}
	if len(added) == 0 {
		return
	}
	m.all, m.poll = append(m.all, added...), m.poll+1
	lowest, highest := bounds(m.live(math.MaxInt64))
	for _, one := range added {
		one.peak = [2]bool{one.value <= lowest, one.value >= highest}
	}
	m.thinned = m.thinned || m.candidates() > maxExtremes
}

// candidates counts the readings that may be an extreme yet, if those after them expire in any order and the newest is corrected.
func (m *extremesModel) candidates() (n int) {
	live, newest := m.live(math.MaxInt64), m.newest()
	for i, one := range live {
		high, low := true, true
		for _, later := range live[i+1:] {
			if later != newest && later.at.After(one.at) {
				high, low = high && later.value < one.value, low && later.value > one.value
			}
		}
		if high || low {
			n++
		}
	}
	return n
}

func (m *extremesModel) check() {
	r := m.entry.Load()
	if !r.Exposed(m.stale, m.now, m.now) {
		return
	}
	low, high := r.MinMax(m.stale, m.now, m.now)
	wantLow, wantHigh := bounds(append(m.live(m.stale), m.newest()))
	if !m.thinned {
		if m.exactly++; low != wantLow || high != wantHigh {
			m.Fatalf("seed %d, %s, stale after %s: %v to %v, want %v to %v", m.seed, m.now, m.stale, low, high, wantLow, wantHigh)
		}
		return
	}
	m.bounded++
	leastLow, leastHigh := r.Value, r.Value
	isStale := func(one *arrived) bool { return one.poll == m.poll && m.now.Sub(one.at) > m.stale }
	whole := !slices.ContainsFunc(m.all, isStale) // otherwise its extremes may be stale, and those after them thinned
	for _, one := range m.live(m.stale) {
		latest := whole && one.poll == m.poll
		if latest || !m.late && one.peak[0] {
			leastLow = math.Min(leastLow, one.value)
		}
		if latest || !m.late && one.peak[1] {
			leastHigh = math.Max(leastHigh, one.value)
		}
	}
	if low > leastLow || low < wantLow || high < leastHigh || high > wantHigh {
		m.Fatalf("seed %d, %s, stale after %s: %v to %v, want at least %v to %v, at most %v to %v",
			m.seed, m.now, m.stale, low, high, leastLow, leastHigh, wantLow, wantHigh)
	}
}

// signals are values of the i-th reading.
var signals = []func(r *rand.Rand, i int) float64{
	func(r *rand.Rand, _ int) float64 { return []float64{math.Copysign(0, -1), 0, 1, -1}[r.IntN(4)] },
	func(r *rand.Rand, _ int) float64 { return r.NormFloat64() },
	func(_ *rand.Rand, i int) float64 { return float64(i) },
	func(_ *rand.Rand, i int) float64 { return -float64(i) },
	func(r *rand.Rand, i int) float64 { return 100 * math.Sin(float64(i)/20) },
	func(r *rand.Rand, i int) float64 { return 5 + float64(i%50/49)*50*r.Float64() }, // one peak each 50 readings
}

// run lets a sensor report and be polled for some hours.
func (m *extremesModel) run() {
	signal, every := signals[m.rand.IntN(len(signals))], 1+m.rand.IntN(60)
	between, size := 5+m.rand.IntN(900), 2+m.rand.IntN(60)
	delays := m.rand.IntN(2) == 0
	var source []innius.Reading
	var hidden []innius.Reading // will be late
	m.now = at(0)
	for seconds := 0; seconds < 60*between && seconds < 6*3600; seconds++ {
		m.now = at(seconds)
		if seconds%every == 0 {
			one := innius.Reading{Time: m.now, Value: signal(m.rand, len(source))}
			if m.rand.IntN(20) == 0 {
				one.Text, one.Skip = "RUN", innius.SkipText
			}
			if delays && m.rand.IntN(10) == 0 {
				hidden = append(hidden, one)
			} else {
				source = append(source, one)
			}
		}
		if m.rand.IntN(between) > 0 {
			continue
		}
		switch m.rand.IntN(12) {
		case 0:
			saved := m.entry.Save()
			m.entry, m.restarts = Restore(&saved), m.restarts+1
		case 1: // corrected at the source
			if n := len(source); n > 0 {
				source[n-1].Value += m.rand.NormFloat64()
			}
		case 2:
			source, hidden = append(source, hidden...), nil
			slices.SortFunc(source, func(a, b innius.Reading) int { return a.Time.Compare(b.Time) })
		}
		page := slices.Clone(source[max(0, len(source)-size):])
		m.check()
		m.store(page, m.rand.IntN(8) > 0 || m.poll == 0)
		m.check()
	}
}

func TestExtremesAreThoseOfTheModel(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	var exactly, bounded, restarts int
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := &extremesModel{T: t, rand: r, entry: New(), seed: seed}
		m.stale = []time.Duration{5 * time.Minute, time.Hour, 30 * time.Hour}[seed%3]
		m.run()
		exactly, bounded, restarts = exactly+m.exactly, bounded+m.bounded, restarts+m.restarts
	}
	t.Logf("%d exact comparisons, %d after thinning, %d restarts", exactly, bounded, restarts)
	if exactly < 5000 || bounded < 5000 || restarts < 500 {
		t.Errorf("%d exact comparisons, %d after thinning, %d restarts", exactly, bounded, restarts)
	}
}

// minMax returns them as an account without clock difference sees them at a second.
func minMax(e *Entry, seconds int) [2]float64 {
	lowest, highest := e.Load().MinMax(time.Hour, at(seconds), at(seconds))
	return [2]float64{lowest, highest}
}

func TestMinMaxCountsReadingsByTheirArrival(t *testing.T) {
	type step struct {
		now   int // seconds
		pairs []float64
		want  [2]float64
	}
	for name, steps := range map[string][]step{
		"of the first poll only the newest": {{100, []float64{10, 9, 20, -9, 30, 1}, [2]float64{1, 1}}},
		"10 min, then those of the latest poll": {
			{100, []float64{90, 1}, [2]float64{1, 1}},
			{200, []float64{110, 9, 190, 2}, [2]float64{1, 9}},
			{300, []float64{290, 3}, [2]float64{1, 9}},
			{700, nil, [2]float64{1, 9}},
			{701, nil, [2]float64{2, 9}},
			{801, nil, [2]float64{3, 3}},
			{1000, []float64{910, 5, 920, 4}, [2]float64{4, 5}},
			{3000, nil, [2]float64{4, 5}},
			{910 + 3600, nil, [2]float64{4, 5}},
			{910 + 3601, nil, [2]float64{4, 4}}, // older than stale_after
		},
		"a late reading is new": {
			{100, []float64{10, 1}, [2]float64{1, 1}},
			{3000, []float64{2900, 5, 2990, 4}, [2]float64{4, 5}},
			{3010, []float64{2900, 5, 2950, 9, 2990, 4}, [2]float64{4, 9}},
			{3611, nil, [2]float64{4, 9}},
			{6549, nil, [2]float64{4, 9}},
			{6551, nil, [2]float64{4, 4}},
		},
		"a corrected reading counts as corrected": {
			{100, []float64{10, 1}, [2]float64{1, 1}},
			{200, []float64{110, 3, 120, 2, 190, 9}, [2]float64{1, 9}},
			{300, []float64{190, 2.5}, [2]float64{1, 3}},
		},
	} {
		e := New()
		for i, s := range steps {
			var page []innius.Reading
			for j := 0; j < len(s.pairs); j += 2 {
				page = append(page, reading(int(s.pairs[j]), s.pairs[j+1]))
			}
			e.Store(innius.Newest{Readings: page}, withExtremes, true, at(s.now))
			if got := minMax(e, s.now); got != s.want {
				t.Errorf("%s, step %d: %v, want %v", name, i+1, got, s.want)
			}
		}
	}
}

func TestLateReadingHidesNoNewerOne(t *testing.T) {
	for _, sign := range []float64{1, -1} { // maximum, minimum
		e := New()
		for _, one := range []struct {
			now   int
			pairs []float64
		}{
			{100, []float64{10, 1}},
			{400, []float64{200, 1, 300, 5, 350, 1, 399, 2}},
			{410, []float64{200, 1, 250, 9, 300, 5, 350, 1, 399, 2}},
		} {
			var page []innius.Reading
			for i := 0; i < len(one.pairs); i += 2 {
				page = append(page, reading(int(one.pairs[i]), sign*one.pairs[i+1]))
			}
			e.Store(innius.Newest{Readings: page}, withExtremes, true, at(one.now))
		}
		for seconds, want := range map[int]float64{410: 9, 550: 9, 551: 5, 600: 5, 601: 2} {
			lowest, highest := e.Load().MinMax(5*time.Minute, at(seconds), at(seconds))
			if got := math.Max(sign*lowest, sign*highest); got != want {
				t.Errorf("%v times %v after %d s, want %v", sign, got, seconds, want)
			}
		}
	}
}

func TestExtremesEndThoughTheClockIsSetBack(t *testing.T) {
	e := New()
	store := func(now, source int, value float64) {
		e.Store(innius.Newest{Readings: []innius.Reading{reading(source, value)}}, withExtremes, true, at(now))
	}
	store(5000, 4990, 1)
	store(5010, 5000, 9)
	store(1400, 5010, 3) // an hour and ten seconds before
	if got := minMax(e, 1400+599); got != [2]float64{1, 9} {
		t.Errorf("%v before 10 min", got)
	}
	if got := minMax(e, 1400+601); got != [2]float64{3, 3} {
		t.Errorf("%v after more than 10 min", got)
	}
}

// Of a signal that falls from poll to poll, each reading is the maximum 10 min later. As not all are kept, some are never shown.
func TestThinnedExtremesLieFarApart(t *testing.T) {
	e, least := New(), 10*60
	for i := range 1000 {
		now := 10 * i
		e.Store(innius.Newest{Readings: []innius.Reading{reading(now, float64(-now))}}, withExtremes, true, at(now))
		if _, highest := e.Load().MinMax(time.Hour, at(now), at(now)); now > 3600 {
			least = min(least, now+int(highest))
		}
	}
	if least < 400 {
		t.Errorf("the maximum is of %d s ago, want 400 to 600", least)
	}
}

func TestThinnedExtremesKeepThoseOfTheLatestPollAndOfLateReadings(t *testing.T) {
	store := func(e *Entry, now int, page ...innius.Reading) {
		e.Store(innius.Newest{Readings: page}, withExtremes, true, at(now))
	}
	manyPeaks := func() *Entry {
		e := New()
		store(e, 0, reading(0, 0))
		for i := range 8 {
			store(e, 60*i+60, reading(60*i+30, float64(50-i)), reading(60*i+55, 0))
		}
		return e
	}
	e := manyPeaks()
	store(e, 485, reading(481, 20), reading(484, 0))
	if got := minMax(e, 485+700); got != [2]float64{0, 20} {
		t.Errorf("%v of the latest poll", got)
	}
	e = manyPeaks()
	store(e, 485, reading(33, 99), reading(481, 20), reading(484, 0))
	for i := range 4 {
		store(e, 490+5*i, reading(489+5*i, float64(i)))
	}
	if got := minMax(e, 505); got != [2]float64{0, 99} {
		t.Errorf("%v after a late reading", got)
	}
}

func TestExtremesEndWithTheirRule(t *testing.T) {
	e := New()
	store := func(rule Rule, seconds int, value float64) {
		e.Store(innius.Newest{Readings: []innius.Reading{reading(seconds, value)}}, rule, true, at(seconds))
	}
	store(withExtremes, 10, 9)
	store(withExtremes, 20, 1)
	if got := minMax(e, 20); got != [2]float64{1, 9} {
		t.Errorf("%v with the rule", got)
	}
	if store(Rule{}, 30, 2); e.Load().Extremes != nil {
		t.Error("extremes are kept without a rule")
	}
	store(withExtremes, 30, 2) // read again
	store(withExtremes, 40, 5)
	store(withExtremes, 50, 4)
	if got := minMax(e, 50); got != [2]float64{4, 5} {
		t.Errorf("%v with the rule again", got)
	}
}

func TestExtremesTakeLittleMemory(t *testing.T) {
	e := New()
	for i := range 300 {
		var page []innius.Reading
		for j := range 100 {
			page = append(page, reading(100*i+j, 1000*math.Sin(float64(100*i+j)/100)))
		}
		e.Store(innius.Newest{Readings: page}, withExtremes, true, at(100*i+100))
		if n := len(*e.Load().Extremes); n > 128 {
			t.Fatalf("poll %d: %d bytes", i+1, n)
		}
	}
	if n := testing.AllocsPerRun(10, func() { minMax(e, 30_000) }); n > 0 {
		t.Errorf("MinMax allocates %v times", n)
	}
}

func FuzzExtremesOfAnyState(f *testing.F) {
	e := New()
	for i := range 20 {
		e.Store(innius.Newest{Readings: []innius.Reading{reading(i, float64(i*i%7))}}, withExtremes, true, at(i))
	}
	f.Add(string(*e.Load().Extremes))
	f.Fuzz(func(t *testing.T, text string) {
		e := Restore(&Saved{Time: at(5), Seen: at(5), LastSuccess: at(5), Extremes: new(Extremes(text))})
		e.Load().MinMax(time.Hour, at(6), at(6))
		e.Store(innius.Newest{Readings: readingsAt(7, 8)}, withExtremes, true, at(10))
		if low, high := e.Load().MinMax(time.Hour, at(10), at(10)); low > 7 || high < 8 {
			t.Errorf("%v to %v", low, high)
		}
	})
}
