package poller

import (
	"maps"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// reload applies other options, as a process does. The settings may be changed before.
func (s *scenario) reload(change func(*Options)) {
	s.Helper()
	s.handOver(change)
	s.start()
}

// handOver is reload without running the next poller.
func (s *scenario) handOver(change func(*Options)) {
	s.Helper()
	s.cancel()
	s.running.Wait()
	opts := s.options(s.poller.opts.Counters, nil)
	if change != nil {
		change(&opts)
	}
	s.poller = s.poller.HandOver(opts)
}

// lasting are the series that a reload must not change.
func (all samples) lasting() samples {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(series string, _ float64) bool {
		return strings.Contains(series, "remaining_requests") || strings.Contains(series, "demand")
	})
	return some
}

func TestHandOverOfSameConfigChangesNothing(t *testing.T) {
	runScenario(t, setup{plant: testPlant(5, 4), perHour: 600}, func(s *scenario) {
		s.advance(10 * time.Minute)
		for range 3 {
			before, sent := s.gather(), s.api.Stats().Requests
			s.handOver(nil)
			after := s.gather()
			s.wantSame(before.lasting(), after.lasting())
			if n := after.count("innius_sensor_value"); n != 20 {
				t.Errorf("%d values, want 20", n)
			}
			if !s.poller.Ready() || s.poller.Stuck() != "" {
				t.Error("not ready or not healthy")
			}
			if n := s.api.Stats().Requests; n != sent {
				t.Errorf("%d requests", n-sent)
			}
			s.start()
			s.advance(10 * time.Minute)
			s.checkValues()
		}
	})
}

// An exporter that is reloaded each minute must poll as often, and get readings as fresh, as one that is not.
func TestFrequentHandOversKeepFreshness(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: slowWorks(6, 5, 5*time.Minute), perHour: 300}
	measure := func(reloads bool) (requests int, noNews float64) {
		runScenario(t, begin, func(s *scenario) {
			s.advance(3 * time.Hour)
			before, sent := s.gather(), s.api.Stats().Requests
			for range 120 {
				if reloads {
					s.reload(nil)
				}
				s.advance(time.Minute)
			}
			after := s.gather()
			const wasted = `innius_exporter_polls_without_new_reading_total{account="a1"}`
			requests, noNews = s.api.Stats().Requests-sent, after[wasted]-before[wasted]
		})
		return requests, noNews
	}
	calm, calmWaste := measure(false)
	busy, busyWaste := measure(true)
	t.Logf("requests in 2 h: %d without reloads, %d with 120; without news %v and %v", calm, busy, calmWaste, busyWaste)
	if float64(busy) > 1.05*float64(calm)+10 || busyWaste > calmWaste+0.05*float64(calm) {
		t.Errorf("%d requests without reloads and %d with 120, without news %v and %v", calm, busy, calmWaste, busyWaste)
	}
}

// slowWorks is a plant with another period.
func slowWorks(machines, sensors int, period time.Duration) simulator.Plant {
	p := testPlant(machines, sensors)
	for i := range p.Company.Machines {
		for j := range p.Company.Machines[i].Sensors {
			p.Company.Machines[i].Sensors[j].Period = period
		}
	}
	return p
}

func TestHandOverAppliesFiltersLabelsAndRules(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 2)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.wantMachines(2, 1, 2, 3)
		without2 := match.Filter{Exclude: []match.Pattern{match.MustCompile("m2")}}
		s.reload(func(o *Options) { o.Machines = without2 })
		s.wantMachines(2, 1, 3)
		sent := s.polls(1, 2)
		s.advance(5 * time.Minute)
		if n := s.polls(1, 2); n != sent {
			t.Errorf("a machine that was excluded was polled %d times", n-sent)
		}
		s.reload(nil)
		s.advance(10 * time.Second)
		s.wantMachines(2, 1, 2, 3)
		s.reload(func(o *Options) {
			o.Sensors = match.Filter{Exclude: []match.Pattern{match.MustCompile("Sensor 1")}}
		})
		s.wantAbsent(value11)
		s.reload(func(o *Options) { o.Labels = inventory.LabelID })
		s.want(`innius_sensor_value{company="works.example",machine="m1",sensor="m1-s1"}`, s.gather()[`innius_sensor_timestamp_seconds{company="works.example",machine="m1",sensor="m1-s1"}`])
		s.wantAbsent(value11)
		s.reload(func(o *Options) { o.Rules = []inventory.Rule{{StaleAfter: time.Second}} })
		s.advance(30 * time.Second)
		if n := s.gather().count("innius_sensor_timestamp_seconds"); n != 6 {
			t.Errorf("%d timestamps, want 6", n)
		}
	})
}

