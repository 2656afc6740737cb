package poller

import (
	"fmt"
	"math"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// assumed is the plan of sensors with an interval, under a rate limit.
func assumed(sensors int, every time.Duration, perHour float64, burst int, change func(*Options)) Plan {
	a := Account{Name: "a1", Pacer: innius.NewPacer(perHour, burst)}
	saved := State{At: at(0), Accounts: []SavedAccount{Assume(a, sensors, every, at(0))}}
	opts := Options{Accounts: []Account{a}, State: &saved}
	if change != nil {
		change(&opts)
	}
	return Plans(opts)[0]
}

// The time from nothing until every sensor is known and polled is the plan's, except for the steps of this test.
func TestPlanPredictsColdStart(t *testing.T) {
	t.Parallel()
	long(t)
	for name, row := range map[string]struct {
		machines, burst int
		perHour         float64
	}{
		"half an hour":             {10, 28, 380},
		"longer than the interval": {15, 28, 150},
		"a few minutes":            {3, 5, 600},
		"within the burst":         {2, 60, 600},
	} {
		t.Run(name, func(t *testing.T) {
			plan := assumed(row.machines*AssumedPerMachine, time.Second, row.perHour, row.burst, nil)
			begin := setup{plant: testPlant(row.machines, AssumedPerMachine), perHour: row.perHour, burst: row.burst}
			begin.client.PageSize = AssumedPerMachine // a list is one request, as with the 100 of the config's default
			runScenario(t, begin, func(s *scenario) {
				s.advance(plan.ColdStart * 6 / 10) // it must not be over yet
				for polledSensors(s.poller) < plan.Sensors && s.clock() < 10*time.Hour {
					s.advance(time.Second + plan.ColdStart/50)
				}
				took := s.clock()
				t.Logf("planned %s, took %s", plan.ColdStart, took)
				if off := took - plan.ColdStart; math.Abs(off.Seconds()) > 2+.05*plan.ColdStart.Seconds() {
					t.Errorf("it took %s, planned was %s", took, plan.ColdStart)
				}
			})
		})
	}
}

// polledSensors counts the sensors of the first account that were polled successfully.
func polledSensors(p *Poller) (n int) {
	for _, m := range p.inventory.Snapshot().Accounts[0].Machines {
		for _, s := range m.Sensors {
			if !s.Entry.Load().LastSuccess.IsZero() {
				n++
			}
		}
	}
	return n
}

func TestPlanIncludesDiscovery(t *testing.T) {
	for interval, want := range map[time.Duration]PlannedLists{
		time.Hour:       {PerHour: 27, Wanted: 27, Interval: time.Hour, Every: time.Hour},
		6 * time.Minute: {PerHour: 50, Wanted: 270, Interval: 6 * time.Minute, Every: 32*time.Minute + 24*time.Second},
	} {
		got := assumed(500, time.Second, 1000, 28, func(o *Options) { o.DiscoveryInterval = interval }).Lists
		if math.Abs(got.PerHour-want.PerHour) > 1e-6 || got.Wanted != want.Wanted || got.Interval != want.Interval ||
			got.Every.Round(time.Millisecond) != want.Every || got.Limited() != (want.Wanted > 50) {
			t.Errorf("every %s: got %+v, want %+v", interval, got, want)
		}
	}
}

func TestPlanPricesMaxAgeRules(t *testing.T) {
	plan := assumed(100, time.Second, 1000, 28, func(o *Options) {
		o.Rules = []inventory.Rule{
			{Sensor: match.MustCompile("s[1-9]"), MaxAge: 3 * time.Minute},
			{Sensor: match.MustCompile("s1."), Weight: 4},
			{Sensor: match.MustCompile("s2."), MaxAge: time.Hour}, // less than they get anyway
			{Sensor: match.MustCompile("s3."), MaxAge: time.Second},
		}
	})
	if plan.Planned > 1000 || plan.Planned < 990 {
		t.Errorf("planned: %.0f requests an hour", plan.Planned)
	}
	if len(plan.MaxAges) != 3 {
		t.Fatalf("%+v", plan.MaxAges)
	}
	for i, want := range []struct {
		rule, sensors  int
		floor, perHour float64
	}{
		{rule: 0, sensors: 9, perHour: 9 * 20},
		{rule: 2, sensors: 10, perHour: 10},
		{rule: 3, sensors: 10, floor: 10, perHour: 10 * 3600 / (10 - .5 - .3)},
	} {
		got := plan.MaxAges[i]
		if got.Rule != want.rule || got.Sensors != want.sensors || math.Abs(got.Wanted/want.perHour-1) > .01 || got.Floor.Seconds() != want.floor {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got.Relaxed < 6 || got.Met() || math.Abs(got.PerHour*got.Relaxed/got.Wanted-1) > .12 || got.Fits() < got.MaxAge*6 {
			t.Errorf("want all relaxed equally, and much more: %+v", got)
		}
	}
	if plan.MaxAges[1].Extra != 0 {
		t.Errorf("a target above what they get costs %.1f requests per hour", plan.MaxAges[1].Extra)
	}
}

func TestPlanGroupsEachSensorOnce(t *testing.T) {
	begin := setup{plant: testPlant(3, 6), perHour: 3600, more: []setup{{plant: testPlant(2, 6)}}}
	for _, p := range []simulator.Plant{begin.plant, begin.more[0].plant} { // whichever account polls first
		p.Company.Machines[0].Sensors[0].Period = 0 // never reports
	}
	begin.options = func(o *Options) {
		o.Sensors.Exclude = []match.Pattern{match.MustCompile("Sensor 2")}
		o.Machines.Exclude = []match.Pattern{match.MustCompile("Machine 3")}
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		saved := s.poller.Save()
		before := fmt.Sprintf("%+v", saved)
		opts := Options{State: &saved, Accounts: []Account{
			{Name: "a1", Origin: "api.example", Pacer: innius.NewPacer(3600, 7)},
			{Name: "a2", Origin: "api.example", Pacer: innius.NewPacer(1200, 30)},
			{Name: "a3", Origin: "api.example", Pacer: innius.NewPacer(1200, 30)},
		}}
		begin.options(&opts)
		plans := Plans(opts)
		if fmt.Sprintf("%+v", saved) != before {
			t.Error("the saved state was changed")
		}
		one, second, none := plans[0], plans[1], plans[2]
		groups := map[schedule.Kind]int{}
		for _, g := range one.Groups {
			groups[g.Kind] += g.Sensors
		}
		if one.Account != "a1" || one.Machines != 2 || one.Sensors != 10 || one.Excluded != 2 || one.Unknown != 1 || one.Burst != 7 ||
			groups[schedule.KindNoReadings] != 1 || groups[schedule.KindNoReadings]+groups[schedule.KindSlow]+groups[schedule.KindFast] != 10 {
			t.Errorf("groups %v of\n%+v", groups, one)
		}
		if second.Sensors != 0 || second.Excluded != 12 {
			t.Errorf("another account polls them: %+v", second)
		}
		if none.Account != "a3" || none.Sensors != 0 || none.Groups != nil {
			t.Errorf("nothing is known of: %+v", none)
		}
	})
}

func TestPlanComparesStaleAfter(t *testing.T) {
	plan := assumed(100, time.Second, 100, 28, func(o *Options) {
		o.StaleAfter = 2 * time.Hour
		o.Rules = []inventory.Rule{{Sensor: match.MustCompile("s1."), StaleAfter: time.Hour}}
	})
	if len(plan.Stale) != 1 || plan.Stale[0].StaleAfter != time.Hour || plan.Stale[0].Sensors != 10 || plan.Stale[0].Age < time.Hour {
		t.Errorf("got %+v, want the ten sensors of the rule: all are polled every 65 min", plan.Stale)
	}
}

func TestPlanExampleOfSlowerSensor(t *testing.T) {
	plan := assumed(500, time.Second, 950, 28, nil)
	if got := plan.Forecast.Example(10 * time.Second); got.Kind != schedule.KindFast || math.Abs(got.Age.Minutes()-17.2) > .5 {
		t.Errorf("a fast one: %+v", got)
	}
	if got := plan.Forecast.Example(2 * time.Hour); got.Kind != schedule.KindSlow || math.Abs(got.Age.Minutes()-61) > .5 {
		t.Errorf("a slow one: %+v", got)
	}
}

func TestPlanOfFailingSensors(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: testPlant(4, 20), perHour: 600}
	begin.client.PageSize = 20
	for i := range 40 {
		object := fmt.Sprintf("m%d-s%d", i/20+1, i%20+1)
		begin.faults = append(begin.faults, simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpValues, Object: object})
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(4 * time.Hour)
		saved, before := s.poller.Save(), s.api.Stats().Requests
		a := Account{Name: "a1", Origin: "api.example", Pacer: innius.NewPacer(600, 30)}
		plan := Plans(Options{State: &saved, Accounts: []Account{a}})[0]
		s.advance(2 * time.Hour)
		came := float64(s.api.Stats().Requests-before) / 2
		if math.Abs(came/plan.Planned-1) > .1 {
			t.Errorf("%.0f requests an hour came, %.0f were planned: %+v", came, plan.Planned, plan.Groups)
		}
		last := plan.Groups[len(plan.Groups)-1]
		if last.Kind != schedule.KindFailing || last.Sensors != 40 || math.Abs(last.PerHour-40) > 1 || last.Age != 0 {
			t.Errorf("40 sensors are tried once an hour: %+v", last)
		}
	})
}

