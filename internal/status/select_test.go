package status

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
)

// measured is a sensor, and how many minutes ago it was measured; 0: never.
type measured struct {
	name string
	age  int
}

// pollerOf returns a poller of two accounts, each with a machine of such sensors.
func pollerOf(t *testing.T, sensors ...measured) *poller.Poller {
	t.Helper()
	at := time.Now()
	saved, accounts := &poller.State{At: at}, []poller.Account(nil)
	for i, name := range []string{"north", "south"} {
		m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("press-", i), Name: "Presse " + name}, ListedAt: at}
		for k, one := range sensors {
			s := poller.SavedSensor{Sensor: innius.Sensor{ID: fmt.Sprintf("s%d%d", i, k), Name: one.name}}
			if one.age > 0 {
				then := at.Add(-time.Duration(one.age) * time.Minute)
				s.Saved = reading.Saved{Time: then, Value: float64(one.age), LastSuccess: at, PlannedGap: time.Hour}
			}
			m.Sensors = append(m.Sensors, s)
		}
		accounts = append(accounts, poller.Account{Name: name, Pacer: innius.NewPacer(1000, 30)})
		saved.Accounts = append(saved.Accounts, poller.SavedAccount{
			Name: name, Company: innius.Company{ID: name, Name: "Works " + name}, ListedAt: at, Discovered: true, Machines: []poller.SavedMachine{m},
		})
	}
	return poller.New(poller.Options{Accounts: accounts, Counters: &poller.Counters{}, Logger: slog.New(slog.DiscardHandler), State: saved})
}

func ids(s Sensors) (all []string) {
	for i := range s.Len {
		all = append(all, s.At(i).ID)
	}
	return all
}

func TestSearchFindsWordsInNamesAndIDs(t *testing.T) {
	p := pollerOf(t, measured{"Oil Temperature", 1}, measured{"Öl-Druck", 2})
	for search, want := range map[string]string{
		"": "s00 s01 s10 s11", "TEMP": "s00 s10", "öL-d": "s01 s11", "press-1": "s10 s11", "S11": "s11", "  temp   presse NORTH": "s00",
		"works south druck": "s11",
	} {
		s, err := Of(p, Selection{Search: search, Flat: true})
		if got := strings.Join(ids(s.Flat), " "); err != nil || got != want {
			t.Errorf("%q: %s (%v), want %s", search, got, err, want)
		}
	}
}

func TestSearchWithoutMatchSuggestsNearNames(t *testing.T) {
	p := pollerOf(t, measured{"Hydraulic pressure", 1}, measured{"Oil temperature", 2})
	for sel, want := range map[*Selection][]string{
		{Search: "presure"}:               {"Hydraulic pressure", "Presse north", "Presse south", "Oil temperature"},
		{Search: "Temprature"}:            {"Oil temperature"},
		{Sensor: "oil temperature"}:       {"Oil temperature"},
		{Machine: "Press north"}:          {"Presse north", "Presse south"},
		{Search: "xyz"}:                   nil,
		{Search: "x"}:                     nil,
		{Search: "pressure oil"}:          {"Hydraulic pressure", "Presse north", "Presse south"},
		{Search: "\xff\xfe <script>"}:     nil,
		{Search: strings.Repeat("ä", 99)}: nil,
	} {
		_, err := Of(p, *sel)
		missing, ok := errors.AsType[*NotFoundError](err)
		if !ok || !slices.Equal(missing.Near, want) {
			t.Errorf("%+v: %v, near %q, want %q", *sel, err, missing.Near, want)
		}
	}
}

func TestSortHasUnknownLast(t *testing.T) {
	p := pollerOf(t, measured{"b", 5}, measured{"C", 9}, measured{"a", 0})
	for sort, want := range map[string]string{
		"": "s00 s01 s02", "age": "s00 s01 s02", "-age": "s01 s00 s02", "value": "s00 s01 s02", "-value": "s01 s00 s02",
		"sensor": "s02 s00 s01", "-sensor": "s01 s00 s02", "status": "s02 s00 s01", "-status": "s00 s01 s02", "-gap": "s00 s01 s02",
		"interval": "s00 s01 s02", "last": "s00 s01 s02", "next": "s02 s00 s01",
	} {
		s, err := Of(p, Selection{Accounts: []string{"north"}, Sort: sort})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(ids(s.Accounts[0].Machines[0].Sensors), " "); got != want {
			t.Errorf("%q: %s, want %s", sort, got, want)
		}
	}
	s, err := Of(p, Selection{Flat: true, Sort: "-age"})
	if got := strings.Join(ids(s.Flat), " "); err != nil || got != "s01 s11 s00 s10 s02 s12" {
		t.Errorf("flat: %s, %v", got, err)
	}
}

func TestSortByStatusKnowsEachStatus(t *testing.T) {
	if got, want := slices.Sorted(slices.Values(worstFirst)), slices.Sorted(slices.Values(poller.SensorStatuses[:])); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAgesAreThoseOfExposedValues(t *testing.T) {
	sensors := []measured{{"never", 0}, {"stale", 60 * 48}}
	for age := 1; age <= 21; age++ {
		sensors = append(sensors, measured{fmt.Sprint("age ", age), age})
	}
	s, err := Of(pollerOf(t, sensors...), Selection{})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Accounts[1].Ages
	if got == nil || int(got.Median/60) != 11 || int(got.Most95/60) != 20 || int(got.Oldest/60) != 21 || got.Machine != "Presse south" || got.Sensor != "age 21" {
		t.Errorf("%+v", got)
	}
	if of := s.Accounts[1].Machines[0].Ages; of == nil || *of != *got {
		t.Errorf("of the machine: %+v", of)
	}
	if s, err = Of(pollerOf(t, measured{"never", 0}), Selection{}); err != nil || s.Accounts[0].Ages != nil {
		t.Errorf("without values: %+v, %v", s.Accounts[0].Ages, err)
	}
}

func TestByStatusCountsWhatTheStatusLeavesOut(t *testing.T) {
	s, err := Of(pollerOf(t, measured{"a", 1}, measured{"b", 2}, measured{"c", 0}), Selection{Search: "north", Status: poller.SensorPending})
	if err != nil || s.Selected != 1 || s.ByStatus[poller.SensorCurrent] != 2 || s.ByStatus[poller.SensorPending] != 1 {
		t.Errorf("%d selected, %v, %v", s.Selected, s.ByStatus, err)
	}
}
