package poller

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// While the API clock and its timestamps are ahead, they are all that is known. When they are right again, readings of the future
// must not hide new ones.
func TestReadingsFromFutureAreReplaced(t *testing.T) {
	window := innius.Endpoints{Values: "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}"}
	for _, ahead := range []time.Duration{20 * time.Minute, 7 * time.Hour, 3 * year} {
		for name, endpoints := range map[string]innius.Endpoints{"newest page": {}, "window": window} {
			t.Run(fmt.Sprint(ahead, " ", name), func(t *testing.T) {
				t.Parallel()
				begin := setup{plant: stamped(ahead), client: innius.Options{Endpoints: endpoints}}
				begin.faults = []simulator.Fault{{Kind: simulator.ClockOff, Delay: ahead}}
				runScenario(t, begin, func(s *scenario) {
					s.advance(10 * time.Minute)
					s.wantRead(time.Now().Add(ahead))
					s.fronts[0].Store(simulator.New(testPlant(2, 3), simulator.Options{Key: testKey}))
					s.advance(10 * time.Minute)
					s.checkValues()
					s.wantRead(time.Now())
					s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
				})
			})
		}
	}
}

// The API's clock is right again, but no poll succeeds that could replace a reading of the future.
func TestReadingFromFutureEndsWithPolls(t *testing.T) {
	const ahead = 24 * time.Hour
	begin := setup{plant: stamped(ahead), options: func(o *Options) { o.StaleAfter = time.Hour }, faults: []simulator.Fault{
		{Kind: simulator.ClockOff, Delay: ahead, Until: dawn.Add(30 * time.Minute)},
		{Kind: simulator.ServerError, Op: simulator.OpValues, From: dawn.Add(30 * time.Minute)},
	}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(80 * time.Minute)
		s.want(`innius_exporter_api_clock_difference_seconds{account="a1"}`, 0)
		if n := s.gather().count("innius_sensor_value"); n != 6 {
			s.Errorf("%d values of 6 before they are stale", n)
		}
		s.advance(15 * time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 0 {
			s.Errorf("%d values, and no poll has succeeded for more than stale_after", n)
		}
	})
}

// wantRead fails unless the reading of the first sensor is from the half minute before a time.
func (s *scenario) wantRead(by time.Time) {
	s.Helper()
	if at := s.gather()[timestamp11]; at > seconds(by) || at < seconds(by)-30 {
		s.Errorf("after %s the reading held is of %v, want %v", s.clock(), at, seconds(by))
	}
}

// stamped is a plant whose sensors have wrong clocks.
func stamped(off time.Duration) simulator.Plant {
	p := testPlant(2, 3)
	for i := range p.Company.Machines {
		for j := range p.Company.Machines[i].Sensors {
			p.Company.Machines[i].Sensors[j].Skew = off
		}
	}
	return p
}

// A wrong API clock with right timestamps may delay new readings, but must neither drop cached ones nor cost requests.
func TestAPIClockChangesLoseNothing(t *testing.T) {
	for _, off := range []time.Duration{-9 * year, -6 * time.Hour, -6 * time.Minute, 6 * time.Minute, 6 * time.Hour, 9 * year} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(2, 3)}, func(s *scenario) {
				s.advance(10 * time.Minute)
				held, sent := s.gather()[timestamp11], s.api.Stats().Requests
				remove := s.api.Inject(simulator.Fault{Kind: simulator.ClockOff, Delay: off})
				s.advance(10 * time.Minute)
				s.checkValues()
				if at := s.gather()[timestamp11]; at < held || at > seconds(time.Now()) {
					t.Errorf("the reading held is of %v, before the clock went wrong it was of %v", at, held)
				}
				if n := s.api.Stats().Requests - sent; n < 150 || n > 230 {
					t.Errorf("%d requests in 10 min of 200", n)
				}
				remove()
				s.advance(time.Minute)
				s.checkValues()
				s.wantRead(time.Now())
				s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
			})
		})
	}
}

