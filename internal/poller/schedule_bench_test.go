package poller

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

// BenchmarkDecision is one turn of the schedule: whom to ask, and what to learn from an answer with something new. What it
// costs must not grow with the number of sensors but by its logarithm.
func BenchmarkDecision(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			w, now := learned(sensors), dawn
			for b.Loop() {
				now = now.Add(3 * time.Second)
				t := w.next(now)
				w.answered(t, outcome{at: now, now: now, whole: true, times: []time.Time{now.Add(-time.Second)}})
			}
		})
	}
}

// BenchmarkLevel computes the level anew, which happens 20 times a cycle within a turn: it is the longest that the loop is
// kept from anything else, and must stay below 5 ms, whatever the number of sensors.
func BenchmarkLevel(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			w := learned(sensors)
			for b.Loop() {
				w.leveledAt = time.Time{}
				w.level(dawn)
			}
		})
	}
}

// learned makes a schedule of sensors of different paces, each with a full memory.
func learned(sensors int) *waterLevel {
	w := newWaterLevel(10*time.Second, time.Hour, func() float64 { return 1200 })
	r := rand.New(rand.NewPCG(1, 1))
	for m := range sensors / 100 {
		var list []*sensor
		for s := range 100 {
			list = append(list, &sensor{machine: &machine{}, Sensor: &innius.Sensor{ID: fmt.Sprint(m, ".", s)}, rule: noRule, entry: reading.New()})
		}
		w.set(fmt.Sprint(m), list)
	}
	for range sensors {
		t := w.roundRobin.next(dawn)
		var times []time.Time
		period := time.Duration((1 + 3600*r.Float64()) * float64(time.Second))
		for i := range 40 {
			times = append(times, dawn.Add(time.Duration(i-40)*period+time.Duration(r.Int64N(int64(period/20)))))
		}
		w.answered(t, outcome{at: dawn, now: dawn, times: times})
	}
	return w
}
