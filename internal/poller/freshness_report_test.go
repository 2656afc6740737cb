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

const preface = `# How fresh the readings are

Written by ` + "`make freshness`" + `; do not edit. It ran

    %s

The real refresh loop and the real client poll the simulated API, in virtual time, under three schedules with the same
seeds: the exporter's own, round-robin (it asks the sensor that was asked longest ago), and an oracle that looks into the
plant and always asks the sensor whose weighted lag is greatest.

*Lag* of a sensor is the timestamp of the newest reading that the API would give now, minus the timestamp of the reading
that the exporter exposes; 0 while the exporter has the newest one. It is computed from the plant's own readings and the
moments at which answers were stored, not sampled. Mean, 95th percentile and fresh share go over all sensors and the
whole time after a warm-up, weighted by the sensors' weights; sensors that never report do not count. *Cycle*, after the @,
is the time in which the allowance suffices to ask each sensor once: 300 sensors, unless a row says otherwise.

| column | meaning |
| --- | --- |
| RR lag | round-robin's mean lag in seconds |
| schedule / RR, oracle / RR | mean lag relative to round-robin's, mean of the seeds |
| bar | the greatest ratio that the row may have; the run fails above it |
| p95 | 95th percentile of the lag under the schedule, and under round-robin, in seconds |
| fresh | share of the time without lag under the schedule, and under round-robin |
| wasted | share of the schedule's answers that brought nothing new, and of round-robin's |
| 429s | answers 429 under the schedule, and under round-robin, over all seeds |
| kept | share of the time in which no reading of a sensor with a promise was older than promised and not picked up |
`

const tableHead = `| scenario @ cycle | RR lag | schedule / RR | oracle / RR | bar | p95 | fresh | wasted | 429s | kept | seeds, measured time |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

func (s *summary) tableRow() string {
	bar, kept := fmt.Sprintf("%.2f", or(s.expected.bar, noWorse)), ""
	if math.IsInf(s.expected.bar, 1) {
		bar = ""
	}
	if s.nature.promised > 0 {
		kept = pair("%.0f %%", 100*s.schedule.kept, 100*s.roundRobin.kept)
	}
	return fmt.Sprintf("| %s | %.4g | %.2f | %.2f | %s | %s | %s | %s | %d (%d) | %s | %d × %s |\n", s.name, s.roundRobin.lag,
		s.ratio, s.oracleRatio, bar, pair("%.3g", s.schedule.p95, s.roundRobin.p95),
		pair("%.0f %%", 100*s.schedule.fresh, 100*s.roundRobin.fresh),
		pair("%.0f %%", 100*s.schedule.wasted, 100*s.roundRobin.wasted),
		s.schedule.limited, s.roundRobin.limited, kept, s.seeds, hours(s.horizon))
}

// pair is a figure of the schedule, and in brackets round-robin's.
func pair(format string, schedule, roundRobin float64) string {
	return fmt.Sprintf(format+" ("+format+")", schedule, roundRobin)
}

func hours(d time.Duration) string { return fmt.Sprintf("%.3g h", d.Hours()) }

const postface = `
What the scenarios are:

- *all 60 s*, *all 10 s*: every sensor reports with that period. *mix*: 20 % each second, 30 % each 10 s, 20 % each minute,
  20 % each 10 min, 10 % each hour. Readings come late by up to 5 % of the period unless a row says otherwise.
- A reading is visible in the API 0.1 to 1 s after its measurement, by a delay of each sensor's own. Answers take 0.2 to 2 s,
  and the API looks at its readings in the middle of that.
- *dead*: 10 % never report. *shift*: half report for 12 hours a day only, from some moment between 6:00 and 6:15 on. *weights*: 10 % have 16, 20 % have 4, the rest 1.
- *batches*: readings each 10 s, uploaded each 5 min, by each sensor at its own time. *Poisson*: readings at random.
- *promises*: 5 % of the sensors have a max_age of 1 min.
- *shared key*: another tool takes 30 % of the limit, at random moments. *outage*: everything is answered 503 for an hour.
  *changing periods*: two thirds of the sensors change their period by a factor of six each two hours. *come and go*: each
  half hour five sensors leave and five others come; a sensor counts from the moment the exporter knows of it.
- *pages*: how many readings one answer holds; 20 where a row does not say.

Before a figure counts the harness proves itself, or fails: round-robin's mean lag must be half the cycle (and the half of
an answer's time that passes after the API has looked) within 3 %, wherever it keeps its cycle; the oracle must come within
0.03 of an independent simulation; nothing may exceed the limit.
`
