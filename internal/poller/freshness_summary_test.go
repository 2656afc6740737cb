package poller

import (
	"fmt"
	"time"
)

// The schedules that are compared.
const (
	byRoundRobin = "round-robin"
	byOracle     = "oracle"
	bySchedule   = "schedule" // what the exporter runs with
)

// summary is what a row showed over all seeds.
type summary struct {
	*row
	same bool // the exporter's schedule is round-robin itself: there is nothing to compare
	runs map[string]map[uint64]figures
	wall time.Duration

	// Means over the seeds; the ratios are means of each seed's own.
	roundRobin, oracle, schedule figures
	oracleRatio, ratio           float64
	limited                      int // 429s of round-robin and the oracle together
	requests                     int // of all runs
}

// isRoundRobin tells whether the exporter's own schedule is round-robin.
func isRoundRobin() bool {
	return false
}

func (s *summary) contenders() map[string]contender {
	all := map[string]contender{byRoundRobin: roundRobinOf, byOracle: oracleOf, bySchedule: defaultOf}
	if s.same {
		delete(all, bySchedule)
	}
	return all
}

func (s *summary) add(name string, seed uint64, f figures) {
	if s.runs == nil {
		s.runs = map[string]map[uint64]figures{byRoundRobin: {}, byOracle: {}, bySchedule: {}}
	}
	s.runs[name][seed] = f
	s.requests += f.requests
}

func (s *summary) finish() {
	if s.same && s.runs != nil {
		s.runs[bySchedule] = s.runs[byRoundRobin]
	}
	s.roundRobin, s.oracle, s.schedule = meanOf(s.runs[byRoundRobin]), meanOf(s.runs[byOracle]), meanOf(s.runs[bySchedule])
	s.oracleRatio, s.ratio = s.relative(byOracle), s.relative(bySchedule)
	s.limited = s.roundRobin.limited + s.oracle.limited
}

// relative is the mean over the seeds of a schedule's lag relative to round-robin's.
func (s *summary) relative(name string) float64 {
	sum := 0.0
	for seed, f := range s.runs[name] {
		sum += f.lag / s.runs[byRoundRobin][seed].lag
	}
	return sum / float64(len(s.runs[name]))
}

// meanOf is the mean over seeds; counts are sums.
func meanOf(runs map[uint64]figures) figures {
	var m figures
	n := float64(len(runs))
	for _, f := range runs {
		m.lag += f.lag / n
		m.alike += f.alike / n
		m.p95 += f.p95 / n
		m.fresh += f.fresh / n
		m.wasted += f.wasted / n
		m.kept += f.kept / n
		m.limited += f.limited
		m.tooEarly += f.tooEarly
	}
	return m
}

// reach is how far of the way from round-robin to the oracle the schedule has come.
func (s *summary) reach() float64 { return (1 - s.ratio) / (1 - s.oracleRatio) }

// line is the progress of a run that may take an hour.
func (s *summary) line() string {
	text := fmt.Sprintf("%s: round-robin %.4g s, oracle %.3f", s.name, s.roundRobin.lag, s.oracleRatio)
	if !s.same {
		text += fmt.Sprintf(", schedule %.3f (%.0f %% of the way; p95 %.4g s, fresh %.1f %%, wasted %.1f %%, 429s %d)", s.ratio,
			100*s.reach(), s.schedule.p95, 100*s.schedule.fresh, 100*s.schedule.wasted, s.schedule.limited)
	}
	if s.nature.promised > 0 {
		text += fmt.Sprintf("; promises kept: round-robin %.0f %%, oracle %.0f %%, schedule %.0f %%",
			100*s.roundRobin.kept, 100*s.oracle.kept, 100*s.schedule.kept)
	}
	return text + fmt.Sprintf("; %d seeds of %s, %d requests in %s: %.0f/s", s.seeds, s.horizon, s.requests,
		s.wall.Round(100*time.Millisecond), float64(s.requests)/s.wall.Seconds())
}
