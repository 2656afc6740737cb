package reading

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"innius_exporter/innius"
)

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func reading(seconds int, value float64) innius.Reading {
	return innius.Reading{Time: at(seconds), Value: value}
}

func skipped(seconds int, why innius.SkipReason, text string) innius.Reading {
	return innius.Reading{Time: at(seconds), Skip: why, Text: text}
}

func faulty(text string) innius.Reading { return innius.Reading{Skip: innius.SkipTime, Text: text} }

// poll stores the readings of one poll, oldest first.
func poll(e *Entry, values map[string]float64, complete bool, now time.Time, readings ...innius.Reading) PollResult {
	return e.Store(innius.Newest{Readings: readings}, Rule{Values: values}, complete, now)
}

// counted is one poll, and what it must count.
type counted struct {
	readings []innius.Reading
	counts   map[innius.SkipReason]int
}

func TestEntryCountsEachSkippedReadingOnce(t *testing.T) {
	number, text, future := innius.SkipNumber, innius.SkipText, innius.SkipFuture
	for name, answers := range map[string][]counted{
		"no number": {
			{[]innius.Reading{reading(1, 1), skipped(2, number, "null"), skipped(3, number, "null")}, map[innius.SkipReason]int{number: 2}},
			{[]innius.Reading{skipped(2, number, "null"), skipped(3, number, "null")}, nil},
			{[]innius.Reading{skipped(3, number, "null"), skipped(4, number, "null"), reading(5, 1)}, map[innius.SkipReason]int{number: 1}},
		},
		"text": {
			{[]innius.Reading{skipped(1, text, "IDLE")}, map[innius.SkipReason]int{text: 1}},
			{[]innius.Reading{skipped(1, text, "IDLE"), skipped(2, text, "ODD")}, map[innius.SkipReason]int{text: 1}},
		},
		"future": {
			{[]innius.Reading{reading(1, 1), skipped(1000, future, "")}, map[innius.SkipReason]int{future: 1}},
			{[]innius.Reading{reading(1, 1), skipped(1000, future, ""), skipped(1001, future, "")}, map[innius.SkipReason]int{future: 1}},
			{[]innius.Reading{reading(1000, 1), skipped(1001, future, "")}, nil},
		},
		"no time": {
			{[]innius.Reading{faulty("yesterday"), reading(1, 1)}, map[innius.SkipReason]int{innius.SkipTime: 1}},
			{[]innius.Reading{faulty("yesterday"), faulty("0"), reading(2, 1)}, map[innius.SkipReason]int{innius.SkipTime: 1}},
			{[]innius.Reading{reading(3, 1)}, nil},
		},
		"going backwards": {
			{[]innius.Reading{reading(10, 1)}, nil},
			{[]innius.Reading{reading(4, 2), reading(5, 2)}, nil},
			{[]innius.Reading{reading(5, 2)}, nil},
			{[]innius.Reading{reading(6, 2)}, nil},
			{[]innius.Reading{reading(11, 3)}, nil},
		},
		"nothing": {{[]innius.Reading{reading(10, 1)}, nil}, {nil, nil}, {[]innius.Reading{reading(10, 1)}, nil}},
	} {
		e := New()
		for i, a := range answers {
			if n := poll(e, nil, true, at(100), a.readings...); !maps.Equal(n.Skipped, orEmpty(a.counts)) {
				t.Errorf("%s, poll %d: counted %v, want %v", name, i+1, n.Skipped, a.counts)
			}
		}
	}
}

func orEmpty(m map[innius.SkipReason]int) map[innius.SkipReason]int {
	if m == nil {
		return map[innius.SkipReason]int{}
	}
	return m
}

func TestEntryHoldsNewestNumber(t *testing.T) {
	e := New()
	for i, step := range []struct {
		readings []innius.Reading
		value    float64
		at       int
		fresh    bool
	}{
		{[]innius.Reading{reading(1, 1), reading(3, 3)}, 3, 3, true},
		{[]innius.Reading{reading(2, 2)}, 3, 3, false},                        // older
		{[]innius.Reading{reading(3, 4)}, 4, 3, false},                        // corrected at the source: the same time
		{[]innius.Reading{skipped(5, innius.SkipText, "ODD")}, 4, 3, false},   // no number
		{[]innius.Reading{skipped(9000, innius.SkipFuture, "")}, 4, 3, false}, // a wrong clock
		{nil, 4, 3, false}, // nothing
		{[]innius.Reading{reading(6, 6), skipped(7, innius.SkipText, "")}, 6, 6, true}, // both
	} {
		n := poll(e, nil, true, at(100+i), step.readings...)
		if o := e.Load(); o.Value != step.value || !o.Time.Equal(at(step.at)) || n.New != step.fresh || !o.LastSuccess.Equal(at(100+i)) {
			t.Errorf("step %d: %+v, fresh %t, want %+v", i+1, o, n.New, step)
		}
	}
}

