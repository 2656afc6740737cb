package poller

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

func TestColdStartUsesBurstWithinLimit(t *testing.T) {
	for name, limits := range map[string]simulator.Limits{
		"token bucket": {Kind: simulator.TokenBucket, PerHour: 1000, Burst: 60},
		"fixed hour":   {Kind: simulator.FixedHour, PerHour: 1000},
		"sliding hour": {Kind: simulator.SlidingHour, PerHour: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			if t.Parallel(); limits.Kind != simulator.TokenBucket {
				long(t)
			}
			// In the first hour the burst adds to the rate, so both together must fit into an hourly limit.
			begin := setup{plant: testPlant(8, 10), api: simulator.Options{Limits: limits}, perHour: 930, burst: 60}
			begin.client.PageSize = 10
			runScenario(t, begin, func(s *scenario) {
				s.api.Inject(slow(50 * time.Millisecond))
				s.advance(10 * time.Second)
				if n := s.gather().count("innius_sensor_value"); n < 45 {
					t.Errorf("after 10 s there are %d values, want the burst of 60 less discovery", n)
				}
				s.advance(4 * time.Minute)
				if n := s.gather().count("innius_sensor_value"); n != 80 {
					t.Errorf("there are %d values, want all 80", n)
				}
				s.checkValues()
				s.checkLimits(70*time.Minute, 60, 930)
			})
		})
	}
}

// checkLimits checks each minute what was sent.
func (s *scenario) checkLimits(during time.Duration, burst int, perHour float64) {
	s.Helper()
	for range int(during / time.Minute) {
		s.advance(time.Minute)
		most := float64(burst) + perHour*s.clock().Hours() + 1
		if n := s.api.Stats().Requests; float64(n) > most {
			s.Fatalf("%d requests after %s, permitted are %.0f", n, s.clock(), most)
		}
	}
	stats := s.api.Stats()
	if stats.Limited != 0 || stats.MaxInFlight > 4 {
		s.Errorf("%d requests over the limit, %d in flight at once, want 0 and at most 4", stats.Limited, stats.MaxInFlight)
	}
	if used := float64(stats.Requests); used < 0.95*perHour*s.clock().Hours() {
		s.Errorf("%.0f requests used after %s: most of the permitted ones should be", used, s.clock())
	}
}

func TestColdStartPollsMachineOnceListed(t *testing.T) {
	for _, sensors := range []int{4, 10, 15} { // 1, 2 and 3 pages of each machine
		t.Run(fmt.Sprintf("%d sensors", sensors), func(t *testing.T) {
			begin := setup{plant: testPlant(50, sensors), perHour: 600, burst: 10, concurrency: 1}
			runScenario(t, begin, func(s *scenario) {
				s.advance(time.Minute)
				stats := s.api.Stats()
				listed, read := stats.Of(simulator.OpSensors, 200), stats.Of(simulator.OpValues, 200)
				if listed >= 50 || read < listed-4 {
					t.Errorf("%d lists and %d values after a minute, want both in turns", listed, read)
				}
				if first, ok := s.gather()[series("innius_sensor_value", 1, 1)]; !ok {
					t.Errorf("the first machine's first sensor has no value: %v", first)
				}
				if !s.poller.Ready() && s.poller.Stuck() != "" {
					t.Error("the loop counts as stuck while it waits for the rate limit")
				}
			})
		})
	}
}

// Plans made while few sensors are known, or while others have not been polled yet, are too short. They use what the rate limit
// permits, so they are not those by which a sensor is delayed.
func TestColdStartDelaysNoSensor(t *testing.T) {
	for name, begin := range map[string]setup{
		"large plant": {plant: simulator.Uniform(500), perHour: 950, burst: 30},
		"large burst": {plant: testPlant(9, 9), perHour: 950, burst: 120},
	} {
		t.Run(name, func(t *testing.T) {
			if t.Parallel(); name == "large plant" {
				long(t)
			}
			runScenario(t, begin, func(s *scenario) {
				for s.clock() < 80*time.Minute {
					s.advance(20 * time.Second)
					if n := s.states("a1", SensorDelayed); n > 0 {
						t.Fatalf("after %s %v sensors are delayed, with no request failed", s.clock(), n)
					}
					if left := s.view(1).Remaining; left > 5 && s.clock() > 30*time.Second && s.clock() < 4*time.Minute {
						t.Fatalf("after %s %v requests are unused", s.clock(), left)
					}
				}
			})
		})
	}
}

