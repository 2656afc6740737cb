package ratelimit

import (
	"testing"
	"time"
)

// of is an API that counts in one way.
func of(k kind, perHour, burst float64) *api { return &api{kind: k, perHour: perHour, burst: burst} }

// forEachKind runs a test for each way of counting.
func forEachKind(t *testing.T, scenario func(t *testing.T, k kind)) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, k)
		})
	}
}

func (r *run) rate() float64 { return r.learner.Limit().PerHour }

func (r *run) wantRate(low, high float64) {
	r.Helper()
	if rate := r.rate(); rate < low || rate > high {
		r.Errorf("after %s the rate is %.1f, want %v to %v; 429s: %v", r.now.Sub(start), rate, low, high, r.events)
	}
}

func TestLearnerKeepsLimitWithoutRefusal(t *testing.T) {
	forEachKind(t, func(t *testing.T, k kind) {
		r := begin(t, of(k, 1000, 30), Limit{950, 30})
		r.until(48 * time.Hour)
		if len(r.events) > 0 || r.learner.Limit() != r.learner.configured || r.learner.Cause(r.now) != None {
			t.Errorf("429s %v, limit %v, cause %q", r.events, r.learner.Limit(), r.learner.Cause(r.now))
		}
	})
}

func TestLearnerRecoversFromSingleRefusal(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	for _, after := range []time.Duration{10 * time.Second, 5 * time.Minute, 50 * time.Minute, 90 * time.Minute, 30 * time.Hour} {
		for _, wait := range []time.Duration{1, 5, 60, 600, 2400, 3600, 86400} {
			wait *= time.Second
			r := begin(t, of(bucket, 1100, 100), Limit{950, 30})
			r.until(after)
			r.refuse(wait)
			for range 20 {
				r.until(r.now.Sub(start) + time.Hour)
				if r.rate() < 0.78*950 {
					t.Fatalf("a 429 after %s with a wait of %s brought the rate down to %v", after, wait, r.rate())
				}
			}
			r.until(after + wait + 14*time.Hour)
			early := r.rate() / 950
			r.until(after + wait + 36*time.Hour)
			t.Logf("429 after %8s, wait %8s: %.3f of the configured rate after 14 h", after, wait, early)
			if r.learner.lowered() || len(r.events) > 1 {
				t.Errorf("not back after 36 h: %v, 429s %v", r.learner.Limit(), r.events)
			}
		}
	}
}

func TestLearnerReturnsToRestoredLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	forEachKind(t, func(t *testing.T, k kind) {
		for _, ratio := range []float64{0.3, 0.5, 0.8} {
			r := begin(t, of(k, 1000*ratio, 30), Limit{950, 30})
			r.until(72*time.Hour + 17*time.Minute)
			before := len(r.events)
			r.api.perHour, r.api.tokens = 1000, 0
			back := time.Duration(0)
			for r.learner.lowered() && back < 100*time.Hour {
				back += time.Hour
				r.until(72*time.Hour + 17*time.Minute + back)
			}
			t.Logf("%.2f: the configured rate is back after %s, with %d 429s", ratio, back, len(r.events)-before)
			if back > 50*time.Hour || len(r.events) > before {
				t.Errorf("back after %s, with %d 429s", back, len(r.events)-before)
			}
			r.checkNotRepeated()
		}
	})
}

func TestLearnerFollowsHalvedLimit(t *testing.T) {
	forEachKind(t, func(t *testing.T, k kind) {
		for _, into := range []time.Duration{0, 10 * time.Minute, 40 * time.Minute, 59 * time.Minute} {
			r := begin(t, of(k, 1000, 30), Limit{950, 30})
			change := 30*time.Hour + into
			r.until(change)
			r.api.perHour = 500
			r.until(change + 3*time.Hour)
			t.Logf("halved %s into an hour: %.3f after 3 h, %d 429s", into, r.rate()/500, len(r.events))
			r.wantRate(475, 500)
			n := len(r.events)
			r.until(change + 9*time.Hour)
			if len(r.events) > n+1 || n > 5 {
				t.Errorf("%d 429s in 3 h and %d in 6 h more", n, len(r.events)-n)
			}
			r.checkNotRepeated()
		}
	})
}

func TestLearnerLowersOnlyBurst(t *testing.T) {
	r := begin(t, of(bucket, 1000, 10), Limit{950, 30})
	r.until(20 * time.Hour)
	if limit := r.learner.Limit(); limit.Burst < 8 || limit.Burst > 10 || limit.PerHour < 0.98*950 || len(r.events) != 1 {
		t.Errorf("limit %v, 429s %v", limit, r.events)
	}
	if r.learner.Cause(r.now) != LimitOrShared {
		t.Errorf("cause %q", r.learner.Cause(r.now))
	}
	r.until(200 * time.Hour)
	r.checkNotRepeated()
	if n := len(r.events); n > 8 {
		t.Errorf("%d 429s in 200 h", n)
	}
}

func TestLearnerBisectsWithoutStatedWait(t *testing.T) {
	forEachKind(t, func(t *testing.T, k kind) {
		for _, ratio := range []float64{0.3, 0.5, 0.8, 0.97} {
			r := begin(t, of(k, 950*ratio, 30), Limit{950, 30})
			r.absent = true
			settled, n := time.Duration(0), 0
			for h := range 48 {
				r.until(time.Duration(h+1) * time.Hour)
				if rate := r.rate() / (950 * ratio); rate < 0.9 || rate > 1 {
					settled, n = time.Duration(h+1)*time.Hour, len(r.events)
				}
			}
			t.Logf("%.2f: within 10 %% under the true rate after %s and %d 429s; after 48 h %.3f and %d 429s", ratio, settled, n,
				r.rate()/950/ratio, len(r.events))
			r.wantRate(0.85*950*ratio, 1.1*950*ratio)
			r.checkNotRepeated()
		}
	})
}

func TestLearnerWithOtherUserOfKey(t *testing.T) {
	forEachKind(t, func(t *testing.T, k kind) {
		r := begin(t, of(k, 1000, 30), Limit{950, 30})
		r.others = func(time.Time) float64 { return 300 }
		r.until(8 * time.Hour)
		t.Logf("%.3f of what is left, %d 429s in 8 h", r.rate()/700, len(r.events))
		n := len(r.events)
		r.until(48 * time.Hour)
		t.Logf("%.3f of what is left, %d 429s in 40 h, cause %s", r.rate()/700, len(r.events)-n, r.learner.Cause(r.now))
		r.wantRate(0.75*700, 1.1*700)
		r.checkNotRepeated()
		r.others = func(time.Time) float64 { return 0 }
		r.until(100 * time.Hour)
		r.wantRate(950, 950)
	})
}

func TestLearnerDetectsSharedKey(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	forEachKind(t, func(t *testing.T, k kind) {
		r := begin(t, of(k, 1000, 30), Limit{950, 30})
		r.others = func(now time.Time) float64 {
			if now.Hour() >= 8 && now.Hour() < 18 {
				return 300
			}
			return 0
		}
		var known time.Duration
		for h := range 24 * 10 {
			r.until(time.Duration(h) * time.Hour)
			if r.learner.Cause(r.now) == Shared && known == 0 {
				known = r.now.Sub(start)
			}
		}
		t.Logf("known after %s, %d 429s in 10 days, now %.1f", known, len(r.events), r.rate())
		if known == 0 && len(r.events) > 0 { // in a sliding hour a steady sender keeps its share, and the other tool gets nothing
			t.Error("not known as shared")
		}
		r.checkNotRepeated()
	})
}
