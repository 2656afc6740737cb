package poller

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/simulator"
)

// withStates lists texts as states of all sensors.
func withStates(states ...string) func(*Options) {
	return func(o *Options) { o.Rules = []inventory.Rule{{States: states}} }
}

// state11 is the text of a series with a state of the first sensor.
func state11(name, state string) string {
	return fmt.Sprintf("%s{company=\"Works\",machine=\"Machine 1\",sensor=\"Sensor 1\",state=%q}", name, state)
}

const (
	stateNow     = "innius_sensor_state"
	stateSeconds = "innius_sensor_state_seconds_total"
)

// inStates returns the seconds in each state of the first sensor, by state, and their sum.
func (s *scenario) inStates(states ...string) (in map[string]float64, sum float64) {
	s.Helper()
	in = map[string]float64{}
	all := s.gather()
	for _, state := range append(slices.Clip(states), reading.OtherState, reading.UnknownState) {
		seconds, exposed := all[state11(stateSeconds, state)]
		if !exposed {
			s.Errorf("%s is absent after %s", state11(stateSeconds, state), s.clock())
		}
		in[state] = seconds
		sum += seconds
	}
	if n := all.count(stateSeconds); n != len(in) {
		s.Errorf("%d series of seconds in states, want %d", n, len(in))
	}
	return in, sum
}

func TestTextWithStatesHasAnIntervalAndCanBeSilent(t *testing.T) {
	off := dawn.Add(time.Hour)
	sensor := func(s *simulator.Sensor) {
		s.Value = func(at time.Time) any { return []any{"RUN", "STOP", "ODD", nil}[at.Unix()/600%4] }
		s.Exists = func(at time.Time) bool { return at.Before(off) }
	}
	options := func(o *Options) { o.Rules = []inventory.Rule{{States: []string{"RUN", "STOP"}, StaleAfter: time.Hour}} }
	runScenario(t, setup{plant: oneSensor(sensor), perHour: 3600, options: options}, func(s *scenario) {
		s.inStates("RUN", "STOP") // from the start
		s.advance(5 * time.Minute)
		status := func(want SensorStatus, machine MachineStatus) {
			t.Helper()
			s.want(fmt.Sprintf("innius_exporter_sensors{account=\"a1\",status=%q}", want), 1)
			s.want(fmt.Sprintf("innius_machine_status{company=\"Works\",machine=\"Machine 1\",status=%q}", machine), 1)
			s.want(expected11, 10)
			s.wantAbsent(value11)
		}
		for i := range 6 { // each state in turn
			now := []string{"RUN", "STOP", "other", "other"}[i%4]
			for _, state := range []string{"RUN", "STOP", "other"} {
				s.want(state11(stateNow, state), map[bool]float64{true: 1}[state == now])
			}
			s.wantAbsent(state11(stateNow, "unknown"))
			status(SensorCurrent, MachineOK)
			s.advance(10 * time.Minute)
		}
		s.advance(15 * time.Minute)
		status(SensorSilent, MachineOff)
		s.want(state11(stateNow, "STOP"), 1)
		s.advance(time.Hour)
		status(SensorStale, MachineOff)
		s.wantAbsent(state11(stateNow, "STOP"))
		s.want(timestamp11, seconds(off)-10)
		for _, reason := range []innius.SkipReason{innius.SkipText, innius.SkipNumber} {
			s.want(fmt.Sprintf("innius_exporter_readings_skipped_total{account=\"a1\",reason=%q}", reason), 0)
		}
		in, sum := s.inStates("RUN", "STOP")
		if math.Abs(sum-s.clock().Seconds()) > 20 || math.Abs(in["unknown"]-1200) > 20 {
			t.Errorf("%v s in all states, %v: unknown since 1 h after the last reading, 20 min ago", sum, in)
		}
	})
}

func TestStatesWorkTogetherWithValues(t *testing.T) {
	sensor := func(s *simulator.Sensor) {
		s.Value = func(at time.Time) any { return []any{"RUN", "STOP", 7, true}[at.Unix()/60%4] }
	}
	options := func(o *Options) {
		o.Rules = []inventory.Rule{{States: []string{"RUN", "7", "1"}, Values: map[string]float64{"STOP": 0.5}}}
	}
	runScenario(t, setup{plant: oneSensor(sensor), perHour: 3600, options: options}, func(s *scenario) {
		s.advance(30 * time.Second)
		for i := range 12 {
			switch i % 4 {
			case 0:
				s.wantAbsent(value11)
				s.want(state11(stateNow, "RUN"), 1)
			case 1:
				s.want(value11, 0.5)
				s.want(state11(stateNow, "other"), 1)
			case 2:
				s.want(value11, 7)
				s.want(state11(stateNow, "7"), 1)
			case 3:
				s.want(value11, 1)
				s.want(state11(stateNow, "1"), 1)
			}
			s.advance(time.Minute)
		}
	})
}

