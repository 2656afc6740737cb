package freshness

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// at is a number of seconds after the start.
func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func TestTallyAddsUpLag(t *testing.T) {
	// Readings at 0, 10, 20 ... s, visible 2 s later. The one of 0 s is cached, until a response at 34 s has that of 30 s.
	s := subject{Sensor: simulator.Sensor{ID: "a", Period: 10 * time.Second, Delay: 2 * time.Second}, weight: 3, maxAge: 20 * time.Second}
	k, y := newTrack(&s, at(0), at(100)), &tally{}
	k.advance(at(5).UnixNano(), nil) // before the measurement
	k.stored(at(34).UnixNano(), at(30).UnixNano(), y)
	k.advance(at(40).UnixNano(), y)
	// The lag is 0 from 5 to 12 s, 10 s to 22 s, 20 s to 32 s, 30 s to 34 s, then 0.
	const lag, during = 10*10 + 20*10 + 30*2, 35
	if got := y.mean(); math.Abs(got-float64(lag)/during) > 1e-9 {
		t.Errorf("mean lag %v s, want %v", got, float64(lag)/during)
	}
	if got := y.fresh / y.time; math.Abs(got-13./during) > 1e-9 {
		t.Errorf("fresh share %v, want %v", got, 13./during)
	}
	if got := y.quantile(.95); got < 29.5 || got > 30 {
		t.Errorf("95th percentile %v s, want 30", got)
	}
	// The reading of 10 s, visible from 12 s on, is 20 s old at 30 s and fetched at 34 s.
	if got := y.metFor / y.targetTime; math.Abs(got-31./during) > 1e-9 {
		t.Errorf("target met for %v of the time, want %v", got, 31./during)
	}
}

func TestBucketsHoldLagWithinTwoPercent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		lag := r.Int64() >> r.IntN(63)
		b := bucket(lag)
		if least := floor(b); least > lag || float64(lag-least) > float64(lag)/63 || bucket(least) != b || b >= len(tally{}.spread) {
			t.Fatalf("lag %d is in bucket %d, from %d on", lag, b, least)
		}
	}
}

func TestNatureDealsExactParts(t *testing.T) {
	n := nature{periods: mix(), weights: weights(), dead: .1, targets: .05, maxAge: time.Minute}
	count := map[any]int{}
	for _, s := range n.make(1) {
		count[s.weight]++
		count[s.maxAge]++
		count[s.Period > 0]++
	}
	for what, want := range map[any]int{16.: 30, 4.: 60, 1.: 210, time.Minute: 15, false: 30} {
		if count[what] != want {
			t.Errorf("%v: %d sensors, want %d", what, count[what], want)
		}
	}
}

func TestRandomReadingsHavePoissonGaps(t *testing.T) {
	s := nature{periods: only(10), poisson: true, sensors: 1}.make(1)[0]
	line := s.Timeline(start, start.Add(100*time.Hour))
	var sum, squares, n float64
	last, _ := line.Next()
	for r, ok := line.Next(); ok; r, ok = line.Next() {
		gap := r.Stamp.Sub(last.Stamp).Seconds()
		sum, squares, n, last = sum+gap, squares+gap*gap, n+1, r
	}
	mean := sum / n
	if spread := math.Sqrt(squares/n-mean*mean) / mean; math.Abs(mean-10) > .3 || math.Abs(spread-1) > .05 {
		t.Errorf("gaps of %.2f s on average, coefficient of variation %.3f", mean, spread)
	}
}

func TestOraclePollsGreatestWeightedLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		byID := map[string]*subject{
			"slow":  {Sensor: simulator.Sensor{ID: "slow", Period: time.Hour}, weight: 1},
			"fast":  {Sensor: simulator.Sensor{ID: "fast", Period: time.Second}, weight: 1},
			"heavy": {Sensor: simulator.Sensor{ID: "heavy", Period: time.Second}, weight: 16},
			"dead":  {Sensor: simulator.Sensor{ID: "dead"}, weight: 1},
		}
		o := newOracle(byID, at(7200))
		o.Set("", []poller.Spec{{ID: "dead"}, {ID: "slow"}, {ID: "fast"}, {ID: "heavy"}})
		held := map[string]int{"slow": 3500, "fast": 3590, "heavy": 3595}
		for _, c := range o.all {
			if seconds, ok := held[c.ID]; ok {
				o.Succeeded(c.task, schedule.Result{Times: []time.Time{at(seconds)}})
			}
		}
		var order []string
		for range 4 {
			order = append(order, o.byTask[o.Next(at(3601))].ID)
		}
		if want := []string{"slow", "heavy", "fast", "dead"}; !slices.Equal(order, want) {
			t.Errorf("%v, want %v: lags of 100 s, then 6 s times 4, then 11 s, then none", order, want)
		}
		if _, ok := o.Due(); ok {
			t.Error("a sensor is due while all are being polled")
		}
	})
}
