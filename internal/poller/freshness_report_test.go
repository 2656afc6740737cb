//go:build !race

package poller

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// report writes docs/dev/freshness.md, or another file that the flag names. A run of some rows replaces those in it, unless
// other seeds or another length were chosen: what it says would not be what its command makes.
func report(t *testing.T, results []*summary) {
	if *harness.write == "" {
		return
	}
	text := reportOf(results)
	if *harness.rows != "" {
		before, err := os.ReadFile(*harness.write)
		if err != nil || *harness.seeds != 0 || *harness.seed0 != 1 || *harness.horizon != 0 || !*harness.full {
			return
		}
		text = withRows(string(before), results)
	}
	if err := os.WriteFile(*harness.write, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

// withRows returns a report in which some rows are replaced.
func withRows(report string, results []*summary) string {
	lines := strings.SplitAfter(report, "\n")
	for _, s := range results {
		for i, line := range lines {
			if strings.HasPrefix(line, "| "+s.name+" |") {
				lines[i] = s.tableRow()
			}
		}
	}
	return strings.Join(lines, "")
}

func reportOf(results []*summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, commandLine())
	b.WriteString("\n" + tableHead)
	same := false
	for _, s := range results {
		b.WriteString(s.tableRow())
		same = same || s.same
	}
	if same {
		b.WriteString("\nThe exporter's schedule is round-robin itself in this run, so the columns of the schedule are round-robin's.\n")
	}
	b.WriteString(postface)
	return b.String()
}

// commandLine is the command that makes the same report.
func commandLine() string {
	text := "go test ./internal/poller -run 'TestFreshness$' -timeout 0"
	if *harness.full {
		text += " -freshness.full"
	}
	if *harness.seeds != 0 {
		text += fmt.Sprintf(" -freshness.seeds %d", *harness.seeds)
	}
	if *harness.seed0 != 1 {
		text += fmt.Sprintf(" -freshness.seed0 %d", *harness.seed0)
	}
	if *harness.horizon != 0 {
		text += fmt.Sprintf(" -freshness.horizon %s", *harness.horizon)
	}
	return text
}

const preface = `# Freshness

Written by ` + "`make freshness`" + `; do not edit. Command:

    %s

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
`

const tableHead = `| scenario @ cycle | RR lag | schedule/RR | oracle/RR | limit | p95 | no lag | empty | targets | runs |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

func (s *summary) tableRow() string {
	bar, kept := fmt.Sprintf("%.2f", or(s.expected.bar, noWorse)), ""
	if math.IsInf(s.expected.bar, 1) {
		bar = ""
	}
	if s.nature.promised > 0 {
		kept = pair("%.0f", 100*s.schedule.kept, 100*s.roundRobin.kept)
	}
	return fmt.Sprintf("| %s | %.4g | %.2f | %.2f | %s | %s | %s | %s | %s | %d×%s |\n", s.name, s.roundRobin.lag,
		s.ratio, s.oracleRatio, bar, pair("%.3g", s.schedule.p95, s.roundRobin.p95),
		pair("%.0f", 100*s.schedule.fresh, 100*s.roundRobin.fresh),
		pair("%.0f", 100*s.schedule.wasted, 100*s.roundRobin.wasted),
		kept, s.seeds, hours(s.horizon))
}

// pair writes a figure of the schedule and that of round-robin.
func pair(format string, schedule, roundRobin float64) string {
	return fmt.Sprintf(format+"/"+format, schedule, roundRobin)
}

func hours(d time.Duration) string { return fmt.Sprintf("%.3gh", d.Hours()) }

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
