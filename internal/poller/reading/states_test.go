package reading

import (
	"bytes"
	"encoding/gob"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
)

var listed = []string{"RUN", "STOP", "FAULT"}

func text(seconds int, text string) innius.Reading { return skipped(seconds, innius.SkipText, text) }

// secondsIn returns the seconds in each state in which there were any.
func secondsIn(s *States, listed ...string) map[string]float64 {
	all := map[string]float64{}
	for _, state := range append(slices.Clip(listed), OtherState, UnknownState) {
		if in := s.In(state); in != 0 {
			all[state] = in.Seconds()
		}
	}
	return all
}

func TestStatesCountTimeUpToTheLastPoll(t *testing.T) {
	type step struct {
		readings []innius.Reading
		missed   []innius.Span
		until    int
		broken   bool // an error ended the poll
		want     map[string]float64
		now      string
		late     int
	}
	for name, c := range map[string]struct {
		lasts time.Duration
		steps []step
	}{
		"begins at the first poll": {0, []step{
			{readings: []innius.Reading{text(1, "RUN"), text(50, "STOP")}, until: 100, now: "STOP"},
			{readings: []innius.Reading{text(120, "RUN")}, until: 130, want: map[string]float64{"STOP": 20, "RUN": 10}, now: "RUN"},
		}},
		"a poll without a new reading confirms the state": {0, []step{
			{readings: []innius.Reading{text(10, "RUN")}, until: 20, now: "RUN"},
			{until: 500, want: map[string]float64{"RUN": 480}, now: "RUN"},
			{until: 400, want: map[string]float64{"RUN": 480}, now: "RUN"}, // the clock was set back
			{readings: []innius.Reading{text(10, "RUN")}, until: 900, want: map[string]float64{"RUN": 880}, now: "RUN"},
		}},
		"silence": {100 * time.Second, []step{
			{readings: []innius.Reading{text(10, "RUN")}, until: 20, now: "RUN"},
			{until: 100, want: map[string]float64{"RUN": 80}, now: "RUN"},
			{until: 200, want: map[string]float64{"RUN": 90, UnknownState: 90}, now: "RUN"},
			{
				readings: []innius.Reading{text(260, "STOP"), text(400, "RUN")}, until: 401, now: "RUN",
				want: map[string]float64{"RUN": 91, UnknownState: 190, "STOP": 100},
			},
		}},
		"late": {0, []step{
			{readings: []innius.Reading{text(10, "RUN")}, until: 100, now: "RUN"},
			{readings: []innius.Reading{text(90, "STOP"), text(95, "FAULT")}, until: 110, want: map[string]float64{"FAULT": 10}, now: "FAULT", late: 2},
			{readings: []innius.Reading{text(92, "RUN"), text(95, "FAULT")}, until: 120, want: map[string]float64{"FAULT": 20}, now: "FAULT", late: 1},
		}},
		"gap": {0, []step{
			{readings: []innius.Reading{text(10, "RUN")}, until: 20, now: "RUN"},
			{
				readings: []innius.Reading{text(60, "STOP"), text(70, "RUN")}, missed: []innius.Span{span(10, 60)}, until: 80, now: "RUN",
				want: map[string]float64{UnknownState: 40, "STOP": 10, "RUN": 10},
			},
		}},
		"the gap of a first poll is history": {0, []step{
			{readings: []innius.Reading{text(10, "RUN"), text(60, "STOP")}, missed: []innius.Span{span(10, 60)}, until: 80, now: "STOP"},
			{until: 90, want: map[string]float64{"STOP": 10}, now: "STOP"},
		}},
		"a newest reading ahead of the clock": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 20, now: "RUN"},
			{readings: []innius.Reading{text(50, "STOP")}, until: 40, want: map[string]float64{"RUN": 20}, now: "STOP"},
		}},
		"an error ends a poll": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 40, now: "RUN"},
			{readings: []innius.Reading{text(60, "STOP")}, until: 90, broken: true, want: map[string]float64{"RUN": 20}, now: "STOP"},
			{until: 100, want: map[string]float64{"RUN": 20, "STOP": 40}, now: "STOP"},
		}},
		"an error ends the first poll": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 40, broken: true, now: "RUN"},
			{until: 100, want: map[string]float64{"RUN": 70}, now: "RUN"},
		}},
		"an error ends the first poll before its first reading": {0, []step{
			{until: 40, broken: true},
			{readings: []innius.Reading{text(30, "RUN")}, until: 50, now: "RUN"},
			{until: 100, want: map[string]float64{"RUN": 50}, now: "RUN"},
		}},
		"older than the newest": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 40, now: "RUN"},
			{readings: []innius.Reading{text(10, "FAULT"), text(20, "STOP")}, until: 50, want: map[string]float64{"RUN": 10}, now: "RUN"},
		}},
		"no reading yet": {0, []step{
			{until: 40},
			{until: 100, want: map[string]float64{UnknownState: 60}},
			{readings: []innius.Reading{text(30, "STOP"), text(110, "RUN")}, until: 120, want: map[string]float64{"STOP": 10, UnknownState: 60, "RUN": 10}, now: "RUN"},
		}},
		"corrected at the source": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 40, now: "RUN"},
			{readings: []innius.Reading{text(30, "STOP")}, until: 50, want: map[string]float64{"STOP": 10}, now: "STOP"},
		}},
		"other": {0, []step{
			{readings: []innius.Reading{text(30, "ODD")}, until: 40, now: OtherState},
			{readings: []innius.Reading{skipped(60, innius.SkipNumber, "null")}, until: 70, want: map[string]float64{OtherState: 30}, now: OtherState},
			{
				readings: []innius.Reading{skipped(80, innius.SkipNumber, "RUN"), text(90, "12,5"), faulty("never"), skipped(9000, innius.SkipFuture, "RUN")},
				until:    100, want: map[string]float64{OtherState: 60}, now: OtherState,
			},
		}},
		"a clock that was days ahead": {0, []step{
			{readings: []innius.Reading{text(30, "RUN")}, until: 40, now: "RUN"},
			{until: 200_000, want: map[string]float64{"RUN": 199_960}, now: "RUN"},
			{until: 100, want: map[string]float64{"RUN": 199_960}, now: "RUN"},
			{until: 110, want: map[string]float64{"RUN": 199_970}, now: "RUN"},
		}},
	} {
		e := New()
		for i, s := range c.steps {
			rule := Rule{States: listed, Until: at(s.until), Lasts: c.lasts}
			got := e.Store(innius.Newest{Readings: s.readings, Missed: s.missed}, rule, !s.broken, at(s.until))
			r := e.Load()
			if s.want == nil {
				s.want = map[string]float64{}
			}
			if in := secondsIn(r.States, listed...); !maps.Equal(in, s.want) || r.States.Now(listed) != s.now || got.Late != s.late {
				t.Errorf("%s, poll %d: %v, now %q, %d late, want %+v", name, i+1, in, r.States.Now(listed), got.Late, s)
			}
		}
	}
}

