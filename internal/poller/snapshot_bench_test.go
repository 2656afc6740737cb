package poller

import (
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// BenchmarkRestart takes and restores a snapshot of 100,000 sensors, and reloads a poller of them; the file between is timed
// in internal/state.
func BenchmarkRestart(b *testing.B) {
	saved := State{At: dawn, Accounts: []SavedAccount{{
		Name: "a1", Company: innius.Company{ID: "works.example", Name: "Works"}, ListedAt: dawn, Pacer: innius.PacerState{At: dawn},
	}}}
	for i := range 1000 {
		m := SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", i), Name: fmt.Sprint("Machine ", i)}, ListedAt: dawn}
		for j := range 100 {
			m.Sensors = append(m.Sensors, SavedSensor{
				Sensor: innius.Sensor{ID: fmt.Sprint("s", j), Name: fmt.Sprint("Sensor ", j)},
				Saved:  reading.Saved{Time: dawn, Value: 1, LastSuccess: dawn.Add(time.Duration(i*100+j) * time.Second), Seen: dawn},
			})
		}
		saved.Accounts[0].Machines = append(saved.Accounts[0].Machines, m)
	}
	var p *Poller
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			p = New(Options{
				Accounts: []Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}},
				Counters: &Counters{}, Logger: slog.New(slog.DiscardHandler), State: &saved,
			})
		}
	})
	b.Run("reload", func(b *testing.B) {
		client, err := innius.New(innius.Options{
			BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Pacer: innius.NewPacer(1000, 30),
			Key: func() (innius.Secret, error) { return innius.NewSecret("key"), nil },
		})
		if err != nil {
			b.Fatal(err)
		}
		p.accounts[0].Client = client
		for b.Loop() {
			p = p.HandOver(Options{
				Accounts: []Account{{Name: "a1", Client: client, Pacer: innius.NewPacer(1000, 30)}}, Logger: slog.New(slog.DiscardHandler),
			})
		}
	})
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			if s := p.Save(); len(s.Accounts[0].Machines) != 1000 {
				b.Fatal("not all machines")
			}
		}
	})
}
