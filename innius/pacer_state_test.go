package innius_test

import (
	"math"
	"testing"
	"time"

	"innius_exporter/innius"
)

// restored is a pacer of 60 requests an hour and a burst of 10 that took a ledger over now.
func restored(l innius.PacerState) *innius.Pacer {
	p := innius.NewPacer(60, 10)
	p.Restore(l, time.Now())
	return p
}

func TestRestoreAddsWhatTimeRefilled(t *testing.T) {
	for name, row := range map[string]struct {
		tokens float64
		down   time.Duration
		want   float64 // remaining at the restart
	}{
		"at once":                {3.25, 0, 3.25},
		"empty":                  {0, 0, 0},
		"a fraction of a minute": {0, 30 * time.Second, 0.5},
		"five minutes":           {3.25, 5 * time.Minute, 8.25},
		"full at most":           {3.25, time.Hour, 10},
		"more than the burst":    {500, 0, 10},
		"a debt":                 {-2, time.Minute, 0},
		"a debt paid":            {-2, 3 * time.Minute, 1},
		"the clock was set back": {3, -time.Hour, 3},
		"no number":              {math.NaN(), time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p := restored(innius.PacerState{At: time.Now().Add(-row.down), Tokens: row.tokens})
				if got := p.Remaining(time.Now()); math.Abs(got-row.want) > 1e-6 {
					t.Errorf("%v requests remain, want %v", got, row.want)
				}
			})
		})
	}
}

func TestRestoredDebtIsPaidBeforeTheNextRequest(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := restored(innius.PacerState{At: time.Now(), Tokens: -2.5})
		want(t, "wait", p.Take(time.Now()).Round(time.Millisecond), 3*time.Minute+30*time.Second) // 2.5 owed, 1 wanted
		p = restored(innius.PacerState{At: time.Now(), Tokens: -1e18})
		want(t, "wait of an absurd debt", p.Take(time.Now()).Round(time.Millisecond), 61*time.Minute)
	})
}

func TestRestoreKeepsAPause(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		saved := innius.PacerState{At: time.Now(), Tokens: 5, Until: time.Now().Add(time.Hour)}
		time.Sleep(20 * time.Minute)
		p := restored(saved)
		want(t, "wait", p.Take(time.Now()), 40*time.Minute)
		time.Sleep(40 * time.Minute)
		want(t, "remaining at its end", p.Remaining(time.Now()), 1.0)
	})
}

func TestRestoreOfAnEndedPauseLeavesOneRequest(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		saved := innius.PacerState{At: time.Now(), Tokens: 5, Until: time.Now().Add(time.Hour)}
		time.Sleep(time.Hour + 3*time.Minute)
		if got := restored(saved).Remaining(time.Now()); math.Abs(got-4) > 1e-6 {
			t.Errorf("%v requests remain, want 1 and 3 refilled", got)
		}
	})
}

func TestRestoreNeverProlongsAPauseWhenTheClockWasSetBack(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		ahead := time.Now().Add(365 * 24 * time.Hour)
		p := restored(innius.PacerState{At: ahead, Until: ahead.Add(time.Minute)})
		want(t, "wait", p.Take(time.Now()), time.Minute)
	})
}

func TestRestoreBoundsImpossibleValues(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		now := time.Now()
		for name, row := range map[string]struct {
			saved innius.PacerState
			wait  time.Duration
		}{
			"a pause of a year":         {innius.PacerState{At: now, Until: now.AddDate(1, 0, 0)}, innius.MaxRetryAfter},
			"a pause without a moment":  {innius.PacerState{Until: now.AddDate(1, 0, 0)}, innius.MaxRetryAfter},
			"tokens that are no number": {innius.PacerState{At: now, Tokens: math.NaN()}, time.Minute},
			"an infinite debt":          {innius.PacerState{At: now, Tokens: math.Inf(-1)}, time.Hour + time.Minute},
			"a moment that is far off":  {innius.PacerState{At: now.AddDate(5000, 0, 0)}, time.Minute},
		} {
			if wait := restored(row.saved).Take(now).Round(time.Millisecond); wait != row.wait {
				t.Errorf("%s: waits %v, want %v", name, wait, row.wait)
			}
		}
		want(t, "infinite tokens", restored(innius.PacerState{At: now, Tokens: math.Inf(1)}).Remaining(now), 10.0)
	})
}

func TestSpentLeavesNoTokensAfterACrash(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		saved := innius.PacerState{At: time.Now(), Tokens: 5}
		time.Sleep(3 * time.Minute)
		want(t, "wait", restored(saved.Spent(time.Now())).Take(time.Now()).Round(time.Millisecond), time.Minute)
		saved = innius.PacerState{At: time.Now().Add(time.Hour), Tokens: -1, Until: time.Now().Add(2 * time.Hour)}
		want(t, "wait with a pause, the clock set back", restored(saved.Spent(time.Now())).Take(time.Now()), time.Hour)
	})
}

func TestPacerStateSurvivesManyRestarts(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 10)
		sent := 0
		for range 50 {
			for p.Take(time.Now()) == 0 {
				sent++
			}
			next := innius.NewPacer(60, 10)
			next.Restore(p.State(time.Now()), time.Now())
			p = next
			time.Sleep(time.Minute)
		}
		want(t, "requests in 49 minutes", sent, 10+49)
	})
}

// Were a debt rounded up each time, an exporter that is reloaded often would never send again.
func TestDebtIsPaidThroughManyReloads(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := restored(innius.PacerState{At: time.Now(), Tokens: -1e-9})
		sent := 0
		for range 60 {
			next := innius.NewPacer(60, 10)
			next.Restore(p.State(time.Now()), time.Now())
			if p = next; p.Take(time.Now()) == 0 {
				sent++
			}
			time.Sleep(20 * time.Second)
		}
		want(t, "requests in 20 minutes", sent >= 19 && sent <= 20, true)
	})
}
