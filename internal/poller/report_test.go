package poller

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// A wrong local clock looks like a wrong API clock with wrong timestamps.
func TestNothingChangesWhileLocalClockIsOff(t *testing.T) {
	long(t)
	t.Parallel()
	for _, off := range []time.Duration{0, -20 * time.Minute, 20 * time.Minute} {
		begin := setup{plant: stamped(off), perHour: 600}
		begin.options = func(o *Options) {
			o.StaleAfter = 15 * time.Minute
			o.Rules = []inventory.Rule{{MaxAge: 5 * time.Minute}}
		}
		if off != 0 {
			begin.faults = []simulator.Fault{{Kind: simulator.ClockOff, Delay: off}}
		}
		runScenario(t, begin, func(s *scenario) {
			for range 60 {
				s.advance(time.Minute)
				s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
				s.want(`innius_exporter_max_age_sensors{account="a1",status="met"}`, 6)
			}
			s.want(`innius_exporter_api_clock_difference_seconds{account="a1"}`, off.Seconds())
			s.wantLag(off)
			one := s.sensorsOf(1)[0]
			if age := one.Machine.APITime(time.Now()).Sub(one.Time); age < 0 || age > time.Minute {
				s.Errorf("clock off by %s: a reading counts as %v old", off, age)
			}
			reports := 0
			if off != 0 {
				reports = 1
			}
			if n := len(s.log.lines("Local clock differs")); n != reports || s.view(1).ClocksDiffer != (off != 0) {
				s.Errorf("clock off by %s: %d lines, want %d", off, n, reports)
			}
		})
	}
}

// wantLag fails if the mean lag is impossible for a sensor with a reading every 10 s.
func (s *scenario) wantLag(off time.Duration) {
	s.Helper()
	if readings, mean := s.lag(); mean > 5 || readings < 500 {
		s.Errorf("clock off by %s: mean lag %v s of %v readings", off, mean, readings)
	}
}

// lag returns the number of new readings, and how many seconds old they were on average when they were polled.
func (s *scenario) lag() (readings, mean float64) {
	s.Helper()
	const name, labels = "innius_exporter_reading_lag_seconds", `{account="a1"}`
	all := s.gather()
	readings = all[name+"_count"+labels]
	return readings, all[name+"_sum"+labels] / readings
}

// Which clock is wrong changes neither how often sensors are polled nor how late their readings are.
func TestSchedulerUsesClockOfReadings(t *testing.T) {
	t.Parallel()
	long(t)
	for _, period := range []time.Duration{10 * time.Second, 5 * time.Minute} {
		right := playOff(t, 0, period)
		for _, off := range []time.Duration{-20 * time.Minute, 20 * time.Minute} {
			if got := playOff(t, off, period); got != right {
				t.Errorf("a reading each %s, clock off by %s: %+v, with a right clock %+v", period, off, got, right)
			}
		}
	}
}

// polled is the cost and the yield of polling.
type polled struct {
	requests int
	readings float64
	lag      string
}

func playOff(t *testing.T, off, period time.Duration) (p polled) {
	t.Helper()
	begin := setup{plant: stamped(off), perHour: 6000, faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: off}}}
	for _, m := range begin.plant.Company.Machines {
		for i := range m.Sensors {
			m.Sensors[i].Period = period
		}
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(45 * time.Minute)
		readings, mean := s.lag()
		p = polled{s.api.Stats().Requests, readings, fmt.Sprintf("%.1f s", mean)}
	})
	return p
}

// Until the API responds, nothing else is known of the clocks.
func TestRestartKeepsClockDifference(t *testing.T) {
	const off = -20 * time.Minute
	begin := setup{plant: stamped(off), faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: off}}}
	begin.options = func(o *Options) { o.StaleAfter = 15 * time.Minute }
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Minute)
		s.fronts[0].gone.Store(true)
		s.restart(time.Minute)
		s.start()
		s.advance(time.Minute)
		s.want(`innius_exporter_api_clock_difference_seconds{account="a1"}`, off.Seconds())
		if n := s.gather().count("innius_sensor_value"); n != 6 {
			t.Errorf("%d values, want 6: none is older than 15 min", n)
		}
	})
}

func TestClockDifferenceIsLoggedUntilItEnds(t *testing.T) {
	begin := setup{plant: stamped(0), faults: []simulator.Fault{{Kind: simulator.ClockOff, Delay: 5 * time.Minute, Until: dawn.Add(time.Hour)}}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(70 * time.Minute)
		s.wantOneLine("Local clock differs")
		s.wantOneLine("Local clock agrees")
		if s.view(1).ClocksDiffer {
			t.Error("still remarked")
		}
	})
}

