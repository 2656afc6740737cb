package status

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
)

// Each machine has a sensor that is left out before one that is polled.
func TestNextPollIsThatOfTheSensor(t *testing.T) {
	at := time.Now()
	a := poller.SavedAccount{Name: "a1", Company: innius.Company{ID: "works"}, ListedAt: at, Discovered: true}
	for _, id := range []string{"m1", "m2", "m3"} {
		a.Machines = append(a.Machines, poller.SavedMachine{Machine: innius.Machine{ID: id}, ListedAt: at, Sensors: []poller.SavedSensor{
			{Sensor: innius.Sensor{ID: id + "-fan"}}, {Sensor: innius.Sensor{ID: id + "-oil"}},
		}})
	}
	s, err := Of(poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Sensors: match.Filter{Exclude: []match.Pattern{match.MustCompile(".*fan")}}, Logger: slog.New(slog.DiscardHandler),
		State: &poller.State{At: at, Accounts: []poller.SavedAccount{a}},
	}), Selection{})
	if err != nil || len(s.Accounts[0].Machines) != 3 {
		t.Fatal(err, s.Accounts)
	}
	for _, m := range s.Accounts[0].Machines {
		fan, oil := m.Sensors.At(0), m.Sensors.At(1)
		if fan.Status != poller.SensorExcluded || !fan.NextPoll.IsZero() || oil.Status != poller.SensorPending || oil.NextPoll.IsZero() {
			t.Errorf("of machine %s: %+v, %+v", m.ID, fan, oil)
		}
	}
}

func TestMachinesByStatusAreThoseWithASensorToPoll(t *testing.T) {
	at := time.Now()
	a := poller.SavedAccount{Name: "a1", Company: innius.Company{ID: "works"}, ListedAt: at, Discovered: true}
	for _, sensor := range []string{"oil", "fan"} {
		a.Machines = append(a.Machines, poller.SavedMachine{Machine: innius.Machine{ID: "of " + sensor}, ListedAt: at, Sensors: []poller.SavedSensor{
			{Sensor: innius.Sensor{ID: sensor}, Saved: reading.Saved{Time: at, LastSuccess: at, Seen: at}},
		}})
	}
	p := poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Sensors: match.Filter{Exclude: []match.Pattern{match.MustCompile("fan")}}, Logger: slog.New(slog.DiscardHandler),
		State: &poller.State{At: at, Accounts: []poller.SavedAccount{a}},
	})
	for _, search := range []string{"", "fan"} { // they are of all machines, selected or not
		s, err := Of(p, Selection{Search: search})
		if got := fmt.Sprint(s.Accounts[0].ByStatus); err != nil || got != "map[ok:1]" {
			t.Errorf("%q: %s, %v", search, got, err)
		}
	}
}

func TestMinAndMaxAreThoseOfSensorsWithTheRule(t *testing.T) {
	at := time.Now()
	a := poller.SavedAccount{Name: "a1", Company: innius.Company{ID: "works"}, ListedAt: at, Discovered: true}
	m := poller.SavedMachine{Machine: innius.Machine{ID: "m1"}, ListedAt: at}
	for _, id := range []string{"oil", "oil of yesterday", "fan"} {
		m.Sensors = append(m.Sensors, poller.SavedSensor{
			Sensor: innius.Sensor{ID: id}, Saved: reading.Saved{Time: at, Value: 7, LastSuccess: at, Seen: at},
		})
	}
	m.Sensors[1].Time = at.Add(-25 * time.Hour)
	a.Machines = append(a.Machines, m)
	s, err := Of(poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Rules: []inventory.Rule{{Sensor: match.MustCompile("oil.*"), Extremes: true}}, Logger: slog.New(slog.DiscardHandler),
		State: &poller.State{At: at, Accounts: []poller.SavedAccount{a}},
	}), Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false} {
		one := s.Accounts[0].Machines[0].Sensors.At(i)
		if has := one.Min != nil && one.Max != nil && *one.Min == 7 && *one.Max == 7; has != want || !want && (one.Min != nil || one.Max != nil) {
			t.Errorf("%s: min %v, max %v", one.ID, one.Min, one.Max)
		}
	}
}

func TestStateIsTheTextOfSensorsWithTheRule(t *testing.T) {
	at := time.Now()
	a := poller.SavedAccount{Name: "a1", Company: innius.Company{ID: "works"}, ListedAt: at, Discovered: true}
	m := poller.SavedMachine{Machine: innius.Machine{ID: "m1"}, ListedAt: at}
	wants := []struct {
		value     float64
		states    *reading.States
		state     string
		hasNumber bool
	}{
		{math.NaN(), &reading.States{Newest: "RUN", Known: true}, "RUN", false},
		{1, &reading.States{Newest: "not <listed>", Known: true}, "not <listed>", true},
		{math.NaN(), &reading.States{Known: true}, "other", false}, // null
		{2, &reading.States{}, "", true},
		{3, nil, "", true},
	}
	for i, want := range wants {
		m.Sensors = append(m.Sensors, poller.SavedSensor{
			Sensor: innius.Sensor{ID: fmt.Sprint("s", i)},
			Saved:  reading.Saved{Time: at, Value: want.value, LastSuccess: at, Seen: at, States: want.states},
		})
	}
	a.Machines = append(a.Machines, m)
	s, err := Of(poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Rules: []inventory.Rule{{States: []string{"RUN"}, Extremes: true}}, Logger: slog.New(slog.DiscardHandler),
		State: &poller.State{At: at, Accounts: []poller.SavedAccount{a}},
	}), Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range wants {
		one := s.Accounts[0].Machines[0].Sensors.At(i)
		if one.State != want.state || (one.Value != nil) != want.hasNumber || (one.Max != nil) != want.hasNumber || !one.Exposed {
			t.Errorf("%s: state %q, value %v, max %v, want %+v", one.ID, one.State, one.Value, one.Max, want)
		}
		if text, err := one.appendJSON(nil); err != nil || strings.Contains(string(text), `"state":""`) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestGapsOfASensorAreShownWithItsRecentReadings(t *testing.T) {
	at := time.Now()
	m := poller.SavedMachine{Machine: innius.Machine{ID: "m1"}, ListedAt: at}
	m.Sensors = []poller.SavedSensor{{Sensor: innius.Sensor{ID: "oil"}}}
	a := poller.SavedAccount{Name: "a1", Company: innius.Company{ID: "works"}, ListedAt: at, Machines: []poller.SavedMachine{m}}
	p := poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Pacer: innius.NewPacer(1000, 30)}}, Counters: &poller.Counters{},
		Logger: slog.New(slog.DiscardHandler), State: &poller.State{At: at, Accounts: []poller.SavedAccount{a}},
	})
	entry := p.View(at).Inventory.Accounts[0].Machines[0].Sensors[0].Entry
	from, to := at.Add(-time.Hour).Truncate(time.Second), at.Add(-time.Minute).Truncate(time.Second)
	entry.Store(innius.Newest{Readings: []innius.Reading{{Time: from}}}, reading.Rule{}, true, from)
	gap := []innius.Span{{From: from, To: to}}
	entry.Store(innius.Newest{Readings: []innius.Reading{{Time: to}}, Missed: gap}, reading.Rule{}, true, at)
	for recent, want := range map[bool][][2]float64{false: nil, true: {{float64(from.Unix()), float64(to.Unix())}}} {
		s, err := Of(p, Selection{Recent: recent})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Accounts[0].Machines[0].Sensors.At(0); got.Missed == "" || !slices.Equal(got.Gaps, want) {
			t.Errorf("recent %t: %+v", recent, got)
		}
	}
}
