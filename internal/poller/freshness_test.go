//go:build !race

// A million requests are too much work for the race detector: it sees the same loop and client in the stories.

package poller

import (
	"flag"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"
)

// harness are the flags of the freshness harness; `make freshness` sets them.
var harness = struct {
	full    *bool
	seeds   *int
	seed0   *uint64
	rows    *string
	horizon *time.Duration
	write   *string
}{
	flag.Bool("freshness.full", false, "run all rows, to their full length"),
	flag.Int("freshness.seeds", 0, "seeds a row; 0: each row's own number"),
	flag.Uint64("freshness.seed0", 1, "the first seed"),
	flag.String("freshness.rows", "", "only the rows whose name matches this expression"),
	flag.Duration("freshness.horizon", 0, "how long each row is measured, after its warm-up; 0: each row's own length"),
	flag.String("freshness.write", "", "write the report to this file"),
}

// TestFreshness measures how fresh the exporter's schedule keeps its readings, beside round-robin and an oracle. It
// proves itself first: where theory or the table of the issue knows a figure, the harness must come to the same.
func TestFreshness(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // millions of requests on a small heap
	var results []*summary
	for _, r := range chosen(t) {
		s := r.measureAll(t)
		results = append(results, s)
		t.Log(s.line())
		for _, wrong := range r.proof(s) {
			t.Errorf("%s: the harness is not to be trusted: %s", r.name, wrong)
		}
		if s.same {
			continue
		}
		for _, missed := range r.missed(s) {
			t.Errorf("%s: %s", r.name, missed)
		}
	}
	report(t, results)
}

// chosen are the rows that the flags choose, at the length that they choose.
func chosen(t *testing.T) []*row {
	only, err := regexp.Compile(*harness.rows)
	if err != nil {
		t.Fatal(err)
	}
	all := rows()
	if !*harness.full && *harness.rows == "" {
		all = shortened(all)
	}
	all = slices.DeleteFunc(all, func(r *row) bool { return !only.MatchString(r.name) })
	for _, r := range all {
		r.seeds, r.horizon = or(*harness.seeds, r.seeds), or(*harness.horizon, r.horizon)
	}
	return all
}

// shortened is the choice of CI: four rows, over a short horizon.
func shortened(all []*row) (short []*row) {
	for _, r := range all {
		switch r.name {
		case "all 60 s @ 1 min":
			r.warmUp, r.horizon, r.seeds = hour/6, hour/3, 6
		case "mix, Poisson @ 1 min":
			r.warmUp, r.horizon, r.seeds = hour/3, hour, 5
		case "mix @ 10 min", "mix + weights @ 10 min":
			r.warmUp, r.horizon, r.seeds = 2*hour, 6*hour, 3
		default:
			continue
		}
		short = append(short, r)
	}
	return short
}

// measureAll runs all schedules with all seeds of a row, as many at once as there are processors.
func (r *row) measureAll(t *testing.T) *summary {
	s := &summary{row: r, same: isRoundRobin()}
	begin := time.Now()
	t.Run(r.name, func(t *testing.T) {
		var mu sync.Mutex
		for i := range r.seeds {
			seed := *harness.seed0 + uint64(i)
			for name, c := range s.contenders() {
				t.Run(fmt.Sprintf("seed=%d/%s", seed, name), func(t *testing.T) {
					t.Parallel()
					f := r.measure(t, seed, c)
					mu.Lock()
					defer mu.Unlock()
					s.add(name, seed, f)
				})
			}
		}
	})
	s.wall = time.Since(begin)
	s.finish()
	return s
}
