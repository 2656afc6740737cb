package poller

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// halt ends the process and returns its state.
func (s *scenario) halt() *State {
	s.stop()
	saved := s.poller.Save()
	return &saved
}

// crash ends the process at once. It returns the state that was written before, as after an unclean shutdown.
func (s *scenario) crash(written State) *State {
	s.stop()
	for i := range written.Accounts {
		written.Accounts[i].Pacer = written.Accounts[i].Pacer.Spent(time.Now())
	}
	return &written
}

// restart ends the process and makes the next one after a time, without running it.
func (s *scenario) restart(down time.Duration) {
	saved := s.halt()
	time.Sleep(down)
	s.newPoller(saved)
}

// plantSeries are all series of sensors and machines.
func (all samples) plantSeries() samples {
	some := samples{}
	for series, v := range all {
		if strings.HasPrefix(series, "innius_sensor_") || strings.HasPrefix(series, "innius_machine_") {
			some[series] = v
		}
	}
	return some
}

func TestRestartServesEverythingWithoutRequest(t *testing.T) {
	runScenario(t, setup{plant: testPlant(5, 4)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.halt()
		before, sent := s.gather(), s.api.Stats().Requests
		s.restart(time.Minute)
		after := s.gather()
		s.wantSame(before.plantSeries(), after.plantSeries())
		if n := after.count("innius_sensor_value"); n != 20 {
			t.Errorf("%d values, want 20", n)
		}
		for _, series := range []string{`innius_exporter_sensors{account="a1",status="current"}`, discoveredA1} {
			s.want(series, before[series])
		}
		if !s.poller.Ready() || s.poller.Stuck() != "" {
			t.Error("not ready or not healthy, although restored values are served")
		}
		s.want(demandA1, before[demandA1])
		if n := s.api.Stats().Requests; n != sent {
			t.Errorf("%d requests before the first scrape, want 0", n-sent)
		}
		s.start()
		s.advance(10 * time.Minute)
		s.checkValues()
	})
}

const demandA1 = `innius_exporter_demand_requests_per_hour{account="a1"}`

const discoveredA1 = `innius_exporter_discovery_last_success_timestamp_seconds{account="a1"}`

func TestRestartServesNoStaleValue(t *testing.T) {
	begin := setup{plant: testPlant(1, 2), options: func(o *Options) { o.StaleAfter = time.Hour }}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		held := s.gather()
		s.restart(time.Hour + time.Minute)
		s.wantAbsent(value11)
		s.want(timestamp11, held[timestamp11])
		s.want(success11, held[success11])
		s.start()
		s.advance(time.Minute)
		s.checkValues()
		s.want(value11, s.gather()[timestamp11])
	})
}

func TestRestartJudgesStaleByCycle(t *testing.T) {
	// 60 sensors at 2 requests an hour: a cycle is 30 h, and a value is stale after 60 h.
	runScenario(t, setup{plant: testPlant(1, 60), perHour: 2, burst: 80, options: func(o *Options) { o.StaleAfter = 0 }}, func(s *scenario) {
		s.advance(time.Minute)
		s.restart(59 * time.Hour)
		if n := s.gather().count("innius_sensor_value"); n != 60 {
			t.Errorf("%d values are served, want 60", n)
		}
	})
}

func TestRestartContinuesSchedule(t *testing.T) {
	begin := setup{plant: testPlant(1, 60), perHour: 3600, burst: 1, concurrency: 1}
	begin.options = func(o *Options) { o.MinInterval = 2 * time.Minute }
	runScenario(t, begin, func(s *scenario) {
		s.advance(2*time.Minute + 40*time.Second) // in the middle of the second cycle
		before := maps.Clone(s.api.Stats().Values)
		s.restart(10 * time.Second)
		s.start()
		s.advance(25 * time.Second)
		stats, again := s.api.Stats(), 0
		for sensor, n := range stats.Values {
			if n == 3 {
				t.Errorf("%s was polled three times within two cycles", sensor)
			}
			if before[sensor] == 1 && n == 2 {
				again++
			}
		}
		if again < 20 {
			t.Errorf("%d sensors of the cycle were polled after the restart", again)
		}
	})
}

