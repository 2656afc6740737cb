package poller

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"innius_exporter/innius"
)

// Loaded is a poller of so many sensors, a hundred a machine, that holds of each all that it can hold after a few days:
// names and ids as long as they are in life, a full ring of recent readings, a learned pace. It is not running.
func Loaded(tb testing.TB, sensors, accounts int) *Poller {
	tb.Helper()
	now := time.Now()
	kept := &State{At: now}
	opts := Options{Counters: &Counters{}, Logger: slog.New(slog.DiscardHandler)}
	for i := range accounts {
		name := fmt.Sprint("plant-", i+1)
		pacer := innius.NewPacer(1000, 30)
		client, err := innius.New(innius.Options{
			BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Pacer: pacer,
			Key: func() (innius.Secret, error) { return innius.NewSecret("key"), nil },
		})
		if err != nil {
			tb.Fatal(err)
		}
		opts.Accounts = append(opts.Accounts, Account{Name: name, Client: client, Pacer: pacer, Concurrency: 4})
		kept.Accounts = append(kept.Accounts, keptPlant(name, i, sensors/accounts, now))
	}
	opts.State = kept
	p := New(opts)
	for _, a := range p.accounts {
		a.feed(now, true)
		a.feed(now, false)
	}
	return p
}

// savedPlant is a company as listed, before any poll.
func keptPlant(name string, company, sensors int, now time.Time) SavedAccount {
	k := SavedAccount{
		Name: name, Company: innius.Company{ID: fmt.Sprintf("works-%d.example", company), Name: fmt.Sprint("Works ", company)},
		ListedAt: now, Pacer: innius.PacerState{At: now}, Discovered: true,
	}
	r := rand.New(rand.NewPCG(1, uint64(company)))
	units := []string{"bar", "°C", "kWh", "m/s", "%", "rpm"}
	for i := range sensors / 100 {
		m := SavedMachine{Machine: innius.Machine{ID: uuid(r), Name: fmt.Sprintf("Panel Bender %03d", i)}, ListedAt: now}
		for j := range 100 {
			m.Sensors = append(m.Sensors, SavedSensor{
				Sensor: innius.Sensor{ID: uuid(r), Name: fmt.Sprintf("Hydraulic pressure %d", j), Unit: units[j%len(units)]},
			})
		}
		k.Machines = append(k.Machines, m)
	}
	return k
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

// feed applies one poll result to each sensor of an account: with a page of readings, or without any.
func (a *account) feed(now time.Time, news bool) {
	r := rand.New(rand.NewPCG(2, uint64(a.index)))
	for range a.schedule.Len() {
		var answer innius.Newest
		if news {
			period := time.Duration((5 + 600*r.Float64()) * float64(time.Second))
			for i := range 40 {
				at := now.Add(time.Duration(i-40)*period + time.Duration(r.Int64N(int64(period/20))))
				answer.Readings = append(answer.Readings, innius.Reading{Time: at, Value: float64(r.IntN(100_000)) / 100})
			}
		}
		a.handleReadings(a.schedule.Next(now), answer, nil, now)
	}
}
