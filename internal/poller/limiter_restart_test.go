package poller

import (
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// The process restarts again and again while the rate is being learned and long after. The state is written at the start of
// each process, every minute and at each pause, as in production.
func TestLimiterInCrashLoop(t *testing.T) {
	long(t)
	for name, row := range map[string]struct {
		life  int // seconds
		clean bool
	}{"clean shutdown after 30 s": {30, true}, "killed after 30 s": {30, false}, "killed after 100 s": {100, false}} {
		for kindName, kind := range limitKinds {
			t.Run(name+", "+kindName, func(t *testing.T) {
				t.Parallel()
				runScenario(t, tight(simulator.Limits{Kind: kind, PerHour: 100}), func(s *scenario) {
					d := record(s)
					saved := d.halt()
					for d.clock() < 5*time.Hour {
						d.newPoller(saved)
						saved = d.process(row.life, row.clean)
					}
					d.wantUnavoidable()
					sent, most := d.api.Stats().Requests, 6+200*d.clock().Hours()
					d.Logf("%d requests, %d 429s, %.1f an hour at the end", sent, len(d.all()), d.poller.accounts[0].Pacer.PerHour())
					if rate := d.poller.accounts[0].Pacer.PerHour(); float64(sent) > most || rate > 101 || len(d.all()) > 8 {
						d.Errorf("%d requests, at most %.0f are permitted; %v requests per hour, 429s %v", sent, most, rate, d.all())
					}
				})
			})
		}
	}
}

// process runs for so many seconds and returns what it leaves.
func (d *diary) process(life int, clean bool) *State {
	written := d.poller.Save()
	d.start()
	for second := range life {
		d.advance(time.Second)
		select {
		case <-d.poller.Changed():
			written = d.poller.Save()
		default:
			if second%60 == 59 {
				written = d.poller.Save()
			}
		}
	}
	if clean {
		return d.halt()
	}
	return d.crash(written)
}

func TestLimiterKeepsLimitOverRestart(t *testing.T) {
	for name, down := range map[string]time.Duration{"soon": time.Minute, "after half a day": 12 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 100}), func(s *scenario) {
				d := record(s)
				d.advance(3 * time.Hour)
				rate, n := d.rateNow(), len(d.all())
				d.restart(down)
				d.want(rateA1, rate)
				d.want(loweredA1, 1)
				d.start()
				d.advance(2 * time.Hour)
				d.wantUnavoidable()
				if len(d.all()) != n {
					d.Errorf("429s %v", d.all())
				}
			})
		})
	}
}

// As after starts that find only an unusable state file.
func TestCrashLoopWithSpentStateKeepsRateLimit(t *testing.T) {
	begin := setup{plant: testPlant(10, 10), api: simulator.Options{Limits: simulator.Limits{PerHour: 600, Burst: 20}}}
	runScenario(t, begin, func(s *scenario) {
		for range 37 {
			s.advance(7 * time.Second)
			s.stop()
			spent := SavedAccount{Name: "a1", Origin: "api.example", Pacer: innius.PacerState{}.Spent(time.Now())}
			s.newPoller(&State{At: time.Now(), Accounts: []SavedAccount{spent}})
			s.start()
		}
		if stats := s.api.Stats(); stats.Limited != 0 || stats.Requests < 30 {
			s.Errorf("%d of %d requests over the limit", stats.Limited, stats.Requests)
		}
	})
}

func TestLimiterRestartWithChangedConfig(t *testing.T) {
	runScenario(t, tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 100}), func(s *scenario) {
		s.advance(2 * time.Hour)
		s.setups[0].perHour = 50
		s.restart(time.Second)
		s.want(rateA1, 50)
		s.want(loweredA1, 0)
		s.start()
		s.advance(time.Minute)
		s.setups[0].perHour = 500
		s.restart(time.Second)
		s.want(rateA1, 500)
		s.start()
	})
}

func TestLimiterResetsForOtherCompany(t *testing.T) {
	runScenario(t, tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 100}), func(s *scenario) {
		s.advance(2 * time.Hour)
		s.want(loweredA1, 1)
		other := testPlant(1, 1)
		other.Company = simulator.Company{ID: "mill.example", Name: "Mill", Machines: other.Company.Machines}
		saved := s.halt()
		s.fronts[0].Store(simulator.New(other, simulator.Options{Key: testKey}))
		s.newPoller(saved)
		s.start()
		s.advance(5 * time.Minute)
		s.want(rateA1, 200)
		s.want(loweredA1, 0)
	})
}

func TestLimiterRateAppliesEverywhere(t *testing.T) {
	runScenario(t, tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 100}), func(s *scenario) {
		a := s.poller.accounts[0]
		s.advance(10*time.Minute + 2*time.Hour)
		s.halt() // what the loop owns may be read now
		share := a.Pacer.PerHour() / 200
		if share > 0.5 {
			t.Fatalf("%v of the configured rate", share)
		}
		for what, got := range map[string]float64{
			"discovery's share": float64(6*time.Minute) / float64(a.lists.spacing()),
			"the cycle":         float64(3*time.Minute) / float64(a.health.Load().Cycle),
			"rate for readings": a.forReadings() / (200 - 4), // four lists an hour
			"the status":        s.view(1).RequestsPerHour / 200,
		} {
			if got < share-0.03 || got > share+0.03 {
				t.Errorf("%s follows by %.3f, the rate by %.3f", what, got, share)
			}
		}
	})
}

// Pages and retries are requests, too.
func TestLimiterCountsEveryCountedResponse(t *testing.T) {
	of := (&Counters{}).Of("a")
	for _, status := range []int{200, 200, 404, 403, 400, 500, 502, 302, 429, 401, 0} {
		of.Observe(innius.Attempt{Operation: innius.OpValues, Status: status})
	}
	if n := of.accepted.Load(); n != 8 {
		t.Errorf("%d of 11 count, want all but 429, 401 and the one without a response", n)
	}
}

// Such a rate cannot poll each sensor within max_interval.
func TestSchedulePollsAllSensorsBelowMaxIntervalRate(t *testing.T) {
	runScenario(t, setup{plant: testPlant(1, 12), perHour: 25, burst: 1}, func(s *scenario) {
		s.advance(3 * time.Hour)
		s.poller.accounts[0].Pacer.SetRate(11, 1) // 12 sensors, max_interval 1 h
		s.advance(10 * time.Hour)
		all := s.gather().values("innius_sensor_last_success_timestamp_seconds")
		for sensor, at := range all {
			if age := seconds(time.Now()) - at; age > 2*3600 {
				t.Errorf("%s was polled %.0f s ago, although a cycle takes little more than an hour", sensor, age)
			}
		}
		if len(all) != 12 {
			t.Errorf("%d sensors", len(all))
		}
	})
}