func TestPlanOfUnpolledSensors(t *testing.T) {
	a := Account{Name: "a1", Pacer: innius.NewPacer(1000, 28)}
	saved := State{At: at(0), Accounts: []SavedAccount{Assume(a, 100, time.Minute, at(0))}}
	for i := range saved.Accounts[0].Machines[:2] { // a cold start that has reached 60 of them
		for j := range saved.Accounts[0].Machines[i].Sensors {
			s := &saved.Accounts[0].Machines[i].Sensors[j]
			*s = SavedSensor{Sensor: s.Sensor}
		}
	}
	groups := map[schedule.Kind]int{}
	for _, g := range Plans(Options{Accounts: []Account{a}, State: &saved})[0].Groups {
		groups[g.Kind] += g.Sensors
	}
	if groups[schedule.KindPending] != 40 || groups[schedule.KindNoReadings] != 0 {
		t.Errorf("%v, want 40 waiting", groups)
	}
}

func TestPlanUsesLearnedBurst(t *testing.T) {
	learner := ratelimit.New(ratelimit.Limit{PerHour: 1000, Burst: 60})
	learner.Accepted(at(0), 20)
	learner.Refused(ratelimit.Refusal{At: at(0), Wait: 3 * time.Second, Stated: true, Remaining: 40})
	plan := assumed(10, time.Second, 1000, 60, func(o *Options) { o.State.Accounts[0].Learned = learner.Save() })
	if want := learner.Limit().Burst; want >= 60 || plan.Burst != want {
		t.Errorf("planned with a burst of %d, want %d", plan.Burst, want)
	}
}
