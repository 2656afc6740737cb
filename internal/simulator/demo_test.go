package simulator

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// a Friday; the instants below are days and nights, a weekend, and winter and summer.
var demoStart = time.Date(2026, time.July, 10, 9, 0, 0, 0, time.UTC)

var instants = []time.Duration{
	0, time.Minute, 5 * time.Hour, 12 * time.Hour, 20 * time.Hour, 44 * time.Hour, 67*time.Hour + 59*time.Minute, 100 * time.Hour,
	30 * day, 150*day + 3*time.Hour, 700 * day, -2 * day, -300 * day,
}

// everySensor ranges over the sensors of a plant, with their machines.
func everySensor(p Plant, yield func(m Machine, s Sensor)) {
	for _, m := range p.Company.Machines {
		for _, s := range m.Sensors {
			yield(m, s)
		}
	}
}

// lastNumber is a sensor's newest visible reading within a day, if it is a number.
func lastNumber(s Sensor, now time.Time) (v float64, ok bool) {
	r := newSeries(s)
	i, found := r.next(r.newest(now), -1, r.first(now.Add(-day).UnixNano()), r.newest(now))
	if !found {
		return 0, false
	}
	v, ok = r.value(i).(float64)
	return v, ok
}

func TestDemoHasFreshNumbersAtAnyMoment(t *testing.T) {
	p := Demo(demoStart)
	for _, after := range instants {
		fresh, now := 0, demoStart.Add(after)
		everySensor(p, func(_ Machine, s Sensor) {
			if v, ok := lastNumber(s, now); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
				fresh++
			}
		})
		if fresh < 57 {
			t.Errorf("%s: %d sensors have a fresh number, want at least 57", now, fresh)
		}
	}
}

func TestDemoHoldsWhatAPlantHolds(t *testing.T) {
	p := Demo(demoStart)
	if n, m := p.Sensors(), len(p.Company.Machines); n < 66 || m < 7 {
		t.Fatalf("%d sensors in %d machines", n, m)
	}
	units, ids, text, stale, names := map[string]int{}, map[string]bool{}, 0, 0, ""
	fastest, slowest, twins := time.Hour, time.Second, 0
	everySensor(p, func(m Machine, s Sensor) {
		units[s.Unit]++
		ids[s.ID] = true
		names += m.Name + s.Name
		fastest, slowest = min(fastest, s.Period), max(slowest, s.Period)
		twins += len(slices.Collect(func(yield func(int) bool) {
			for i, o := range m.Sensors {
				if o.Name == s.Name && o.ID != s.ID && !yield(i) {
					return
				}
			}
		}))
		if _, ok := s.Value(demoStart).(string); ok {
			text++
		}
		if s.Exists != nil && !s.Exists(demoStart) {
			stale++
		}
	})
	for _, unit := range []string{"°C", "bar", "A", "mm/s", "rpm", "%", "pcs", "1"} {
		if units[unit] < 2 {
			t.Errorf("unit %s: %d sensors", unit, units[unit])
		}
	}
	if len(ids) != p.Sensors() || text != 1 || twins != 2 || stale != 7 || fastest != time.Second || slowest != time.Hour {
		t.Errorf("%d ids, %d text, %d of the same name, %d stale, %s to %s", len(ids), text, twins, stale, fastest, slowest)
	}
	if !strings.ContainsAny(names, `"`) || !strings.ContainsAny(names, "öäü") || !strings.Contains(names, "/") {
		t.Error("the names lack quotes, umlauts or slashes")
	}
}

func TestDemoIsAPureFunctionOfTime(t *testing.T) {
	type sample struct {
		s  Sensor
		at time.Time
		v  any
	}
	var all []sample
	everySensor(Demo(demoStart), func(_ Machine, s Sensor) {
		for _, after := range instants {
			at := demoStart.Add(after)
			all = append(all, sample{s, at, s.Value(at)})
		}
	})
	again := map[string]Sensor{}
	everySensor(Demo(demoStart), func(_ Machine, s Sensor) { again[s.ID] = s })
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, a := range all {
		if v := again[a.s.ID].Value(a.at.In(time.FixedZone("east", 7200))); v != a.v {
			t.Fatalf("%s at %s: %v, then %v", a.s.Name, a.at, a.v, v)
		}
	}
}