// A sensor with a wrong clock must not affect others.
func TestSensorClockAffectsOnlySensor(t *testing.T) {
	for name, c := range map[string]struct {
		skew    time.Duration
		reason  innius.SkipReason // empty: its readings are good
		exposed float64
	}{
		"the year 1970":   {-30 * year, innius.SkipTime, 0},
		"before 1990":     {-11 * year, innius.SkipTime, 0},
		"a year behind":   {-1 * year, "", 0}, // too old to be shown
		"hours behind":    {-5 * time.Hour, "", 1},
		"minutes ahead":   {4 * time.Minute, "", 1},
		"hours ahead":     {5 * time.Hour, innius.SkipFuture, 0},
		"years ahead":     {50 * year, innius.SkipFuture, 0},
		"the year 2101":   {101 * year, innius.SkipTime, 0},
		"the year 2290":   {290 * year, innius.SkipTime, 0},
		"in its own time": {0, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(2, 3), api: simulator.Options{Format: simulator.Format{History: 200 * year}}}
			begin.plant.Company.Machines[0].Sensors[0].Skew = c.skew
			runScenario(t, begin, func(s *scenario) {
				s.advance(10 * time.Minute)
				all := s.gather()
				if n := all.count("innius_sensor_value"); float64(n) != 5+c.exposed {
					t.Errorf("%d values are exposed, want %v", n, 5+c.exposed)
				}
				for _, reason := range []innius.SkipReason{innius.SkipTime, innius.SkipFuture} {
					n := all[fmt.Sprintf("innius_exporter_readings_skipped_total{account=\"a1\",reason=%q}", reason)]
					if (n > 0) != (reason == c.reason) {
						t.Errorf("%v readings were skipped for the reason %s", n, reason)
					}
				}
				if _, stamped := all[timestamp11]; stamped != (c.reason == "") {
					t.Errorf("a timestamp is exposed: %t", stamped)
				}
				if n := s.api.Stats().Values["m2-s1"]; n < 25 {
					t.Errorf("its neighbour was polled %d times in 10 min", n)
				}
			})
		})
	}
}

// The interval learned from readings that were ahead would cause continuous polls for days.
func TestScheduleRecoversFromClockAhead(t *testing.T) {
	const ahead = 7 * time.Hour
	seldom := func(p simulator.Plant) simulator.Plant {
		for i := range p.Company.Machines {
			for j := range p.Company.Machines[i].Sensors {
				p.Company.Machines[i].Sensors[j].Period = 5 * time.Minute
			}
		}
		return p
	}
	begin := setup{plant: seldom(stamped(ahead)), faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: ahead}}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(3 * time.Hour)
		right := simulator.New(seldom(testPlant(2, 3)), simulator.Options{Key: testKey})
		s.fronts[0].Store(right)
		s.advance(6 * time.Hour)
		if n := right.Stats().Values["m1-s1"]; n < 65 || n > 90 {
			t.Errorf("%d requests in 6 h for a sensor that reports every 5 min", n)
		}
	})
}

// A gateway that refuses requests may have another clock than the API.
func TestWrongDateOf429MakesNoValueStale(t *testing.T) {
	from := dawn.Add(5 * time.Minute)
	refusal := simulator.Fault{Kind: simulator.ServerError, Object: "m1-s1", From: from}
	clock := simulator.Fault{Kind: simulator.ClockOff, Object: "m1-s1", From: from, Delay: 48 * time.Hour}
	runScenario(t, setup{plant: testPlant(2, 2), faults: []simulator.Fault{refusal, clock}}, func(s *scenario) {
		for range 60 {
			s.advance(10 * time.Second)
			if n := s.gather().count("innius_sensor_value"); n < 4 && s.clock() > time.Minute {
				s.Fatalf("%d values after %s, want 4", n, s.clock())
			}
		}
	})
}