// stateAt is that of the plants below: changes of 20 s to 36 min.
func stateAt(at time.Time) string {
	i := slices.IndexFunc([]int{600, 620, 1700, 3900, 4000, 5400}, func(until int) bool { return int(at.Unix()%5400) < until })
	return []string{"RUN", "FAULT", "STOP", "RUN", "ODD", "STOP"}[i]
}

// truth returns how long a plant was in each state.
func truth(from, to time.Time) map[string]float64 {
	in := map[string]float64{}
	for at := from; at.Before(to); at = at.Add(time.Second) {
		state := stateAt(at)
		if state == "ODD" {
			state = reading.OtherState
		}
		in[state]++
	}
	return in
}

// Over each range the sum over the states is the time that has passed, within a gap between two polls. Where each reading is read,
// the time in each state is that of the plant; where some are missed, it is unknown.
func TestTimeInStatesIsThatOfThePlant(t *testing.T) {
	long(t)
	const period, delay = 5 * time.Second, 20 * time.Second
	for name, c := range map[string]struct {
		change     func(*simulator.Sensor)
		page       int
		staleAfter time.Duration
		gap        float64 // between two polls, in seconds
		equal      bool    // to the truth
		unknown    float64 // share of the time
	}{
		"regular":         {page: 100, gap: 61, equal: true},
		"pages too small": {page: 10, gap: 61, unknown: .26},
		"on change": {
			change: func(s *simulator.Sensor) {
				s.Exists = func(at time.Time) bool { return stateAt(at) != stateAt(at.Add(-period)) }
			},
			page: 10, staleAfter: 24 * time.Hour, gap: 61, equal: true,
		},
		"silent again and again": { // 30 min of each 90 min without a reading
			change: func(s *simulator.Sensor) { s.Exists = func(at time.Time) bool { return at.Unix()%5400 < 3600 } },
			page:   100, staleAfter: 10 * time.Minute, gap: 61, unknown: 20. / 90,
		},
		"in batches": {change: func(s *simulator.Sensor) { s.Batch = 10 * time.Minute }, page: 400, gap: 601, equal: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sensor := func(s *simulator.Sensor) {
				s.Period, s.Delay, s.Value = period, delay, func(at time.Time) any { return stateAt(at) }
				if c.change != nil {
					c.change(s)
				}
			}
			options := func(o *Options) {
				o.Rules = []inventory.Rule{{States: []string{"RUN", "STOP", "FAULT"}, StaleAfter: c.staleAfter}}
				o.MinInterval = time.Minute
			}
			begin := setup{plant: oneSensor(sensor), perHour: 60, client: innius.Options{PageSize: c.page}, options: options}
			runScenario(t, begin, func(s *scenario) {
				s.advance(2 * time.Hour) // to learn
				total, began := map[string]float64{}, time.Now()
				for range 24 { // half an hour each
					before, sumBefore := s.inStates("RUN", "STOP", "FAULT")
					s.advance(30 * time.Minute)
					in, sum := s.inStates("RUN", "STOP", "FAULT")
					if off := sum - sumBefore - 1800; math.Abs(off) > c.gap {
						t.Errorf("the sum is off by %v s in 30 min, with gaps of %v s", off, c.gap)
					}
					for state := range in {
						if in[state] < before[state] {
							t.Errorf("%s fell from %v to %v", state, before[state], in[state])
						}
						total[state] += in[state] - before[state]
					}
				}
				want := truth(began, time.Now())
				all := s.gather()
				late := all[`innius_exporter_readings_late_total{account="a1"}`] / all[`innius_exporter_readings_total{account="a1"}`]
				t.Log(total, want, late)
				if late > .05 {
					t.Errorf("%.3f of the readings are late", late)
				}
				for state, seconds := range want {
					if c.equal && math.Abs(total[state]-seconds) > c.gap {
						t.Errorf("%s: %v s, the plant was in it for %v s", state, total[state], seconds)
					}
				}
				if share := total["unknown"] / time.Since(began).Seconds(); math.Abs(share-c.unknown) > .01 {
					t.Errorf("%.3f of the time is unknown, want %.3f", share, c.unknown)
				}
			})
		})
	}
}

