package poller

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkHeap tells how many bytes of live heap a sensor takes, of everything that the daemon holds: catalogue, labels,
// readings, schedule, what was learned, and the snapshot that the state file is made of just having been taken.
func BenchmarkHeap(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			for b.Loop() {
				before := liveHeap()
				p := Loaded(b, sensors, 1)
				if s := p.Snapshot(); len(s.Accounts) != 1 {
					b.Fatal("no snapshot")
				}
				if _, _, err := NewCollector(func() *Poller { return p }).Gather(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(liveHeap()-before)/float64(sensors), "B/sensor")
				runtime.KeepAlive(p)
			}
		})
	}
}
