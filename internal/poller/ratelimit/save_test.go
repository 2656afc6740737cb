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
	next.Restore(r.learner.Save(), r.now)
	r.learner = next
}

func TestLearnerSurvivesRestart(t *testing.T) {
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
	l.Restore(kept, before)
	if l.Last.At.After(before) || l.Steps.Next.After(before.Add(failedStepWait)) {
		t.Errorf("%+v %+v", l.Last, l.Steps)
	}
	if n := len(l.past.tallies); n > 0 {
		t.Errorf("%d tallies of the future", n)
	}
}
