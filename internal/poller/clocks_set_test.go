package poller

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// eachStep runs a test for steps of the wall clock from right to wrong, and from wrong at the start to right.
func eachStep(t *testing.T, test func(t *testing.T, begin setup, wrong, step time.Duration)) {
	for _, step := range []time.Duration{-24 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 24 * time.Hour} {
		for _, wrong := range []time.Duration{0, -step} { // the clock at the start
			t.Run(fmt.Sprintf("%s to %s", wrong, wrong+step), func(t *testing.T) {
				if t.Parallel(); step.Abs() != time.Hour {
					long(t)
				}
				test(t, setup{
					plant: slowPlant(wrong), api: simulator.Options{Limits: simulator.Limits{PerHour: 400, Burst: 20}},
					faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: -wrong}},
				}, wrong, step)
			})
		}
	}
}

// slowPlant has sensors with a reading every 10 s, 3 to 4 min and 20 min, so that many polls find none. To an exporter whose
// clock is wrong by a duration, all others are off by as much.
func slowPlant(wrong time.Duration) simulator.Plant {
	p := testPlant(3, 4)
	for i, period := range []time.Duration{10 * time.Second, 3 * time.Minute, 20 * time.Minute} {
		for j := range p.Company.Machines[i].Sensors {
			one := &p.Company.Machines[i].Sensors[j]
			one.Period, one.Phase, one.Skew = period, time.Duration(j)*7*time.Second, -wrong
			if i == 1 {
				one.Jitter = time.Minute
			}
		}
	}
	return p
}

func TestPollerGoesOnWhenWallClockIsSet(t *testing.T) {
	eachStep(t, func(t *testing.T, begin setup, wrong, step time.Duration) {
		runScenario(t, begin, func(s *scenario) {
			s.advance(2 * time.Hour)
			before := s.sentWithin(20 * time.Minute)
			s.setWall(step)
			s.wantUnaffected()
			s.advance(2 * time.Minute) // a cycle
			s.wantUnaffected()
			if after := s.sentWithin(20 * time.Minute); after < before*9/10 || after > before*11/10 {
				s.Errorf("%d requests in 20 min after the step, %d before", after, before)
			}
			s.wantUnaffected()
			s.wantOneLine("Local clock was set")
			s.want(`innius_exporter_api_clock_difference_seconds{account="a1"}`, -(wrong + step).Seconds())
			s.restart(time.Minute)
			s.wantUnaffected()
			s.start()
			s.advance(2 * time.Minute)
			s.wantUnaffected()
			if after := s.sentWithin(20 * time.Minute); after < before*9/10 || after > before*11/10 {
				s.Errorf("%d requests in 20 min after the restart, %d before", after, before)
			}
			if n := s.api.Stats().Limited; n != 0 {
				s.Errorf("%d requests over the limit", n)
			}
		})
	})
}

// The monotonic clock stood still, so all others seem to be set ahead.
func TestPollerGoesOnAfterMachineWasSuspended(t *testing.T) {
	const night = 8 * time.Hour
	runScenario(t, setup{plant: slowPlant(0), perHour: 400, burst: 20}, func(s *scenario) {
		s.advance(2 * time.Hour)
		before := s.sentWithin(20 * time.Minute)
		api := simulator.New(slowPlant(-night), simulator.Options{Key: testKey})
		api.Inject(simulator.Fault{Kind: simulator.ClockOff, Delay: night})
		s.fronts[0].Store(api)
		s.setWall(night)
		s.advance(20 * time.Second)
		for _, one := range s.sensorsOf(1) {
			age := s.poller.View(time.Now()).APITime(one.Machine).Sub(one.Time)
			if one.Time.Before(dawn.Add(3*time.Hour)) && age < night {
				s.Errorf("%s has a reading from before the night that is %s old", one.ID, age)
			}
		}
		s.advance(25 * time.Minute)
		s.wantUnaffected()
		s.advance(20 * time.Minute)
		sent := api.Stats().Requests
		s.advance(20 * time.Minute)
		if after := api.Stats().Requests - sent; after < before*9/10 || after > before*11/10 {
			s.Errorf("%d requests in 20 min after the night, %d before", after, before)
		}
		s.wantOneLine("Local clock was set")
	})
}

