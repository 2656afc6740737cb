// Package freshness measures how fresh the exporter's schedule keeps its readings, compared with round-robin and with an
// oracle, and checks that the plan comes true. `make freshness` runs all scenarios, `make check-freshness` a few;
// `go test` alone runs only what is fast.
//
// The real poller and the real client poll the simulated API in virtual time.
package freshness

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"innius_exporter/internal/simulator"
)

// row is one scenario.
type row struct {
	name   string
	cycle  time.Duration // of round-robin
	nature nature

	warmUp, horizon time.Duration // before anything counts, and while it does
	seeds           int           // of a full run
	page            int           // readings per page; 0: 20, which is a fifth of the work of 100
	complete        bool          // the exporter's schedule has page targets
	discovery       time.Duration // interval; 0: only once
	faults          []simulator.Fault
	meanwhile       func(ctx context.Context, r *run, random *rand.Rand)
	expected        expectation
}

// expectation is what is known of a row before it runs.
type expectation struct {
	oracle float64 // the oracle's lag relative to round-robin's, from an independent simulation; 0: not known
	bar    float64 // the greatest lag of the exporter's schedule relative to round-robin's; 0: defaultBar
}

// defaultBar allows a row to be no worse than round-robin.
const defaultBar = 1.03

func (r *row) bar() float64 { return or(r.expected.bar, defaultBar) }

// perHour is the rate that makes the cycle.
func (r *row) perHour() float64 { return float64(r.nature.count()) / r.cycle.Hours() }

// steady reports whether round-robin keeps its cycle all the time, so that theory knows its lag.
func (r *row) steady() bool {
	return r.meanwhile == nil && !slices.ContainsFunc(r.faults, func(f simulator.Fault) bool { return f.Kind == simulator.Unavailable })
}

// The cycles.
const (
	minute     = time.Minute
	tenMinutes = 10 * time.Minute
	hour       = time.Hour
	fiveHours  = 5 * time.Hour
)

var cycleNames = map[time.Duration]string{minute: "1 min", tenMinutes: "10 min", hour: "1 h", fiveHours: "5 h"}

// rows are all scenarios.
func rows() []*row {
	all := append(kindRows(), specialRows()...)
	for _, r := range all {
		r.fill()
	}
	return all
}

// kindRows combine kinds of sensors with cycles.
func kindRows() (all []*row) {
	const little, much = .05, .3 // jitter
	add := func(name string, n nature, expected map[time.Duration]expectation) {
		for _, cycle := range []time.Duration{minute, tenMinutes, hour, fiveHours} {
			if e, ok := expected[cycle]; ok {
				all = append(all, &row{name: name + " @ " + cycleNames[cycle], nature: n, cycle: cycle, expected: e})
			}
		}
	}
	type at = map[time.Duration]expectation
	add("all 60 s", nature{periods: only(60), jitter: little}, at{minute: {.08, .22}})
	add("all 60 s, jitter 0", nature{periods: only(60)}, at{minute: {.10, 0}})
	add("all 60 s, jitter 30 %", nature{periods: only(60), jitter: much}, at{minute: {.05, 0}})
	add("all 10 s", nature{periods: only(10), jitter: little}, at{minute: {.88, 0}, tenMinutes: {.99, 0}, hour: {1, 0}})
	add("mix", nature{periods: mix(), jitter: little},
		at{minute: {.31, .62}, tenMinutes: {.61, .73}, hour: {.88, 0}, fiveHours: {.98, 0}})
	add("mix, jitter 0", nature{periods: mix()}, at{minute: {.31, 0}, tenMinutes: {.62, 0}})
	add("mix, jitter 30 %", nature{periods: mix(), jitter: much}, at{minute: {.31, 0}, tenMinutes: {.61, 0}})
	add("mix + dead", nature{periods: mix(), jitter: little, dead: .1},
		at{minute: {.27, 0}, tenMinutes: {.53, .65}, hour: {.78, 0}, fiveHours: {.88, 0}})
	add("mix + shift", nature{periods: mix(), jitter: little, shift: .5},
		at{minute: {.20, 0}, tenMinutes: {.40, 0}, hour: {.62, 0}, fiveHours: {.81, 0}})
	add("mix + weights", nature{periods: mix(), jitter: little, weights: weights()},
		at{minute: {.23, 0}, tenMinutes: {.45, .55}, hour: {.64, 0}, fiveHours: {.71, 0}})
	add("dead + shift + weights", nature{periods: mix(), jitter: little, dead: .1, shift: .5, weights: weights()},
		at{minute: {.13, 0}, tenMinutes: {.25, .57}, hour: {.39, 0}, fiveHours: {.51, 0}})
	add("batches", nature{periods: only(10), jitter: little, batch: 5 * minute}, at{minute: {.04, .10}, tenMinutes: {.55, 0}})
	add("mix, Poisson", nature{periods: mix(), poisson: true}, at{minute: {.27, 0}, tenMinutes: {.58, 0}})
	add("mix + max-age", nature{periods: mix(), jitter: little, targets: .05, maxAge: minute},
		at{minute: {.32, math.Inf(1)}, tenMinutes: {1.43, math.Inf(1)}})
	return all
}

