package freshness

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// TestPlanComesTrue runs plants of several kinds: after a warm-up the plan is made from what is known then, and what
// follows must be within 20 % of it. `make check-freshness` runs more kinds.
func TestPlanComesTrue(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	mixed := nature{periods: mix(), jitter: .05}
	with := func(change func(*nature)) nature { n := mixed; change(&n); return n }
	for _, r := range []*row{
		{name: "all slow", nature: nature{periods: only(600), jitter: .05}, cycle: minute, warmUp: hour, horizon: hour},
		{name: "lists each 2 min", nature: mixed, cycle: tenMinutes, warmUp: 2 * hour, horizon: 2 * hour, discovery: 2 * minute},
		{
			name: "max_age relaxed", nature: with(func(n *nature) { n.targets, n.maxAge = .3, minute }), cycle: tenMinutes,
			warmUp: 2 * hour, horizon: 2 * hour,
		},
		{name: "page targets", nature: mixed, cycle: tenMinutes, page: 50, complete: true, warmUp: 2 * hour, horizon: 2 * hour},
		{name: "all fast", nature: nature{periods: only(10), jitter: .05}, cycle: tenMinutes, warmUp: hour, horizon: 2 * hour},
		{name: "mix @ 1 min", nature: with(func(n *nature) { n.sensors = 150 }), cycle: minute, warmUp: hour, horizon: hour},
		{name: "mix", nature: mixed, cycle: tenMinutes, warmUp: 3 * hour, horizon: 4 * hour},
		{name: "mix + dead", nature: with(func(n *nature) { n.dead = .1 }), cycle: tenMinutes, warmUp: 3 * hour, horizon: 4 * hour},
		{
			name: "mix + weights", nature: with(func(n *nature) { n.weights = weights() }), cycle: tenMinutes,
			warmUp: 3 * hour, horizon: 4 * hour,
		},
		{
			name: "max_age met", nature: with(func(n *nature) { n.targets, n.maxAge = .05, 3*minute }), cycle: tenMinutes,
			warmUp: 3 * hour, horizon: 4 * hour,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			always := slices.Contains([]string{"lists each 2 min", "max_age relaxed", "page targets"}, r.name)
			if *runFlag == "" && (testing.Short() || !always) {
				t.Skip("make check-freshness runs this")
			}
			t.Parallel()
			r.discovery = or(r.discovery, hour)
			r.compareWithPlan(t, nil).judge(t)
		})
	}
}

// TestAssumedPlanComesTrue does the same for a plan that knows only the number of sensors and their interval.
func TestAssumedPlanComesTrue(t *testing.T) {
	r := &row{nature: nature{periods: only(10)}, cycle: tenMinutes, warmUp: hour, horizon: hour, discovery: hour}
	r.compareWithPlan(t, func(a poller.Account, at time.Time) poller.SavedAccount {
		return poller.Assume(a, r.nature.count(), 10*time.Second, at)
	}).judge(t)
}

// outcome is a plan and what came of it.
type outcome struct {
	plan            poller.Plan
	requests, lists float64                      // per hour
	polls           map[schedule.Group]float64   // per hour
	ages            map[schedule.Group][]float64 // seconds, sampled
}

// compareWithPlan runs a row, plans after its warm-up, from the saved state or an assumed one, and measures what comes.
func (r *row) compareWithPlan(t *testing.T, assume func(poller.Account, time.Time) poller.SavedAccount) (got outcome) {
	synctest.Test(t, func(t *testing.T) {
		one, stop := r.warm(t)
		defer stop()
		saved := one.poller.Save()
		account := poller.Account{Name: "a1", PageSize: or(r.page, 20), Pacer: innius.NewPacer(r.perHour(), burst)}
		options := poller.Options{
			Accounts: []poller.Account{account}, DiscoveryInterval: r.discovery, Rules: rules(one.subjects), Complete: r.complete,
			State: &saved,
		}
		groups := map[string]schedule.Group{}
		got.plan = poller.Plans(options)[0]
		for task, o := range got.plan.Outlooks {
			groups[task.Sensor.ID] = o.Group
		}
		if assume != nil {
			options.State = &poller.State{At: saved.At, Accounts: []poller.SavedAccount{assume(account, saved.At)}}
			got.plan = poller.Plans(options)[0]
		}
		one.observe(&got, groups)
	})
	return got
}

// observe measures until the horizon.
func (r *run) observe(got *outcome, groups map[string]schedule.Group) {
	got.ages, got.polls = map[schedule.Group][]float64{}, map[schedule.Group]float64{}
	before := r.api.Stats()
	const step = 7310 * time.Millisecond // not a part of any period
	for range int(r.horizon / step) {
		time.Sleep(step)
		synctest.Wait()
		now := time.Now()
		r.ledger.mu.Lock()
		for _, sensors := range r.ledger.groups {
			for _, id := range sensors {
				if k := r.ledger.tracks[id]; k != nil {
					got.ages[groups[id]] = append(got.ages[groups[id]], float64(now.UnixNano()-k.held)/1e9)
				}
			}
		}
		r.ledger.mu.Unlock()
	}
	after := r.api.Stats()
	got.requests = float64(after.Requests-before.Requests) / r.horizon.Hours()
	got.lists = got.requests - float64(after.Of(simulator.OpValues, -1)-before.Of(simulator.OpValues, -1))/r.horizon.Hours()
	for id, n := range after.Values {
		got.polls[groups[id]] += float64(n-before.Values[id]) / r.horizon.Hours()
	}
}

// judge fails for each figure that is not within 20 % of the plan.
func (o outcome) judge(t *testing.T) {
	t.Helper()
	check := func(what string, planned, came float64) {
		t.Helper()
		t.Logf("%-40s %10.1f %10.1f %6.2f", what, planned, came, came/planned)
		if math.Abs(came/planned-1) > .2 {
			t.Errorf("%s: planned %.4g, got %.4g", what, planned, came)
		}
	}
	check("requests per hour", o.plan.Planned, o.requests)
	check("lists per hour", o.plan.Lists.PerHour, o.lists)
	for _, g := range o.plan.Groups {
		if g.Age == 0 || g.PerHour < .01*o.plan.Planned {
			continue // too few requests to compare
		}
		name, ages := fmt.Sprintf("%d %s, weight %g: ", g.Sensors, g.Kind, g.Weight), o.ages[g.Group]
		slices.Sort(ages)
		sum := 0.0
		for _, age := range ages {
			sum += age
		}
		check(name+"requests per hour", g.PerHour, o.polls[g.Group])
		check(name+"mean age", g.Age.Seconds(), sum/float64(len(ages)))
		check(name+"95 % age", g.Age95.Seconds(), ages[len(ages)*95/100])
	}
}
