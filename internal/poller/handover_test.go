package poller

import (
	"maps"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// reload puts other options in force, as a process does. The settings may be changed before.
func (s *story) reload(change func(*Options)) {
	s.Helper()
	s.succeed(change)
	s.run()
}

// succeed is reload up to the moment before the next poller does anything.
func (s *story) succeed(change func(*Options)) {
	s.Helper()
	s.cancel()
	s.running.Wait()
	opts := s.options(s.poller.opts.Counters, nil)
	if change != nil {
		change(&opts)
	}
	s.poller = s.poller.HandOver(opts)
}

// lasting are the series that a reload may not change: all but those that move by themselves.
func (all samples) lasting() samples {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(series string, _ float64) bool {
		return strings.Contains(series, "allowance_remaining") || strings.Contains(series, "demand")
	})
	return some
}

func TestAReloadOfTheSameConfigChangesNothingAndCostsNothing(t *testing.T) {
	play(t, setting{plant: works(5, 4), perHour: 600}, func(s *story) {
		s.pass(10 * time.Minute)
		for range 3 {
			before, sent := s.gather(), s.api.Stats().Requests
			s.succeed(nil)
			after := s.gather()
			if !maps.Equal(before.lasting(), after.lasting()) || after.count("innius_sensor_value") != 20 {
				t.Errorf("before\n%v\nafter\n%v", before.lasting(), after.lasting())
			}
			if !s.poller.Ready() || s.poller.Stuck() != "" {
				t.Error("not ready or not healthy")
			}
			if n := s.api.Stats().Requests; n != sent {
				t.Errorf("%d requests", n-sent)
			}
			s.run()
			s.pass(10 * time.Minute)
			s.checkValues()
		}
	})
}

