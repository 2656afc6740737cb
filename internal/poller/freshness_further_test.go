package poller

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"innius_exporter/internal/simulator"
)

// furtherRows are the scenarios that the table lacks. All of them have the mix of periods and cycles of 10 min.
func furtherRows() []*row {
	usual := nature{periods: mix(), jitter: .05}
	with := func(change func(*nature)) nature { n := usual; change(&n); return n }
	outage := simulator.Fault{Kind: simulator.Unavailable, From: dawn.Add(3 * hour), Until: dawn.Add(4 * hour)}
	clockAhead := simulator.Fault{Kind: simulator.ClockOff, Delay: 5 * minute}
	rows := []*row{
		{name: "shared key", nature: usual, beside: otherTool},
		{name: "an hour's outage", nature: usual, faults: []simulator.Fault{outage}},
		{name: "changing periods", nature: with(func(n *nature) { n.changing = true }), horizon: 12 * hour},
		{name: "sensors' clocks 5 min off", nature: with(func(n *nature) { n.skewed = true })},
		{name: "the API's clock 5 min ahead", nature: usual, faults: []simulator.Fault{clockAhead}},
		{name: "sensors come and go", nature: with(func(n *nature) { n.spare = 60 }), discovery: hour, beside: comeAndGo},
		{name: "pages of 1", nature: usual, page: 1},
		{name: "pages of 10", nature: usual, page: 10},
		{name: "pages of 100", nature: usual, page: 100},
		{name: "10,000 sensors", nature: with(func(n *nature) { n.sensors = 10_000 }), warmUp: hour, horizon: 2 * hour, seeds: 1},
	}
	for _, r := range rows {
		r.name, r.cycle = r.name+" @ 10 min", tenMinutes
	}
	return rows
}

// otherTool takes 30 % of the key's limit, at random moments.
func otherTool(ctx context.Context, r *run, chance *rand.Rand) {
	between := float64(time.Hour) * own / r.perHour() / .3
	for passes(ctx, time.Duration(chance.ExpFloat64()*between)) {
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/companies/me", http.NoBody)
		request.Header.Set("x-api-key", canary)
		r.api.ServeHTTP(httptest.NewRecorder(), request)
	}
}

// comeAndGo lets five sensors leave and five others come each half hour. Who left comes again later.
func comeAndGo(ctx context.Context, r *run, chance *rand.Rand) {
	numbers := make([]int, len(r.subjects))
	for i := range numbers {
		numbers[i] = i
	}
	shown, hidden := numbers[:r.nature.count()], numbers[r.nature.count():]
	for passes(ctx, hour/2) {
		for range 5 {
			i := chance.IntN(len(shown))
			leaves, comes := shown[i], hidden[0]
			r.api.RemoveSensor(machineID(leaves%r.nature.count()), r.subjects[leaves].ID)
			r.api.AddSensor(machineID(comes%r.nature.count()), r.subjects[comes].Sensor)
			shown[i] = comes
			copy(hidden, hidden[1:])
			hidden[len(hidden)-1] = leaves
		}
	}
}

// passes lets time pass, and is false when the run ends before.
func passes(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
