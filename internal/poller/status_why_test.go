package poller

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// sensorOn returns a sensor's status by the numbers of a plant like works.
func (s *story) sensorOn(account, machine, sensor int) SensorReport {
	s.Helper()
	return s.poller.Status().Accounts[account-1].Machines[machine-1].Sensors[sensor-1]
}

func (s *story) wantWhy(sensor int, state SensorStatus, exposed bool, pattern string) {
	s.Helper()
	one := s.sensorOn(1, 1, sensor)
	if one.Status != state || one.Exposed != exposed || !regexp.MustCompile("^(?:"+pattern+")$").MatchString(one.Why) {
		s.Errorf("after %s sensor %d is %s, on /metrics %t: %q, want %s, %t, %s", s.clock(), sensor, one.Status, one.Exposed, one.Why, state, exposed, pattern)
	}
	_, onMetrics := s.gather()[series("innius_sensor_value", 1, sensor)]
	if onMetrics != exposed {
		s.Errorf("after %s sensor %d is on /metrics: %t, and the status says %t", s.clock(), sensor, onMetrics, exposed)
	}
}

const (
	exactly = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	gone    = exactly + ` \((now|[a-z0-9 ]+ ago)\)`
	toCome  = exactly + ` \(in [a-z0-9 ]+\)`
)

// Each way in which a sensor may be missing on /metrics, through the real client and loop.
func TestEverySensorThatIsNotOnMetricsSaysWhy(t *testing.T) {
	plant := works(1, 8)
	sensors := plant.Company.Machines[0].Sensors
	sensors[1].Period = 0
	sensors[2].Value = func(time.Time) any { return "RUN" }
	sensors[3].Value = func(time.Time) any { return nil }
	sensors[4].Exists = func(at time.Time) bool { return at.Before(dawn.Add(10 * time.Minute)) }
	begin := setting{plant: plant, perHour: 1200, options: func(o *Options) {
		o.StaleAfter = time.Hour
		o.Sensors.Exclude = []match.Pattern{match.MustCompile(".* 6")}
		o.Rules = []inventory.Rule{{Sensor: match.MustCompile("Sensor 8"), StaleAfter: 5 * time.Minute}}
	}}
	begin.faults = []simulator.Fault{
		{Kind: simulator.Forbidden, Object: "m1-s7", From: dawn.Add(5 * time.Minute)},
		{Kind: simulator.NotFound, Object: "m1-s8", From: dawn.Add(time.Minute)},
	}
	play(t, begin, func(s *story) {
		s.pass(30 * time.Minute)
		s.wantWhy(1, SensorCurrent, true, "")
		s.wantWhy(2, SensorNoReadings, false, "No readings: innius had none when it was last polled, at "+gone)
		s.wantWhy(3, SensorUnreadable, false, `its newest reading is the text "RUN"; a rule under sensors: may map it to a number \(values\)`)
		s.wantWhy(4, SensorUnreadable, false, "its newest reading is no number: null")
		s.wantWhy(5, SensorSilent, true, "Silent: no new reading for more than 15m when it was last polled, at "+gone)
		s.wantWhy(6, SensorExcluded, false, `Excluded: discovery.sensors.exclude ".\* 6"`)
		s.wantWhy(7, SensorFailing, true, `cannot be read: get the values of sensor "m1-s7" of machine "m1": status 403 \(Forbidden\): .*; so since `+gone+
			`, \d+ times in a row; asked again at about `+toCome+`; its last value stays on /metrics until `+toCome)
		s.wantWhy(8, SensorFailing, false, `cannot be read: .*: status 404 .*; its last value is stale since `+gone)
		s.pass(time.Hour)
		s.wantWhy(5, SensorStale, false, "stale since "+gone+": its newest reading, of 2000-01-01T00:09:50Z, is older than 1h \\(stale_after\\); "+
			"innius had nothing newer at "+gone)
	})
}

func TestAStaleSensorSaysWhichSettingAndThatItCouldNotBeAsked(t *testing.T) {
	begin := setting{plant: works(1, 2), options: func(o *Options) {
		o.Rules = []inventory.Rule{{Sensor: match.MustCompile("Sensor 2"), StaleAfter: 20 * time.Minute}}
	}}
	begin.faults = []simulator.Fault{{Kind: simulator.TooMany, From: dawn.Add(10 * time.Minute), Delay: 2 * time.Hour}}
	play(t, begin, func(s *story) {
		s.pass(time.Hour)
		s.wantWhy(1, SensorDelayed, true, "Delayed: last polled at "+gone+"; the next poll was planned for "+gone)
		s.wantWhy(2, SensorStale, false, "stale since "+gone+": .* is older than 20m \\(stale_after of its rule\\); not asked since "+gone)
	})
}

func TestATwinSaysWhereItsValueIs(t *testing.T) {
	play(t, shared(), func(s *story) {
		s.pass(20 * time.Minute)
		one := s.sensorOn(2, 2, 1)
		if want := "Polled by account a1; its value is on /metrics once, as Works / Machine 2 / Sensor 1"; one.Why != want || one.Exposed {
			t.Errorf("%q, on /metrics %t, want %q", one.Why, one.Exposed, want)
		}
		if one.NextRequest != nil || one.WaitsFor != "" {
			t.Errorf("it is foreseen to be asked: %+v", one)
		}
	})
}

func TestAMachineWithoutSensorsSaysWhy(t *testing.T) {
	plant := works(5, 1)
	plant.Company.Machines[1].Sensors = nil
	begin := setting{plant: plant, perHour: 60, burst: 1, options: func(o *Options) {
		o.Machines.Exclude = []match.Pattern{match.MustCompile("Machine 3")}
	}}
	begin.faults = []simulator.Fault{{Kind: simulator.Forbidden, Op: simulator.OpSensors, Object: "m4"}}
	play(t, begin, func(s *story) {
		note := func(machine int) string { return s.poller.Status().Accounts[0].Machines[machine-1].Note }
		s.pass(100 * time.Second)
		if got := note(5); got != "its sensors have not been listed yet: 2 of 6 lists have been asked for" {
			t.Errorf("not listed yet: %q", got)
		}
		s.pass(time.Hour)
		for machine, want := range map[int]string{
			1: "", 2: "innius lists no sensor for it", 3: `filtered: discovery.machines.exclude "Machine 3"`,
			4: `its sensors cannot be listed: list the sensors of machine "m4": status 403`, 5: "",
		} {
			if got := note(machine); !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("machine %d: %q, want %q", machine, got, want)
			}
		}
	})
}
