package innius_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// fiveValues is a sensor with a reading each minute, to be used with five minutes of history. The last is at noon.
func fiveValues() simulator.Plant {
	return plantOf(simulator.Sensor{
		ID: "oil", Period: time.Minute,
		Value: func(at time.Time) any { return 0.5 + float64(at.Minute()) },
	})
}

const fiveMinutes = 4*time.Minute + 30*time.Second

func orders() map[string]simulator.Order {
	return map[string]simulator.Order{"ascending": simulator.Ascending, "descending": simulator.Descending}
}

func TestNewestIsTheSameInEverySpellingShapeAndOrder(t *testing.T) {
	for _, at := range []string{"timestamp", "time", "t"} {
		for _, value := range []string{"value", "v"} {
			for letters, spell := range cased() {
				for order, o := range orders() {
					for envelope, f := range envelopes() {
						f.Order, f.History = o, fiveMinutes
						f.Fields = simulator.Fields{Data: spell("data"), NextKey: spell("next_key"), Time: spell(at), Value: spell(value)}
						t.Run(strings.Join([]string{at, value, letters, order, envelope}, "/"), func(t *testing.T) {
							atNoon(t, func(t *testing.T) { newestAtNoon(t, f) })
						})
					}
				}
			}
		}
	}
}

// newestAtNoon reads the five values, two a page, and expects the newest of them.
func newestAtNoon(t *testing.T, f simulator.Format) {
	t.Helper()
	c, server := simulated(t, fiveValues(), simulator.Options{Format: f}, pageSize(2))
	got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	requests, order, readings := 3, innius.Ascending, 5
	if f.Order == simulator.Descending {
		requests, order, readings = 1, innius.Descending, 2
	}
	want(t, "newest", got.Readings[len(got.Readings)-1], innius.Reading{Time: noon(), Value: 0.5})
	want(t, "oldest", got.Readings[0].Time, noon().Add(-time.Duration(readings-1)*time.Minute))
	want(t, "readings", len(got.Readings), readings)
	want(t, "order", got.Cursor.Order, order)
	want(t, "clock", got.Clock, noon())
	want(t, "requests", server.Stats().Requests, requests)
}

func TestNewestIsTheSameInEveryFormOfTime(t *testing.T) {
	forms := []string{"ms", "rfc3339", "s", "fractional s", "µs", "ns"}
	for form, name := range forms {
		for order, o := range orders() {
			for i := range 4 {
				timeAsText, numbersAsText := i&1 != 0, i&2 != 0
				f := simulator.Format{
					Order: o, History: fiveMinutes, Time: simulator.TimeForm(form), TimeAsText: timeAsText, NumbersAsText: numbersAsText,
				}
				t.Run(fmt.Sprintf("%s/%s/time as text=%t/numbers as text=%t", name, order, timeAsText, numbersAsText), func(t *testing.T) {
					atNoon(t, func(t *testing.T) { newestAtNoon(t, f) })
				})
			}
		}
	}
}

