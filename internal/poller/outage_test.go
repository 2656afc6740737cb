package poller

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// outage is an hour in which every request fails. It begins when no list is due.
func outage(kind simulator.FaultKind) simulator.Fault {
	return simulator.Fault{Kind: kind, From: dawn.Add(70 * time.Minute), Until: dawn.Add(130 * time.Minute)}
}

func TestPollerRecoversFromOutage(t *testing.T) {
	for kind, reason := range map[simulator.FaultKind]string{
		simulator.Reset: "network", simulator.Hang: "network", simulator.ServerError: "server", simulator.BadGatewayHTML: "server",
		simulator.Maintenance: "invalid_response", simulator.Redirect: "invalid_response",
	} {
		for _, size := range []struct{ machines, sensors int }{{4, 5}, {1, 2}} {
			t.Run(fmt.Sprintf("%s with %d sensors", kind, size.machines*size.sensors), func(t *testing.T) {
				t.Parallel()
				begin := setup{plant: testPlant(size.machines, size.sensors), perHour: 400, options: calmly}
				runScenario(t, begin, func(s *scenario) { s.throughOutage(kind, reason, size.machines*size.sensors) })
			})
		}
	}
}

// calmly prevents a small plant from using the whole burst repeatedly.
func calmly(o *Options) { o.MinInterval = 30 * time.Second }

func (s *scenario) throughOutage(kind simulator.FaultKind, reason string, sensors int) {
	s.api.Inject(outage(kind))
	s.advance(70*time.Minute - time.Second)
	s.want(`innius_up{account="a1"}`, 1)
	before := s.gather()
	s.advance(8*time.Minute + time.Second) // the first failure is known only after its retries, each of which waits for the pacer
	s.want(`innius_up{account="a1"}`, 0)
	s.wantReason(reason)
	s.advance(52*time.Minute - time.Second)
	s.want(`innius_up{account="a1"}`, 0)
	s.wantKept(before)
	s.advance(time.Second)
	if n := s.api.Stats().Faults[kind]; n < 20 || n > 250 {
		s.Errorf("%d requests went wrong in the hour, want a look now and then", n)
	}
	s.advance(time.Minute + 30*time.Second + s.view(1).Cycle + 30*time.Second)
	s.want(`innius_up{account="a1"}`, 1)
	s.wantReason("")
	s.wantAllReadSince(130*time.Minute, sensors)
	s.wantOneLineEach()
}

// wantReason fails unless the account failure has exactly this reason, or none.
func (s *scenario) wantReason(reason string) {
	s.Helper()
	all := s.gather()
	for _, r := range []string{"key", "network", "server", "invalid_response"} {
		got := all[fmt.Sprintf("innius_exporter_account_failure{account=\"a1\",reason=%q}", r)]
		if (got == 1) != (r == reason) {
			s.Errorf("after %s: account_failure of reason %q is %v, want only %q", s.clock(), r, got, reason)
		}
	}
}

// wantKept fails if a value or timestamp has changed.
func (s *scenario) wantKept(before samples) {
	s.Helper()
	now := s.gather()
	for _, name := range []string{"innius_sensor_value", "innius_sensor_timestamp_seconds"} {
		for sensor, value := range before.values(name) {
			if got, ok := now[name+sensor]; !ok || got != value {
				s.Errorf("%s%s: %v became %v (present: %t)", name, sensor, value, got, ok)
			}
		}
	}
}

func (s *scenario) wantAllReadSince(start time.Duration, sensors int) {
	s.Helper()
	successes := s.gather().values("innius_sensor_last_success_timestamp_seconds")
	if len(successes) != sensors {
		s.Errorf("%d sensors, want %d", len(successes), sensors)
	}
	for sensor, at := range successes {
		if at < seconds(dawn.Add(start)) {
			s.Errorf("%s was not read since the end: last %s before it", sensor, dawn.Add(start).Sub(time.Unix(int64(at), 0)))
		}
	}
}

func (s *scenario) wantOneLineEach() {
	s.Helper()
	if n := len(s.log.lines("Account is failing")); n != 1 {
		s.Errorf("%d lines report the start, want 1:\n%s", n, s.log.text())
	}
	if n := len(s.log.lines("Requests succeed again")); n != 1 {
		s.Errorf("%d lines report the end, want 1:\n%s", n, s.log.text())
	}
	if n := len(s.log.lines("Sensor is failing")); n > suspectAfter { // until the account is suspected
		s.Errorf("%d sensors were blamed for the outage:\n%s", n, s.log.text())
	}
}

func TestOutageEndsWhileSomeObjectsFail(t *testing.T) {
	long(t)
	t.Parallel()
	runScenario(t, setup{plant: testPlant(3, 4), perHour: 500}, func(s *scenario) {
		for _, broken := range []string{"m1-s1", "m2-s2", "m3-s3"} {
			s.api.Inject(simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpValues, Object: broken})
		}
		s.api.Inject(simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpSensors, Object: "m2", From: dawn.Add(time.Minute)})
		s.api.Inject(outage(simulator.Unavailable))
		s.advance(145 * time.Minute)
		if s.api.Stats().Faults[simulator.Unavailable] == 0 {
			t.Fatal("the outage did not happen")
		}
		s.want(`innius_up{account="a1"}`, 1)
		s.wantReason("")
		if n := s.states("a1", SensorFailing); n != 3 {
			t.Errorf("%v sensors are failing, want the 3 broken ones", n)
		}
		if n := s.states("a1", SensorCurrent); n != 9 {
			t.Errorf("%v sensors are fresh, want 9", n)
		}
	})
}

func TestFailingSensorBacksOffAlone(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 5), perHour: 200}, func(s *scenario) {
		s.advance(time.Minute)
		s.api.Inject(simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpValues, Object: "m1-s1"})
		s.advance(6 * time.Hour)
		stats := s.api.Stats()
		if n := stats.Faults[simulator.ServerError]; n < 8 || n > 20 {
			t.Errorf("the broken sensor was polled %d times in 6 h, want a back-off from 30 s to 1 h", n)
		}
		if n := stats.Values["m1-s2"]; n < 80 {
			t.Errorf("its neighbour was read %d times in 6 h", n)
		}
		s.want(`innius_up{account="a1"}`, 1)
		s.wantReason("")
		if n := len(s.log.lines("Sensor is failing")); n != 1 {
			t.Errorf("%d lines, want 1", n)
		}
	})
}

func TestPollerRecoversFromOutageAtStart(t *testing.T) {
	reset := simulator.Fault{Kind: simulator.Reset, Until: dawn.Add(20 * time.Minute)}
	runScenario(t, setup{plant: testPlant(2, 3), faults: []simulator.Fault{reset}}, func(s *scenario) {
		s.advance(10 * time.Second)
		s.want(`innius_up{account="a1"}`, 0) // 0 exactly while there is a reason
		s.wantReason("network")
		s.advance(10 * time.Minute)
		s.want(`innius_up{account="a1"}`, 0)
		s.advance(11 * time.Minute)
		if s.api.Stats().Faults[simulator.Reset] == 0 {
			t.Fatal("the outage did not happen")
		}
		s.want(`innius_up{account="a1"}`, 1)
		s.wantAllReadSince(20*time.Minute, 6)
		s.wantOneLineEach()
	})
}
