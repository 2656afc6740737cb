package reading

import (
	"maps"
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

// bring is one answer to a cell, and what it must have counted.
type bring struct {
	readings []innius.Reading
	counts   map[innius.SkipReason]int
}

func TestEntryCountsEachSkippedReadingOnce(t *testing.T) {
	number, text, future := innius.SkipNumber, innius.SkipText, innius.SkipFuture
	for name, answers := range map[string][]bring{
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
			{[]innius.Reading{reading(4, 2), reading(5, 2)}, map[innius.SkipReason]int{SkipOrder: 1}},
			{[]innius.Reading{reading(5, 2)}, nil},
			{[]innius.Reading{reading(6, 2)}, map[innius.SkipReason]int{SkipOrder: 1}},
			{[]innius.Reading{reading(11, 3)}, nil},
		},
		"nothing": {{[]innius.Reading{reading(10, 1)}, nil}, {nil, nil}, {[]innius.Reading{reading(10, 1)}, nil}},
	} {
		c := New()
		for i, a := range answers {
			if n := c.Store(innius.Newest{Readings: a.readings}, nil, true, at(100)); !maps.Equal(n.Skipped, orEmpty(a.counts)) {
				t.Errorf("%s, answer %d: counted %v, want %v", name, i+1, n.Skipped, a.counts)
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
	c := New()
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
		n := c.Store(innius.Newest{Readings: step.readings}, nil, true, at(100+i))
		if o := c.Load(); o.Value != step.value || !o.Time.Equal(at(step.at)) || n.New != step.fresh || !o.LastSuccess.Equal(at(100+i)) {
			t.Errorf("step %d: %+v, fresh %t, want %+v", i+1, o, n.New, step)
		}
	}
}

func TestPollResultReportsFirstReadingLagAndRecovery(t *testing.T) {
	c := New()
	if n := c.Store(innius.Newest{Readings: []innius.Reading{reading(10, 1)}}, nil, true, at(15)); !n.First || !n.New || n.Lag != 5*time.Second || n.Recovered {
		t.Errorf("first: %+v", n)
	}
	if !c.Fail("broken", false, time.Time{}, at(20)) || c.Fail("broken", false, time.Time{}, at(30)) {
		t.Error("only the first failure in a row is one to tell of")
	}
	if o := c.Load(); o.Value != 1 || o.Failure != "broken" || !o.FailingSince.Equal(at(20)) || !o.LastSuccess.Equal(at(15)) {
		t.Errorf("a failure took something away: %+v", o)
	}
	if n := c.Store(innius.Newest{Readings: []innius.Reading{reading(41, 2)}}, nil, true, at(40)); n.First || !n.Recovered || n.Lag != -time.Second {
		t.Errorf("recovery: %+v", n)
	}
	if o := c.Load(); o.Failure != "" || !o.FailingSince.IsZero() {
		t.Errorf("still failing: %+v", o)
	}
}

func TestEntryKeepsPartialPollWithoutSuccess(t *testing.T) {
	c := New()
	c.Store(innius.Newest{Readings: []innius.Reading{reading(10, 1)}}, nil, true, at(15))
	c.Fail("broken", false, time.Time{}, at(20))
	n := c.Store(innius.Newest{Readings: []innius.Reading{reading(5, 0)}}, nil, false, at(30))
	if o := c.Load(); n.Recovered || o.Failure == "" || !o.LastSuccess.Equal(at(15)) || n.Skipped[SkipOrder] != 0 {
		t.Errorf("half an answer counts as a whole one: %+v %+v", n, o)
	}
	c.Store(innius.Newest{Readings: []innius.Reading{reading(25, 2)}}, nil, false, at(30))
	if o := c.Load(); o.Value != 2 {
		t.Errorf("what was paid for is lost: %+v", o)
	}
}

func TestEntryMapsTextsToNumbers(t *testing.T) {
	values := map[string]float64{"RUN": 1, "STOP": 0, "": 7}
	c := New()
	n := c.Store(innius.Newest{Readings: []innius.Reading{skipped(1, innius.SkipText, "RUN"), skipped(2, innius.SkipText, "STOP")}}, values, true, at(9))
	if o := c.Load(); o.Value != 0 || !o.Time.Equal(at(2)) || len(n.Skipped) != 0 {
		t.Errorf("%+v %+v", o, n)
	}
	n = c.Store(innius.Newest{Readings: []innius.Reading{skipped(3, innius.SkipText, "ODD"), skipped(4, innius.SkipNumber, "")}}, values, true, at(9))
	if o := c.Load(); !o.Time.Equal(at(2)) || n.Skipped[innius.SkipText] != 1 || n.Skipped[innius.SkipNumber] != 1 {
		t.Errorf("unmapped: %+v %+v", o, n)
	}
}

func TestEntryWithTwoWritersLosesNothing(t *testing.T) {
	c := New()
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 1000 {
				c.Store(innius.Newest{Readings: []innius.Reading{reading(2*i+w, 1)}}, nil, true, at(9000))
				c.Fail("broken", false, time.Time{}, at(9000))
				if o := c.Load(); o.Time.Before(at(2*i + w)) {
					t.Errorf("the reading of second %d is held after that of %d", o.Time.Unix()-start.Unix(), 2*i+w)
				}
			}
		})
	}
	writers.Wait()
}

func TestDisbelieveDropsTextsOfTheFuture(t *testing.T) {
	c := New()
	c.Store(innius.Newest{Readings: []innius.Reading{{Time: at(90_000), Text: "ODD", Skip: innius.SkipText}}}, nil, true, at(10))
	c.Disbelieve(at(20), at(20))
	c.Store(innius.Newest{Readings: []innius.Reading{reading(15, 1)}}, nil, true, at(20))
	if o := c.Load(); o.Unusable.Skip != "" || !o.Seen.Equal(at(15)) || o.Value != 1 {
		t.Errorf("what is held is still of the future: %+v", o)
	}
}
