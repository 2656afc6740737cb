package reading

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"innius_exporter/innius"
)

// pollOf stores one poll of readings, given as seconds and values.
func pollOf(e *Entry, pairs ...float64) {
	var readings []innius.Reading
	now := 10_000
	for i := 0; i+1 < len(pairs); i += 2 {
		readings = append(readings, reading(int(pairs[i]), pairs[i+1]))
		now = max(now, int(pairs[i]))
	}
	poll(e, nil, true, at(now), readings...)
}

// recentOf returns the recent readings as seconds and values.
func recentOf(e *Entry) []float64 {
	var pairs []float64
	for _, r := range e.Load().Recent.Points() {
		pairs = append(pairs, r[0]-float64(start.Unix()), r[1])
	}
	return pairs
}

func TestRecentHoldsEachReadingOnce(t *testing.T) {
	e := New()
	for i, step := range []struct{ polled, want []float64 }{
		{nil, nil},
		{[]float64{1, 10, 2, 20, 3, 30}, []float64{1, 10, 2, 20, 3, 30}},
		{[]float64{2, 20, 3, 30, 4, 40}, []float64{1, 10, 2, 20, 3, 30, 4, 40}}, // the page overlaps
		{[]float64{1, 99, 2, 99}, []float64{1, 10, 2, 20, 3, 30, 4, 40}},        // older
		{[]float64{4, 44}, []float64{1, 10, 2, 20, 3, 30, 4, 44}},               // corrected at the source
		{nil, []float64{1, 10, 2, 20, 3, 30, 4, 44}},
	} {
		if pollOf(e, step.polled...); !slices.Equal(recentOf(e), step.want) {
			t.Errorf("step %d: %v, want %v", i+1, recentOf(e), step.want)
		}
	}
}

func TestRecentHoldsNumbersOnly(t *testing.T) {
	e := New()
	poll(e, map[string]float64{"RUN": 7}, true, at(10),
		reading(1, 1), skipped(2, innius.SkipText, "ODD"), skipped(3, innius.SkipText, "RUN"),
		skipped(9000, innius.SkipFuture, ""), faulty("never"))
	if want := []float64{1, 1, 3, 7}; !slices.Equal(recentOf(e), want) {
		t.Errorf("%v, want %v", recentOf(e), want)
	}
}

func TestRecentIsBounded(t *testing.T) {
	e := New()
	var page []float64
	for i := range 100 {
		page = append(page, float64(i), float64(i))
	}
	pollOf(e, page...)
	for i := range 50 {
		pollOf(e, float64(100+i), float64(100+i))
	}
	got := recentOf(e)
	if len(got) != 2*MaxRecent || got[0] != 150-MaxRecent || got[len(got)-1] != 149 {
		t.Errorf("%d numbers: %v", len(got), got)
	}
}

// After a restart the reading held is all there is; what comes next is seen to come after it.
func TestRecentStartsWithRestoredReading(t *testing.T) {
	e := Restore(&Saved{Time: at(5), Value: 50})
	pollOf(e, 100, 60)
	if want := []float64{5, 50, 100, 60}; !slices.Equal(recentOf(e), want) {
		t.Errorf("%v, want %v", recentOf(e), want)
	}
}

func TestRecentKeepsTimesYearsApart(t *testing.T) {
	e, year := New(), int(365*24*time.Hour/time.Second)
	var want []float64
	for i := range 200 {
		pollOf(e, float64(i*year/10), float64(i))
	}
	for i := 200 - MaxRecent; i < 200; i++ {
		want = append(want, float64(i*year/10), float64(i))
	}
	if got := recentOf(e); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRecentAsJSON(t *testing.T) {
	e := New()
	pollOf(e, 1, 0.1, 2, math.MaxFloat64, 3, -5e-324)
	text, err := json.Marshal(e.Load().Recent.Points())
	if want := "[[946684801,0.1],[946684802,1.7976931348623157e+308],[946684803,-5e-324]]"; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
}

// Scrapes and status pages read while the loop writes; -race watches.
func TestRecentIsReadDuringWrites(t *testing.T) {
	e := New()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				pairs := recentOf(e)
				for i := 2; i < len(pairs); i += 2 {
					if pairs[i] <= pairs[i-2] || pairs[i] != pairs[i+1] {
						t.Errorf("half of a change: %v", pairs)
						return
					}
				}
			}
		})
	}
	for i := range 5000 {
		pollOf(e, float64(i), float64(i), float64(i+1), float64(i+1))
	}
	close(stop)
	readers.Wait()
}
