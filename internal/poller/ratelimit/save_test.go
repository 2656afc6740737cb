package ratelimit

import (
	"bytes"
	"encoding/gob"
	"math"
	"reflect"
	"testing"
	"time"
)

// restart hands what was learned to a new learner.
func (r *run) restart(configured Limit) {
	r.Helper()
	next := New(configured)
	if err := next.Restore(r.learner.Save(), r.now); err != nil {
		r.Fatalf("%v: %+v", err, r.learner.Save())
	}
	r.learner = next
}

func TestLearnerSurvivesRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	forEachKind(t, func(t *testing.T, k kind) {
		configured := Limit{950, 30}
		whole, often := begin(t, of(k, 475, 30), configured), begin(t, of(k, 475, 30), configured)
		for m := range 60 * 40 {
			whole.until(time.Duration(m) * time.Minute)
			often.until(time.Duration(m) * time.Minute)
			often.restart(configured)
		}
		if len(whole.events) < 2 || len(whole.events) != len(often.events) || math.Abs(whole.rate()-often.rate()) > 1e-9 {
			t.Errorf("without restarts %v %v, with them %v %v", whole.events, whole.rate(), often.events, often.rate())
		}
		if !reflect.DeepEqual(whole.learner.Save(), often.learner.Save()) {
			t.Error("what is kept differs")
		}
	})
}

func TestLearnerSavedStaysAsItWas(t *testing.T) {
	r := begin(t, of(fixed, 475, 30), Limit{950, 30})
	r.until(3 * time.Hour)
	r.learner.Accepted(r.now, 1)
	saved, same := r.learner.Save(), r.learner.Save()
	if r.learner.Accepted(r.now, 1); reflect.DeepEqual(saved, r.learner.Save()) || !reflect.DeepEqual(saved, same) {
		t.Error("what was saved follows the learner")
	}
}