func TestPollResultReportsFirstReadingLagAndRecovery(t *testing.T) {
	e := New()
	n := poll(e, nil, true, at(15), reading(10, 1))
	if !n.First || !n.New || n.Lag != 5*time.Second || n.Recovered {
		t.Errorf("first: %+v", n)
	}
	if !e.Fail("broken", false, time.Time{}, at(20)) || e.Fail("broken", false, time.Time{}, at(30)) {
		t.Error("not only the first failure in a row is logged")
	}
	if o := e.Load(); o.Value != 1 || o.Failure != "broken" || !o.FailingSince.Equal(at(20)) || !o.LastSuccess.Equal(at(15)) {
		t.Errorf("a failure took something away: %+v", o)
	}
	if n := poll(e, nil, true, at(40), reading(41, 2)); n.First || !n.Recovered || n.Lag != -time.Second {
		t.Errorf("recovery: %+v", n)
	}
	if o := e.Load(); o.Failure != "" || !o.FailingSince.IsZero() {
		t.Errorf("still failing: %+v", o)
	}
}

func TestEntryKeepsPartialPollWithoutSuccess(t *testing.T) {
	e := New()
	poll(e, nil, true, at(15), reading(10, 1))
	e.Fail("broken", false, time.Time{}, at(20))
	n := poll(e, nil, false, at(30), reading(5, 0))
	if o := e.Load(); n.Recovered || o.Failure == "" || !o.LastSuccess.Equal(at(15)) {
		t.Errorf("an incomplete poll counts as a success: %+v %+v", n, o)
	}
	poll(e, nil, false, at(30), reading(25, 2))
	if o := e.Load(); o.Value != 2 {
		t.Errorf("the reading of an incomplete poll is lost: %+v", o)
	}
}

func TestEntryMapsTextsToNumbers(t *testing.T) {
	values := map[string]float64{"RUN": 1, "STOP": 0, "": 7}
	e := New()
	n := poll(e, values, true, at(9), skipped(1, innius.SkipText, "RUN"), skipped(2, innius.SkipText, "STOP"))
	if o := e.Load(); o.Value != 0 || !o.Time.Equal(at(2)) || len(n.Skipped) != 0 {
		t.Errorf("%+v %+v", o, n)
	}
	n = poll(e, values, true, at(9), skipped(3, innius.SkipText, "ODD"), skipped(4, innius.SkipNumber, ""))
	if o := e.Load(); !o.Time.Equal(at(2)) || n.Skipped[innius.SkipText] != 1 || n.Skipped[innius.SkipNumber] != 1 {
		t.Errorf("unmapped: %+v %+v", o, n)
	}
}

func TestEntryWithTwoWritersLosesNothing(t *testing.T) {
	e := New()
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 1000 {
				poll(e, nil, true, at(9000), reading(2*i+w, 1))
				e.Fail("broken", false, time.Time{}, at(9000))
				if o := e.Load(); o.Time.Before(at(2*i + w)) {
					t.Errorf("the reading of second %d is held after that of %d", o.Time.Unix()-start.Unix(), 2*i+w)
				}
			}
		})
	}
	writers.Wait()
}

func TestDisbelieveDropsTextsOfTheFuture(t *testing.T) {
	e := New()
	poll(e, nil, true, at(10), skipped(90_000, innius.SkipText, "ODD"))
	e.Disbelieve(at(20), at(20))
	poll(e, nil, true, at(20), reading(15, 1))
	if o := e.Load(); o.Unusable.Skip != "" || !o.Seen.Equal(at(15)) || o.Value != 1 {
		t.Errorf("a reading of the future is still held: %+v", o)
	}
}

// What is delivered is what is new and usable: a page repeats readings, a first page starts with history, a late reading is older
// than the newest one.
func TestEntryDeliversEachNewReadingOnceBeforeItIsStored(t *testing.T) {
	e := New()
	for i, p := range []struct {
		missed   []innius.Span
		readings []innius.Reading
		want     []int // seconds
	}{
		{[]innius.Span{{From: at(10), To: at(20)}}, []innius.Reading{reading(10, 1), reading(20, 1), reading(30, 1)}, []int{20, 30}},
		{nil, []innius.Reading{reading(20, 1), reading(30, 2)}, nil}, // a correction has the time of another
		{nil, []innius.Reading{reading(30, 1), skipped(40, innius.SkipText, "RUN"), skipped(50, innius.SkipText, "odd")}, []int{40}},
		{nil, []innius.Reading{reading(25, 1), reading(30, 1), skipped(1000, innius.SkipFuture, ""), reading(60, 1)}, []int{25, 60}},
		{[]innius.Span{{From: at(60), To: at(100)}}, []innius.Reading{reading(100, 1)}, []int{100}},
	} {
		var got []int
		e.Store(innius.Newest{Readings: p.readings, Missed: p.missed}, Rule{
			Values: map[string]float64{"RUN": 1},
			Deliver: func(readings []innius.Reading) {
				for _, r := range readings {
					got = append(got, int(r.Time.Sub(start).Seconds()))
					if !e.Load().Time.Before(r.Time) && r.Time != at(25) {
						t.Errorf("poll %d: %s is stored before it is delivered", i, r.Time)
					}
				}
			},
		}, true, at(2000))
		if !slices.Equal(got, p.want) {
			t.Errorf("poll %d delivers %v, want %v", i, got, p.want)
		}
	}
}
