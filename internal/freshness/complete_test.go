package freshness

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// coverage is what a run with or without page targets has read.
type coverage struct {
	read, exist map[time.Duration]float64 // readings by reporting interval
	requests    int                       // of the whole run
}

// share returns the part of the readings that was read, of sensors with an interval; 0: of all.
func (c coverage) share(interval time.Duration) float64 {
	var read, exist float64
	for of, n := range c.exist {
		if interval == 0 || of == interval {
			read, exist = read+c.read[of], exist+n
		}
	}
	return read / exist
}

// cover runs a row and counts, from the newest reading that each sensor held after the warm-up to the newest at the end.
func (r *row) cover(t *testing.T) (c coverage) {
	synctest.Test(t, func(t *testing.T) {
		one, stop := r.warm(t)
		defer stop()
		read, from := map[string]int{}, map[string]int64{}
		one.ledger.mu.Lock()
		for id, k := range one.ledger.tracks {
			from[id] = k.held
		}
		one.ledger.read = read
		one.ledger.mu.Unlock()
		time.Sleep(time.Until(one.until))
		synctest.Wait()
		c = coverage{map[time.Duration]float64{}, map[time.Duration]float64{}, one.wire.count().requests}
		for id, k := range one.ledger.tracks {
			s := one.byID[id]
			c.read[s.Period] += float64(read[id])
			line := s.Timeline(start, one.until)
			for reading, ok := line.Next(); ok && reading.Stamp.UnixMilli()*1e6 <= k.held; reading, ok = line.Next() {
				if reading.Stamp.UnixMilli()*1e6 > from[id] {
					c.exist[s.Period]++
				}
			}
		}
	})
	return c
}

// coverRow is a row with page targets or without, of the mix of intervals.
func coverRow(sensors int, cycle time.Duration, page int, complete bool) *row {
	return &row{
		nature: nature{sensors: sensors, periods: mix(), jitter: .05}, cycle: cycle, page: page, complete: complete,
		warmUp: 4 * max(cycle, hour/2), horizon: 6 * max(cycle, hour/2),
	}
}

// TestPageTargetsReadEveryReading measures 300 sensors in `make check-freshness`, else fewer with as many requests each.
func TestPageTargetsReadEveryReading(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	sensors := 60
	if *runFlag != "" {
		sensors = 300
	}
	const cycle = 32 * minute
	with, without := coverRow(sensors, cycle, 1000, true).cover(t), coverRow(sensors, cycle, 1000, false).cover(t)
	t.Logf("pages of 1000: %.2f %% instead of %.1f %% of the readings, %d requests instead of %d",
		100*with.share(0), 100*without.share(0), with.requests, without.requests)
	if with.share(0) < .995 || float64(with.requests) > 1.01*float64(without.requests) {
		t.Errorf("want 99.5 %% in at most 1 %% more requests: %+v, without %+v", with, without)
	}
	short := coverRow(sensors, cycle, 100, true).cover(t)
	t.Logf("pages of 100: %.2f %% of the readings of sensors that report every 10 s", 100*short.share(10*time.Second))
	if short.share(10*time.Second) < .99 {
		t.Errorf("want 99 %% of those each 10 s: %+v", short)
	}
}

// TestCoverage logs the table of docs/readings.md.
func TestCoverage(t *testing.T) {
	if *runFlag != "full" {
		t.Skip("go test ./internal/freshness -v -timeout 0 -run 'TestCoverage$' -freshness full")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var table strings.Builder
	table.WriteString("| cycle | `page_size` | `complete` | 1 s | 10 s | 60 s | 10 min | 1 h | all | requests |\n")
	table.WriteString(strings.Repeat("| --- ", 10) + "|\n")
	for _, cycle := range []time.Duration{tenMinutes, 32 * minute, 2 * hour} {
		for _, page := range []int{20, 100, 1000} {
			for _, complete := range []bool{false, true} {
				c := coverRow(300, cycle, page, complete).cover(t)
				fmt.Fprintf(&table, "| %s | %d | %t |", strings.TrimSuffix(cycle.String(), "0s"), page, complete)
				for _, p := range append(mix(), part{}) {
					fmt.Fprintf(&table, " %s |", percent(c.share(time.Duration(p.value)*time.Second)))
				}
				fmt.Fprintf(&table, " %d |\n", c.requests)
			}
		}
	}
	t.Log("\n" + table.String())
}

// percent is never rounded up to all.
func percent(share float64) string { return fmt.Sprintf("%.4g %%", math.Floor(1000*share)/10) }