func TestStatesOfNumbers(t *testing.T) {
	rule := Rule{States: []string{"0", "1", "2.5"}, Values: map[string]float64{"RUN": 7}}
	for _, c := range []struct {
		reading innius.Reading
		state   string
		value   float64
	}{
		{reading(1, 0), "0", 0},
		{reading(2, 1), "1", 1},
		{reading(3, 2.5), "2.5", 2.5},
		{reading(4, 3), OtherState, 3},
		{text(5, "RUN"), OtherState, 7},
		{text(6, "IDLE"), OtherState, math.NaN()},
		{skipped(7, innius.SkipNumber, "null"), OtherState, math.NaN()},
	} {
		e := New()
		got := e.Store(innius.Newest{Readings: []innius.Reading{c.reading}}, rule, true, at(9))
		r := e.Load()
		if same := r.Value == c.value || math.IsNaN(r.Value) && math.IsNaN(c.value); !same || r.States.Now(rule.States) != c.state ||
			!r.Time.Equal(c.reading.Time) || len(got.Skipped) > 0 || r.Unusable.Skip != "" {
			t.Errorf("%+v: state %q, value %v of %v, skipped %v, unusable %+v", c.reading, r.States.Now(rule.States), r.Value, r.Time, got.Skipped, r.Unusable)
		}
	}
}

// States without a number are remembered, because late ones are recognised by the readings around them; the page shows numbers.
func TestRecentOfStatesHoldsNumbersOnly(t *testing.T) {
	e := New()
	rule := Rule{States: listed, Values: map[string]float64{"RUN": 1}}
	readings := []innius.Reading{text(1, "STOP"), text(2, "RUN"), text(5, "STOP"), reading(6, 4)}
	e.Store(innius.Newest{Readings: readings}, rule, true, at(9))
	if want := []float64{2, 1, 6, 4}; !slices.Equal(recentOf(e), want) {
		t.Errorf("%v, want %v", recentOf(e), want)
	}
	if n := e.Store(innius.Newest{Readings: []innius.Reading{text(4, "STOP")}}, rule, true, at(10)); n.Late != 1 {
		t.Errorf("%d late", n.Late)
	}
}

