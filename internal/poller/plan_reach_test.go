//go:build !race

// Half a million requests are too much work for the race detector, as in the freshness harness, which this builds on.

package poller

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// reached is what a run really came to, beside its plan.
type reached struct {
	plan            Plan
	requests, lists float64                    // per hour
	asked           map[schedule.Group]float64 // requests per hour
	ages            map[schedule.Group][]float64
}

// TestTheExporterReachesItsPlan runs plants of many kinds: after a warm-up the plan is made from what is known then, and
// what follows for hours must be what it says.
func TestTheExporterReachesItsPlan(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, r := range planRows() {
		t.Run(r.name, func(t *testing.T) { r.reach(t, 1).judge(t) })
	}
}

// A plan for a number of sensors, of which nothing is known but how often they report, is reached, too.
func TestTheExporterReachesAnAssumedPlan(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, r := range []*row{
		planRow("all 10 s", nature{periods: all(10)}, tenMinutes, hour, 2*hour),
		planRow("all 600 s", nature{periods: all(600)}, minute, hour, 2*hour),
	} {
		t.Run(r.name, func(t *testing.T) {
			got := r.reach(t, 1)
			every := time.Duration(r.nature.periods[0].value) * time.Second
			got.plan = assumed(r.nature.count(), every, r.perHour(), 30, nil)
			got.judge(t)
		})
	}
}

func (r reached) judge(t *testing.T) {
	t.Helper()
	t.Log(r.table())
	for _, missed := range r.missed() {
		t.Error(missed)
	}
}

func planRows() []*row {
	add := func(name string, n nature, cycle, warmUp, horizon time.Duration) *row {
		n.jitter = .05
		return planRow(name, n, cycle, warmUp, horizon)
	}
	listed := add("mix, lists every 2 min", nature{periods: mix()}, tenMinutes, 3*hour, 2*hour)
	listed.discovery = 2 * minute // wants 510 requests an hour, and may take 90
	return []*row{
		listed,
		add("all fast", nature{periods: all(10)}, tenMinutes, hour, 2*hour),
		add("all slow", nature{periods: all(600)}, minute, hour, hour),
		add("mix", nature{periods: mix(), sensors: 150}, minute, hour, hour),
		add("mix", nature{periods: mix()}, tenMinutes, 3*hour, 4*hour),
		add("mix + dead", nature{periods: mix(), dead: .1}, tenMinutes, 3*hour, 4*hour),
		add("mix + weights", nature{periods: mix(), weights: weighted()}, tenMinutes, 3*hour, 4*hour),
		add("mix + promises that are kept", nature{periods: mix(), promised: .05, maxAge: 3 * minute}, tenMinutes, 3*hour, 4*hour),
		add("mix + promises that are stretched", nature{periods: mix(), promised: .3, maxAge: minute}, tenMinutes, 3*hour, 4*hour),
	}
}

func planRow(name string, n nature, cycle, warmUp, horizon time.Duration) *row {
	name += " @ " + cycleName(cycle)
	return &row{name: name, nature: n, cycle: cycle, warmUp: warmUp, horizon: horizon, discovery: hour}
}

// reach runs a row, plans in its middle, and looks at what comes.
func (r *row) reach(t *testing.T, seed uint64) (got reached) {
	synctest.Test(t, func(t *testing.T) {
		one := &run{row: r, subjects: r.nature.make(seed), byID: map[string]*subject{}, until: time.Now()}
		for _, s := range one.subjects {
			one.byID[s.ID] = s
		}
		one.ledger = newLedger(one.byID, one.until)
		closeAll := one.build(t, seed, defaultOf(one))
		defer closeAll()
		ctx, cancel := context.WithCancel(t.Context())
		defer one.helpers.Wait()
		defer cancel()
		one.helpers.Go(func() { one.poller.Run(ctx) })
		time.Sleep(r.warmUp)
		synctest.Wait()
		got = one.watchPlan()
	})
	return got
}

// watchPlan plans now and measures until the horizon.
func (r *run) watchPlan() reached {
	kept, before := r.poller.Snapshot(), r.api.Stats()
	got := reached{plan: r.plan(&kept), ages: map[schedule.Group][]float64{}, asked: map[schedule.Group]float64{}}
	groups := got.plan.groupOfEach()
	const step = 7310 * time.Millisecond // no part of any period
	for range int(r.horizon / step) {
		time.Sleep(step)
		synctest.Wait()
		now := time.Now()
		for _, m := range r.poller.catalogue.view.Load().machines[0] {
			for _, s := range m.sensors {
				key := groups[s.ID]
				got.ages[key] = append(got.ages[key], now.Sub(s.entry.Load().Time).Seconds())
			}
		}
	}
	after := r.api.Stats()
	got.requests = float64(after.Requests-before.Requests) / r.horizon.Hours()
	got.lists = got.requests - float64(after.Of(simulator.OpValues, -1)-before.Of(simulator.OpValues, -1))/r.horizon.Hours()
	for id, n := range after.Values {
		got.asked[groups[id]] += float64(n-before.Values[id]) / r.horizon.Hours()
	}
	return got
}

// plan is the plan of a snapshot under the row's allowance and rules.
func (r *run) plan(kept *Snapshot) Plan {
	account := Account{Name: "a1", Pacer: innius.NewPacer(r.perHour(), 30)}
	return Plans(Options{Accounts: []Account{account}, DiscoveryInterval: r.discovery, Rules: rules(r.subjects), Kept: kept})[0]
}

// groupOfEach returns the group that the plan puts each sensor in, by the sensor's id.
func (p *Plan) groupOfEach() map[string]schedule.Group {
	groups := map[string]schedule.Group{}
	for t, o := range p.outlooks {
		groups[t.Sensor.ID] = o.Group
	}
	return groups
}

// comparison is one figure of a plan, and what came of it.
type comparison struct {
	what          string
	planned, came float64
}

func (r reached) comparisons() []comparison {
	all := []comparison{
		{"requests an hour", r.plan.Planned, r.requests},
		{"lists an hour", r.plan.Lists.PerHour, r.lists},
	}
	for _, g := range r.plan.Groups {
		key, name := g.Group, fmt.Sprintf("%d %s, weight %g: ", g.Sensors, g.Kind, g.Weight)
		if g.Age == 0 || g.PerHour < .01*r.plan.Planned {
			continue // a few requests more or less are no news
		}
		ages := r.ages[key]
		slices.Sort(ages)
		all = append(all, comparison{name + "requests an hour", g.PerHour, r.asked[key]},
			comparison{name + "mean age", g.Age.Seconds(), meanAge(ages)},
			comparison{name + "95 % age", g.Age95.Seconds(), ages[len(ages)*95/100]})
	}
	return all
}

func meanAge(ages []float64) float64 {
	sum := 0.0
	for _, age := range ages {
		sum += age
	}
	return sum / float64(len(ages))
}

// missed are the figures that are not within 20 % of the plan.
func (r reached) missed() (texts []string) {
	for _, c := range r.comparisons() {
		if math.Abs(c.came/c.planned-1) > .2 {
			texts = append(texts, fmt.Sprintf("%s: planned %.4g, came to %.4g", c.what, c.planned, c.came))
		}
	}
	return texts
}

func (r reached) table() string {
	text := ""
	for _, c := range r.comparisons() {
		text += fmt.Sprintf("\n%-40s %10.1f %10.1f %6.2f", c.what, c.planned, c.came, c.came/c.planned)
	}
	return text
}