func TestIDsThatAreNumbersKeepEachDigit(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p := fiveValues()
		p.Company.ID = "9007199254740993" // 2^53 + 1: a float would make it ...992
		c, server := simulated(t, p, simulator.Options{Format: simulator.Format{NumericIDs: true, History: fiveMinutes}})
		company, err := c.Company(t.Context())
		want(t, "company", fmt.Sprint(company, err), fmt.Sprint(innius.Company{ID: "9007199254740993", Name: "ACME"}, nil))
		machines, err := allMachines(t, c, company.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "machine", machines[0].ID, server.WireID("press"))
		sensors, err := allSensors(t, c, company.ID, machines[0].ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "sensor", sensors[0], innius.Sensor{ID: server.WireID("oil"), Name: server.WireID("oil")})
		ref := innius.SensorRef{Company: company.ID, Machine: machines[0].ID, Sensor: sensors[0].ID}
		got, err := c.Newest(t.Context(), ref, time.Time{}, innius.Cursor{})
		if err != nil || len(got.Readings) != 5 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestClientReadsEveryFormOfTheSimulator covers what innius-api.md lists as not known and needs at most a setting under fields.
func TestClientReadsEveryFormOfTheSimulator(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	named := innius.Fields{Machines: "datapoints", Sensors: "datapoints", Values: "datapoints"}
	type row struct {
		format simulator.Format
		fields innius.Fields
	}
	rows := map[string]row{
		"list under another name":   {format: simulator.Format{Holder: "datapoints"}},
		"two lists, chosen":         {simulator.Format{Holder: "datapoints", SecondList: "alarms"}, named},
		"two lists, one name known": {format: simulator.Format{Shape: simulator.Items, SecondList: "alarms"}},
		"next_key in paging":        {format: simulator.Format{KeyObject: "paging"}},
		"next_key in an object in data": {format: simulator.Format{
			Shape: simulator.Items, KeyInData: true, KeyObject: "meta",
			KeyPrefix: "k",
		}},
		"pairs": {format: simulator.Format{Pairs: true}},
		"pairs under another name, in text": {format: simulator.Format{
			Pairs: true, Holder: "datapoints", Time: simulator.ZoneID,
			NumbersAsText: true,
		}},
		"times without a zone": {
			simulator.Format{Time: simulator.Zoneless, Zone: amsterdam},
			innius.Fields{TimeZone: "Europe/Amsterdam"},
		},
	}
	for form, name := range map[simulator.TimeForm]string{
		simulator.OffsetMinutes: "+0000", simulator.OffsetHours: "+00", simulator.SpaceUTC: "UTC", simulator.BasicForm: "basic form",
		simulator.NoSeconds: "no seconds", simulator.ZoneID: "Z[UTC]", simulator.EastOffset: "+0100",
	} {
		rows[name] = row{format: simulator.Format{Time: form}}
	}
	for form := simulator.CompanyListed; form <= simulator.CompanyTextList; form++ {
		rows[fmt.Sprint("company ", form)] = row{format: simulator.Format{Company: form}}
	}
	for form := simulator.EmptyNull; form <= simulator.EmptyNoContent; form++ {
		rows[fmt.Sprint("empty ", form)] = row{format: simulator.Format{Empty: form}}
		rows[fmt.Sprint("empty, in an object ", form)] = row{simulator.Format{Empty: form, Holder: "datapoints"}, named}
	}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) { readsAll(t, r.format, func(o *innius.Options) { o.Fields = r.fields }) })
		})
	}
}

// readsAll reads a plant with a machine without sensors and a sensor without readings, two items a page.
func readsAll(t *testing.T, f simulator.Format, change func(*innius.Options)) {
	t.Helper()
	p := fiveValues()
	p.Company.Machines[0].Sensors = append(p.Company.Machines[0].Sensors, simulator.Sensor{ID: "new"})
	p.Company.Machines = append(p.Company.Machines, simulator.Machine{ID: "bare"}, simulator.Machine{ID: "saw"})
	f.History = fiveMinutes
	c, _ := simulated(t, p, simulator.Options{Format: f}, pageSize(2), change)
	company, err := c.Company(t.Context())
	want(t, "company", []any{company.ID, err}, []any{"acme", nil})
	machines, err := allMachines(t, c, "acme", "")
	want(t, "machines", []any{len(machines), err}, []any{3, nil})
	for machine, sensors := range map[string]int{"press": 2, "bare": 0} {
		got, err := allSensors(t, c, "acme", machine, "")
		want(t, "sensors of "+machine, []any{len(got), err}, []any{sensors, nil})
	}
	for sensor, readings := range map[string]int{"oil": 2, "new": 0} {
		got, err := c.Newest(t.Context(), refTo(sensor), time.Time{}, innius.Cursor{})
		want(t, "readings of "+sensor, []any{len(got.Readings), err}, []any{readings, nil})
		if len(got.Readings) > 0 {
			want(t, "newest", got.Readings[len(got.Readings)-1], innius.Reading{Time: noon(), Value: 0.5})
		}
	}
}
