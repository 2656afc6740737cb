package ratelimit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// restart hands what was learned to a new learner.
func (r *run) restart(configured Limit) {
	r.Helper()
	next := New(configured)
	if err := next.Restore(r.learner.Save(), r.now); err != nil {
		r.Fatal(err)
	}
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
		if !bytes.Equal(whole.learner.Save(), often.learner.Save()) {
			t.Error("what is kept differs")
		}
	})
}

func TestLearnerCloneStaysAsItWas(t *testing.T) {
	r := begin(t, of(fixed, 475, 30), Limit{950, 30})
	r.until(3 * time.Hour)
	r.learner.Accepted(r.now, 1)
	saved, clone := r.learner.Save(), r.learner.Clone()
	if r.learner.Accepted(r.now, 1); bytes.Equal(saved, r.learner.Save()) || !bytes.Equal(saved, clone.Save()) {
		t.Error("the copy follows the learner")
	}
}

func TestLearnerSavedSize(t *testing.T) {
	r := begin(t, of(fixed, 20_000, 30), Limit{20_000, 30})
	r.until(5 * time.Hour)
	if n := len(r.learner.Save()); n > 16<<10 {
		t.Errorf("%d bytes", n)
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
	if err := l.Restore(kept, before); err != nil || l.Last.At.After(before) || l.Steps.Next.After(before.Add(failedStepWait)) {
		t.Errorf("%v %+v %+v", err, l.Last, l.Steps)
	}
	if n := len(l.past.tallies); n > 0 {
		t.Errorf("%d tallies of the future", n)
	}
}

func FuzzRestore(f *testing.F) {
	r := begin(&testing.T{}, of(bucket, 475, 30), Limit{950, 30})
	r.until(2 * time.Hour)
	kept := r.learner.Save()
	f.Add(kept)
	f.Add(New(Limit{1, 1}).Save())
	f.Add([]byte("garbage"))
	chance := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		broken := bytes.Clone(kept)
		broken[chance.IntN(300)] ^= byte(1 + chance.IntN(255))
		f.Add(broken)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		l, configured := New(Limit{950, 30}), Limit{950, 30}
		if l.Restore(encoded, start) != nil && l.Limit() != configured {
			t.Fatal("an error changed something")
		}
		now := start
		for i := range 50 {
			l.Advance(now)
			l.Accepted(now, i%3)
			if i%7 == 0 {
				l.Refused(Refusal{At: now, Wait: time.Duration(i*i) * time.Second, Stated: i%2 == 0, Remaining: float64(i % 4)})
			}
			limit := l.Limit()
			if !(limit.PerHour >= 0.9 && limit.PerHour <= 950) || limit.Burst < 1 || limit.Burst > 30 {
				t.Fatalf("limit %v", limit)
			}
			now = now.Add(time.Duration(i*i) * time.Second)
		}
		_ = l.Save()
	})
}