func TestRestartVerifiesListsWithinShare(t *testing.T) {
	long(t)
	for name, down := range map[string]time.Duration{"soon": time.Minute, "after a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(40, 1), perHour: 1000}, func(s *scenario) {
				s.advance(30 * time.Minute)
				before := s.api.Stats()
				s.restart(down)
				s.start()
				s.advance(2 * time.Second)
				stats := s.api.Stats()
				if n := stats.Of(simulator.OpCompany, 200) - before.Of(simulator.OpCompany, 200); n != 1 {
					t.Errorf("%d requests for the company, want it requested first", n)
				}
				s.advance(2 * time.Hour)
				stats = s.api.Stats()
				if n := listings(stats) - listings(before); n > 102 {
					t.Errorf("%d requests for lists in two hours, want at most 5 %% of 2000", n)
				}
				if at := s.gather()[discoveredA1]; at < seconds(time.Now().Add(-2*time.Hour)) {
					t.Errorf("the catalogue was last verified at %v", at)
				}
			})
		})
	}
}

func listings(s simulator.Stats) int {
	return s.Of(simulator.OpCompany, 200) + s.Of(simulator.OpMachines, 200) + s.Of(simulator.OpSensors, 200)
}

func TestRestartFindsChanges(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 2)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.api.RemoveMachine("m2")
		s.api.AddMachine(machineOf(4, 2))
		s.restart(time.Hour)
		s.start()
		s.advance(10 * time.Minute)
		s.wantAbsent(series("innius_sensor_timestamp_seconds", 2, 1))
		if _, ok := s.gather()[series("innius_sensor_value", 4, 2)]; !ok {
			t.Error("the machine that is new was not found")
		}
	})
}

func TestRestartContinuesFirstDiscovery(t *testing.T) {
	runScenario(t, setup{plant: testPlant(50, 2), perHour: 600, burst: 10, concurrency: 1}, func(s *scenario) {
		s.advance(2 * time.Minute)
		held := s.gather().count("innius_sensor_value")
		for range 3 {
			s.restart(time.Second)
			if n := s.gather().count("innius_sensor_value"); n < held || n == 0 || !s.poller.Ready() {
				t.Errorf("%d values are served, want %d; ready: %t", n, held, s.poller.Ready())
			}
			s.start()
			s.advance(2 * time.Second)
		}
		s.advance(15 * time.Minute)
		stats := s.api.Stats()
		if lists := stats.Of(simulator.OpSensors, 200); lists < 50 || lists > 55 || s.gather().count("innius_sensor_value") < 60 {
			t.Errorf("%d lists were read, there are %d values: want each list once", lists, s.gather().count("innius_sensor_value"))
		}
	})
}

func TestRestartKeepsPause(t *testing.T) {
	for name, down := range map[string]time.Duration{"in the pause": time.Minute, "longer than the pause": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(2, 10), faults: []simulator.Fault{overLimit(10*time.Minute, time.Hour)}}, func(s *scenario) {
				s.advance(11 * time.Minute)
				select {
				case <-s.poller.Changed():
				default:
					t.Error("the pause was not signalled")
				}
				until, sent := s.gather()[pausedUntil], s.api.Stats().Requests
				s.restart(down)
				ends := time.Unix(int64(until), 0)
				s.start()
				if wait := time.Until(ends) - time.Second; wait > 0 {
					s.want(pausedUntil, until)
					s.advance(wait)
					if n := s.api.Stats().Requests - sent; n != 0 {
						t.Errorf("%d requests in the pause", n)
					}
				}
				s.advance(5 * time.Minute)
				s.wantAbsent(pausedUntil)
				if stats := s.api.Stats(); stats.TooEarly != 0 || stats.Requests == sent {
					t.Errorf("%d requests came too early, %d were sent", stats.TooEarly, stats.Requests-sent)
				}
			})
		})
	}
}

