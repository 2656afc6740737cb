package poller

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// looking is a setting with a discovery interval of 10 min.
func looking(machines, sensors int) setup {
	return setup{plant: testPlant(machines, sensors), options: func(o *Options) { o.DiscoveryInterval = 10 * time.Minute }}
}

// wantMachines fails unless exactly these machines are exposed, each with this number of values.
func (s *scenario) wantMachines(sensors int, numbers ...int) {
	s.Helper()
	all := s.gather()
	if n := all.count("innius_machine_info"); n != len(numbers) {
		s.Errorf("after %s: %d machines, want %d", s.clock(), n, len(numbers))
	}
	if n := all.count("innius_sensor_value"); n != sensors*len(numbers) {
		s.Errorf("after %s: %d values, want %d", s.clock(), n, sensors*len(numbers))
	}
	for _, number := range numbers {
		if _, ok := all[series("innius_sensor_value", number, 1)]; !ok {
			s.Errorf("after %s: machine %d has no value", s.clock(), number)
		}
	}
}

func TestMachinesAreAddedAndRemoved(t *testing.T) {
	runScenario(t, looking(4, 3), func(s *scenario) {
		s.advance(time.Minute)
		s.wantMachines(3, 1, 2, 3, 4)
		s.api.RemoveMachine("m2")
		s.api.AddMachine(machineOf(5, 3))
		s.advance(11 * time.Minute)
		s.wantMachines(3, 1, 3, 4, 5)
		sent := s.api.Stats().Of("", http.StatusNotFound)
		s.api.AddMachine(machineOf(2, 3))
		s.advance(time.Hour)
		s.wantMachines(3, 1, 2, 3, 4, 5)
		if n := s.api.Stats().Of("", http.StatusNotFound) - sent; sent == 0 || n != 0 {
			t.Errorf("%d requests for the gone machine, %d after it had left the list", sent, n)
		}
		s.checkValues()
	})
}

func TestSensorsAreAddedAndRemoved(t *testing.T) {
	runScenario(t, looking(2, 4), func(s *scenario) {
		s.advance(time.Minute)
		s.api.RemoveSensor("m1", "m1-s2")
		s.api.AddSensor("m2", sensorOf("m2", 5))
		s.advance(15 * time.Minute)
		for _, name := range []string{"innius_sensor_value", "innius_sensor_timestamp_seconds", "innius_sensor_last_success_timestamp_seconds"} {
			s.wantAbsent(series(name, 1, 2))
		}
		all := s.gather()
		if n := all.count("innius_sensor_value"); n != 8 || all[series("innius_sensor_value", 2, 5)] == 0 {
			t.Errorf("%d values, want 8 with the new one", n)
		}
		if n := all.count("innius_sensor_info"); n != 8 {
			t.Errorf("%d sensors, want 8", n)
		}
	})
}

func TestEmptyListDeletesOnlyWhenConfirmed(t *testing.T) {
	runScenario(t, looking(4, 3), func(s *scenario) {
		s.advance(time.Minute)
		s.api.EmptyMachines(true)
		lists := s.api.Stats().Of(simulator.OpMachines, http.StatusOK)
		for s.api.Stats().Of(simulator.OpMachines, http.StatusOK) == lists {
			s.advance(time.Second)
		}
		s.wantMachines(3, 1, 2, 3, 4)
		s.advance(50 * time.Second)
		s.wantMachines(3, 1, 2, 3, 4)
		s.advance(40 * time.Second)
		s.wantMachines(3)
		s.api.EmptyMachines(false)
		s.advance(11 * time.Minute)
		s.wantMachines(3, 1, 2, 3, 4)
		if n := len(s.log.lines("List shrank by more than half")); n != 1 {
			t.Errorf("%d log lines of the loss, want 1", n)
		}
	})
}

func TestShrunkListDeletesNothingUnconfirmed(t *testing.T) {
	for _, f := range []simulator.Fault{
		{Kind: simulator.Shrink, Op: simulator.OpMachines, Times: 1},
		{Kind: simulator.Shrink, Op: simulator.OpSensors, Object: "m1", Times: 1},
	} {
		t.Run(f.Op, func(t *testing.T) {
			t.Parallel()
			runScenario(t, looking(5, 4), func(s *scenario) {
				s.advance(time.Minute)
				s.api.Inject(f)
				for range 30 {
					s.advance(time.Minute)
					s.wantMachines(4, 1, 2, 3, 4, 5)
				}
				if s.api.Stats().Faults[simulator.Shrink] != 1 {
					t.Error("the fault did not happen")
				}
			})
		})
	}
}

