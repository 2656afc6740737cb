package poller

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/simulator"
)

// monthReport is what a month tells at its end.
type monthReport struct {
	restarts, reloads int
	longest           map[string]float64       // recovery in cycles, by what it was from
	held              map[string]time.Duration // the longest time of pauses, back-off and lists before it
	heaps             []uint64                 // after each round
}

func (r *monthReport) recovered(rec *recovery) {
	took := max(0, time.Since(rec.begun))
	r.longest[rec.from] = max(r.longest[rec.from], took.Seconds()/rec.cycle.Seconds())
	r.held[rec.from] = max(r.held[rec.from], min(rec.begun.Sub(rec.ended), time.Since(rec.ended)))
}

// judge ends a month: all that was to happen has happened, and nothing has grown.
func (m *month) judge() {
	stats, size := m.api.Stats(), m.size
	for _, kind := range simulator.FaultKinds() {
		if n := stats.Faults[kind]; n < size.each {
			m.Errorf("the fault %s happened %d times, want %d", kind, n, size.each)
		}
	}
	if stats.Requests < size.requests {
		m.Errorf("%d requests, want %d", stats.Requests, size.requests)
	}
	if stats.Limited != 0 || stats.TooEarly != 0 {
		m.Errorf("%d requests over the limit, %d before the moment that a 429 had named", stats.Limited, stats.TooEarly)
	}
	if n := stats.Of("", http.StatusOK); n < size.requests/2 {
		m.Errorf("only %d good answers", n)
	}
	first, last := float64(m.report.heaps[0]), float64(m.report.heaps[len(m.report.heaps)-1])
	if last > 1.1*first+1<<20 {
		m.Errorf("the heap grew: %d bytes", m.report.heaps)
	}
	m.Log(m.summary(stats))
}

func (m *month) summary(stats simulator.Stats) string {
	var b strings.Builder
	heaps := m.report.heaps
	fmt.Fprintf(&b, "%.1f days: %d requests, %d good answers, %d restarts, %d reloads\n",
		m.clock().Hours()/24, stats.Requests, stats.Of("", http.StatusOK), m.report.restarts, m.report.reloads)
	fmt.Fprintf(&b, "heap %d KiB after the first round, %d KiB after the last; at most %.1f requests ahead of the rate\n",
		heaps[0]>>10, heaps[len(heaps)-1]>>10, m.spending.most)
	answers := map[int]int{}
	for a, n := range stats.Responses {
		answers[a.Status] += n
	}
	for _, status := range slices.Sorted(maps.Keys(answers)) {
		fmt.Fprintf(&b, "  status %3d %9d\n", status, answers[status])
	}
	fmt.Fprintf(&b, "%-24s %9s %18s %14s\n", "fault or event", "strikes", "recovery in cycles", "held up before")
	for _, from := range slices.Sorted(maps.Keys(m.report.longest)) {
		strikes := ""
		if n, ok := stats.Faults[simulator.FaultKind(from)]; ok {
			strikes = fmt.Sprint(n)
		}
		fmt.Fprintf(&b, "  %-22s %9s %18.2f %14s\n", from, strikes, m.report.longest[from], m.report.held[from].Round(time.Second))
	}
	return b.String()
}