// A max-age target set by a reload applies from the next request on, not only after a cycle.
func TestHandOverAppliesMaxAgeAndWeight(t *testing.T) {
	long(t)
	t.Parallel()
	runScenario(t, setup{plant: slowWorks(10, 10, time.Minute), perHour: 200}, func(s *scenario) {
		s.advance(3 * time.Hour)
		before := s.api.Stats().Values["m1-s1"]
		s.reload(func(o *Options) {
			o.Rules = []inventory.Rule{{Sensor: match.MustCompile("m1-s1"), MaxAge: 5 * time.Minute}}
		})
		s.advance(2 * time.Hour)
		if n := s.api.Stats().Values["m1-s1"] - before; n < 20 {
			t.Errorf("polled %d times in 2 h, with a max-age target of 5 min", n)
		}
	})
}

func TestHandOverRemovesAccount(t *testing.T) {
	runScenario(t, shared(), func(s *scenario) {
		s.advance(20 * time.Minute)
		held := s.gather()
		s.want(`innius_exporter_sensors{account="a2",status="excluded"}`, 6)
		s.handOver(func(o *Options) { o.Accounts = o.Accounts[1:] })
		after := s.gather()
		for series := range after {
			if strings.Contains(series, `account="a1"`) {
				t.Errorf("%s is still there", series)
			}
		}
		s.wantSame(held.plantSeries(), after.plantSeries())
		s.start()
		s.advance(5 * time.Minute)
		s.want(`innius_exporter_sensors{account="a2",status="current"}`, 6)
		s.checkValues()
	})
}

func TestHandOverOfRenamedAccount(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 4), perHour: 600}, func(s *scenario) {
		s.advance(20 * time.Minute)
		s.api.Inject(simulator.Fault{Kind: simulator.TooMany, Delay: time.Hour, Times: 1})
		s.advance(time.Minute)
		before, sent := s.gather(), s.api.Stats().Requests
		s.handOver(func(o *Options) { o.Accounts[0].Name = "other" })
		after := s.gather()
		s.wantSame(before.plantSeries(), after.plantSeries())
		const paused = "innius_exporter_api_paused_until_timestamp_seconds"
		if from, to := before[paused+`{account="a1"}`], after[paused+`{account="other"}`]; from == 0 || from != to {
			t.Errorf("paused until %v before and %v after", from, to)
		}
		s.start()
		s.advance(50 * time.Minute)
		if n := s.api.Stats().Requests; n != sent {
			t.Errorf("%d requests during the pause", n-sent)
		}
	})
}

func TestHandOverAddsAccount(t *testing.T) {
	begin := setup{plant: testPlant(2, 2), more: []setup{{plant: testPlant(4, 2)}}}
	runScenario(t, begin, func(s *scenario) {
		s.reload(func(o *Options) { o.Accounts = o.Accounts[:1] })
		s.advance(5 * time.Minute)
		s.wantMachines(2, 1, 2)
		s.handOver(nil)
		s.wantMachines(2, 1, 2)
		s.start()
		s.advance(5 * time.Minute)
		s.wantMachines(2, 1, 2, 3, 4)
	})
}

func TestHandOverTriesNewKeyAtOnce(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 4)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.api.RevokeKey(http.StatusUnauthorized)
		s.advance(30 * time.Minute)
		s.want(upA1, 0)
		held := s.gather()
		s.api.SetKey(testKey + "2")
		other := &keySource{key: testKey + "2"}
		s.keys[0] = other // another file
		s.handOver(nil)
		s.wantKept(held)
		s.want(upA1, 0)
		s.start()
		s.advance(2 * time.Second)
		s.want(upA1, 1)
		s.advance(10 * time.Minute)
		s.checkValues()
	})
}