func TestPartialListContinuesAfterFailure(t *testing.T) {
	begin := looking(6, 2)
	begin.client.PageSize, begin.concurrency = 2, 1
	// Each request takes 1 s: the company until 1 s, the first page until 2 s, the second, which fails, until 3 s.
	broken := simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpMachines, From: dawn.Add(2500 * time.Millisecond), Times: 1}
	begin.faults = []simulator.Fault{slow(time.Second), broken}
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Second)
		s.wantMachines(0)
		if s.api.Stats().Faults[simulator.ServerError] != 1 {
			t.Fatal("the fault did not happen")
		}
		s.advance(55 * time.Second)
		s.wantMachines(2, 1, 2, 3, 4, 5, 6)
		if n := s.api.Stats().Of(simulator.OpMachines, http.StatusOK); n != 3 {
			t.Errorf("%d good pages were needed for the 3 there are", n)
		}
	})
}

func TestFailureOnLaterPageDeletesNothing(t *testing.T) {
	begin := looking(6, 2)
	begin.client.PageSize, begin.concurrency, begin.faults = 2, 1, []simulator.Fault{slow(time.Second)}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		for _, id := range []string{"m3", "m4", "m5"} {
			s.api.RemoveMachine(id)
		}
		pages := s.api.Stats().Of(simulator.OpMachines, http.StatusOK)
		for s.api.Stats().Of(simulator.OpMachines, http.StatusOK) == pages {
			s.advance(100 * time.Millisecond)
		}
		stop := s.api.Inject(simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpMachines})
		s.advance(20 * time.Minute)
		if s.api.Stats().Faults[simulator.ServerError] == 0 {
			t.Fatal("the fault did not happen")
		}
		if n := s.gather().count("innius_machine_info"); n != 6 {
			t.Errorf("%d machines after half a list, want the 6 of before", n)
		}
		stop()
		s.advance(20 * time.Minute)
		s.wantMachines(2, 1, 2, 6)
	})
}

func TestExpiredStartKeyRestartsList(t *testing.T) {
	begin := looking(6, 2)
	begin.client.PageSize, begin.concurrency = 2, 1
	begin.api.Format.CursorTTL = 5 * time.Second
	broken := simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpMachines, From: dawn.Add(2500 * time.Millisecond), Times: 1}
	begin.faults = []simulator.Fault{slow(time.Second), broken}
	runScenario(t, begin, func(s *scenario) {
		s.advance(3 * time.Minute)
		if n := s.api.Stats().Of(simulator.OpMachines, http.StatusBadRequest); n != 1 {
			t.Errorf("%d expired keys were sent, want 1", n)
		}
		s.wantMachines(2, 1, 2, 3, 4, 5, 6)
	})
}

func TestDuplicatesInListAreOneObject(t *testing.T) {
	begin := looking(3, 3)
	c := &begin.plant.Company
	c.Machines[1].Sensors = append(c.Machines[1].Sensors, c.Machines[1].Sensors...)
	c.Machines = append(c.Machines, c.Machines...)
	runScenario(t, begin, func(s *scenario) {
		s.advance(30 * time.Minute)
		s.wantMachines(3, 1, 2, 3)
		s.want(`innius_exporter_sensors{account="a1",status="current"}`, 9)
		s.want(`innius_exporter_label_collisions{account="a1"}`, 0)
	})
}

func TestRemovedMachineRemovesItsListFailure(t *testing.T) {
	runScenario(t, looking(3, 3), func(s *scenario) {
		s.advance(time.Minute)
		s.api.Inject(simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpSensors, Object: "m2"})
		s.advance(15 * time.Minute)
		if n := len(s.poller.accounts[0].health.Load().ListErrors); n != 1 {
			t.Fatalf("%d lists fail, want 1", n)
		}
		s.api.RemoveMachine("m2")
		s.advance(15 * time.Minute)
		if lists := s.poller.accounts[0].health.Load().ListErrors; len(lists) != 0 {
			t.Errorf("still noted: %v", lists)
		}
	})
}

