package poller

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
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

// BenchmarkMemoryOfExtremes measures what extremes add to the live heap per sensor, when each of three polls in 10 min has
// brought 100 readings of a signal that rises and falls.
func BenchmarkMemoryOfExtremes(b *testing.B) {
	benchmarkAddedMemory(b, func(at time.Time, extremes bool) (innius.Reading, reading.Rule) {
		return innius.Reading{Time: at, Value: math.Sin(float64(at.Unix()) / 20)}, reading.Rule{Extremes: extremes}
	})
}

// BenchmarkMemoryOfStates measures what three states add to the live heap per sensor, compared with readings that are numbers.
func BenchmarkMemoryOfStates(b *testing.B) {
	states := []string{"RUN", "STOP", "FAULT"}
	benchmarkAddedMemory(b, func(at time.Time, texts bool) (innius.Reading, reading.Rule) {
		if !texts {
			return innius.Reading{Time: at, Value: 1}, reading.Rule{}
		}
		text := strings.Clone(states[at.Unix()/30%3])
		return innius.Reading{Time: at, Text: text, Skip: innius.SkipText}, reading.Rule{States: states}
	})
}

// benchmarkAddedMemory measures what a rule key adds to the live heap per sensor.
func benchmarkAddedMemory(b *testing.B, read func(at time.Time, with bool) (innius.Reading, reading.Rule)) {
	const sensors = 10_000
	use := func(with bool) float64 {
		before := liveHeap()
		p, now := loaded(b, sensors), time.Now()
		for _, m := range p.inventory.Snapshot().Accounts[0].Machines {
			for _, s := range m.Sensors {
				for i := range 3 {
					now := now.Add(time.Duration(3*i) * time.Minute)
					var newest innius.Newest
					var rule reading.Rule
					for j := range 100 {
						var one innius.Reading
						one, rule = read(now.Add(time.Duration(j-100)*time.Second), with)
						newest.Readings = append(newest.Readings, one)
					}
					s.Entry.Store(newest, rule, true, now)
				}
			}
		}
		defer runtime.KeepAlive(p)
		return float64(liveHeap()-before) / sensors
	}
	for b.Loop() {
		b.ReportMetric(use(true)-use(false), "B/sensor")
	}
}

// loaded is a poller with defaults, whose machines have 10 to 30 sensors each. It has read each list twice, and has polled each
// sensor twice, with new readings, of before and after a night, and without. It is not running.
func loaded(b *testing.B, sensors int) *Poller {
	pacer := innius.NewPacer(1000, 30)
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Pacer: pacer,
		Key: func() (innius.Secret, error) { return innius.NewSecret("key"), nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	company := innius.Company{ID: "works.example", Name: "Works"}
	p := New(Options{
		Accounts: []Account{{Name: "a1", Client: client, Pacer: pacer, Concurrency: 4, Company: company}}, Counters: &Counters{},
		Logger: slog.New(slog.DiscardHandler),
	})
	a, now := p.accounts[0], time.Now()
	discover(a, sensors, now)
	discover(a, sensors, now)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 2 * sensors {
		var newest innius.Newest
		if i < sensors {
			period := time.Duration((5 + 600*r.Float64()) * float64(time.Second))
			for i := range 40 {
				at := now.Add(time.Duration(i-40)*period + time.Duration(r.Int64N(int64(period/20))))
				if i < 20 {
					at = at.Add(-9 * time.Hour) // the night
				}
				newest.Readings = append(newest.Readings, innius.Reading{Time: at, Value: float64(r.IntN(100_000)) / 100})
			}
		}
		a.handleReadings(a.schedule.Next(now), newest, nil, now)
	}
	return p
}

// discover reads each list of an account, the same ones each time.
func discover(a *account, sensors int, now time.Time) {
	r := rand.New(rand.NewPCG(1, 1))
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	}
	read := func(l *list, result *listResult) {
		a.lists.dequeue(l)
		a.handlePage(l, result, now)
	}
	var lists []listResult
	var machines listResult
	for left := sensors; left > 0; {
		var one listResult
		for j := range min(left, 10+r.IntN(21)) {
			one.sensors.Items = append(one.sensors.Items, innius.Sensor{
				ID: uuid(), Name: fmt.Sprintf("Hydraulic pressure %d", j), Unit: strings.Clone("bar"),
			})
		}
		left -= len(one.sensors.Items)
		lists = append(lists, one)
		name := fmt.Sprint("Panel Bender ", len(lists))
		machines.machines.Items = append(machines.machines.Items, innius.Machine{ID: uuid(), Name: name})
	}
	read(a.lists.machines, &machines)
	for i, m := range machines.machines.Items {
		read(a.lists.sensors[m.ID], &lists[i])
	}
	a.applyInventoryChanges()
}
