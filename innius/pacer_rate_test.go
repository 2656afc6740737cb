package innius_test

import (
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestSetRateGrantsNothingExtra(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := innius.NewPacer(60, 10)
		for range 8 {
			_ = p.Wait(t.Context())
		}
		p.SetRate(3600, 50)
		want(t, "remaining after a raise", p.Remaining(time.Now()), 2.0)
		time.Sleep(time.Second)
		want(t, "remaining a second later", p.Remaining(time.Now()), 3.0)
		p.SetRate(30, 2)
		want(t, "remaining after the burst was lowered", p.Remaining(time.Now()), 2.0)
		want(t, "burst", p.Burst(), 2)
		_, _ = p.Take(time.Now()), p.Take(time.Now())
		want(t, "wait", p.Take(time.Now()).Round(time.Millisecond), 2*time.Minute)
	})
}

func TestSetRateKeepsADebtAndAPause(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := restored(innius.PacerState{At: time.Now(), Tokens: -1})
		p.SetRate(120, 10)
		want(t, "tokens", p.State(time.Now()).Tokens, -1.0)
		want(t, "wait", p.Take(time.Now()).Round(time.Millisecond), time.Minute)
		p.Pause(time.Now().Add(time.Hour))
		p.SetRate(3600, 100)
		want(t, "wait in a pause", p.Take(time.Now()), time.Hour)
		p.SetRate(60, 5)
		time.Sleep(time.Hour)
		want(t, "remaining at its end", p.Remaining(time.Now()), 1.0)
		want(t, "first", p.Take(time.Now()), time.Duration(0))
		want(t, "second", p.Take(time.Now()).Round(time.Millisecond), time.Minute)
	})
}
