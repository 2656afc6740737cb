package poller

import (
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

const year = 365 * 24 * time.Hour

// Virtual time never jumps. Instead, the state is that of an exporter with a wrong clock: its own times are off by as much, source
// times are right.
func TestNothingWaitsAfterLocalClockWasWrong(t *testing.T) {
	long(t)
	for _, off := range []time.Duration{-30 * year, -5 * time.Hour, -2 * time.Minute, 2 * time.Minute, 5 * time.Hour, 3 * year} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			begin := looking(4, 3)
			begin.api.Limits = simulator.Limits{PerHour: 1300, Burst: 64} // after a clock that was behind, the burst seems to be there again
			begin.perHour, begin.burst = 1200, 30
			begin.faults = []simulator.Fault{{Kind: simulator.NotFound, Op: simulator.OpValues, Object: "m1-s1", Until: dawn.Add(30 * time.Minute)}}
			runScenario(t, begin, func(s *scenario) { s.throughWrongClock(off) })
		})
	}
}

func (s *scenario) throughWrongClock(off time.Duration) {
	s.advance(25 * time.Minute)
	saved := s.halt().seenBy(off)
	s.advance(time.Minute)
	s.newPoller(saved)
	s.wantNothingAhead()
	s.start()
	started := s.clock()
	s.advance(2 * time.Minute) // a cycle is 36 s
	s.wantNothingAhead()
	successes := s.gather().values("innius_sensor_last_success_timestamp_seconds")
	for sensor, at := range successes {
		if at < seconds(dawn.Add(started)) && at != 0 && sensor != labelsOf(1, 1) {
			s.Errorf("%s was not asked since the start", sensor)
		}
	}
	s.advance(11 * time.Minute)
	if at := s.gather()[discoveredA1]; at < seconds(dawn.Add(started)) {
		s.Errorf("the lists were last looked at %s before the start", dawn.Add(started).Sub(time.Unix(int64(at), 0)))
	}
	s.wantNothingAhead()
	s.advance(time.Hour) // of back-off
	if n := s.states("a1", SensorCurrent); n != 12 {
		s.Errorf("%v of 12 sensors are fresh", n)
	}
	if n := s.api.Stats().Limited; n != 0 {
		s.Errorf("%d requests over the limit", n)
	}
	s.checkValues()
}

// labelsOf are a sensor's labels in the default plant.
func labelsOf(machine, sensor int) string { return series("", machine, sensor) }

// wantNothingAhead fails if a time of the local clock, or an age, is in the future.
func (s *scenario) wantNothingAhead() {
	s.Helper()
	now := time.Now()
	for sensor, at := range s.gather().values("innius_sensor_last_success_timestamp_seconds") {
		if at > seconds(now) {
			s.Errorf("%s was polled %v s in the future", sensor, at-seconds(now))
		}
	}
	for i := range s.setups {
		if v := s.view(i + 1).Verified; v.After(now) {
			s.Errorf("lists were verified %s in the future", v.Sub(now))
		}
		for _, one := range s.sensorsOf(i + 1) {
			if age := one.Machine.APITime(now).Sub(one.Time); age < 0 {
				s.Errorf("%s is %v old", one.ID, age)
			}
		}
	}
}

// seenBy is the state that an exporter with a wrong clock would have saved.
func (s *State) seenBy(off time.Duration) *State {
	move := func(at *time.Time) {
		if !at.IsZero() {
			*at = at.Add(off)
		}
	}
	s.At = s.At.Add(off)
	for i := range s.Accounts {
		k := &s.Accounts[i]
		move(&k.Pacer.At)
		move(&k.Pacer.Until)
		move(&k.Limit.Until)
		k.changeTimes(move)
	}
	return s
}
