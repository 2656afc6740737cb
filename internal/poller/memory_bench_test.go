package poller

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/innius"
)

// BenchmarkMemory measures the live heap per sensor after a scrape: ids and names of usual length, 20 recent readings, a learned
// reporting interval.
func BenchmarkMemory(b *testing.B) {
	for _, sensors := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint("sensors=", sensors), func(b *testing.B) {
			for b.Loop() {
				before := liveHeap()
				p := loaded(b, sensors)
				c := NewCollector(func() *Poller { return p })
				scrape, n := make(chan prometheus.Metric), 0
				go func() { c.Collect(scrape); close(scrape) }()
				for range scrape {
					n++
				}
				if n < 6*sensors {
					b.Errorf("%d series", n)
				}
				b.ReportMetric(float64(liveHeap()-before)/float64(sensors), "B/sensor")
				runtime.KeepAlive(p)
				runtime.KeepAlive(c)
			}
		})
	}
}

// loaded is a poller of machines with 100 sensors each that have been polled twice, with and without new readings. It is not
// running.
func loaded(b *testing.B, sensors int) *Poller {
	now, r := time.Now(), rand.New(rand.NewPCG(1, 1))
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	}
	saved := SavedAccount{
		Name: "a1", Company: innius.Company{ID: "works.example", Name: "Works"}, ListedAt: now, Discovered: true,
		Pacer: innius.PacerState{At: now},
	}
	for i := range sensors / 100 {
		m := SavedMachine{Machine: innius.Machine{ID: uuid(), Name: fmt.Sprintf("Panel Bender %03d", i)}, ListedAt: now}
		for j := range 100 {
			m.Sensors = append(m.Sensors, SavedSensor{
				Sensor: innius.Sensor{ID: uuid(), Name: fmt.Sprintf("Hydraulic pressure %d", j), Unit: "bar"},
			})
		}
		saved.Machines = append(saved.Machines, m)
	}
	pacer := innius.NewPacer(1000, 30)
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Pacer: pacer,
		Key: func() (innius.Secret, error) { return innius.NewSecret("key"), nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	p := New(Options{
		Accounts: []Account{{Name: "a1", Client: client, Pacer: pacer, Concurrency: 4}}, Counters: &Counters{},
		Logger: slog.New(slog.DiscardHandler), State: &State{At: now, Accounts: []SavedAccount{saved}},
	})
	a := p.accounts[0]
	for i := range 2 * sensors {
		var newest innius.Newest
		if i < sensors {
			period := time.Duration((5 + 600*r.Float64()) * float64(time.Second))
			for i := range 40 {
				at := now.Add(time.Duration(i-40)*period + time.Duration(r.Int64N(int64(period/20))))
				newest.Readings = append(newest.Readings, innius.Reading{Time: at, Value: float64(r.IntN(100_000)) / 100})
			}
		}
		a.handleReadings(a.schedule.Next(now), newest, nil, now)
	}
	return p
}
