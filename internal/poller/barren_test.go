package poller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// valued is a plant in which every sensor has the same value.
func valued(p simulator.Plant, value func(at time.Time) any) simulator.Plant {
	for _, m := range p.Company.Machines {
		for i := range m.Sensors {
			m.Sensors[i].Value = value
		}
	}
	return p
}

func TestPollerLogsMissingReadingsOnce(t *testing.T) {
	constant := func(value any) func(time.Time) any { return func(time.Time) any { return value } }
	silent := testPlant(2, 3)
	for _, m := range silent.Company.Machines {
		for i := range m.Sensors {
			m.Sensors[i].Period = 0
		}
	}
	for _, row := range []struct {
		name      string
		plant     simulator.Plant
		faults    []simulator.Fault
		counts    string // empty: no warning
		recovered bool   // after 30 min
	}{
		{"no reading", silent, nil, "machines=2 sensors=6 polled=6", false},
		{"null", valued(testPlant(2, 3), constant(nil)), nil, "machines=2 sensors=6 polled=6", false},
		{"text", valued(testPlant(2, 3), constant("RUN")), nil, "machines=2 sensors=6 polled=6", false},
		{"object", valued(testPlant(2, 3), constant(map[string]any{"v": 1})), nil, "machines=2 sensors=6 polled=6", false},
		{"no machine", testPlant(0, 0), nil, "machines=0 sensors=0 polled=0", false},
		{"no sensor", testPlant(2, 0), nil, "machines=2 sensors=0 polled=0", false},
		{"many sensors", valued(testPlant(2, 110), constant(nil)), nil, "machines=2 sensors=220 polled=200", false},
		{"numbers after a while", valued(testPlant(2, 3), func(at time.Time) any {
			if at.Before(dawn.Add(10 * time.Minute)) {
				return "RUN"
			}
			return float64(at.Unix())
		}), nil, "machines=2 sensors=6 polled=6", true},
		{"usable readings", testPlant(2, 3), nil, "", false},
		{"usable readings after an outage", testPlant(2, 3), []simulator.Fault{{Kind: simulator.ServerError, Until: dawn.Add(2 * time.Minute)}}, "", false},
		{"only failures", testPlant(2, 3), []simulator.Fault{{Kind: simulator.BadRequest, Op: simulator.OpValues}}, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if t.Parallel(); row.name == "many sensors" {
				long(t)
			}
			runScenario(t, setup{plant: row.plant, perHour: 6000, burst: 300, faults: append(row.faults, slow(100*time.Millisecond))}, func(s *scenario) {
				s.advance(4 * time.Minute)
				if got := s.view(1).NoReadings; got != (row.counts != "") {
					t.Errorf("remarked: %t", got)
				}
				s.reload(nil)
				s.advance(11 * time.Minute)
				lines := s.log.lines("level=WARN", NoReadings)
				if n := len(lines); row.counts == "" && n > 0 || row.counts != "" && (n != 1 || !strings.Contains(lines[0], row.counts)) {
					t.Errorf("want one line with %q: %q", row.counts, lines)
				}
				if n := len(s.log.lines("level=INFO", "First usable reading")); (n == 1) != row.recovered || n > 1 {
					t.Errorf("%d log lines about the first usable reading", n)
				}
				if row.recovered && s.view(1).NoReadings {
					t.Error("still remarked")
				}
			})
		})
	}
}

func TestPollerLogsManyFailingSensorsAsOneAccount(t *testing.T) {
	long(t)
	for _, kind := range []simulator.FaultKind{simulator.ServerError, simulator.BadRequest} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(4, 50), perHour: 20000, burst: 300, faults: []simulator.Fault{
				slow(time.Second),
				{Kind: kind, Op: simulator.OpValues, Until: dawn.Add(10 * time.Minute)},
				{Kind: kind, Object: "m3-s7"},
			}}
			runScenario(t, begin, func(s *scenario) {
				s.advance(9 * time.Minute)
				failed := len(s.log.lines("level=WARN", "Sensor is failing"))
				if failed < failsSensors-1 || failed > failsSensors || len(s.log.lines("level=ERROR", "no poll succeeds")) != 1 {
					t.Errorf("%d sensors are logged, want %d at most and one line of the account", failed, failsSensors)
				}
				remaining := []string{"level=WARN", "Sensor is failing", `sensor="Sensor 7"`, `machine="Machine 3"`}
				failed -= len(s.log.lines(remaining...)) // it may be one of them, and does not recover
				s.advance(20 * time.Minute)
				if n := len(s.log.lines(remaining...)); n != 1 {
					t.Errorf("the sensor that fails alone is logged %d times", n)
				}
				if n := len(s.log.lines("level=INFO", "Sensor recovered")); n != failed {
					t.Errorf("%d sensors are logged as recovered, and %d as failed", n, failed)
				}
			})
		})
	}
}

func TestUnreadableNamesSetting(t *testing.T) {
	for _, row := range []struct {
		text string
		skip innius.SkipReason
		want string
		not  string
	}{
		{"2026-11-23 17:00:00", innius.SkipTime, "fields.time_zone", "fields.time if"},
		{"yesterday", innius.SkipTime, "fields.time if", "time_zone"},
		{"12,5", innius.SkipText, "endpoints.values", "a rule"},
		{"45 %", innius.SkipText, "endpoints.values", "a rule"},
		{"RUN", innius.SkipText, "map it to a number with values in a rule", "endpoints"},
	} {
		got := Unreadable(innius.Reading{Text: row.text, Skip: row.skip})
		if !strings.Contains(got, row.want) || strings.Contains(got, row.not) || !strings.Contains(got, fmt.Sprintf("%q", row.text)) {
			t.Errorf("%s: %s", row.text, got)
		}
	}
}

func TestPollerLogsShortPausesOncePer10Min(t *testing.T) {
	begin := setup{plant: testPlant(4, 5), perHour: 7200, faults: []simulator.Fault{
		{Kind: simulator.TooMany, Op: simulator.OpValues, Probability: 1. / 3, RetryAfter: "0", From: dawn.Add(time.Minute)},
	}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(30 * time.Minute)
		pauses, ends := s.log.lines("Rate limited, pausing requests"), s.log.lines("Requests succeed again")
		if len(pauses) < 20 || len(ends) < 20 {
			s.Fatalf("%d pauses, %d ends", len(pauses), len(ends))
		}
		warnings, ends := s.log.lines("Rate limited, pausing requests", "level=WARN"), s.log.lines("Requests succeed again", "level=INFO")
		if n := len(warnings); n < 2 || n > 3 || len(ends) > n || len(ends) < n-1 { // the last pause may not have ended
			s.Errorf("%d pauses and %d ends of them are logged, want one in 10 min", n, len(ends))
		}
	})
}