func TestLearnerSavedSize(t *testing.T) {
	r := begin(t, of(fixed, 20_000, 30), Limit{20_000, 30})
	r.until(5 * time.Hour)
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(r.learner.Save()); err != nil || b.Len() > 16<<10 {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}

func TestLearnerRestoreWithChangedConfig(t *testing.T) {
	for name, row := range map[string]struct{ after, want Limit }{
		"the same":                       {Limit{950, 30}, Limit{0, 9}},
		"lower than what was learned":    {Limit{300, 5}, Limit{300, 5}},
		"lower, but more than permitted": {Limit{900, 30}, Limit{0, 9}},
		"raised":                         {Limit{1900, 30}, Limit{1900, 30}},
	} {
		r := begin(t, of(fixed, 475, 30), Limit{950, 30})
		r.until(3 * time.Hour)
		learned := r.rate()
		r.restart(row.after)
		if row.want.PerHour == 0 {
			row.want.PerHour = learned
		}
		if got := r.learner.Limit(); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

func TestLearnerRestoreAfterClockSetBack(t *testing.T) {
	r := begin(t, of(fixed, 475, 30), Limit{950, 30})
	r.until(3 * time.Hour)
	kept := r.learner.Save()
	l := New(Limit{950, 30})
	before := r.now.Add(-365 * 24 * time.Hour)
	if err := l.Restore(kept, before); err != nil {
		t.Fatal(err)
	}
	if l.Last.At.After(before) || l.Steps.Next.After(before.Add(failedStepWait)) {
		t.Errorf("%+v %+v", l.Last, l.Steps)
	}
	if n := len(l.past.tallies); n > 0 {
		t.Errorf("%d tallies of the future", n)
	}
}

// A file with a good checksum may still hold values that no learner has saved.
func TestLearnerRestoresNothingFromImpossibleValues(t *testing.T) {
	r := begin(t, of(fixed, 475, 30), Limit{950, 30})
	r.until(3 * time.Hour)
	r.learner.Accepted(r.now, 1)
	good := New(Limit{950, 30})
	if err := good.Restore(r.learner.Save(), r.now); err != nil || good.Limit() == (Limit{950, 30}) {
		t.Fatalf("%v, %v", good.Limit(), err)
	}
	for name, change := range map[string]func(s *Saved){
		"no rate":                    func(s *Saved) { s.Limit.PerHour = 0 },
		"negative rate":              func(s *Saved) { s.Limit.PerHour = -1 },
		"rate that is no number":     func(s *Saved) { s.Limit.PerHour = math.NaN() },
		"rate above the configured":  func(s *Saved) { s.Limit.PerHour = 951 },
		"no burst":                   func(s *Saved) { s.Limit.Burst = 0 },
		"burst above the configured": func(s *Saved) { s.Limit.Burst = 31 },
		"infinite configured rate":   func(s *Saved) { s.Configured.PerHour = math.Inf(1) },
		"refusal without a rate":     func(s *Saved) { s.Learned.Last.Rate = 0 },
		"refused rate, no number":    func(s *Saved) { s.Learned.Last.Rate = math.NaN() },
		"refusal without a time":     func(s *Saved) { s.Learned.Last.At = time.Time{} },
		"end before the refusal":     func(s *Saved) { s.Learned.Last.Until = s.Learned.Last.At.Add(-1) },
		"negative hourly limit":      func(s *Saved) { s.Learned.Hourly = -1 },
		"lower bound, no number":     func(s *Saved) { s.Learned.Search.Low = math.NaN() },
		"infinite upper bound":       func(s *Saved) { s.Learned.Search.High = math.Inf(1) },
		"negative refusals":          func(s *Saved) { s.Learned.Search.Refusals = -1 },
		"tested before all":          func(s *Saved) { s.Learned.Search.Already = s.Total + 1 },
		"no base":                    func(s *Saved) { s.Learned.Steps.Base = 0 },
		"proven rate, no number":     func(s *Saved) { s.Learned.Steps.Proven = math.NaN() },
		"negative step":              func(s *Saved) { s.Learned.Steps.Size = -0.05 },
		"negative estimate":          func(s *Saved) { s.Learned.Sharing.Estimate = -1 },
		"infinite peak":              func(s *Saved) { s.Learned.Sharing.Peak = math.Inf(1) },
		"negative total":             func(s *Saved) { s.Total = -1 },
		"total that would overflow":  func(s *Saved) { s.Total = math.MaxInt },
		"more before than in total":  func(s *Saved) { s.Learned.AcceptedAtLast = s.Total + 1 },
		"more in an hour":            func(s *Saved) { s.ClockHour.Most = s.Total + 1 },
		"more than the most":         func(s *Saved) { s.ClockHour.InHour = s.ClockHour.Most + 1 },
		"half a tally":               func(s *Saved) { s.Tallies = s.Tallies[1:] },
		"negative tally":             func(s *Saved) { s.Tallies[1] = -1 },
		"tally above the total":      func(s *Saved) { s.Tallies[1] = s.Total + 1 },
		"time that goes back":        func(s *Saved) { s.Tallies[2] = -1 },
		"time that would overflow":   func(s *Saved) { s.Tallies[2] = math.MaxInt },
	} {
		saved, l := r.learner.Save(), New(Limit{950, 30})
		change(saved)
		if err := l.Restore(saved, r.now); err == nil || !reflect.DeepEqual(l, New(Limit{950, 30})) {
			t.Errorf("%s: %v, %+v", name, err, l)
		}
	}
}

func TestLearnerGoesOnByAnotherClock(t *testing.T) {
	for _, by := range []time.Duration{-24 * time.Hour, -time.Hour, time.Hour, 24 * time.Hour} { // whole hours: hours of the clock count
		one, other := begin(t, of(fixed, 475, 30), Limit{950, 30}), begin(t, of(fixed, 475, 30), Limit{950, 30})
		one.until(3 * time.Hour)
		other.until(3 * time.Hour)
		moved := New(Limit{950, 30})
		if err := moved.Restore(one.learner.Save().Moved(by), one.now.Add(by)); err != nil {
			t.Fatal(err)
		}
		other.restart(Limit{950, 30})
		waits := 0
		for m := range 40 * 60 {
			now := one.now.Add(time.Duration(m) * time.Minute)
			other.learner.Advance(now)
			moved.Advance(now.Add(by))
			want, got := other.learner.Wait(now, 1), moved.Wait(now.Add(by), 1)
			if want != got || other.learner.Limit() != moved.Limit() {
				t.Fatalf("%s later by a clock moved by %s: wait %s, limit %v; want %s, %v",
					time.Duration(m)*time.Minute, by, got, moved.Limit(), want, other.learner.Limit())
			}
			if waits++; want == 0 {
				waits--
				other.learner.Accepted(now, 12)
				moved.Accepted(now.Add(by), 12)
			}
		}
		if waits == 0 {
			t.Error("the hourly limit was never reached")
		}
	}
}
