package innius_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestPacerGrantsNothingWhilePaused(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(3600, 10)
		p.Pause(noon().Add(time.Minute))
		want(t, "wait", p.Wait(t.Context()), innius.ErrPaused)
		want(t, "take", p.Take(time.Now()), time.Minute)
		want(t, "remaining", p.Remaining(time.Now()), 0.0)
		time.Sleep(59 * time.Second)
		want(t, "wait", p.Wait(t.Context()), innius.ErrPaused)
		want(t, "take", p.Take(time.Now()), time.Second)
		want(t, "time at the end", time.Since(noon()), 59*time.Second)
	})
}

func TestPacerGrantsOneRequestAfterAPauseThenTheRate(t *testing.T) {
	for _, row := range []struct {
		name         string
		spent        int // before the pause, of 30
		late         time.Duration
		first, third time.Duration // after the pause; the second request comes a minute after the first
	}{
		{"a full bucket", 0, 0, 0, 2 * time.Minute},
		{"a bucket with one and a bit", 29, 0, 0, 2 * time.Minute},
		{"an empty bucket", 30, 0, 0, 2 * time.Minute},
		{"no request at its end: the rate continues from there", 0, 30 * time.Second, 30 * time.Second, 2 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p := innius.NewPacer(60, 30)
				for range row.spent {
					_ = p.Wait(t.Context())
				}
				end := noon().Add(90 * time.Second) // one and a half requests
				p.Pause(end)
				time.Sleep(time.Until(end) + row.late)
				var granted []time.Duration
				for range 3 {
					want(t, "error", p.Wait(t.Context()), nil)
					granted = append(granted, time.Since(end).Round(time.Millisecond))
				}
				want(t, "granted", granted, []time.Duration{row.first, time.Minute, row.third})
			})
		})
	}
}

func TestPauseIsOnlyProlonged(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(3600, 10)
		p.Pause(noon().Add(time.Hour))
		p.Pause(noon().Add(time.Minute))
		want(t, "after a shorter one", p.Take(time.Now()), time.Hour)
		p.Pause(noon().Add(2 * time.Hour))
		want(t, "after a longer one", p.Take(time.Now()), 2*time.Hour)
	})
}

func TestPauseOfNoLengthEmptiesTheBucket(t *testing.T) {
	for _, ago := range []time.Duration{0, time.Second, time.Hour} {
		t.Run(ago.String(), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p := innius.NewPacer(3600, 10)
				_ = p.Wait(t.Context())
				p.Pause(noon().Add(-ago))
				want(t, "remaining", p.Remaining(time.Now()), 1.0)
				want(t, "take", p.Take(time.Now()), time.Duration(0))
				want(t, "take", p.Take(time.Now()) > 0, true)
			})
		})
	}
}

func TestPauseVoidsTokensTakenBefore(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 10)
		want(t, "take", p.Take(time.Now()), time.Duration(0))
		p.Pause(noon().Add(time.Minute))
		want(t, "wait", p.Wait(t.Context()), innius.ErrPaused)
		time.Sleep(time.Minute)
		want(t, "the one request of the end", p.Wait(t.Context()), nil)
		want(t, "at", time.Since(noon()), time.Minute)
		want(t, "and the next", p.Wait(t.Context()), nil)
		want(t, "at", time.Since(noon()).Round(time.Millisecond), 2*time.Minute)
	})
}

func TestPauseReachesWaitingCallers(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 1)
		_ = p.Wait(t.Context())
		time.AfterFunc(10*time.Second, func() { p.Pause(noon().Add(time.Hour)) })
		want(t, "error", p.Wait(t.Context()), innius.ErrPaused)
		want(t, "took at most its own wait", time.Since(noon()).Round(time.Millisecond), time.Minute)
	})
}

func TestPausesAmidTrafficAreExact(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		const perHour, burst = 3600, 20
		p := innius.NewPacer(perHour, burst)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var granted ledger
		var users sync.WaitGroup
		for range 10 {
			users.Go(func() { usePaused(ctx, p, &granted) })
		}
		begin, end := noon().Add(100*time.Second), noon().Add(400*time.Second)
		time.Sleep(time.Until(begin) + time.Nanosecond) // not at the instant of a grant
		p.Pause(end)
		users.Wait()
		granted.keepsTo(t, perHour, burst)
		after := 0
		for _, at := range granted.times {
			if at.After(begin) && at.Before(end) {
				t.Fatalf("granted at %s, in the pause", at)
			}
			if !at.Before(end) && at.Before(end.Add(10*time.Second-time.Millisecond)) {
				after++
			}
		}
		want(t, "requests in the ten seconds after the pause", after, 10)
	})
}

func usePaused(ctx context.Context, p *innius.Pacer, granted *ledger) {
	for ctx.Err() == nil {
		if err := p.Wait(ctx); err == nil {
			granted.grant()
		} else if errors.Is(err, innius.ErrPaused) {
			rest(ctx, p.Take(time.Now()))
		}
	}
}

func TestPacerIsSafeForConcurrentUse(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(3.6e6, 5)
		var users sync.WaitGroup
		for i := range 50 {
			users.Go(func() {
				for range 50 {
					_ = p.Wait(t.Context())
					_, _ = p.Remaining(time.Now()), p.PerHour()
					if i == 0 {
						p.Pause(time.Now().Add(time.Millisecond))
					}
				}
			})
		}
		users.Wait()
	})
}
