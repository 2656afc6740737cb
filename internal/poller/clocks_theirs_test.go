package poller

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// For as long as innius' clock and stamps are ahead they are what is known. When they are right again, what lies ahead must
// not hide what is true until its time has come.
func TestReadingsOfAClockThatWasAheadGiveWay(t *testing.T) {
	window := innius.Endpoints{Values: "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}"}
	for _, ahead := range []time.Duration{20 * time.Minute, 7 * time.Hour, 3 * year} {
		for name, endpoints := range map[string]innius.Endpoints{"newest page": {}, "window": window} {
			t.Run(fmt.Sprint(ahead, " ", name), func(t *testing.T) {
				t.Parallel()
				begin := setting{plant: stamped(ahead), client: innius.Options{Endpoints: endpoints}}
				begin.faults = []simulator.Fault{{Kind: simulator.ClockOff, Delay: ahead}}
				play(t, begin, func(s *story) {
					s.pass(10 * time.Minute)
					s.wantRead(time.Now().Add(ahead))
					s.fronts[0].Store(simulator.New(works(2, 3), simulator.Options{Key: canary}))
					s.pass(10 * time.Minute)
					s.checkValues()
					s.wantRead(time.Now())
					s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
				})
			})
		}
	}
}

// wantRead fails where the reading held of the first sensor is not of the last half minute before a moment.
func (s *story) wantRead(by time.Time) {
	s.Helper()
	if at := s.gather()[timestamp11]; at > seconds(by) || at < seconds(by)-30 {
		s.Errorf("after %s the reading held is of %v, want %v", s.clock(), at, seconds(by))
	}
}

// stamped are works whose sensors' clocks are off.
func stamped(off time.Duration) simulator.Plant {
	p := works(2, 3)
	for i := range p.Company.Machines {
		for j := range p.Company.Machines[i].Sensors {
			p.Company.Machines[i].Sensors[j].Skew = off
		}
	}
	return p
}

// A clock of innius that is wrong by itself, with right stamps, may cost new readings but never what is held, nor a request.
func TestAClockOfInniusThatGoesWrongAndRightAgainLosesNothing(t *testing.T) {
	for _, off := range []time.Duration{-9 * year, -6 * time.Hour, -6 * time.Minute, 6 * time.Minute, 6 * time.Hour, 9 * year} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			play(t, setting{plant: works(2, 3)}, func(s *story) {
				s.pass(10 * time.Minute)
				held, sent := s.gather()[timestamp11], s.api.Stats().Requests
				remove := s.api.Inject(simulator.Fault{Kind: simulator.ClockOff, Delay: off})
				s.pass(10 * time.Minute)
				s.checkValues()
				if at := s.gather()[timestamp11]; at < held || at > seconds(time.Now()) {
					t.Errorf("the reading held is of %v, before the clock went wrong it was of %v", at, held)
				}
				if n := s.api.Stats().Requests - sent; n < 150 || n > 230 {
					t.Errorf("%d requests in 10 min of 200", n)
				}
				remove()
				s.pass(time.Minute)
				s.checkValues()
				s.wantRead(time.Now())
				s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
			})
		})
	}
}

// One sensor whose clock is far off is shown as what it is and costs the others nothing.
func TestASensorsOwnClockIsItsOwnMatter(t *testing.T) {
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
			begin := setting{plant: works(2, 3), api: simulator.Options{Format: simulator.Format{History: 200 * year}}}
			begin.plant.Company.Machines[0].Sensors[0].Skew = c.skew
			play(t, begin, func(s *story) {
				s.pass(10 * time.Minute)
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
					t.Errorf("its neighbour was asked %d times in 10 min", n)
				}
			})
		})
	}
}

// The pace learned of readings that were ahead would have each sensor asked without a pause for days.
func TestAfterAClockThatWasAheadSensorsAreAskedAsSeldomAsBefore(t *testing.T) {
	const ahead = 7 * time.Hour
	seldom := func(p simulator.Plant) simulator.Plant {
		for i := range p.Company.Machines {
			for j := range p.Company.Machines[i].Sensors {
				p.Company.Machines[i].Sensors[j].Period = 5 * time.Minute
			}
		}
		return p
	}
	begin := setting{plant: seldom(stamped(ahead)), faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: ahead}}}
	play(t, begin, func(s *story) {
		s.pass(3 * time.Hour)
		right := simulator.New(seldom(works(2, 3)), simulator.Options{Key: canary})
		s.fronts[0].Store(right)
		s.pass(6 * time.Hour)
		if n := right.Stats().Values["m1-s1"]; n < 65 || n > 90 {
			t.Errorf("%d requests in 6 h for a sensor that reports every 5 min", n)
		}
	})
}

// A gateway that refuses requests before they reach the API may have another clock.
func TestWrongDateOfARefusalMakesNoValueStale(t *testing.T) {
	from := dawn.Add(5 * time.Minute)
	refusal := simulator.Fault{Kind: simulator.ServerError, Object: "m1-s1", From: from}
	clock := simulator.Fault{Kind: simulator.ClockOff, Object: "m1-s1", From: from, Delay: 48 * time.Hour}
	play(t, setting{plant: works(2, 2), faults: []simulator.Fault{refusal, clock}}, func(s *story) {
		for range 60 {
			s.pass(10 * time.Second)
			if n := s.gather().count("innius_sensor_value"); n < 4 && s.clock() > time.Minute {
				s.Fatalf("%d values after %s, want 4", n, s.clock())
			}
		}
	})
}