// specialRows all have the mix of periods and a cycle of 10 min.
func specialRows() []*row {
	usual := nature{periods: mix(), jitter: .05}
	with := func(change func(*nature)) nature { n := usual; change(&n); return n }
	outage := simulator.Fault{Kind: simulator.Unavailable, From: start.Add(3 * hour), Until: start.Add(4 * hour)}
	fastClock := simulator.Fault{Kind: simulator.ClockOff, Delay: 5 * minute}
	all := []*row{
		{name: "shared key", nature: usual, meanwhile: otherTool},
		{name: "an hour's outage", nature: usual, faults: []simulator.Fault{outage}},
		{name: "changing periods", nature: with(func(n *nature) { n.changing = true }), horizon: 12 * hour},
		{name: "sensors' clocks 5 min off", nature: with(func(n *nature) { n.skewed = true })},
		{name: "the API's clock 5 min ahead", nature: usual, faults: []simulator.Fault{fastClock}},
		{name: "sensors come and go", nature: with(func(n *nature) { n.spare = 60 }), discovery: hour, meanwhile: comeAndGo},
		{name: "pages of 1", nature: usual, page: 1},
		{name: "pages of 10", nature: usual, page: 10},
		{name: "pages of 100", nature: usual, page: 100},
		{name: "10,000 sensors", nature: with(func(n *nature) { n.sensors = 10_000 }), warmUp: hour, horizon: 2 * hour, seeds: 1},
	}
	for _, r := range all {
		r.name, r.cycle = r.name+" @ 10 min", tenMinutes
	}
	return all
}

// fill sets how long a row runs: until round-robin's lag settles within 3 %, in whole days if sensors rest at night. A
// full run sends some ten million requests.
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
		r.seeds = 3 // 1.5 million requests each
	case r.nature.shift > 0:
		r.seeds = 8 // the lag of a few slow sensors over night is a large part of the mean
	case r.cycle == minute:
		r.seeds = 10
	default:
		r.seeds = 3
	}
}

// shortRows are those of `make check-freshness`.
func shortRows() (short []*row) {
	for _, r := range rows() {
		switch r.name {
		case "all 60 s @ 1 min":
			r.warmUp, r.horizon, r.seeds = hour/6, hour/3, 6
		case "mix, Poisson @ 1 min":
			r.warmUp, r.horizon, r.seeds = hour/3, hour, 5
		case "mix @ 10 min", "mix + weights @ 10 min":
			r.warmUp, r.horizon, r.seeds = 2*hour, 6*hour, 3
		default:
			continue
		}
		short = append(short, r)
	}
	return short
}

// otherTool uses 30 % of the key's rate limit, at random times.
func otherTool(ctx context.Context, r *run, random *rand.Rand) {
	gap := float64(hour) * share / r.perHour() / .3
	for wait(ctx, time.Duration(random.ExpFloat64()*gap)) {
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/companies/me", http.NoBody)
		request.Header.Set("x-api-key", key)
		r.api.ServeHTTP(httptest.NewRecorder(), request)
	}
}

// comeAndGo replaces five sensors by five others each half hour. Those come back later.
func comeAndGo(ctx context.Context, r *run, random *rand.Rand) {
	numbers := make([]int, len(r.subjects))
	for i := range numbers {
		numbers[i] = i
	}
	shown, hidden := numbers[:r.nature.count()], numbers[r.nature.count():]
	for wait(ctx, hour/2) {
		for range 5 {
			i := random.IntN(len(shown))
			leaves, comes := shown[i], hidden[0]
			r.api.RemoveSensor(machineID(leaves%r.nature.count()), r.subjects[leaves].ID)
			r.api.AddSensor(machineID(comes%r.nature.count()), r.subjects[comes].Sensor)
			shown[i] = comes
			copy(hidden, hidden[1:])
			hidden[len(hidden)-1] = leaves
		}
	}
}

// wait waits, and returns false if the run ends before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
