package freshness

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The flags that `make freshness` and `make check-freshness` set.
var (
	runFlag   = flag.String("freshness", "", "run the short or the full set of scenarios; default: none")
	rowsFlag  = flag.String("freshness.rows", "", "only the scenarios of the full set whose name matches this expression")
	seedsFlag = flag.Int("freshness.seeds", 0, "seeds per scenario; 0: as the scenario says")
	writeFlag = flag.String("freshness.write", "", "write the report to this file")
	codeFlag  = flag.String("freshness.revision", "unknown", "what is measured, for the report")
)

// TestFreshness compares the exporter's scheduler with round-robin and the oracle. It tests the harness first: where
// theory or an independent simulation knows a figure, the harness must agree.
func TestFreshness(t *testing.T) {
	if *runFlag == "" {
		t.Skip("make check-freshness and make freshness run this")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // millions of requests on a small heap
	var results []*summary
	for _, r := range chosenRows(t) {
		s := r.measureAll(t)
		results = append(results, s)
		t.Log(s.line())
		for _, wrong := range s.harnessErrors() {
			t.Errorf("%s: the harness is wrong: %s", r.name, wrong)
		}
		for _, missed := range s.missed() {
			t.Errorf("%s: %s", r.name, missed)
		}
	}
	if *writeFlag != "" {
		if err := os.WriteFile(*writeFlag, []byte(report(results)), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// chosenRows are the rows that the flags choose.
func chosenRows(t *testing.T) []*row {
	only, err := regexp.Compile(*rowsFlag)
	if err != nil {
		t.Fatal(err)
	}
	all := shortRows()
	if *runFlag == "full" {
		all = rows()
	}
	all = slices.DeleteFunc(all, func(r *row) bool { return !only.MatchString(r.name) })
	for _, r := range all {
		r.seeds = or(*seedsFlag, r.seeds)
	}
	return all
}

// measureAll runs all schedulers with all seeds of a row, as many at once as there are processors.
func (r *row) measureAll(t *testing.T) *summary {
	s := &summary{row: r, runs: map[string]map[int]figures{byRoundRobin: {}, byOracle: {}, bySchedule: {}}}
	begin := time.Now()
	t.Run(r.name, func(t *testing.T) {
		var mu sync.Mutex
		for seed := 1; seed <= r.seeds; seed++ {
			for name, c := range contenders {
				t.Run(fmt.Sprintf("seed=%d/%s", seed, name), func(t *testing.T) {
					t.Parallel()
					f := r.measure(t, uint64(seed), c)
					mu.Lock()
					defer mu.Unlock()
					s.runs[name][seed] = f
				})
			}
		}
	})
	s.wall = time.Since(begin)
	s.finish()
	return s
}

// summary is the result of a row over all seeds.
type summary struct {
	*row
	runs map[string]map[int]figures // by scheduler and seed
	wall time.Duration

	roundRobin, oracle, schedule figures // means over the seeds; counts are sums
	oracleRatio, ratio           float64 // lag relative to round-robin's: means of each seed's own
}

func (s *summary) finish() {
	s.roundRobin, s.oracle, s.schedule = meanOf(s.runs[byRoundRobin]), meanOf(s.runs[byOracle]), meanOf(s.runs[bySchedule])
	s.oracleRatio, s.ratio = s.relative(byOracle), s.relative(bySchedule)
}

func (s *summary) relative(name string) float64 {
	sum := 0.0
	for seed, f := range s.runs[name] {
		sum += f.lag / s.runs[byRoundRobin][seed].lag
	}
	return sum / float64(len(s.runs[name]))
}

func meanOf(runs map[int]figures) (m figures) {
	n := float64(len(runs))
	for _, f := range runs {
		m.lag += f.lag / n
		m.evenLag += f.evenLag / n
		m.p95 += f.p95 / n
		m.fresh += f.fresh / n
		m.wasted += f.wasted / n
		m.met += f.met / n
		m.limited += f.limited
		m.tooEarly += f.tooEarly
		m.requests += f.requests
	}
	return m
}

// halfResponse is the average time of a response after the API has read its plant.
const halfResponse = 550 * time.Millisecond

// harnessErrors are the figures that the harness itself gets wrong.
func (s *summary) harnessErrors() (wrong []string) {
	// Without weights: the few sensors of a high weight are too small a sample.
	half := (s.cycle/2 + halfResponse).Seconds()
	if s.steady() && math.Abs(s.roundRobin.evenLag/half-1) > .03 {
		wrong = append(wrong, fmt.Sprintf("round-robin's mean lag is %.1f s, want half of cycle and response, %.1f s", s.roundRobin.evenLag, half))
	}
	if want := s.expected.oracle; want > 0 && math.Abs(s.oracleRatio-want) > .03 {
		wrong = append(wrong, fmt.Sprintf("the oracle's lag is %.3f of round-robin's, want %.2f", s.oracleRatio, want))
	}
	if n := s.roundRobin.limited + s.oracle.limited; s.steady() && n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests over the rate limit", n))
	}
	return wrong
}

// missed are the bars that the exporter's scheduler misses.
func (s *summary) missed() (missed []string) {
	if s.ratio > s.bar() {
		missed = append(missed, fmt.Sprintf("the lag is %.3f of round-robin's, the bar is %.2f", s.ratio, s.bar()))
	}
	if s.schedule.tooEarly > 0 {
		missed = append(missed, fmt.Sprintf("%d requests before a stated wait was over", s.schedule.tooEarly))
	}
	if s.schedule.limited > 0 && s.steady() {
		missed = append(missed, fmt.Sprintf("%d requests over the rate limit", s.schedule.limited))
	}
	return missed
}

// line shows the progress of a run that may take an hour.
func (s *summary) line() string {
	requests := s.roundRobin.requests + s.oracle.requests + s.schedule.requests
	text := fmt.Sprintf("%s: round-robin %.4g s, oracle %.3f, schedule %.3f (p95 %.4g s, fresh %.1f %%, wasted %.1f %%, 429s %d)",
		s.name, s.roundRobin.lag, s.oracleRatio, s.ratio, s.schedule.p95, 100*s.schedule.fresh, 100*s.schedule.wasted, s.schedule.limited)
	if s.nature.targets > 0 {
		text += fmt.Sprintf("; max_age met: round-robin %.0f %%, oracle %.0f %%, schedule %.0f %%",
			100*s.roundRobin.met, 100*s.oracle.met, 100*s.schedule.met)
	}
	return text + fmt.Sprintf("; %d seeds of %s, %d requests in %s", s.seeds, s.horizon, requests, s.wall.Round(100*time.Millisecond))
}

// report is docs/dev/freshness.md.
func report(results []*summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, *codeFlag)
	for _, s := range results {
		b.WriteString(s.tableRow())
	}
	b.WriteString(postface)
	return b.String()
}

func (s *summary) tableRow() string {
	limit, targets := fmt.Sprintf("%.2f", s.bar()), ""
	if math.IsInf(s.bar(), 1) {
		limit = ""
	}
	if s.nature.targets > 0 {
		targets = fmt.Sprintf("%.0f/%.0f", 100*s.schedule.met, 100*s.roundRobin.met)
	}
	return fmt.Sprintf("| %s | %.4g | %.2f | %.2f | %s | %.3g/%.3g | %.0f/%.0f | %.0f/%.0f | %s | %d×%.3gh |\n", s.name, s.roundRobin.lag,
		s.ratio, s.oracleRatio, limit, s.schedule.p95, s.roundRobin.p95, 100*s.schedule.fresh, 100*s.roundRobin.fresh,
		100*s.schedule.wasted, 100*s.roundRobin.wasted, targets, s.seeds, s.horizon.Hours())
}

const preface = `# Freshness

Written by ` + "`" + `make freshness` + "`" + ` at revision %.7s; do not edit. The short rows are measured again with each change (` + "`" + `make
check-freshness` + "`" + `).

The real loop and client poll the simulated API in virtual time, with three schedules and the same seeds: the exporter's own,
round-robin (RR), and an oracle that knows the plant and always polls the sensor with the greatest weighted lag.

The *lag* of a sensor is the time between the newest reading that the API has and the reading that the exporter exposes; 0 if they are
the same. It is computed from the readings of the plant, not sampled. Figures are over all sensors that report, weighted, after a
warm-up. *Cycle*, after the @, is the time in which the rate limit permits to poll every sensor once: 300 sensors, unless a row
names another number.

| column | meaning |
| --- | --- |
| RR lag | mean lag with round-robin, in seconds |
| schedule/RR, oracle/RR | mean lag relative to round-robin |
| limit | greatest schedule/RR that the row may have; the run fails above it |
| p95 | 95th percentile of the lag in seconds: schedule/RR |
| no lag | share of the time without lag in percent: schedule/RR |
| empty | polls without a new reading in percent: schedule/RR |
| targets | time in which every max-age target is met in percent: schedule/RR |
| runs | seeds × measured time |

| scenario @ cycle | RR lag | schedule/RR | oracle/RR | limit | p95 | no lag | empty | targets | runs |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

const postface = `
Scenarios:

- *all 60 s*, *all 10 s*: every sensor reports with that period. *mix*: 20 % each second, 30 % each 10 s, 20 % each minute,
  20 % each 10 min, 10 % each hour. Readings come up to 5 % of the period late, unless a row names another jitter.
- A reading is visible in the API 0.1 to 1 s after its measurement. Responses take 0.2 to 2 s; the API reads its values in the middle.
- *dead*: 10 % never report. *shift*: half report for 12 hours per day only. *weights*: 10 % have weight 16, 20 % have 4.
- *batches*: readings each 10 s, uploaded each 5 min. *Poisson*: readings at random times.
- *max-age*: 5 % of the sensors have a max_age of 1 min.
- *shared key*: another tool uses 30 % of the limit, at random times. *outage*: every response is a 503 for an hour. *changing
  periods*: two thirds of the sensors change their period by a factor of six every two hours. *come and go*: every half hour five
  sensors leave and five others come.
- *pages*: number of readings per response; 20 by default.

The harness checks itself first: the mean lag of round-robin must be half the cycle, plus half a response time, within 3 %; the oracle
must be within 0.03 of an independent simulation; nothing may exceed the limit.
`