func TestLastGoodKeyIsLoggedUntilItEnds(t *testing.T) {
	var trouble atomic.Pointer[string]
	trouble.Store(new(""))
	begin := setup{plant: testPlant(2, 2), options: func(o *Options) { o.Accounts[0].KeyTrouble = func() string { return *trouble.Load() } }}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		trouble.Store(new("the key file /run/key is empty"))
		s.advance(10 * time.Minute)
		s.want(upA1, 1)
		s.wantOneLine("Key source has no key")
		if problem := s.view(1).KeyProblem; !strings.Contains(problem, "/run/key is empty") {
			t.Errorf("problem: %q", problem)
		}
		trouble.Store(new(""))
		s.advance(10 * time.Minute)
		s.wantOneLine("Key source has a key again")
		if problem := s.view(1).KeyProblem; problem != "" {
			t.Errorf("still %q", problem)
		}
	})
}

func TestUnmatchedFiltersAreLoggedOnce(t *testing.T) {
	anchored := match.MustCompile
	begin := setup{plant: testPlant(3, 2), options: func(o *Options) {
		o.Machines.Include = []match.Pattern{anchored("Machine .*"), anchored("Pres.*")}
		o.Machines.Exclude = []match.Pattern{anchored("m3"), anchored("m9")}
		o.Sensors.Exclude = []match.Pattern{anchored("Sensor 2"), anchored("Heat")}
		o.Rules = []inventory.Rule{{Sensor: anchored("Sensor .*")}, {Machine: anchored("Machine 1")}, {Sensor: anchored("Heat")}}
	}}
	want := []string{
		`discovery.machines.include 'Pres.*' matches nothing`, `discovery.machines.exclude 'm9' matches nothing`,
		`discovery.sensors.exclude 'Heat' matches nothing`,
		"sensors[1] matches no sensor that an earlier rule leaves to it", "sensors[2] matches no sensor that an earlier rule leaves to it",
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(2 * time.Minute)
		if got := s.poller.Unmatched(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
		wantLines := func(when string, want int) {
			if n := len(s.log.lines("Filter or rule matches nothing")); n != want {
				t.Errorf("%d lines %s, want %d", n, when, want)
			}
		}
		wantLines("after discovery", len(want))
		s.reload(func(o *Options) { o.Sensors.Exclude = append(o.Sensors.Exclude, anchored("Cold")) })
		wantLines("after a reload with one more", len(want)+1)
		s.advance(time.Hour)
		wantLines("an hour later", len(want)+1)
		s.restart(time.Minute)
		wantLines("after a restart", 2*len(want)+1)
		s.start()
		saved := s.poller.Save()
		opts := s.options(&Counters{}, &saved)
		opts.Accounts[0].Pacer = innius.NewPacer(100, 10)
		if got := Unmatched(opts); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("unmatched in the saved state: %q", got)
		}
	})
}

func TestUnmatchedFiltersNeedCompleteDiscovery(t *testing.T) {
	begin := setup{plant: testPlant(3, 2), perHour: 60, burst: 1, options: func(o *Options) {
		o.Rules = []inventory.Rule{{Sensor: match.MustCompile("Sensor 1")}}
	}}
	runScenario(t, begin, func(s *scenario) {
		for range 60 {
			s.advance(10 * time.Second)
			if got := s.poller.Unmatched(); len(got) > 0 {
				t.Fatalf("after %s: %q", s.clock(), got)
			}
		}
	})
}

func TestUnitChangeIsLoggedOnce(t *testing.T) {
	runScenario(t, looking(2, 2), func(s *scenario) {
		s.advance(time.Minute)
		changed := sensorOf("m1", 2)
		changed.Unit = "psi"
		s.api.RemoveSensor("m1", changed.ID)
		s.api.AddSensor("m1", changed)
		s.advance(time.Hour)
		psi := `innius_sensor_info{company="Works",company_id="works.example",company_name="Works",machine="Machine 1",machine_id="m1",` +
			`machine_name="Machine 1",sensor="Sensor 2",sensor_id="m1-s2",sensor_name="Sensor 2",unit="psi"}`
		s.want(psi, 1)
		if n := s.log.lines("Unit or name of a sensor changed", `machine="Machine 1"`, `sensor="Sensor 2"`, "unit=psi", "unit_before=bar"); len(n) != 1 {
			t.Errorf("lines: %q\n%s", n, s.log.text())
		}
	})
}

