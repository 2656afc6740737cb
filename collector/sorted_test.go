package collector

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// stored returns a poller that is not running, with so many sensors, a hundred a machine, that each hold a reading.
func stored(tb testing.TB, sensors int) *poller.Poller {
	tb.Helper()
	now := time.Now()
	interval := schedule.Regular(10*time.Second, now)
	account := poller.SavedAccount{
		Name: "a1", Company: innius.Company{ID: "works.example", Name: "Works"}, ListedAt: now, Discovered: true,
	}
	for i := range sensors / 100 {
		m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", i), Name: fmt.Sprint("Machine ", i)}, ListedAt: now}
		for j := range 100 {
			m.Sensors = append(m.Sensors, poller.SavedSensor{
				Sensor: innius.Sensor{ID: fmt.Sprint("s", j), Name: fmt.Sprint("Sensor ", j), Unit: "bar"},
				Saved:  reading.Saved{Time: now, Value: float64(j), LastSuccess: now, Interval: interval},
			})
		}
		account.Machines = append(account.Machines, m)
	}
	return poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Logger: slog.New(slog.DiscardHandler), State: &poller.State{At: now, Accounts: []poller.SavedAccount{account}},
	})
}

func TestSortedFollowsInventory(t *testing.T) {
	v := inventory.New(inventory.Options{Accounts: []string{"a1"}})
	c := New(nil)
	v.SetMachines(0, innius.Company{ID: "c"}, []innius.Machine{{ID: "m2"}, {ID: "m1"}}, start)
	first := c.order(v.Snapshot())
	if len(first.machines) != 2 || first.machines[0].info[3].GetValue() != "m1" || c.order(v.Snapshot()) != first {
		t.Errorf("machines %v", first.machines)
	}
	v.SetSensors(0, "m1", []innius.Sensor{{ID: "s2", Name: "same"}, {ID: "s1", Name: "same"}}, start)
	next := c.order(v.Snapshot())
	if len(next.sensors) != 2 || next.sensors[0].Label != "same (s1)" || next.counts[0].collisions != 2 {
		t.Errorf("sensors %v, counts %v", next.sensors, next.counts)
	}
}

func TestScrapeAllocatesAsOftenForManySensorsAsForFew(t *testing.T) {
	allocations := func(sensors int) float64 {
		p := stored(t, sensors)
		c := New(func() *poller.Poller { return p })
		return testing.AllocsPerRun(10, func() {
			if _, _, err := c.Gather(); err != nil { // never done, so that no memory is used again
				t.Fatal(err)
			}
		})
	}
	if few, many := allocations(200), allocations(5_000); many > few+5 {
		t.Errorf("%.0f allocations for 5000 sensors, %.0f for 200", many, few)
	}
}

func TestReleaseClearsSamplesOfLargerScrape(t *testing.T) {
	current := stored(t, 2000)
	c := New(func() *poller.Poller { return current })
	s := c.scrape()
	s.release()
	current = stored(t, 1000)
	s = c.scrape()
	s.release()
	room := s.filled[c.byName["innius_sensor_value"].index].room
	for i := 1000; i < len(room); i++ {
		if room[i].metric.Label != nil {
			t.Fatalf("sample %d still has labels", i)
		}
	}
}
