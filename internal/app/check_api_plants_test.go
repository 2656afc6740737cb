package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

// plantFailures are plants, and lists of values, that leave the exporter without a value.
func plantFailures() []failure {
	const ascending = simulator.Ascending
	empty := testPlant()
	empty.Company.Machines = nil
	bare := testPlant()
	for i := range bare.Company.Machines {
		bare.Company.Machines[i].Sensors = nil
	}
	old := sensors(func(s *simulator.Sensor) {
		end := time.Now().Add(-5 * 24 * time.Hour)
		s.Exists = func(at time.Time) bool { return at.Before(end) }
	})
	states := sensors(func(s *simulator.Sensor) { s.Value = func(time.Time) any { return "RUN" } })
	ignoring := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("from")
		q.Del("to")
		r.URL.RawQuery = q.Encode()
		simulatedAPI(testPlant(), simulator.Format{Order: ascending}).ServeHTTP(w, r)
	})
	return []failure{
		{name: "no machines", kind: "no-machines", api: simulatedAPI(empty, simulator.Format{}), unfixable: true},
		{name: "no sensors", kind: "no-sensors", api: simulatedAPI(bare, simulator.Format{}), unfixable: true, contains: []string{`machine "Press 1"`, `machine "Saw 1"`}},
		{
			name: "all machines filtered", kind: "filtered", api: normal(), manual: true,
			lines:    []string{"^discovery: {machines: {include: [Lathe.*]}}"},
			contains: []string{"2 of 2 machines left out by discovery.machines"},
		},
		{
			name: "all sensors filtered", kind: "filtered", api: normal(), manual: true,
			lines:    []string{"^discovery: {sensors: {exclude: ['.*']}}"},
			contains: []string{"2 of 2 sensors left out by discovery.sensors"},
		},
		{
			name: "values older than the lookback", kind: "window", api: simulatedAPI(old, simulator.Format{}), lines: []string{endpoints},
			contains: []string{"in the last 1d, the lookback of the config", "lookback: \"30d\""},
		},
		{
			name: "no values at all, with a window", kind: "window", lines: []string{endpoints}, raw: true, unfixable: true,
			api:      simulatedAPI(sensors(func(s *simulator.Sensor) { s.Period = 0 }), simulator.Format{}),
			contains: []string{"Either these sensors are silent"},
		},
		{
			name: "no values without a window", kind: "no-values", api: needsWindowSilently(),
			contains: []string{"This was tried, and it works"},
		},
		{
			name: "no values at all, without a window", kind: "no-values", raw: true, unfixable: true,
			api:      simulatedAPI(sensors(func(s *simulator.Sensor) { s.Period = 0 }), simulator.Format{}),
			contains: []string{"The API may require a window of time"},
		},
		{
			name: "a window that is not applied, oldest first", kind: "window-ignored", api: ignoring,
			lines: []string{endpoints}, unfixable: true,
			contains: []string{"The API does not apply the window of time of endpoints.values", "No usual window of time was seen to work"},
		},
		{
			name: "a long history, oldest first", kind: "order", api: simulatedAPI(testPlant(), simulator.Format{Order: ascending}),
			contains: []string{"oldest first, and more pages follow", "about 436 pages away"},
		},
		{
			name: "a short history, oldest first", kind: "order", severity: apicheck.Warning,
			api: simulatedAPI(testPlant(), simulator.Format{Order: ascending, History: 10 * time.Hour}),
		},
		{
			name: "readings in the future", kind: "future", unfixable: true,
			api:      simulatedAPI(sensors(func(s *simulator.Sensor) { s.Skew = 2 * time.Hour }), simulator.Format{}),
			contains: []string{"more than 5 minutes ahead of innius' clock"},
		},
		{
			name: "text for values", kind: "text", manual: true, api: simulatedAPI(states, simulator.Format{}),
			contains: []string{`such as "RUN"`},
		},
		{
			name: "pages that lead to themselves", kind: "paging", unfixable: true,
			api: faulty(simulator.Fault{Kind: simulator.NextLoop, Op: "machines"}),
		},
		{
			name: "a clock that is wrong", kind: "clock", severity: apicheck.Warning, unfixable: true,
			api:      faulty(simulator.Fault{Kind: simulator.ClockOff, Delay: 80 * time.Minute}), // from an hour on, seconds are not shown
			contains: []string{"The clock of innius is 1h 20m ahead of this machine's clock"},
		},
	}
}

// needsWindowSilently responds with an empty list to a request without a window.
func needsWindowSilently() http.Handler {
	api := normal()
	silent := modified(api, "values", func(map[string]any) any { return map[string]any{"data": []any{}} })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "from=") {
			api.ServeHTTP(w, r)
			return
		}
		silent.ServeHTTP(w, r)
	})
}

func TestCheckAPIContinuesUntilItFindsAValue(t *testing.T) {
	p := testPlant()
	for i := range p.Company.Machines[0].Sensors {
		p.Company.Machines[0].Sensors[i].Period = 0
	}
	p.Company.Machines = append([]simulator.Machine{{ID: "bare", Name: "Bare"}}, p.Company.Machines...)
	text, report, err := newWorkDir(t, serve(t, simulatedAPI(p, simulator.Format{}))+"/v1").check()
	if err != nil || report.Requests != 5 || !strings.Contains(text, `sensor "Speed" of machine "Saw 1"`) {
		t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
	}
}

func TestCheckAPIToleratesOneForbiddenObject(t *testing.T) {
	api := faulty(simulator.Fault{Kind: simulator.Forbidden, Object: "press-1", Op: simulator.OpSensors})
	text, report, err := newWorkDir(t, serve(t, api)+"/v1").check()
	if err != nil || finding(t, report, "forbidden").Severity != apicheck.Note {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestCheckAPISkipsFilteredMachines(t *testing.T) {
	text, report, err := newWorkDir(t, serve(t, normal())+"/v1", "^discovery: {machines: {exclude: ['Press.*']}}").check()
	if err != nil || report.Requests != 4 || !strings.Contains(text, "1 of 2 machines left out") || strings.Contains(text, "press-1/") {
		t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
	}
}

func TestCheckAPIAcceptsMappedText(t *testing.T) {
	states := sensors(func(s *simulator.Sensor) { s.Value = func(time.Time) any { return "RUN" } })
	for _, rule := range []string{"values: {RUN: 1}", "states: [STOP]"} {
		text, _, err := newWorkDir(t, serve(t, simulatedAPI(states, simulator.Format{}))+"/v1", "^sensors: [{"+rule+"}]").check()
		if err != nil {
			t.Errorf("%s: %v\n%s", rule, err, text)
		}
	}
}