// The checksum of a file is right, and the values of its rate limit cannot be.
func TestRestoreOfAnImpossibleRateLimitDoesNotStopRequests(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 10)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		saved, years := s.halt(), time.Now().AddDate(20, 0, 0)
		a := &saved.Accounts[0]
		a.Learned.Limit.PerHour, a.Pacer.Until = 0, years
		a.Limit = SavedLimit{Until: years, Since: time.Now()}
		s.newPoller(saved)
		s.start()
		s.advance(23 * time.Hour) // the longest pause that innius can state
		before := s.api.Stats().Requests
		s.advance(2 * time.Hour)
		if n := s.api.Stats().Requests - before; n < 20 {
			t.Errorf("%d requests after a day", n)
		}
		if n := len(s.log.lines("level=WARN", "Cannot restore the learned rate limit")); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}

func TestFrequentRestartsKeepToRateLimit(t *testing.T) {
	for name, clean := range map[string]bool{"ended well": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := simulator.Limits{Kind: simulator.TokenBucket, PerHour: 1000, Burst: 30}
			runScenario(t, setup{plant: testPlant(5, 40), api: simulator.Options{Limits: limits}, perHour: 1000, burst: 30}, func(s *scenario) {
				saved, before := s.halt(), s.api.Stats().Requests
				time.Sleep(time.Hour) // the bucket is full again
				begun := time.Now()
				for range 50 {
					s.newPoller(saved)
					written := s.poller.Save() // what each process writes first
					s.start()
					s.advance(1200 * time.Millisecond)
					if saved = s.crash(written); clean {
						saved = s.halt()
					}
				}
				most := float64(before) + 30 + 1000*time.Since(begun).Hours()
				if stats := s.api.Stats(); float64(stats.Requests) > most || stats.Limited > 0 || stats.Requests < before+10 {
					t.Errorf("%d requests and %d 429s, permitted are %.1f", stats.Requests, stats.Limited, most)
				}
			})
		})
	}
}

func TestRestartIgnoresOtherAccounts(t *testing.T) {
	for name, change := range map[string]func(*SavedAccount){
		"name":   func(k *SavedAccount) { k.Name = "other" },
		"origin": func(k *SavedAccount) { k.Origin = "other.example" },
	} {
		t.Run(name, func(t *testing.T) {
			runScenario(t, setup{plant: testPlant(1, 2)}, func(s *scenario) {
				s.advance(time.Minute)
				saved := s.halt()
				change(&saved.Accounts[0])
				s.newPoller(saved)
				if n := len(s.gather().plantSeries()); n != 0 || s.poller.Ready() {
					t.Errorf("%d series are served, ready: %t", n, s.poller.Ready())
				}
				s.start()
			})
		})
	}
}

func TestRestartDropsStateOfOtherCompany(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 3)}, func(s *scenario) {
		s.advance(time.Minute)
		saved := s.halt()
		other := testPlant(1, 1)
		other.Company = simulator.Company{ID: "mill.example", Name: "Mill", Machines: other.Company.Machines}
		s.fronts[0].Store(simulator.New(other, simulator.Options{Key: testKey}))
		s.newPoller(saved)
		s.start()
		s.advance(10 * time.Second)
		for series := range s.gather().plantSeries() {
			if strings.Contains(series, "Works") {
				t.Errorf("%s is still served", series)
			}
		}
		if n := s.gather().count("innius_sensor_value"); n != 1 || len(s.log.lines("another company than the saved state")) != 1 {
			t.Errorf("%d values, log:\n%s", n, s.log.text())
		}
	})
}

func TestRestartCountsNothingTwice(t *testing.T) {
	at := dawn.Add(-time.Minute)
	plant := oneSensor(func(s *simulator.Sensor) {
		s.Value = func(time.Time) any { return "RUN" }
		s.Exists = func(t time.Time) bool { return t.Before(dawn) }
	})
	const skippedText = `innius_exporter_readings_skipped_total{account="a1",reason="text"}`
	runScenario(t, setup{plant: plant}, func(s *scenario) {
		s.advance(time.Minute)
		if s.gather()[skippedText] == 0 {
			t.Fatal("no text was counted")
		}
		s.restart(time.Minute)
		s.start()
		s.advance(time.Minute)
		s.want(skippedText, 0)
		s.want(`innius_exporter_sensors{account="a1",status="unreadable"}`, 1)
		if unusable := s.sensorsOf(1)[0].Unusable; unusable.Text != "RUN" {
			t.Errorf("after %s: %+v", time.Since(at), unusable)
		}
	})
}