func TestReloadWithOtherStatesKeepsSeconds(t *testing.T) {
	e, until := New(), 0
	pass := func(seconds int, states ...string) map[string]float64 {
		until += seconds
		e.Store(innius.Newest{}, Rule{States: states, Until: at(until)}, true, at(until))
		return secondsIn(e.Load().States, states...)
	}
	e.Store(innius.Newest{Readings: []innius.Reading{text(0, "RUN")}}, Rule{States: listed, Until: at(0)}, true, at(0))
	for i, step := range []struct {
		states []string
		want   map[string]float64
	}{
		{[]string{"RUN", "STOP"}, map[string]float64{"RUN": 10}},
		{[]string{"STOP", "IDLE", "RUN"}, map[string]float64{"RUN": 20}},
		{[]string{"STOP"}, map[string]float64{OtherState: 10}},
		{[]string{"RUN", "STOP"}, map[string]float64{OtherState: 10, "RUN": 10}},
	} {
		if got := pass(10, step.states...); !maps.Equal(got, step.want) {
			t.Errorf("step %d: %v, want %v", i+1, got, step.want)
		}
		for _, state := range step.states { // as a scrape before the next poll sees them
			if e.Load().States.Now(step.states) != "RUN" && slices.Contains(step.states, "RUN") {
				t.Errorf("step %d: %s", i+1, state)
			}
		}
	}
	if pass(10); e.Load().States != nil {
		t.Error("states without a rule")
	}
}

// A text that was unusable becomes a state when a rule lists states, although no page holds it again.
func TestNewRuleMakesHeldTextAState(t *testing.T) {
	e := New()
	e.Store(innius.Newest{Readings: []innius.Reading{reading(1, 5), text(8, "RUN")}}, Rule{}, true, at(10))
	n := e.Store(innius.Newest{}, Rule{States: listed, Until: at(20)}, true, at(20))
	if r := e.Load(); r.States.Now(listed) != "RUN" || !r.Time.Equal(at(8)) || !math.IsNaN(r.Value) || r.Unusable.Skip != "" ||
		n.Readings+n.Late > 0 {
		t.Errorf("%+v %+v", r, n)
	}
}

