package poller

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"innius_exporter/innius"
)

// at is a moment of the tests of one cell, in seconds after a start.
func at(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }

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

func TestEachSkippedReadingCountsOnceThoughPagesOverlap(t *testing.T) {
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
			{[]innius.Reading{reading(4, 2), reading(5, 2)}, map[innius.SkipReason]int{skipOrder: 1}},
			{[]innius.Reading{reading(5, 2)}, nil},
			{[]innius.Reading{reading(6, 2)}, map[innius.SkipReason]int{skipOrder: 1}},
			{[]innius.Reading{reading(11, 3)}, nil},
		},
		"nothing": {{[]innius.Reading{reading(10, 1)}, nil}, {nil, nil}, {[]innius.Reading{reading(10, 1)}, nil}},
	} {
		c := newCell()
		for i, a := range answers {
			if n := c.store(innius.Newest{Readings: a.readings}, noRule, true, at(100)); !maps.Equal(n.skipped, orEmpty(a.counts)) {
				t.Errorf("%s, answer %d: counted %v, want %v", name, i+1, n.skipped, a.counts)
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

func TestTheNewestNumberIsHeldWhateverComesAfter(t *testing.T) {
	c := newCell()
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
		n := c.store(innius.Newest{Readings: step.readings}, noRule, true, at(100+i))
		if o := c.Load(); o.value != step.value || !o.at.Equal(at(step.at)) || n.fresh != step.fresh || !o.answered.Equal(at(100+i)) {
			t.Errorf("step %d: %+v, fresh %t, want %+v", i+1, o, n.fresh, step)
		}
	}
}

func TestNewsTellsFirstAgeAndRecovery(t *testing.T) {
	c := newCell()
	if n := c.store(innius.Newest{Readings: []innius.Reading{reading(10, 1)}}, noRule, true, at(15)); !n.first || !n.fresh || n.age != 5*time.Second || n.back {
		t.Errorf("first: %+v", n)
	}
	if !c.fail("broken", false, at(20)) || c.fail("broken", false, at(30)) {
		t.Error("only the first failure in a row is one to tell of")
	}
	if o := c.Load(); o.value != 1 || o.failure != "broken" || !o.failedAt.Equal(at(20)) || !o.answered.Equal(at(15)) {
		t.Errorf("a failure took something away: %+v", o)
	}
	if n := c.store(innius.Newest{Readings: []innius.Reading{reading(41, 2)}}, noRule, true, at(40)); n.first || !n.back || n.age != -time.Second {
		t.Errorf("recovery: %+v", n)
	}
	if o := c.Load(); o.failure != "" || !o.failedAt.IsZero() {
		t.Errorf("still failing: %+v", o)
	}
}

func TestAPartialAnswerIsKeptButIsNoSuccess(t *testing.T) {
	c := newCell()
	c.store(innius.Newest{Readings: []innius.Reading{reading(10, 1)}}, noRule, true, at(15))
	c.fail("broken", false, at(20))
	n := c.store(innius.Newest{Readings: []innius.Reading{reading(5, 0)}}, noRule, false, at(30))
	if o := c.Load(); n.back || o.failure == "" || !o.answered.Equal(at(15)) || n.skipped[skipOrder] != 0 {
		t.Errorf("half an answer counts as a whole one: %+v %+v", n, o)
	}
	c.store(innius.Newest{Readings: []innius.Reading{reading(25, 2)}}, noRule, false, at(30))
	if o := c.Load(); o.value != 2 {
		t.Errorf("what was paid for is lost: %+v", o)
	}
}

func TestTextBecomesANumberWhereARuleSaysSo(t *testing.T) {
	rule := &Rule{Values: map[string]float64{"RUN": 1, "STOP": 0, "": 7}}
	c := newCell()
	n := c.store(innius.Newest{Readings: []innius.Reading{skipped(1, innius.SkipText, "RUN"), skipped(2, innius.SkipText, "STOP")}}, rule, true, at(9))
	if o := c.Load(); o.value != 0 || !o.at.Equal(at(2)) || len(n.skipped) != 0 {
		t.Errorf("%+v %+v", o, n)
	}
	n = c.store(innius.Newest{Readings: []innius.Reading{skipped(3, innius.SkipText, "ODD"), skipped(4, innius.SkipNumber, "")}}, rule, true, at(9))
	if o := c.Load(); !o.at.Equal(at(2)) || n.skipped[innius.SkipText] != 1 || n.skipped[innius.SkipNumber] != 1 {
		t.Errorf("unmapped: %+v %+v", o, n)
	}
}

func TestEachSensorIsInOneStateAndSaysWhy(t *testing.T) {
	now, hour := at(10*3600), time.Hour
	polled := &sensor{rule: noRule, cell: newCell()}
	paced := &sensor{rule: noRule, cell: newCell()}
	paced.cell.pace.Store(regular(10*time.Minute, at(0)))
	old := observation{at: at(0), answered: at(9), trouble: noTrouble}
	for name, c := range map[string]struct {
		sensor *sensor
		seen   observation
		state  State
		why    string
	}{
		"not asked":     {polled, observation{trouble: noTrouble}, StateWaiting, "waiting for allowance"},
		"fresh":         {polled, observation{at: now.Add(-hour), answered: now, trouble: noTrouble}, StateFresh, ""},
		"late":          {paced, observation{at: now.Add(-hour), answered: now, trouble: noTrouble}, StateLate, "silent for more than three"},
		"not asked yet": {paced, observation{at: now.Add(-hour), answered: now.Add(-hour), trouble: noTrouble}, StateFresh, ""},
		"stale":         {polled, old, StateStale, "is older than 1 h (stale_after)"},
		"never":         {polled, observation{answered: now, trouble: noTrouble}, StateStale, "never reported"},
		"failing":       {polled, observation{at: now, answered: now, trouble: &trouble{failure: "status 500"}}, StateFailing, "status 500"},
		"only failed":   {polled, observation{trouble: &trouble{failure: "status 404"}}, StateFailing, "status 404"},
		"text":          {polled, observation{answered: now, trouble: &trouble{unusable: skipped(1, innius.SkipText, "RUN")}}, StateUnreadable, `the text "RUN"`},
		"null":          {polled, observation{answered: now, trouble: &trouble{unusable: skipped(1, innius.SkipNumber, "null")}}, StateUnreadable, "null"},
		"fresh, text":   {polled, observation{at: now, answered: now, trouble: &trouble{unusable: skipped(1, innius.SkipText, "R")}}, StateFresh, ""},
		"filtered":      {&sensor{filtered: "not in include"}, old, StateFiltered, "filtered: not in include"},
		"another's":     {&sensor{twinOf: "a2"}, old, StateFiltered, "asked for by account a2"},
		"future, early": {polled, observation{at: now.Add(4 * time.Minute), answered: now, trouble: noTrouble}, StateFresh, ""},
	} {
		if got := c.sensor.state(&c.seen, hour, now); got != c.state {
			t.Errorf("%s: %s, want %s", name, got, c.state)
		}
		if got := c.sensor.why(&c.seen, &look{now: now, machine: &machine{}, staleAfter: hour}); !strings.Contains(got, c.why) || c.why == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
	}
}

func TestTwoWritersNeverUndoEachOther(t *testing.T) {
	c := newCell()
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 1000 {
				c.store(innius.Newest{Readings: []innius.Reading{reading(2*i+w, 1)}}, noRule, true, at(9000))
				c.fail("broken", false, at(9000))
				if o := c.Load(); o.at.Before(at(2*i + w)) {
					t.Errorf("the reading of second %d is held after that of %d", o.at.Unix()-dawn.Unix(), 2*i+w)
				}
			}
		})
	}
	writers.Wait()
}

func TestASensorThatHasRecoveredTakesNoMemoryForItsTrouble(t *testing.T) {
	c := newCell()
	c.fail("broken", false, at(10))
	c.store(innius.Newest{Readings: []innius.Reading{skipped(15, innius.SkipText, "RUN")}}, noRule, true, at(20))
	c.store(innius.Newest{Readings: []innius.Reading{reading(25, 1)}}, noRule, true, at(30))
	if o := c.Load(); o.trouble != noTrouble {
		t.Errorf("it still holds %+v", o.trouble)
	}
}