func TestRestartKeepsBackOff(t *testing.T) {
	broken := simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpValues, Object: "m1-s1"}
	runScenario(t, setup{plant: testPlant(1, 6), faults: []simulator.Fault{broken}, perHour: 3600}, func(s *scenario) {
		s.advance(30 * time.Minute)
		failed := s.api.Stats().Faults[simulator.NotFound]
		for range 5 {
			s.restart(time.Second)
			s.start()
			s.advance(10 * time.Second)
		}
		if n := s.api.Stats().Faults[simulator.NotFound] - failed; n > 1 {
			t.Errorf("it was polled %d times in a minute, though it fails for half an hour", n)
		}
		s.want(`innius_exporter_sensors{account="a1",status="pending"}`, 1)
	})
}

func TestRestartKeepsCursorsAndIntervals(t *testing.T) {
	begin := setup{plant: testPlant(1, 1), api: simulator.Options{Format: simulator.Format{Order: simulator.Ascending}}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Minute)
		cursor, learned := s.entryOf(0).Load().Cursor, s.entryOf(0).Load().Interval.Period()
		s.restart(time.Second)
		if got := s.entryOf(0).Load().Cursor; got != cursor || cursor == (innius.Cursor{}) {
			t.Errorf("cursor %+v, want %+v", got, cursor)
		}
		if got := s.entryOf(0).Load().Interval.Period(); got != learned || got == 0 {
			t.Errorf("a period of %v s, want %v", got, learned)
		}
	})
}

func (s *scenario) entryOf(sensor int) *reading.Entry {
	return s.poller.inventory.Snapshot().Accounts[0].Machines[0].Sensors[sensor].Entry
}

func TestRestartKeepsSharedSensors(t *testing.T) {
	begin := setup{plant: testPlant(2, 3), more: []setup{{plant: testPlant(2, 3)}}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Minute)
		s.halt()
		before := s.gather()
		s.restart(time.Second)
		after := s.gather()
		s.wantSame(before.plantSeries(), after.plantSeries())
		if n := after.count("innius_sensor_value"); n != 6 {
			t.Errorf("%d values, want 6", n)
		}
		for _, account := range []string{"a1", "a2"} {
			for _, state := range SensorStatuses {
				series := fmt.Sprintf("innius_exporter_sensors{account=%q,status=%q}", account, state)
				s.want(series, before[series])
			}
		}
		s.start()
	})
}

func TestRestartAppliesNewFilter(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 2)}, func(s *scenario) {
		s.advance(time.Minute)
		s.setups[0].options = func(o *Options) {
			o.Machines.Exclude, o.Sensors.Exclude = []match.Pattern{match.MustCompile("m2")}, []match.Pattern{match.MustCompile("m1-s1")}
		}
		s.restart(time.Second)
		if n := s.gather().count("innius_sensor_value"); n != 3 {
			t.Errorf("%d values are served, want those of m1-s2 and m3", n)
		}
		s.start()
		s.advance(10 * time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 3 {
			t.Errorf("%d values are served after a while", n)
		}
	})
}

func TestStateHoldsNoKey(t *testing.T) {
	echo := simulator.Fault{Kind: simulator.EchoKey, Op: simulator.OpValues, Object: "m1-s1"}
	begin := setup{plant: testPlant(1, 2), faults: []simulator.Fault{echo}}
	begin.plant.Company.Machines[0].Sensors[1].Value = func(time.Time) any { return "text with " + testKey }
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		text, err := json.Marshal(s.poller.Save())
		if err != nil || strings.Contains(string(text), testKey) || !strings.Contains(string(text), `\u003csecret\u003e`) {
			t.Errorf("the key, or no <secret>, in %s (%v)", text, err)
		}
	})
}