// The first discovery of a large plant takes long, and values are served from the first poll on.
func TestPollerReadyAfterFirstPoll(t *testing.T) {
	begin := setup{plant: testPlant(50, 4), perHour: 600, burst: 10, concurrency: 1, faults: []simulator.Fault{slow(5 * time.Second)}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(19 * time.Second) // company, machines, sensors of the first
		if s.poller.Ready() {
			t.Error("ready before the first poll")
		}
		s.advance(time.Minute)
		if v := s.poller.View(time.Now()); !s.poller.Ready() || v.Accounts[0].Settled {
			t.Errorf("ready: %t, first discovery ended: %t", s.poller.Ready(), v.Accounts[0].Settled)
		}
	})
}

// The gaps planned before every sensor is known are too short. A sensor that waits for others to be polled first is not delayed;
// one that waits for an outage to end is.
func TestFirstDiscoveryDelaysNoSensor(t *testing.T) {
	long(t)
	begin := setup{plant: testPlant(100, 10), perHour: 600, burst: 10}
	begin.client.PageSize = 10
	runScenario(t, begin, func(s *scenario) {
		for range 3 * 60 {
			s.advance(time.Minute)
			if n := s.states("a1", SensorDelayed); n > 0 {
				s.Fatalf("%v sensors are delayed after %s", n, s.clock())
			}
		}
	})
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		if s.poller.View(time.Now()).Accounts[0].Settled {
			s.Fatal("the first discovery has ended")
		}
		s.api.Inject(simulator.Fault{Kind: simulator.Reset})
		s.advance(6 * time.Minute)
		polled := s.gather().count("innius_sensor_value")
		if n := s.states("a1", SensorDelayed); polled == 0 || int(n) != polled {
			s.Errorf("%v of %d sensors are delayed by an outage", n, polled)
		}
	})
}

func TestPollerReadyWithoutSensors(t *testing.T) {
	for name, begin := range map[string]setup{
		"no machines":   {plant: testPlant(0, 0)},
		"no sensors":    {plant: testPlant(2, 0)},
		"refused key":   {plant: testPlant(2, 2), faults: []simulator.Fault{{Kind: simulator.Forbidden, Op: simulator.OpCompany}}},
		"pause for 429": {plant: testPlant(2, 2), faults: []simulator.Fault{{Kind: simulator.TooMany, RetryAfter: "600"}}},
	} {
		t.Run(name, func(t *testing.T) {
			runScenario(t, begin, func(s *scenario) {
				s.advance(time.Second)
				if !s.poller.Ready() {
					t.Error("not ready")
				}
			})
		})
	}
}

func TestPollerReadyAfterFirstDiscovery(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 2)}, func(s *scenario) {
		s.advance(time.Second)
		if !s.poller.Ready() {
			t.Error("not ready after the first discovery")
		}
		s.api.Inject(simulator.Fault{Kind: simulator.ServerError})
		s.advance(time.Hour)
		if !s.poller.Ready() || s.poller.Stuck() != "" || s.api.Stats().Faults[simulator.ServerError] == 0 {
			t.Error("an outage must take neither readiness nor health away")
		}
	})
}

func TestMachineIsExposedBeforeItsSensors(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 1)}, func(s *scenario) {
		s.advance(time.Second)
		s.want(`innius_machine_info{company="Works",company_id="works.example",company_name="Works",machine="Machine 1",`+
			`machine_id="m1",machine_name="Machine 1"}`, 1)
		s.want(`innius_account_info{account="a1",company="Works",company_id="works.example",company_name="Works"}`, 1)
		s.want(`innius_up{account="a1"}`, 1)
		s.api.Inject(simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpSensors, Object: "m3"})
		s.api.AddMachine(machineOf(3, 1))
		s.advance(time.Hour + time.Minute)
		if s.api.Stats().Faults[simulator.NotFound] == 0 {
			t.Fatal("the fault did not happen")
		}
		s.want(`innius_machine_info{company="Works",company_id="works.example",company_name="Works",machine="Machine 3",`+
			`machine_id="m3",machine_name="Machine 3"}`, 1)
		s.wantAbsent(series("innius_sensor_value", 3, 1))
	})
}
