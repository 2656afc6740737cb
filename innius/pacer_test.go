package innius_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
)

// ledger keeps when requests were granted.
type ledger struct {
	mu    sync.Mutex
	times []time.Time
}

func (l *ledger) grant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, time.Now())
}

// keepsTo fails where any window of time holds more than burst + rate * its length.
func (l *ledger) keepsTo(t *testing.T, perHour float64, burst int) {
	t.Helper()
	for i, from := range l.times {
		for j := i; j < len(l.times); j++ {
			allowed := float64(burst) + perHour*l.times[j].Sub(from).Hours()
			if got := float64(j - i + 1); got > allowed+1e-6 {
				t.Fatalf("%v requests within %s from %s, %.3f are allowed", got, l.times[j].Sub(from), from, allowed)
			}
		}
	}
}

func TestPacerStaysWithinBurstAndRateInAnyWindow(t *testing.T) {
	for _, row := range []struct {
		perHour float64
		burst   int
	}{{3600, 1}, {3600, 30}, {1000, 60}, {7, 3}, {36_000, 2}} {
		t.Run(fmt.Sprintf("%v an hour, burst %d", row.perHour, row.burst), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p := innius.NewPacer(row.perHour, row.burst)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(300/row.perHour*float64(time.Hour)))
				defer cancel()
				var granted ledger
				var users sync.WaitGroup
				for i := range 20 {
					users.Go(func() { use(ctx, p, &granted, i) })
				}
				users.Wait()
				granted.keepsTo(t, row.perHour, row.burst)
				if got := len(granted.times); got < 200 {
					t.Errorf("only %d requests: the rate limit was not used", got)
				}
			})
		})
	}
}

// use spends requests until ctx ends: every second user takes first and then sends, and all rest at times.
func use(ctx context.Context, p *innius.Pacer, granted *ledger, i int) {
	chance := rand.New(rand.NewPCG(1, uint64(i)))
	for ctx.Err() == nil {
		if chance.IntN(20) == 0 {
			rest(ctx, time.Duration(chance.Int64N(int64(time.Minute))))
		}
		if i%2 == 0 {
			if wait := p.Take(time.Now()); wait > 0 {
				rest(ctx, wait)
				continue
			}
		}
		if p.Wait(ctx) == nil {
			granted.grant()
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func TestTakenTokenIsSpentOnce(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 3)
		want(t, "wait before the first", p.Take(time.Now()), time.Duration(0))
		want(t, "remaining", p.Remaining(time.Now()), 2.0)
		want(t, "error", p.Wait(t.Context()), nil)
		want(t, "remaining after the request that was taken for", p.Remaining(time.Now()), 2.0)
		want(t, "error", p.Wait(t.Context()), nil)
		want(t, "remaining after another", p.Remaining(time.Now()), 1.0)
		want(t, "took", time.Since(noon()), time.Duration(0))
	})
}

func TestTakeTakesNothingWhenItMustWait(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 1)
		want(t, "first", p.Take(time.Now()), time.Duration(0))
		for range 5 {
			want(t, "second", p.Take(time.Now()).Round(time.Millisecond), time.Minute)
		}
		time.Sleep(time.Minute)
		want(t, "a minute later", p.Take(time.Now()), time.Duration(0))
	})
}

func TestWaitEndsWithItsContextAndCostsNothing(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 1)
		_ = p.Wait(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		want(t, "deadline", errors.Is(p.Wait(ctx), context.DeadlineExceeded), true)
		want(t, "took", time.Since(noon()), 10*time.Second)
		want(t, "error", p.Wait(t.Context()), nil)
		want(t, "the next request comes in its time", time.Since(noon()).Round(time.Millisecond), time.Minute)
	})
}

func TestPacerReportsItsRate(t *testing.T) {
	for _, perHour := range []float64{1, 950, 3600, 36_000} {
		if got := innius.NewPacer(perHour, 5).PerHour(); got < perHour-1e-6 || got > perHour+1e-6 {
			t.Errorf("PerHour() = %v, want %v", got, perHour)
		}
	}
}

func TestPacerStartsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // ends only when all goroutines of it have ended
		p := innius.NewPacer(60, 1)
		p.Pause(time.Now().Add(time.Hour))
		_ = p.Wait(t.Context())
	})
}