func TestRestartCountsTimeInStatesOnce(t *testing.T) {
	for name, restart := range map[string]func(s *scenario, written State, down time.Duration){
		"with state": func(s *scenario, _ State, down time.Duration) { s.restart(down) },
		"killed": func(s *scenario, written State, down time.Duration) {
			saved := s.crash(written)
			time.Sleep(down)
			s.newPoller(saved)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sensor := func(s *simulator.Sensor) {
				s.Period, s.Value = 5*time.Second, func(at time.Time) any { return stateAt(at) }
			}
			begin := setup{
				plant: oneSensor(sensor), perHour: 120, client: innius.Options{PageSize: 200}, options: withStates("RUN", "STOP", "FAULT"),
			}
			runScenario(t, begin, func(s *scenario) {
				s.advance(10 * time.Minute)
				began := time.Now()
				first, _ := s.inStates("RUN", "STOP", "FAULT")
				total := map[string]float64{}
				add := func() { // as Prometheus adds what a process has counted
					in, _ := s.inStates("RUN", "STOP", "FAULT")
					for state := range in {
						total[state] += in[state] - first[state]
					}
				}
				const restarts = 8
				for range restarts {
					s.advance(20 * time.Minute)
					written := s.poller.Save()
					s.advance(time.Minute)
					add()
					restart(s, written, 4*time.Minute)
					if _, sum := s.inStates("RUN", "STOP", "FAULT"); sum != 0 || s.gather().count(stateNow) != 4 {
						t.Errorf("%v s in states before the first poll, %d series of states", sum, s.gather().count(stateNow))
					}
					first = map[string]float64{}
					s.start()
				}
				s.advance(10 * time.Minute)
				add()
				most := 45. // what the ends of the range may be off
				if name == "killed" {
					most += restarts * 90 // what was counted after the state was written
				}
				sum := -time.Since(began).Seconds()
				for state, seconds := range total {
					want := truth(began, time.Now())[state]
					if sum += seconds; math.Abs(seconds-want) > most {
						t.Errorf("%s: %v s, the plant was in it for %v s", state, seconds, want)
					}
				}
				if math.Abs(sum) > most {
					t.Errorf("the sum is off by %v s", sum)
				}
				t.Log(total, sum)
			})
		})
	}
}

func TestHandOverKeepsTimeInStates(t *testing.T) {
	sensor := func(s *simulator.Sensor) { s.Value = func(at time.Time) any { return stateAt(at) } }
	options := withStates("RUN", "FAULT")
	begin := setup{plant: oneSensor(sensor), perHour: 3600, client: innius.Options{PageSize: 100}, options: options}
	runScenario(t, begin, func(s *scenario) {
		s.advance(25 * time.Minute)
		before, _ := s.inStates("RUN", "FAULT")
		s.stop()
		s.handOver(withStates("STOP", "RUN"))
		after, _ := s.inStates("STOP", "RUN")
		if after["RUN"] != before["RUN"] || after["other"] != before["other"] || after["STOP"] != 0 {
			t.Errorf("%v, before the reload %v", after, before)
		}
		s.want(state11(stateNow, "STOP"), 1)
		s.start()
		s.advance(3 * time.Minute)
		if after, _ = s.inStates("STOP", "RUN"); after["RUN"] != before["RUN"] || math.Abs(after["STOP"]-180) > 15 {
			t.Errorf("%v, before the reload %v", after, before)
		}
	})
}

// Our clock is an hour behind that of the API and of the sensor.
func TestTimeInStatesFollowsClockOfTheAPI(t *testing.T) {
	const ahead = time.Hour
	sensor := func(s *simulator.Sensor) {
		s.Skew, s.Value = ahead, func(at time.Time) any { return stateAt(at) }
		s.Exists = func(at time.Time) bool { return stateAt(at) != stateAt(at.Add(-s.Period)) }
	}
	begin := setup{
		plant: oneSensor(sensor), perHour: 60, options: withStates("RUN", "STOP", "FAULT"),
		faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: ahead}},
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		began := time.Now()
		before, _ := s.inStates("RUN", "STOP", "FAULT")
		s.advance(5 * time.Hour)
		in, _ := s.inStates("RUN", "STOP", "FAULT")
		for state, seconds := range truth(began, time.Now()) {
			if math.Abs(in[state]-before[state]-seconds) > 90 {
				t.Errorf("%s: %v s, the plant was in it for %v s", state, in[state]-before[state], seconds)
			}
		}
	})
}

// Its interval is not known, so its silence means nothing: each poll confirms the state.
func TestStateReportedOnceStaysInForce(t *testing.T) {
	sensor := func(s *simulator.Sensor) {
		s.Value, s.Exists = func(time.Time) any { return "RUN" }, dawn.Add(-time.Hour).Equal
	}
	options := func(o *Options) { o.Rules = []inventory.Rule{{States: []string{"RUN"}, StaleAfter: 30 * time.Minute}} }
	runScenario(t, setup{plant: oneSensor(sensor), perHour: 60, options: options}, func(s *scenario) {
		s.advance(5 * time.Hour)
		if in, _ := s.inStates("RUN"); in["unknown"] != 0 || in["RUN"] < 5*3600-70 {
			t.Error(in)
		}
	})
}