// Readings of one company must never be exposed as those of another.
func TestHandOverToKeyOfOtherCompany(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 4)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		elsewhere := testPlant(2, 2)
		elsewhere.Company.ID, elsewhere.Company.Name = "elsewhere.example", "Elsewhere"
		s.fronts[0].Store(simulator.New(elsewhere, simulator.Options{Key: testKey + "2"}))
		s.keys[0] = &keySource{key: testKey + "2"}
		s.reload(nil)
		s.advance(5 * time.Second)
		for series := range s.gather().plantSeries() {
			if strings.Contains(series, "Works") {
				t.Fatalf("%s is still there", series)
			}
		}
		s.advance(time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 4 {
			t.Errorf("%d values of the other company, want 4", n)
		}
	})
}

// The same ids at another host name other things.
func TestHandOverToOtherHostKeepsNothing(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 4)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.handOver(func(o *Options) { o.Accounts[0].Origin = "other.example" })
		if n := len(s.gather().plantSeries()); n != 0 {
			t.Errorf("%d series", n)
		}
		s.start()
	})
}

func TestHandOverAppliesRate(t *testing.T) {
	long(t)
	t.Parallel()
	begin := setup{plant: testPlant(10, 10), perHour: 1000, burst: 30}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		sent := s.api.Stats().Requests
		s.setups[0].perHour = 100
		s.reload(nil)
		s.want(`innius_exporter_api_rate_limit_requests_per_hour{account="a1"}`, 100)
		s.advance(time.Hour)
		if n := s.api.Stats().Requests - sent; n > 130 || n < 90 {
			t.Errorf("%d requests in the hour after, want 100 and what had been saved", n)
		}
	})
}

// A reload continues the first discovery; requests without a result are repeated.
func TestHandOverDuringFirstDiscovery(t *testing.T) {
	t.Parallel()
	begin := setup{
		plant: testPlant(40, 3), perHour: 3600, burst: 1,
		faults: []simulator.Fault{slow(700 * time.Millisecond)}, // longer than what is under way may take
	}
	runScenario(t, begin, func(s *scenario) {
		for range 60 {
			s.advance(5 * time.Second)
			s.reload(nil)
		}
		s.advance(time.Minute)
		if n := s.gather().count("innius_machine_info"); n != 40 {
			t.Errorf("%d machines, want 40", n)
		}
		if n := s.gather().count("innius_sensor_value"); n != 120 {
			t.Errorf("%d values, want 120", n)
		}
	})
}

// A response that counts against the rate limit is used.
func TestHandOverFinishesRequests(t *testing.T) {
	runScenario(t, setup{plant: testPlant(5, 4), faults: []simulator.Fault{slow(300 * time.Millisecond)}}, func(s *scenario) {
		s.advance(10 * time.Minute)
		for range 20 {
			s.advance(1100 * time.Millisecond)
			s.reload(nil)
		}
		s.advance(time.Second)
		for series, n := range s.gather().values("innius_exporter_api_requests_total") {
			if strings.Contains(series, `code="error"`) && n > 0 {
				t.Errorf("%v requests were broken off", n)
			}
		}
	})
}

func TestHandOverDoesNotLeak(t *testing.T) {
	long(t)
	const perHour, burst = 3420, 28 // 95 % of what the API permits
	begin := setup{plant: testPlant(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 3600, Burst: 30}}, perHour: perHour, burst: burst}
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Minute)
		sent, goroutines, heap := s.api.Stats().Requests, runtime.NumGoroutine(), liveHeap()
		start := time.Now()
		for range 300 {
			s.reload(func(o *Options) { o.DiscoveryInterval = time.Hour })
			s.gather()
			s.advance(700 * time.Millisecond)
		}
		hours := time.Since(start).Hours()
		if n := s.api.Stats().Requests - sent; float64(n) > hours*perHour+burst || float64(n) < 0.9*hours*perHour {
			t.Errorf("%d requests in %.2f h of %d an hour", n, hours, perHour)
		}
		if n := s.api.Stats().Limited; n > 0 {
			t.Errorf("%d requests were refused", n)
		}
		s.closePipes()
		if n := runtime.NumGoroutine(); n > goroutines+10 {
			t.Errorf("%d goroutines before, %d after", goroutines, n)
		}
		if grown := liveHeap() - heap; grown > 3<<20 {
			t.Errorf("the heap has grown by %d bytes", grown)
		}
		s.wantMachines(10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		s.checkValues()
	})
}

