package ratelimit

import (
	"math"
	"testing"
	"time"
)

// What a schedule leaves of the rate does not end the search at a lower one.
func TestLearnerFindsLimitWhenSomeIsUnused(t *testing.T) {
	for _, ratio := range []float64{0.3, 0.5, 0.8, 0.9} {
		r := begin(t, of(bucket, 950*ratio, 30), Limit{950, 30})
		r.uses = 0.94
		r.until(12 * time.Hour)
		if used := r.uses * r.rate() / (950 * ratio); used < 0.95 || used > 1 {
			t.Errorf("limit of %v: uses %.3f of it, 429s %v", 950*ratio, used, r.events)
		}
	}
}

func TestLearnerSettlesBelowTrueLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	for name, k := range kinds {
		for _, configured := range []Limit{{950, 30}, {950, 1}, {100, 5}, {20_000, 100}} {
			for _, ratio := range []float64{0.3, 0.5, 0.8, 0.9, 0.97} {
				if configured.PerHour > 10_000 && ratio != 0.5 {
					continue // a million requests each
				}
				limit := math.Round(configured.PerHour * ratio)
				r := begin(t, of(k, limit, float64(configured.Burst)), configured)
				for len(r.events) == 0 && r.now.Sub(start) < 3*time.Hour {
					r.until(r.now.Sub(start) + 1)
				}
				hour := r.now.Sub(start) + time.Hour
				r.until(hour)
				settled, in := r.rate()/limit, len(r.events)
				r.until(hour + 47*time.Hour)
				after := len(r.events) - in
				t.Logf("%-12s %6.0f/%-3d x %.2f: 1 h after the first 429 %.3f of the true rate, 429s in that hour %d, in 47 h more %d", name,
					configured.PerHour, configured.Burst, ratio, settled, in, after)
				if settled < 0.95 || settled > 1 {
					t.Errorf("settled at %.3f of the true limit", settled)
				}
				if n := r.most429s(hour, 6*time.Hour); n > 1 {
					t.Errorf("%d 429s in 6 h after it had settled: %v", n, r.events)
				}
				r.checkNotRepeated()
				if cause := r.learner.Cause(r.now); cause != LimitOrShared {
					t.Errorf("cause %q, but no one else uses the key", cause)
				}
			}
		}
	}
}
