package poller

import (
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

const windowed = "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}"

// quietly makes one sensor of a plant silent from 5 min on, for a while.
func quietly(p simulator.Plant, d time.Duration) simulator.Plant {
	p.Company.Machines[0].Sensors[0].Exists = func(at time.Time) bool {
		return at.Before(dawn.Add(5*time.Minute)) || !at.Before(dawn.Add(5*time.Minute+d))
	}
	return p
}

func TestPollerKeepsValuesCurrent(t *testing.T) {
	t.Parallel()
	long(t)
	ascending, ignored := simulator.Ascending, simulator.Window{Ignored: true}
	for _, row := range []struct {
		name     string
		format   simulator.Format
		template string
		silent   time.Duration // of the first sensor
		remark   innius.Remark
	}{
		{"ignored window, ascending", simulator.Format{Order: ascending, Window: ignored, History: 10 * time.Minute}, windowed, 0, innius.WindowIgnored},
		{"ignored window, descending", simulator.Format{Window: ignored}, windowed, 0, innius.WindowIgnored},
		{"ignored window, going back", simulator.Format{Order: simulator.Blocks, Window: ignored}, windowed, 0, innius.WindowIgnored},
		{"going back", simulator.Format{Order: simulator.Blocks}, "", 0, ""},
		{"going back, window", simulator.Format{Order: simulator.Blocks}, windowed, 0, ""},
		{"empty pages", simulator.Format{Sparse: 2}, "", 0, ""},
		{"empty pages, ascending, window", simulator.Format{Order: ascending, Sparse: 2}, windowed, 0, ""},
		{"empty pages, going back", simulator.Format{Order: simulator.Blocks, Sparse: 1}, "", 0, ""},
		{"short window", simulator.Format{Window: simulator.Window{Max: 2 * time.Hour}}, windowed, 0, innius.WindowShortened},
		{"silent for longer than a window may be", simulator.Format{Window: simulator.Window{Max: 24 * time.Hour}}, windowed, 26 * time.Hour, ""},
		{"no window without readings", simulator.Format{Window: simulator.Window{NotFound: true, Exclusive: true}}, windowed, 26 * time.Hour, ""},
		{"expiring keys", simulator.Format{Order: ascending, CursorTTL: time.Minute, History: 2 * time.Minute}, "", 0, innius.CursorExpired},
	} {
		t.Run(row.name, func(t *testing.T) {
			perHour := 1200.0
			if row.silent > 0 {
				perHour = 150 // it takes many hours
			}
			begin := setup{
				plant: quietly(testPlant(2, 2), row.silent), api: simulator.Options{Format: row.format}, perHour: perHour, burst: 30,
				client: innius.Options{Endpoints: innius.Endpoints{Values: row.template}, PageSize: 10},
			}
			runScenario(t, begin, func(s *scenario) {
				s.advance(5 * time.Minute)
				s.wantCurrent()
				for range int(row.silent / time.Hour) {
					s.advance(time.Hour)
					if n := s.states("a1", SensorFailing); n > 0 {
						s.Fatalf("after %s: %v sensors fail:\n%s", s.clock(), n, s.log.text())
					}
				}
				s.advance(5 * time.Minute)
				s.wantCurrent()
				s.checkValues()
				s.wantRemark(row.remark)
			})
		})
	}
}

// wantCurrent fails if a value is older than three cycles of four sensors with three pages each.
func (s *scenario) wantCurrent() {
	s.Helper()
	stamps := s.gather().values("innius_sensor_timestamp_seconds")
	cycle := time.Duration(12 * float64(time.Hour) / s.setups[0].perHour)
	for sensor, at := range stamps {
		if age := time.Since(time.Unix(int64(at), 0)); age > 3*cycle+10*time.Second {
			s.Errorf("after %s, the value of %s is %s old", s.clock(), sensor, age)
		}
	}
	if len(stamps) != s.setups[0].plant.Sensors() {
		s.Errorf("%d sensors have a value", len(stamps))
	}
}

// wantRemark fails unless this remark, and no other, is logged once and on the status page, with machine and sensor.
func (s *scenario) wantRemark(r innius.Remark) {
	s.Helper()
	remarks, logged := s.view(1).Remarks, s.log.lines("level=WARN", "sensor=")
	if r == "" {
		if len(remarks)+len(logged) > 0 {
			s.Errorf("got %v, logged %q", remarks, logged)
		}
		return
	}
	if len(remarks) != 1 || remarks[0].Remark != r || !strings.HasPrefix(remarks[0].Sensor, "Sensor ") {
		s.Errorf("remarks: %v", remarks)
	}
	if len(logged) != 1 || !strings.Contains(logged[0], string(r)+`" account=a1 machine="Machine `) {
		s.Errorf("logged: %q", logged)
	}
}

func TestHandOverDropsRemarks(t *testing.T) {
	begin := setup{
		plant: testPlant(1, 1), api: simulator.Options{Format: simulator.Format{Window: simulator.Window{Ignored: true}}},
		client: innius.Options{Endpoints: innius.Endpoints{Values: windowed}, PageSize: 20},
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		s.wantRemark(innius.WindowIgnored)
		s.setups[0].client.Endpoints.Values = ""
		s.reload(nil)
		s.log.clear()
		s.advance(10 * time.Minute)
		s.wantRemark("")
	})
}

// Each response names the first sensor, as those of a cache that ignores the path would.
func TestReadingsOfAnotherSensorAreNotUsed(t *testing.T) {
	begin := setup{plant: testPlant(2, 3)}
	begin.api.Format.Extra.Reading = map[string]any{"sensor_id": "m1-s1"}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		if n := s.gather().count("innius_sensor_value"); n != 1 {
			t.Errorf("%d values, want that of the sensor that the responses are of", n)
		}
		if n := s.states("a1", SensorPending); n != 5 {
			t.Errorf("%v sensors were never polled successfully, want the 5 others", n)
		}
		s.want(upA1, 1) // a pause would lose the readings of the first
		if remarks := s.view(1).Remarks; len(remarks) != 1 || remarks[0].Remark != innius.OtherSensor {
			t.Errorf("remarks: %v", remarks)
		}
		if n := len(s.log.lines(string(innius.OtherSensor))); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, s.log.text())
		}
	})
}

func TestAccountFailsIfEveryResponseIsOfAnotherSensor(t *testing.T) {
	begin := setup{plant: testPlant(2, 3)}
	begin.api.Format.Extra.Reading = map[string]any{"sensor_id": "elsewhere"}
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.want(upA1, 0)
		s.want(`innius_exporter_account_failure{account="a1",reason="invalid_response"}`, 1)
		if n := s.gather().count("innius_sensor_value"); n != 0 {
			t.Errorf("%d values", n)
		}
	})
}