// closePipes closes the connections of clients that are no longer used.
func (s *scenario) closePipes() {
	for _, closeAll := range s.closers[:len(s.closers)-len(s.setups)] {
		closeAll()
	}
	s.closers = s.closers[len(s.closers)-len(s.setups):]
	synctest.Wait() // their goroutines have ended
}

func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A client that has not sent anything yet must know its key.
func TestHandOverMatchesAccountByKey(t *testing.T) {
	rename := func(o *Options) { o.Accounts[0].Name = "other" }
	runScenario(t, setup{plant: testPlant(3, 4), perHour: 60}, func(s *scenario) {
		s.advance(20 * time.Minute)
		before, sent := s.gather().plantSeries(), s.api.Stats().Requests
		s.handOver(nil)
		s.handOver(nil)
		s.handOver(rename)
		s.wantSame(before, s.gather().plantSeries())
		s.start()
		s.advance(30 * time.Second)
		if n := s.api.Stats().Requests - sent; n > 1 {
			t.Errorf("%d requests in 30 s of 60 an hour", n)
		}
		s.restart(time.Second)
		s.start()
		s.cancel()
		s.running.Wait()
		before = s.gather().plantSeries()
		s.handOver(rename)
		s.wantSame(before, s.gather().plantSeries())
		s.start()
	})
}

// Two reloads that remove an account and add it again must not give its key new requests.
func TestHandOverRemembersRemovedAccount(t *testing.T) {
	begin := setup{
		plant: testPlant(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 600, Burst: 60}},
		more: []setup{{plant: testPlant(1, 1)}},
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		for range 5 {
			s.reload(func(o *Options) { o.Accounts = o.Accounts[1:] })
			s.advance(10 * time.Second)
			s.reload(nil)
			s.advance(time.Minute)
		}
		if n := s.api.Stats().Limited; n > 0 {
			t.Errorf("%d requests were refused", n)
		}
	})
}

func TestPollerReportsChanges(t *testing.T) {
	runScenario(t, setup{plant: testPlant(2, 2)}, func(s *scenario) {
		s.advance(time.Minute)
		wantChanged := func(what string) {
			t.Helper()
			select {
			case <-s.poller.Changed():
			default:
				t.Errorf("%s was not signalled", what)
			}
		}
		wantChanged("the first discovery")
		s.reload(nil)
		wantChanged("the reload")
		s.api.Inject(simulator.Fault{Kind: simulator.TooMany, Delay: time.Hour, Times: 1})
		s.advance(time.Minute)
		wantChanged("the pause")
	})
}

// The new host may be another name of the same API, so what the key has spent is spent. A pause of the old host ends.
func TestHandOverToOtherHostKeepsWhatTheKeySpent(t *testing.T) {
	hosts := []string{"other.example", "third.example", "api.example"}
	begin := setup{plant: testPlant(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 600, Burst: 20}}}
	runScenario(t, begin, func(s *scenario) {
		for i := range 30 {
			s.advance(7 * time.Second)
			s.reload(func(o *Options) {
				o.Accounts[0].Origin = hosts[i%3]
				if i%2 > 0 {
					o.Accounts[0].Name = "renamed"
				}
			})
		}
		if stats := s.api.Stats(); stats.Limited != 0 || stats.Requests < 30 {
			s.Errorf("%d of %d requests over the limit", stats.Limited, stats.Requests)
		}
		s.poller.accounts[0].Pacer.Pause(time.Now().Add(time.Hour))
		s.advance(time.Minute)
		sent := s.api.Stats().Requests
		s.reload(func(o *Options) { o.Accounts[0].Origin = "fourth.example" })
		if n := s.api.Stats().Requests - sent; n != 1 {
			s.Errorf("%d requests at once to another host within a pause, want 1", n)
		}
		s.reload(nil)
	})
}
