package poller

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// BenchmarkStatus describes many sensors, each with a full line of recent readings: what a status page costs before it is
// written, while the loop goes on.
func BenchmarkStatus(b *testing.B) {
	for _, sensors := range []int{10_000, 100_000} {
		p := pollerOf(sensors)
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			for b.Loop() {
				if s := p.Status(); s.Accounts[0].Sensors[SensorPending] != sensors/2 {
					b.Fatal(s.Accounts[0].Sensors)
				}
			}
		})
	}
}

// pollerOf makes a poller of many sensors, half of which have recent readings. It does not run.
func pollerOf(sensors int) *Poller {
	kept := State{At: dawn, Accounts: []SavedAccount{{Name: "a1", Company: innius.Company{ID: "works.example"}, ListedAt: dawn}}}
	for i := range sensors / 100 {
		m := SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", i)}, ListedAt: dawn}
		for j := range 100 {
			m.Sensors = append(m.Sensors, SavedSensor{Sensor: innius.Sensor{ID: fmt.Sprint("s", j)}})
		}
		kept.Accounts[0].Machines = append(kept.Accounts[0].Machines, m)
	}
	p := New(Options{
		Accounts: []Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}},
		Counters: &Counters{}, Logger: slog.New(slog.DiscardHandler), State: &kept,
	})
	var answer innius.Newest
	now := time.Now()
	for i := range reading.MaxRecent {
		answer.Readings = append(answer.Readings, innius.Reading{Time: now.Add(time.Duration(i-reading.MaxRecent) * time.Minute), Value: float64(i)})
	}
	for _, m := range p.inventory.Snapshot().Accounts[0].Machines {
		for _, s := range m.Sensors[:len(m.Sensors)/2] {
			s.Entry.Store(answer, nil, true, now)
		}
	}
	return p
}
