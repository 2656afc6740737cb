package simulator

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// passed counts how many requests in a row are granted, and returns the first refusal.
func (v *visitor) passed(most int) (granted int, refusal got) {
	v.t.Helper()
	for granted = range most {
		if refusal = v.get("/companies/me"); refusal.status != http.StatusOK {
			return granted, refusal
		}
	}
	v.t.Fatalf("no refusal in %d requests", most)
	return 0, got{}
}

// waitStated sleeps until just before the stated moment, where it must still be refused, then until it.
func (v *visitor) waitStated(refusal got) {
	v.t.Helper()
	v.is(refusal, http.StatusTooManyRequests)
	seconds, err := strconv.Atoi(refusal.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		v.t.Fatalf("Retry-After %q", refusal.header.Get("Retry-After"))
	}
	time.Sleep(time.Duration(seconds)*time.Second - 1100*time.Millisecond)
	v.is(v.get("/companies/me"), http.StatusTooManyRequests)
	time.Sleep(1100 * time.Millisecond)
}

func TestTokenBucketGrantsBurstThenOneByOne(t *testing.T) {
	limits := Limits{PerHour: 700, Burst: 5}
	visit(t, small(), Options{Limits: limits}, func(t *testing.T, v *visitor) {
		for round, want := range []int{5, 1, 1} {
			granted, refusal := v.passed(10)
			if granted != want {
				t.Fatalf("round %d: %d granted, want %d", round, granted, want)
			}
			v.waitStated(refusal)
		}
		time.Sleep(2 * time.Hour)
		if granted, _ := v.passed(10); granted != 5 {
			t.Errorf("a rested bucket granted %d, want the burst of 5", granted)
		}
	})
}

func TestTokenBucketKeepsToItsHour(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{PerHour: 300, Burst: 5}}, func(t *testing.T, v *visitor) {
		for range 900 {
			v.get("/companies/me")
			time.Sleep(4 * time.Second)
		}
		if n := v.server.Stats().Of("", http.StatusOK); n < 300 || n > 305 {
			t.Errorf("%d granted in the first hour, want 300 to 305", n)
		}
	})
}

func TestFixedHourRestartsAtTheFullHour(t *testing.T) {
	limits := Limits{Kind: FixedHour, PerHour: 4, Burst: 100}
	visit(t, small(), Options{Limits: limits}, func(t *testing.T, v *visitor) {
		time.Sleep(40*time.Minute + 300*time.Millisecond)
		granted, refusal := v.passed(10)
		if wait := refusal.header.Get("Retry-After"); granted != 4 || wait != "1200" {
			t.Fatalf("%d granted, Retry-After %s; want 4 and the 1200 s to the full hour", granted, wait)
		}
		v.waitStated(refusal)
		if granted, _ = v.passed(10); granted != 4 {
			t.Errorf("%d granted in the next hour, want 4", granted)
		}
	})
}

func TestSlidingHourFreesEachRequestAfterAnHour(t *testing.T) {
	limits := Limits{Kind: SlidingHour, PerHour: 3}
	visit(t, small(), Options{Limits: limits}, func(t *testing.T, v *visitor) {
		for range 3 {
			v.is(v.get("/companies/me"), http.StatusOK)
			time.Sleep(10 * time.Minute)
		}
		granted, refusal := v.passed(10)
		if wait := refusal.header.Get("Retry-After"); granted != 0 || wait != "1800" {
			t.Fatalf("%d granted, Retry-After %s; want none and 1800", granted, wait)
		}
		v.waitStated(refusal)
		if granted, _ = v.passed(10); granted != 1 {
			t.Errorf("%d granted, want the one that became free", granted)
		}
	})
}

func TestRetryAfterForms(t *testing.T) {
	base := Limits{Kind: FixedHour, PerHour: 1}
	for form, want := range map[RetryAfterForm]string{Seconds: "3600", Date: "Sat, 01 Jan 2000 01:00:00 GMT", Absent: ""} {
		limits := base
		limits.RetryAfter = form
		visit(t, small(), Options{Limits: limits}, func(t *testing.T, v *visitor) {
			time.Sleep(500 * time.Millisecond)
			_, refusal := v.passed(5)
			if text := refusal.header.Get("Retry-After"); text != want {
				t.Errorf("form %d: Retry-After %q, want %q", form, text, want)
			}
			if v.message(refusal) == "" {
				t.Error("a 429 without a message")
			}
		})
	}
}

func TestOnlyGrantedRequestsOfAValidKeyCost(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{Kind: SlidingHour, PerHour: 2}}, func(t *testing.T, v *visitor) {
		v.key = "wrong"
		for range 5 {
			v.is(v.get("/companies/me"), http.StatusUnauthorized)
		}
		v.key = testKey
		v.is(v.get("/nowhere"), http.StatusNotFound)
		v.is(v.get("/companies/me"), http.StatusOK)
		v.is(v.get("/companies/me"), http.StatusTooManyRequests)
		if s := v.server.Stats(); s.Limited != 1 || s.Unforeseen != 0 || s.Requests != 8 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRequestsBeforeTheStatedMomentAreCounted(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{Kind: FixedHour, PerHour: 1}}, func(t *testing.T, v *visitor) {
		_, _ = v.passed(5)
		v.get("/companies/me") // at the same moment: it may have been on its way
		time.Sleep(59 * time.Minute)
		v.get("/companies/me")
		time.Sleep(time.Minute)
		v.is(v.get("/companies/me"), http.StatusOK)
		if n := v.server.Stats().TooEarly; n != 1 {
			t.Errorf("%d requests too early, want 1", n)
		}
	})
}

func TestNewLimitsDoNotRefillTheBucket(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{PerHour: 60, Burst: 3}}, func(t *testing.T, v *visitor) {
		_, _ = v.passed(5)
		v.server.SetLimits(Limits{PerHour: 120, Burst: 3})
		granted, refusal := v.passed(5)
		if wait := refusal.header.Get("Retry-After"); granted != 0 || wait != "30" {
			t.Errorf("%d granted after a change of the limits, Retry-After %s; want none and 30", granted, wait)
		}
		v.server.SetLimits(Limits{})
		for range 50 {
			v.is(v.get("/companies/me"), http.StatusOK)
		}
	})
}