func TestLongListIsLogged(t *testing.T) {
	begin := setup{plant: testPlant(120, 0), perHour: 100_000, burst: 500}
	begin.client.PageSize = 1
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		if n := len(s.log.lines("List is unusually long", "pages=100", "items=100")); n != 1 {
			t.Errorf("logged %d times:\n%s", n, s.log.text())
		}
	})
}

// A list without an end leaves the polls what is not the share of discovery.
func TestEndlessListLeavesPollingItsShare(t *testing.T) {
	long(t)
	const machines, ofFirst = "/companies/works.example/machines", "/companies/works.example/machines/m1/sensors"
	both := `{"machineid":"m1","name":"Machine 1"},{"machineid":"m2","name":"Machine 2"}`
	for name, row := range map[string]struct {
		path    string
		page    func(n int64) string // its items; n counts from 1
		company innius.Company       // set by the user: then the list of machines tests the account
	}{
		"machines that repeat": {path: machines, page: func(int64) string { return both }},
		"machines, known company": {
			path: machines, page: func(int64) string { return both }, company: innius.Company{ID: "works.example", Name: "Works"},
		},
		"ever more machines": {path: machines, page: func(n int64) string {
			return fmt.Sprintf(`%s,{"machineid":"more-%d"}`, both, n)
		}},
		"empty pages": {path: machines, page: func(n int64) string {
			if n == 1 {
				return both
			}
			return ""
		}},
		"ever more sensors": {path: ofFirst, page: func(n int64) string {
			return fmt.Sprintf(`{"id":"m1-s1","name":"Sensor 1"},{"id":"m1-s2","name":"Sensor 2"},{"id":"more-%d"}`, n)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := looking(2, 2)
				begin.company = row.company
				outage := simulator.Fault{Kind: simulator.ServerError, From: dawn.Add(100 * time.Minute), Until: dawn.Add(110 * time.Minute)}
				if row.path == machines { // the sensors of the other list do not exist, and probes fail with most of them
					begin.faults = []simulator.Fault{outage}
				}
				s := prepare(t, begin)
				defer s.stop()
				var pages atomic.Int64
				s.fronts[0].bodies = map[string]func() string{row.path: func() string {
					n := pages.Add(1)
					return fmt.Sprintf(`{"data":[%s],"next_key":%d}`, row.page(n), n)
				}}
				s.start()
				s.advance(30 * time.Minute)
				for hour := range 3 {
					before := pages.Load()
					s.advance(time.Hour)
					if n := pages.Load() - before; n > 1200/20+5 {
						t.Errorf("hour %d: %d pages of the list, want no more than 5 %% of 1200 requests", hour, n)
					}
					for machine := 1; machine <= 2; machine++ {
						for sensor := 1; sensor <= 2; sensor++ {
							stamp := s.gather()[series("innius_sensor_timestamp_seconds", machine, sensor)]
							if at := time.Unix(int64(stamp), 0); time.Since(at) > 5*time.Minute {
								t.Errorf("hour %d: the value of machine %d, sensor %d is of %s", hour, machine, sensor, at.UTC())
							}
						}
					}
					s.want(upA1, 1)
				}
			})
		})
	}
}

func TestSizeOfAListIsBounded(t *testing.T) {
	long(t)
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, looking(2, 2))
		defer s.stop()
		pages, items := 0, strings.Repeat(fmt.Sprintf(`{"machineid":"%0200d"},`, 7), 9999)+`{"machineid":"m1"}`
		s.fronts[0].bodies = map[string]func() string{"/companies/works.example/machines": func() string {
			pages++
			return fmt.Sprintf(`{"data":[%s],"next_key":%d}`, items, pages)
		}}
		s.start()
		s.advance(5 * time.Second)
		// An item has an id and a name of 200 bytes, and counts 64 bytes more.
		if most := 64<<20/(10_000*464) + 1; pages != most {
			t.Errorf("%d pages were requested, want %d and then a pause", pages, most)
		}
		s.want(upA1, 0)
		if n := len(s.log.lines("the list has more than 64 MiB")); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}