func TestDemoStaysWithinWhatIsPossible(t *testing.T) {
	within := map[string][2]float64{
		"°C": {-15, 950}, "bar": {0, 1300}, "A": {0, 800}, "mm/s": {0, 12}, "rpm": {0, 9500}, "%": {0, 100.5},
		"m/s": {0, 25}, "pcs": {0, 1e8}, "1": {0, 1e8},
	}
	for _, p := range []Plant{Demo(demoStart), Uniform(60)} {
		everySensor(p, func(m Machine, s Sensor) {
			if s.Unit == "" || s.Unit == "l/min" {
				return
			}
			for n := range 600 {
				v := s.Value(demoStart.Add(time.Duration(n) * 1013 * time.Minute)).(float64)
				if limits := within[s.Unit]; !(v >= limits[0] && v <= limits[1]) || math.Signbit(v) && v == 0 {
					t.Fatalf("%s, %s: %v %s", m.Name, s.Name, v, s.Unit)
				}
			}
		})
	}
}

func TestDemoSensorsAreSilentWhereDescribed(t *testing.T) {
	var ends []time.Duration
	everySensor(Demo(demoStart), func(_ Machine, s Sensor) {
		r := newSeries(s)
		lo, hi := r.first(demoStart.Add(-30*day).UnixNano()), r.newest(demoStart)
		if i, ok := r.next(hi, -1, lo, hi); !ok {
			ends = append(ends, 30*day)
		} else if age := demoStart.Sub(time.Unix(0, r.measured(i))); age > day {
			ends = append(ends, age.Truncate(day))
		}
	})
	slices.Sort(ends)
	if want := []time.Duration{2 * day, 3 * day, 3 * day, 3 * day, 3 * day, 3 * day, 30 * day}; !slices.Equal(ends, want) {
		t.Errorf("silent for %v, want %v", ends, want)
	}
}

// The burst of DemoLimits covers the first look at everything; the rest of the hour is then far too little.
func TestDemoLimitsCoverTheFirstFillOnly(t *testing.T) {
	p := Demo(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	visit(t, p, Options{Limits: DemoLimits()}, func(t *testing.T, v *visitor) {
		v.is(v.get("/companies/me"), http.StatusOK)
		v.is(v.get("/companies/brink-metaal.example/machines"), http.StatusOK)
		for _, m := range p.Company.Machines {
			path := "/companies/brink-metaal.example/machines/" + strings.NewReplacer(" ", "%20", "/", "%2F").Replace(m.ID) + "/sensors"
			v.is(v.get(path), http.StatusOK)
			for _, s := range m.Sensors {
				v.is(v.get(path+"/"+s.ID+"/values"), http.StatusOK)
			}
		}
	})
	perHour := 0.0
	everySensor(p, func(_ Machine, s Sensor) { perHour += float64(time.Hour) / float64(s.Period) })
	if limit := DemoLimits().PerHour; perHour < 20*float64(limit) {
		t.Errorf("%d requests an hour against %.0f new readings", limit, perHour)
	}
}

func BenchmarkDemoPage(b *testing.B) {
	s := New(Demo(demoStart), Options{Format: Format{Fields: Fields{}}})
	c := &call{format: &s.opts.Format, series: s.plant.machines[0].sensors[3]}
	for b.Loop() {
		if _, err := readingsPage(c, listQuery{limit: 100}); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	s := New(Demo(demoStart), Options{Key: "secret", Limits: DemoLimits()})
	client, closeAll := s.Client()
	defer closeAll()
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://innius.test/companies/me", http.NoBody)
	req.Header.Set("x-api-key", "secret")
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status)
	// Output: 200 OK
}