func TestDisbelieveKeepsSecondsInStates(t *testing.T) {
	e := New()
	rule := func(until int) Rule { return Rule{States: listed, Until: at(until)} }
	e.Store(innius.Newest{Readings: []innius.Reading{text(10, "RUN")}}, rule(20), true, at(20))
	e.Store(innius.Newest{Readings: []innius.Reading{text(5000, "STOP")}}, rule(4990), true, at(4990))
	e.Disbelieve(at(60), at(50))
	if s := e.Load().States; s.Now(listed) != "" || s.In("RUN") != 4980*time.Second {
		t.Errorf("%+v", s)
	}
	e.Store(innius.Newest{Readings: []innius.Reading{text(55, "STOP")}}, rule(70), true, at(70))
	want := map[string]float64{"RUN": 4980, "STOP": 10}
	if got := secondsIn(e.Load().States, listed...); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// restarted returns the entry of the next process. It begins at 0.
func restarted(t *testing.T, saved Saved) *Entry {
	t.Helper()
	var file bytes.Buffer
	var read Saved
	if err := gob.NewEncoder(&file).Encode(saved); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewDecoder(&file).Decode(&read); err != nil {
		t.Fatal(err)
	}
	return Restore(&read)
}

// arrival is a reading as a poll found it.
type arrival struct {
	state     string
	at        int // by the source
	effective int // from when it counts, in seconds
}

// stateModel counts second by second: each is in the state of the newest reading that was known when it was counted.
type stateModel struct {
	lasts   int // 0: no limit
	arrived []arrival
	counted int
	began   bool
	newest  int
	seconds map[string]float64
	late    int
}

func (m *stateModel) poll(readings []arrival, missed []innius.Span, until int) {
	for _, r := range readings {
		if m.began && r.at > m.newest && r.at < m.counted {
			m.late++
		}
	}
	for _, r := range readings {
		if r.at > m.newest {
			r.effective, m.newest = max(r.at, m.counted), r.at
			m.arrived = append(m.arrived, r)
		}
	}
	if until = max(until, m.newest); !m.began {
		m.began, m.counted = true, until
		return
	}
	for ; m.counted < until; m.counted++ {
		m.seconds[m.stateAt(m.counted, missed)]++
	}
}

func (m *stateModel) stateAt(second int, missed []innius.Span) string {
	for _, gap := range missed {
		if moment := at(second); !moment.Before(gap.From) && moment.Before(gap.To) {
			return UnknownState
		}
	}
	state, of := UnknownState, -1
	for _, r := range m.arrived {
		if r.effective <= second && r.at > of {
			if state, of = r.state, r.at; !slices.Contains(listed, state) {
				state = OtherState
			}
		}
	}
	if m.lasts > 0 && second >= of+m.lasts {
		return UnknownState
	}
	return state
}

func TestStatesOfRandomPlantsEqualModel(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	seen := map[string]float64{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 13))
		pick := func(least, most int) int { return least + r.IntN(most-least+1) }
		states := []string{"RUN", "STOP", "FAULT", "ODD"}
		// What the sensor reports: at each change only, or regularly and with silences in between.
		onChange, every, delay := r.IntN(3) == 0, pick(1, 40), pick(0, 20)
		var all []arrival
		for now, state := 0, "RUN"; now < 6000; {
			all = append(all, arrival{state: state, at: now})
			switch {
			case onChange:
				now += pick(1, 600)
			case r.IntN(60) == 0:
				now += pick(1, 900)
			default:
				now += every
			}
			if onChange || r.IntN(10) == 0 {
				state = states[r.IntN(len(states))]
			}
		}
		page, gap, assumed := pick(1, 40), pick(20, 400), pick(0, 20) // of readings; between polls; the delay that was learned
		m := &stateModel{seconds: map[string]float64{}, newest: -1}
		if !onChange {
			m.lasts = pick(30, 600)
		}
		e, late, total, before := New(), 0, map[string]float64{}, map[string]float64{}
		var polls, sums []int // moments and the seconds counted by then
		for now := pick(1, 1500); now < 6000; {
			visible := 0
			for visible < len(all) && all[visible].at+delay <= now {
				visible++
			}
			first := max(0, visible-page)
			got, missed := all[first:visible], []innius.Span(nil)
			if len(got) > 0 && m.newest >= 0 && got[0].at > m.newest {
				missed = []innius.Span{span(m.newest, got[0].at)}
				seen["gaps"]++
			}
			newest := innius.Newest{Missed: missed}
			for _, one := range got {
				newest.Readings = append(newest.Readings, text(one.at, one.state))
			}
			rule := Rule{States: listed, Until: at(now - assumed), Lasts: time.Duration(m.lasts) * time.Second}
			late += e.Store(newest, rule, true, at(now)).Late
			m.poll(got, missed, now-assumed)
			in := secondsIn(e.Load().States, listed...)
			sum := 0.0
			for state := range maps.Keys(m.seconds) {
				if in[state] < before[state] {
					t.Fatalf("seed %d: %s fell from %v to %v s", seed, state, before[state], in[state])
				}
				total[state] += in[state] - before[state]
				sum += total[state]
			}
			if before = in; !maps.Equal(total, m.seconds) || late != m.late {
				t.Fatalf("seed %d at %d s: %v, %d late, want %v, %d", seed, now, total, late, m.seconds, m.late)
			}
			polls, sums = append(polls, now), append(sums, int(sum))
			if n := len(polls); n > 4 {
				elapsed, counted := polls[n-1]-polls[n-5], sums[n-1]-sums[n-5]
				if max(elapsed-counted, counted-elapsed) > gap {
					t.Fatalf("seed %d at %d s: %d s in states in %d s with polls at most %d s apart", seed, now, counted, elapsed, gap)
				}
			}
			if r.IntN(8) == 0 {
				e, before = restarted(t, e.Save()), map[string]float64{}
				seen["restarts"]++
			}
			now += pick(max(1, gap/10), gap)
		}
		for state, s := range total {
			seen[state] += s
		}
		seen["late"] += float64(late)
	}
	for _, kind := range []string{"RUN", "STOP", "FAULT", OtherState, UnknownState, "late", "gaps", "restarts"} {
		if seen[kind] < 500 {
			t.Errorf("%s: %v in all plants; the test hardly covers it", kind, seen[kind])
		}
	}
	t.Log(seen)
}

// After SIGKILL an older state is restored: the time since then counts twice, at most.
func TestStatesOfOlderStateCountOneGapTwice(t *testing.T) {
	e := New()
	rule := func(until int) Rule { return Rule{States: listed, Until: at(until)} }
	readings := []innius.Reading{text(10, "RUN"), text(150, "STOP"), text(260, "RUN")}
	upTo := func(n int) innius.Newest { return innius.Newest{Readings: readings[:n]} }
	e.Store(upTo(1), rule(100), true, at(100))
	saved := e.Save()
	e.Store(upTo(2), rule(200), true, at(200))
	if got := secondsIn(e.Load().States, listed...); !maps.Equal(got, map[string]float64{"RUN": 50, "STOP": 50}) {
		t.Error(got)
	}
	if got := secondsIn(Restore(new(e.Save())).Load().States, listed...); len(got) > 0 {
		t.Errorf("restored in the same process: %v", got)
	}
	e = restarted(t, saved)
	if got := secondsIn(e.Load().States, listed...); len(got) > 0 || e.Load().States.Now(listed) != "RUN" {
		t.Errorf("restored: %v, now %q", got, e.Load().States.Now(listed))
	}
	e.Store(upTo(3), rule(300), true, at(300))
	if got := secondsIn(e.Load().States, listed...); !maps.Equal(got, map[string]float64{"RUN": 90, "STOP": 110}) {
		t.Error(got)
	}
}