// Two exporters, one of which is reloaded each minute, must ask as often and get readings as young.
func TestReloadsEachMinuteCostNoFreshness(t *testing.T) {
	begin := setting{plant: slowWorks(6, 5, 5*time.Minute), perHour: 300}
	measure := func(reloads bool) (requests int, noNews float64) {
		play(t, begin, func(s *story) {
			s.pass(3 * time.Hour)
			before, sent := s.gather(), s.api.Stats().Requests
			for range 120 {
				if reloads {
					s.reload(nil)
				}
				s.pass(time.Minute)
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

// slowWorks is works with another period.
func slowWorks(machines, sensors int, period time.Duration) simulator.Plant {
	p := works(machines, sensors)
	for i := range p.Company.Machines {
		for j := range p.Company.Machines[i].Sensors {
			p.Company.Machines[i].Sensors[j].Period = period
		}
	}
	return p
}

func TestNewFiltersLabelsAndRulesHoldAtOnce(t *testing.T) {
	play(t, setting{plant: works(3, 2)}, func(s *story) {
		s.pass(10 * time.Minute)
		s.wantMachines(2, 1, 2, 3)
		without2 := match.Filter{Exclude: []match.Pattern{match.MustCompile("m2")}}
		s.reload(func(o *Options) { o.Machines = without2 })
		s.wantMachines(2, 1, 3)
		sent := s.asked(1, 2)
		s.pass(5 * time.Minute)
		if n := s.asked(1, 2); n != sent {
			t.Errorf("a machine that was excluded was asked %d times", n-sent)
		}
		s.reload(nil)
		s.pass(10 * time.Second)
		s.wantMachines(2, 1, 2, 3)
		s.reload(func(o *Options) {
			o.Sensors = match.Filter{Exclude: []match.Pattern{match.MustCompile("Sensor 1")}}
		})
		s.wantAbsent(value11)
		s.reload(func(o *Options) { o.Labels = inventory.LabelID })
		s.want(`innius_sensor_value{company="works.example",machine="m1",sensor="m1-s1"}`, s.gather()[`innius_sensor_timestamp_seconds{company="works.example",machine="m1",sensor="m1-s1"}`])
		s.wantAbsent(value11)
		s.reload(func(o *Options) { o.Rules = []inventory.Rule{{StaleAfter: time.Second}} })
		s.pass(30 * time.Second)
		if n := s.gather().count("innius_sensor_timestamp_seconds"); n != 6 {
			t.Errorf("%d timestamps, want 6", n)
		}
	})
}

// A promise made by a reload is kept from the next request on, not only once each sensor has had its turn.
func TestANewPromiseAndWeightHoldAtOnce(t *testing.T) {
	play(t, setting{plant: slowWorks(10, 10, time.Minute), perHour: 200}, func(s *story) {
		s.pass(12 * time.Hour)
		before := s.api.Stats().Values["m1-s1"]
		s.reload(func(o *Options) {
			o.Rules = []inventory.Rule{{Sensor: match.MustCompile("m1-s1"), MaxAge: 5 * time.Minute}}
		})
		s.pass(2 * time.Hour)
		if n := s.api.Stats().Values["m1-s1"] - before; n < 20 {
			t.Errorf("asked %d times in 2 h, with a promise of 5 min", n)
		}
	})
}

func TestARemovedAccountTakesItsSeriesAlongAndItsTwinGoesOn(t *testing.T) {
	play(t, shared(), func(s *story) {
		s.pass(20 * time.Minute)
		held := s.gather()
		s.want(`innius_exporter_sensors{account="a2",status="excluded"}`, 6)
		s.succeed(func(o *Options) { o.Accounts = o.Accounts[1:] })
		after := s.gather()
		for series := range after {
			if strings.Contains(series, `account="a1"`) {
				t.Errorf("%s is still there", series)
			}
		}
		if !maps.Equal(held.plantSeries(), after.plantSeries()) {
			t.Errorf("before\n%v\nafter\n%v", held.plantSeries(), after.plantSeries())
		}
		s.run()
		s.pass(5 * time.Minute)
		s.want(`innius_exporter_sensors{account="a2",status="current"}`, 6)
		s.checkValues()
	})
}

func TestAnAccountThatIsRenamedKeepsReadingsLedgerAndPause(t *testing.T) {
	play(t, setting{plant: works(3, 4), perHour: 600}, func(s *story) {
		s.pass(20 * time.Minute)
		s.api.Inject(simulator.Fault{Kind: simulator.TooMany, Delay: time.Hour, Times: 1})
		s.pass(time.Minute)
		before, sent := s.gather(), s.api.Stats().Requests
		s.succeed(func(o *Options) { o.Accounts[0].Name = "other" })
		after := s.gather()
		if !maps.Equal(before.plantSeries(), after.plantSeries()) {
			t.Errorf("before\n%v\nafter\n%v", before.plantSeries(), after.plantSeries())
		}
		const paused = "innius_exporter_api_paused_until_timestamp_seconds"
		if from, to := before[paused+`{account="a1"}`], after[paused+`{account="other"}`]; from == 0 || from != to {
			t.Errorf("paused until %v before and %v after", from, to)
		}
		s.run()
		s.pass(50 * time.Minute)
		if n := s.api.Stats().Requests; n != sent {
			t.Errorf("%d requests during the pause", n-sent)
		}
	})
}

func TestANewAccountIsAskedAndTheOthersKeepTheirReadings(t *testing.T) {
	begin := setting{plant: works(2, 2), more: []setting{{plant: works(4, 2)}}}
	play(t, begin, func(s *story) {
		s.reload(func(o *Options) { o.Accounts = o.Accounts[:1] })
		s.pass(5 * time.Minute)
		s.wantMachines(2, 1, 2)
		s.succeed(nil)
		s.wantMachines(2, 1, 2)
		s.run()
		s.pass(5 * time.Minute)
		s.wantMachines(2, 1, 2, 3, 4)
	})
}

func TestAReloadWithAnotherKeyTriesItAtOnce(t *testing.T) {
	play(t, setting{plant: works(3, 4)}, func(s *story) {
		s.pass(10 * time.Minute)
		s.api.RevokeKey(http.StatusUnauthorized)
		s.pass(30 * time.Minute)
		s.want(upA1, 0)
		held := s.gather()
		s.api.SetKey(canary + "2")
		other := &keySource{key: canary + "2"}
		s.keys[0] = other // another file
		s.succeed(nil)
		s.wantKept(held)
		s.want(upA1, 0)
		s.run()
		s.pass(2 * time.Second)
		s.want(upA1, 1)
		s.pass(10 * time.Minute)
		s.checkValues()
	})
}

// The readings of one company must never be served as those of a key of another.
func TestAReloadWithTheKeyOfAnotherCompanyServesNothingOfTheFirst(t *testing.T) {
	play(t, setting{plant: works(3, 4)}, func(s *story) {
		s.pass(10 * time.Minute)
		elsewhere := works(2, 2)
		elsewhere.Company.ID, elsewhere.Company.Name = "elsewhere.example", "Elsewhere"
		s.fronts[0].Store(simulator.New(elsewhere, simulator.Options{Key: canary + "2"}))
		s.keys[0] = &keySource{key: canary + "2"}
		s.reload(nil)
		s.pass(5 * time.Second)
		for series := range s.gather().plantSeries() {
			if strings.Contains(series, "Works") {
				t.Fatalf("%s is still there", series)
			}
		}
		s.pass(time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 4 {
			t.Errorf("%d values of the other company, want 4", n)
		}
	})
}

// What is known under the same ids at another host is something else.
func TestAnotherHostInheritsNothing(t *testing.T) {
	play(t, setting{plant: works(3, 4)}, func(s *story) {
		s.pass(10 * time.Minute)
		s.succeed(func(o *Options) { o.Accounts[0].Origin = "other.example" })
		if n := len(s.gather().plantSeries()); n != 0 {
			t.Errorf("%d series", n)
		}
		s.run()
	})
}

func TestAnotherRateIsKeptToAtOnceAndOwesWhatWasSpent(t *testing.T) {
	begin := setting{plant: works(10, 10), perHour: 1000, burst: 30}
	play(t, begin, func(s *story) {
		s.pass(time.Hour)
		sent := s.api.Stats().Requests
		s.begun[0].perHour = 100
		s.reload(nil)
		s.want(`innius_exporter_api_rate_limit_requests_per_hour{account="a1"}`, 100)
		s.pass(time.Hour)
		if n := s.api.Stats().Requests - sent; n > 130 || n < 90 {
			t.Errorf("%d requests in the hour after, want 100 and what had been saved", n)
		}
	})
}

// A first discovery goes on where the reload found it: what was asked for and not answered is asked again.
func TestReloadsDuringTheFirstDiscoveryLoseNoList(t *testing.T) {
	begin := setting{
		plant: works(40, 3), perHour: 3600, burst: 1,
		faults: []simulator.Fault{slow(700 * time.Millisecond)}, // longer than what is under way may take
	}
	play(t, begin, func(s *story) {
		for range 60 {
			s.pass(5 * time.Second)
			s.reload(nil)
		}
		s.pass(time.Minute)
		if n := s.gather().count("innius_machine_info"); n != 40 {
			t.Errorf("%d machines, want 40", n)
		}
		if n := s.gather().count("innius_sensor_value"); n != 120 {
			t.Errorf("%d values, want 120", n)
		}
	})
}

// An answer that was paid for is taken in.
func TestWhatIsUnderWayAtAReloadIsStillAnswered(t *testing.T) {
	play(t, setting{plant: works(5, 4), faults: []simulator.Fault{slow(300 * time.Millisecond)}}, func(s *story) {
		s.pass(10 * time.Minute)
		for range 20 {
			s.pass(1100 * time.Millisecond)
			s.reload(nil)
		}
		s.pass(time.Second)
		for series, n := range s.gather().values("innius_exporter_api_requests_total") {
			if strings.Contains(series, `code="error"`) && n > 0 {
				t.Errorf("%v requests were broken off", n)
			}
		}
	})
}

func TestHandOverDoesNotLeak(t *testing.T) {
	const perHour, burst = 3420, 28 // 95 % of what the API permits
	begin := setting{plant: works(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 3600, Burst: 30}}, perHour: perHour, burst: burst}
	play(t, begin, func(s *story) {
		s.pass(5 * time.Minute)
		sent, goroutines, heap := s.api.Stats().Requests, runtime.NumGoroutine(), liveHeap()
		start := time.Now()
		for range 300 {
			s.reload(func(o *Options) { o.DiscoveryInterval = time.Hour })
			s.gather()
			s.pass(700 * time.Millisecond)
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

// closePipes closes the connections of clients that are not used any more.
func (s *story) closePipes() {
	for _, closeAll := range s.closers[:len(s.closers)-len(s.begun)] {
		closeAll()
	}
	s.closers = s.closers[len(s.closers)-len(s.begun):]
}

func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A client that has just been made, by a reload or a restart, has not sent anything: its key is known all the same.
func TestAnAccountIsKnownByItsKeyBeforeItHasAskedAnything(t *testing.T) {
	rename := func(o *Options) { o.Accounts[0].Name = "other" }
	play(t, setting{plant: works(3, 4), perHour: 60}, func(s *story) {
		s.pass(20 * time.Minute)
		before, sent := s.gather().plantSeries(), s.api.Stats().Requests
		s.succeed(nil)
		s.succeed(nil)
		s.succeed(rename)
		if after := s.gather().plantSeries(); !maps.Equal(before, after) {
			t.Errorf("before three reloads at once\n%v\nafter\n%v", before, after)
		}
		s.run()
		s.pass(30 * time.Second)
		if n := s.api.Stats().Requests - sent; n > 1 {
			t.Errorf("%d requests in 30 s of 60 an hour", n)
		}
		s.restart(time.Second)
		s.run()
		s.cancel()
		s.running.Wait()
		before = s.gather().plantSeries()
		s.succeed(rename)
		if after := s.gather().plantSeries(); !maps.Equal(before, after) {
			t.Errorf("before the rename after a restart\n%v\nafter\n%v", before, after)
		}
		s.run()
	})
}

// A reload that takes an account away and one that brings it back must not give its key a new allowance.
func TestAnAccountThatComesBackOwesWhatItSpent(t *testing.T) {
	begin := setting{
		plant: works(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 600, Burst: 60}},
		more: []setting{{plant: works(1, 1)}},
	}
	play(t, begin, func(s *story) {
		s.pass(10 * time.Minute)
		for range 5 {
			s.reload(func(o *Options) { o.Accounts = o.Accounts[1:] })
			s.pass(10 * time.Second)
			s.reload(nil)
			s.pass(time.Minute)
		}
		if n := s.api.Stats().Limited; n > 0 {
			t.Errorf("%d requests were refused", n)
		}
	})
}

func TestANewPauseTheFirstDiscoveryAndAReloadAreToldToWhoKeepsThem(t *testing.T) {
	play(t, setting{plant: works(2, 2)}, func(s *story) {
		s.pass(time.Minute)
		told := func(what string) {
			t.Helper()
			select {
			case <-s.poller.Changed():
			default:
				t.Errorf("%s was not told", what)
			}
		}
		told("the first discovery")
		s.reload(nil)
		told("the reload")
		s.api.Inject(simulator.Fault{Kind: simulator.TooMany, Delay: time.Hour, Times: 1})
		s.pass(time.Minute)
		told("the pause")
	})
}
