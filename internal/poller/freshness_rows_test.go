package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"innius_exporter/internal/simulator"
)

// row is one scenario of the freshness harness.
type row struct {
	name   string
	cycle  time.Duration // that round-robin needs
	nature nature

	warmUp, horizon time.Duration // before anything counts, and while it does
	seeds           int           // of a full run
	page            int           // readings a page; 0: 20, which is a fifth of the work of 100
	discovery       time.Duration // interval; 0: once
	faults          []simulator.Fault
	beside          func(ctx context.Context, r *run, chance *rand.Rand) // what happens meanwhile
	expected        expectation
}

// perHour is the allowance that makes the cycle.
func (r *row) perHour() float64 { return float64(r.nature.count()) / r.cycle.Hours() }

// rows are all scenarios: first the table of the issue, then what was not simulated there.
func rows() []*row {
	all := append(tableRows(), furtherRows()...)
	expected := expectations()
	for _, r := range all {
		r.expected = expected[r.name]
		r.fill()
	}
	return all
}

// tableRows are the rows of the table.
func tableRows() []*row {
	var rows []*row
	add := func(name string, n nature, cycles ...time.Duration) {
		for _, cycle := range cycles {
			rows = append(rows, &row{name: name + " @ " + cycleName(cycle), nature: n, cycle: cycle})
		}
	}
	const some, much = .05, .3 // jitter
	add("all 60 s", nature{periods: all(60), jitter: some}, minute)
	add("all 60 s, jitter 0", nature{periods: all(60)}, minute)
	add("all 60 s, jitter 30 %", nature{periods: all(60), jitter: much}, minute)
	add("all 10 s", nature{periods: all(10), jitter: some}, minute, tenMinutes, hour)
	add("mix", nature{periods: mix(), jitter: some}, minute, tenMinutes, hour, fiveHours)
	add("mix, jitter 0", nature{periods: mix()}, minute, tenMinutes)
	add("mix, jitter 30 %", nature{periods: mix(), jitter: much}, minute, tenMinutes)
	add("mix + dead", nature{periods: mix(), jitter: some, dead: .1}, minute, tenMinutes, hour, fiveHours)
	add("mix + shift", nature{periods: mix(), jitter: some, shift: .5}, minute, tenMinutes, hour, fiveHours)
	add("mix + weights", nature{periods: mix(), jitter: some, weights: weighted()}, minute, tenMinutes, hour, fiveHours)
	add("dead + shift + weights", nature{periods: mix(), jitter: some, dead: .1, shift: .5, weights: weighted()},
		minute, tenMinutes, hour, fiveHours)
	add("batches", nature{periods: all(10), jitter: some, batch: 5 * time.Minute}, minute, tenMinutes)
	add("mix, Poisson", nature{periods: mix(), poisson: true}, minute, tenMinutes)
	add("mix + max-age", nature{periods: mix(), jitter: some, promised: .05, maxAge: time.Minute}, minute, tenMinutes)
	return rows
}

// The cycles of the table.
const (
	minute     = time.Minute
	tenMinutes = 10 * time.Minute
	hour       = time.Hour
	fiveHours  = 5 * time.Hour
)

func cycleName(cycle time.Duration) string {
	return map[time.Duration]string{minute: "1 min", tenMinutes: "10 min", hour: "1 h", fiveHours: "5 h"}[cycle]
}

// fill chooses how long a row runs where it does not say: long enough for round-robin's figure to settle within 3 %,
// not longer, for a full run does some ten million requests. Whole days where sensors rest at night.
func (r *row) fill() {
	r.warmUp, r.horizon = or(r.warmUp, max(hour, 3*r.cycle)), or(r.horizon, max(2*hour, min(100*hour, 60*r.cycle)))
	if r.nature.shift > 0 {
		r.warmUp = max(r.warmUp.Truncate(24*hour), 6*hour)
		r.horizon = max(24*hour, r.horizon.Round(24*hour))
	}
	if len(r.nature.periods) == 1 && r.cycle == minute {
		r.warmUp, r.horizon = 2*hour, hour
	}
	if r.seeds > 0 {
		return
	}
	switch {
	case r.nature.shift > 0 && r.cycle == minute:
		r.seeds = 3 // a million and a half requests each
	case r.nature.shift > 0:
		r.seeds = 8 // a night's lag of a few slow sensors is much of the mean
	case r.cycle == minute:
		r.seeds = 10
	default:
		r.seeds = 3
	}
}
