package humanize

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestDurationHasTwoUnits(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "0.4s": 350 * time.Millisecond, "4s": 4 * time.Second, "59s": 59 * time.Second, "1m": time.Minute,
		"32m 30s": 32*time.Minute + 30*time.Second, "1h": time.Hour - 200*time.Millisecond, "1h 5m": time.Hour + 5*time.Minute + 20*time.Second,
		"1d 2h": 26 * time.Hour, "1d": 24*time.Hour - 20*time.Second, "-1m 5s": -65 * time.Second, "more than 10 years": math.MaxInt64,
		"-more than 10 years": math.MinInt64,
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestDurationUpNeverRoundsDown(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"4s": 3200 * time.Millisecond, "9m 1s": 9*time.Minute + time.Millisecond, "13m": 12*time.Minute + time.Second, "11h": 10*time.Hour + 1,
	} {
		if got := DurationUp(d); got != want {
			t.Errorf("DurationUp(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestTimesShowTheirDistance(t *testing.T) {
	now := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)
	for want, ahead := range map[string]time.Duration{
		"in 3m 20s": 200 * time.Second, "1h 30m ago": -90 * time.Minute, "now": 300 * time.Millisecond, "in 12d 5h": 12*24*time.Hour + 5*time.Hour,
		"in 30s": 30 * time.Second, "1d 12h ago": -36 * time.Hour, "1m 15s ago": -75 * time.Second,
	} {
		if got := Distance(now.Add(ahead), now); got != want {
			t.Errorf("Distance(%s) = %q, want %q", ahead, got, want)
		}
	}
	if got, want := TimeAndDistance(now.Add(-65*time.Second), now), "2026-11-27T13:58:55Z (1m 5s ago)"; got != want {
		t.Errorf("TimeAndDistance = %q, want %q", got, want)
	}
}

func TestNumbersHaveDigitsThatMatter(t *testing.T) {
	for _, c := range []struct {
		n                 float64
		number, up, exact string
	}{
		{0, "0", "0", "0"},
		{0.0421, "0.042", "0.043", "0.0421"},
		{3.46, "3.5", "3.5", "3.46"},
		{123.4, "123", "130", "123.4"},
		{-2.25, "-2.2", "0", "-2.25"},
		{1e18, "1e+18", "1e+18", "1e+18"},
		{2e-9, "2e-09", "2e-09", "2e-09"},
		{math.Inf(1), "+Inf", "0", "+Inf"},
	} {
		if n, up, exact := Number(c.n), NumberUp(c.n), Exact(c.n); n != c.number || up != c.up || exact != c.exact {
			t.Errorf("%g: Number %q, NumberUp %q, Exact %q, want %q, %q, %q", c.n, n, up, exact, c.number, c.up, c.exact)
		}
	}
}

func TestGroupedSeparatesThousands(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1_000", "-1234567.12345": "-1_234_567.12345", "-123": "-123", "1.5e+21": "1.5e+21",
		"12345 sensors": "12_345 sensors", "+Inf": "+Inf", "": "",
	} {
		if got := Grouped(number); got != strings.ReplaceAll(want, "_", "\u202f") {
			t.Errorf("Grouped(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestPluralAddsNoun(t *testing.T) {
	for want, got := range map[string]string{
		"1 sensor": Plural(1, "sensor"), "0 sensors": Plural(0, "sensor"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := Seconds(1e30); got < 100*365*24*time.Hour {
		t.Errorf("Seconds(1e30) = %s", got)
	}
}