func TestSensorLogNamesMachine(t *testing.T) {
	begin := setup{plant: testPlant(2, 2), faults: broken(simulator.ServerError, simulator.OpValues, "m1-s1")}
	begin.faults = append(begin.faults, broken(simulator.NotFound, simulator.OpSensors, "m2")...)
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		for _, line := range s.log.lines("sensor=") {
			if !strings.Contains(line, `machine="Machine `) {
				t.Errorf("no machine: %s", line)
			}
		}
		if n := s.log.lines("List is failing", `list=sensors`, `machine="Machine 2"`); len(n) != 1 {
			t.Errorf("lines on the list: %q", s.log.lines("list"))
		}
	})
}

func Test403NamesPathFirst(t *testing.T) {
	for name, c := range map[string]struct {
		fault   simulator.Fault
		company innius.Company
		want    []string
		reason  string
	}{
		"machines": {
			simulator.Fault{Kind: simulator.Forbidden, Op: simulator.OpMachines},
			innius.Company{},
			[]string{"check the path endpoints.machines", "company id", "works.example", "as the API named it", "then the key itself"},
			"invalid_response",
		},
		"machines of the company of the config": {
			simulator.Fault{Kind: simulator.Forbidden, Op: simulator.OpMachines, From: dawn.Add(time.Minute)},
			innius.Company{ID: "works.example", Name: "W"},
			[]string{"check the path endpoints.machines", "company id", "works.example", "company_id of the config", "then the key itself"},
			"",
		},
		"sensors": {
			simulator.Fault{Kind: simulator.Forbidden, Op: simulator.OpSensors},
			innius.Company{},
			[]string{"check the path endpoints.sensors", "then the key itself"},
			"invalid_response",
		},
		"values": {
			simulator.Fault{Kind: simulator.Forbidden, Op: simulator.OpValues},
			innius.Company{},
			[]string{"check the path endpoints.values", "then the key itself"},
			"invalid_response",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := looking(2, 3)
			begin.company, begin.faults = c.company, []simulator.Fault{c.fault}
			runScenario(t, begin, func(s *scenario) {
				s.advance(15 * time.Minute)
				s.wantReason(c.reason)
				if len(s.log.lines(c.want...)) == 0 {
					t.Errorf("no line has %q:\n%s", c.want, strings.Join(s.log.lines("err="), ""))
				}
				if last := s.view(1).LastError; !strings.Contains(last, c.want[0]) {
					t.Errorf("the last error on /status: %s", last)
				}
				if n := s.log.lines("Key is refused"); len(n) > 0 {
					t.Errorf("the key is blamed: %q", n)
				}
			})
		})
	}
}

// A Go server sends null for an empty list. Neither machines without sensors nor sensors without readings are failures.
func TestEmptyListsAreNoFailure(t *testing.T) {
	for form := simulator.EmptyList; form <= simulator.EmptyNoContent; form++ {
		t.Run(fmt.Sprint("machines without sensors ", form), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(15, 2), api: simulator.Options{Format: simulator.Format{Empty: form}}}
			for i := range 12 {
				begin.plant.Company.Machines[i].Sensors = nil
			}
			runScenario(t, begin, func(s *scenario) {
				s.advance(time.Minute)
				if n := s.states("a1", SensorCurrent); n != 6 {
					t.Errorf("%v sensors are fresh after 1 min, want 6", n)
				}
				s.wantUp(5)
				s.wantReason("")
			})
		})
		t.Run(fmt.Sprint("sensors without readings ", form), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(7, 10), api: simulator.Options{Format: simulator.Format{Empty: form}}}
			for i := range 20 {
				begin.plant.Company.Machines[i%7].Sensors[i/7].Period = 0
			}
			runScenario(t, begin, func(s *scenario) {
				s.wantUp(20)
				s.wantReason("")
				if n := s.states("a1", SensorCurrent); n != 50 {
					t.Errorf("%v sensors are fresh, want 50", n)
				}
				if n := s.states("a1", SensorFailing); n != 0 {
					t.Errorf("%v sensors are failing", n)
				}
			})
		})
	}
}

// Text that no setting maps must be logged, each kind once.
func TestNearlyNumericTextIsLoggedOnce(t *testing.T) {
	texts := map[string]string{"m1-s1": "12,5", "m1-s2": "45%", "m2-s1": "12,7", "m2-s2": "RUN"}
	begin := setup{plant: testPlant(2, 2)}
	for i := range begin.plant.Company.Machines {
		for j := range begin.plant.Company.Machines[i].Sensors {
			s := &begin.plant.Company.Machines[i].Sensors[j]
			s.Value = func(time.Time) any { return texts[s.ID] }
		}
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		for text, want := range map[string]int{"decimal comma": 1, "percent sign": 1, "RUN": 0} {
			if n := len(s.log.lines("Skipping unusable readings", text)); n != want {
				t.Errorf("%d lines on %q, want %d:\n%s", n, text, want, strings.Join(s.log.lines("skipped"), ""))
			}
		}
	})
}