func (s *scenario) sentWithin(d time.Duration) int {
	before := s.api.Stats().Requests
	s.advance(d)
	return s.api.Stats().Requests - before
}

// wantUnaffected fails unless all values are exposed, current and no older than planned, and their polls were a moment ago by the
// wall clock.
func (s *scenario) wantUnaffected() {
	s.Helper()
	all := s.gather()
	values := all.values("innius_sensor_value")
	if n := s.states("a1", SensorCurrent); n != 12 || len(values) != 12 {
		s.Errorf("after %s: %d values of 12, %v current", s.clock(), len(values), n)
	}
	for sensor, measured := range values {
		if age := seconds(time.Now()) - measured; age > 25*60 {
			s.Errorf("after %s: the value of %s is %.0f s old", s.clock(), sensor, age)
		}
		since := seconds(s.wallNow()) - all["innius_sensor_last_success_timestamp_seconds"+sensor]
		if since < 0 || since > 20*60 {
			s.Errorf("after %s: %s was polled %.0f s ago", s.clock(), sensor, since)
		}
	}
}

func TestStatedPauseEndsInTimeWhenWallClockIsSet(t *testing.T) {
	eachStep(t, func(t *testing.T, begin setup, _, step time.Duration) {
		const pause = 40 * time.Minute
		begin.faults = append(begin.faults, simulator.Fault{
			Kind: simulator.TooMany, Delay: pause, Times: 1, From: dawn.Add(time.Hour), Until: dawn.Add(2 * time.Hour),
		})
		runScenario(t, begin, func(s *scenario) {
			s.setWall(-step)
			s.advance(time.Hour + 5*time.Minute)
			end := s.view(1).PausedUntil.Add(step)
			if n := len(s.log.lines("Rate limited", "until="+end.Add(-step).Format(time.RFC3339))); n != 1 {
				s.Errorf("%d lines name the end of the pause by the wall clock", n)
			}
			s.setWall(2 * step)
			s.want(`innius_exporter_api_paused_until_timestamp_seconds{account="a1"}`, seconds(end.Add(step)))
			s.advance(time.Until(end) - time.Second)
			sent := s.api.Stats().Requests
			s.advance(time.Minute)
			if n := s.api.Stats().Requests - sent; n < 1 {
				s.Errorf("%d requests in the minute after the pause", n)
			}
			if n := s.api.Stats().TooEarly; n != 0 {
				s.Errorf("%d requests within the pause", n)
			}
		})
	})
}

// The process ends within a pause, and the next one starts with another clock: by that one the pause may be over. Then one
// request shows that it is not.
func TestOneRequestAtMostMeetsPauseAfterRestartWithOtherClock(t *testing.T) {
	for _, step := range []time.Duration{-24 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			end := dawn.Add(100 * time.Minute)
			begin := setup{plant: slowPlant(0), api: simulator.Options{Limits: simulator.Limits{PerHour: 400, Burst: 20}}}
			begin.faults = []simulator.Fault{{
				Kind: simulator.TooMany, RetryAfter: end.Format(http.TimeFormat), From: dawn.Add(time.Hour), Until: end,
			}}
			runScenario(t, begin, func(s *scenario) {
				s.advance(65 * time.Minute)
				saved := s.halt().seenBy(-step)
				s.advance(time.Minute)
				s.newPoller(saved)
				sent := s.api.Stats().Requests
				s.start()
				s.advance(time.Until(end) - time.Second)
				if n := s.api.Stats().Requests - sent; n > 1 || step < 0 && n > 0 {
					s.Errorf("%d requests within the pause", n)
				}
				s.advance(2*time.Minute + time.Second)
				if n := s.api.Stats().Requests - sent; n < 3 {
					s.Errorf("%d requests since the restart, and the pause has been over for 2 min", n)
				}
				s.wantNothingAhead()
			})
		})
	}
}
