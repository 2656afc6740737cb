package poller

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// runLarge runs a scenario without the final checks, which would take longer, and returns the memory per sensor at its end, in
// bytes. Tests that call it are not parallel: the memory of others would count.
func runLarge(t *testing.T, begin setup, body func(s *scenario)) (perSensor int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, begin)
		defer s.stop()
		before := liveHeap()
		s.start()
		body(s)
		s.log.clear()
		perSensor = (liveHeap() - before) / int64(begin.plant.Sensors())
	})
	return perSensor
}

// large is a plant at 3600 requests per hour, with pages of 1000 list items.
func large(machines, sensors int) setup {
	return setup{plant: testPlant(machines, sensors), perHour: 3600, burst: 30, client: innius.Options{PageSize: 1000}}
}

func TestMachineWithManySensors(t *testing.T) {
	long(t)
	perSensor := runLarge(t, large(1, 20_000), func(s *scenario) {
		s.advance(2 * time.Minute) // its list has 20 pages
		read := len(s.api.Stats().Values)
		s.advance(time.Minute)
		if n := len(s.api.Stats().Values) - read; n < 55 || n > 65 {
			t.Errorf("%d sensors polled in a minute of 60 requests", n)
		}
		known, polled := 0, 0 // a scrape would take longer than the test
		for _, sensor := range s.poller.Save().Accounts[0].Machines[0].Sensors {
			known++
			if !sensor.LastSuccess.IsZero() && sensor.Value == seconds(sensor.Time) {
				polled++
			}
		}
		if known != 20_000 || polled != len(s.api.Stats().Values) {
			t.Errorf("%d sensors known, %d with their reading, %d polled", known, polled, len(s.api.Stats().Values))
		}
	})
	if perSensor > 1500 {
		t.Errorf("%d bytes per sensor", perSensor)
	}
}

func TestManyMachinesAlternateListsAndPolls(t *testing.T) {
	long(t)
	perSensor := runLarge(t, large(2000, 10), func(s *scenario) {
		s.advance(10 * time.Minute)
		stats, all := s.api.Stats(), s.gather()
		if n := all.count("innius_machine_info"); n != 2000 || all[upA1] != 1 {
			t.Errorf("%d machines, innius_up is %v", n, all[upA1])
		}
		lists, read := stats.Of(simulator.OpSensors, 200), stats.Of(simulator.OpValues, 200)
		if lists < 250 || read < 250 {
			t.Errorf("%d lists and %d values requests of 600 in 10 min, want them to alternate", lists, read)
		}
	})
	if perSensor > 450 { // most are not known yet
		t.Errorf("%d bytes per sensor of the plant", perSensor)
	}
}

func TestLongNamesAreCutAndUnique(t *testing.T) {
	long := func(s string) string { return strings.Repeat("Ü"+s, 32<<10) }
	begin := setup{plant: testPlant(3, 3)}
	c := &begin.plant.Company
	c.Name = long("c")
	for i := range c.Machines {
		c.Machines[i].Name, c.Machines[i].Description = long("m"), long("d")
		for j := range c.Machines[i].Sensors {
			c.Machines[i].Sensors[j].Name, c.Machines[i].Sensors[j].Unit = long("s"), long("u")
		}
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(5 * time.Minute)
		all := s.gather()
		if n := all.count("innius_sensor_value"); n != 9 {
			t.Errorf("%d values are exposed, want 9", n)
		}
		for series := range all {
			if len(series) > 4<<10 {
				t.Errorf("a series of %d bytes: %.80s", len(series), series)
			}
		}
		for line := range strings.Lines(s.log.text()) {
			if len(line) > 4<<10 {
				t.Errorf("a line of %d bytes in the log: %.200s", len(line), line)
			}
		}
	})
}

func TestLargePageIsNotRetained(t *testing.T) {
	long(t)
	begin := setup{plant: testPlant(1, 3), perHour: 600, burst: 5, client: innius.Options{PageSize: 20_000}}
	begin.api.Limits = simulator.Limits{PerHour: 1000, Burst: 100, MaxPage: 20_000}
	perSensor := runLarge(t, begin, func(s *scenario) {
		s.advance(time.Minute + 5*time.Second)
		for sensor := 1; sensor <= 3; sensor++ {
			if at := s.gather()[series("innius_sensor_timestamp_seconds", 1, sensor)]; at < seconds(time.Now())-200 {
				t.Errorf("sensor %d was polled at %v", sensor, at)
			}
		}
		s.checkValues()
	})
	if perSensor > 200<<10 { // a page has more than 500 kB
		t.Errorf("%d bytes per sensor", perSensor)
	}
}

// One odd response affects no other sensor and is logged once.
func TestOddResponseAffectsOneSensor(t *testing.T) {
	reading := func(value string) string {
		return fmt.Sprintf(`{"data":[{"t":%d,"v":%s}]}`, dawn.UnixMilli(), value)
	}
	for name, c := range map[string]struct {
		body   string
		state  SensorStatus
		logged int // lines of level WARN or ERROR
	}{
		"100,000 nested lists":       {`{"data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, SensorPending, 1},
		"100,000 nested objects":     {`{"data":` + strings.Repeat(`{"data":`, 100_000), SensorPending, 1},
		"an empty list":              {`{"data":[]}`, SensorNoReadings, 0},
		"a number too large":         {reading("1e400"), SensorUnreadable, 0},
		"a number of 100,000 digits": {reading(strings.Repeat("9", 100_000)), SensorUnreadable, 0},
		"a text of 64 KiB":           {reading(`"` + strings.Repeat("x", 64<<10) + `"`), SensorUnreadable, 0},
		"no UTF-8":                   {reading("\"\xff\xfe\""), SensorUnreadable, 0},
		"a NUL in a text":            {reading(`"a\u0000b"`), SensorUnreadable, 0},
		"NUL before the body":        {"\x00" + reading("1"), SensorPending, 1},
		"a byte order mark":          {"\xEF\xBB\xBF" + reading("1"), SensorCurrent, 0},
		"a field twice":              {fmt.Sprintf(`{"data":[{"t":1,"t":%d,"v":"x","v":1}]}`, dawn.UnixMilli()), SensorCurrent, 0},
		"data twice":                 {`{"data":"none",` + reading("1")[1:], SensorCurrent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(2, 3), options: calmly}, func(s *scenario) {
				s.stop()
				s.fronts[0].bodies = map[string]func() string{
					"/companies/works.example/machines/m1/sensors/m1-s1/values": func() string { return c.body },
				}
				s.newPoller(nil)
				s.start()
				s.advance(15 * time.Minute)
				if n := s.states("a1", c.state); n < 1 || c.state != SensorCurrent && n != 1 {
					t.Errorf("%v sensors are %s, want 1: %v", n, c.state, s.gather().values("innius_exporter_sensors"))
				}
				if n := s.states("a1", SensorCurrent); c.state != SensorCurrent && n != 5 {
					t.Errorf("%v of the other 5 sensors are current", n)
				}
				logged := append(s.log.lines("level=WARN"), s.log.lines("level=ERROR")...)
				if len(logged) != c.logged || len(strings.Join(logged, "")) > 2000 {
					t.Errorf("%d lines, want %d: %.1000s", len(logged), c.logged, strings.Join(logged, ""))
				}
				s.want(upA1, 1)
			})
		})
	}
}

func TestEndlessBodyCostsBoundedMemory(t *testing.T) {
	endless := simulator.Fault{Kind: simulator.EndlessBody, Op: simulator.OpValues, Object: "m1-s1"}
	runScenario(t, setup{plant: testPlant(2, 3), options: calmly, faults: []simulator.Fault{endless}}, func(s *scenario) {
		before := allocated()
		s.advance(10 * time.Minute)
		bodies := s.api.Stats().Faults[simulator.EndlessBody]
		if each := (allocated() - before) / uint64(max(1, bodies)); bodies < 3 || each > 100<<20 {
			t.Errorf("%d endless bodies, %d bytes each", bodies, each)
		}
		if lines := s.log.lines("Sensor is failing", "the body is larger than 4 MiB"); len(lines) != 1 {
			t.Errorf("%d lines, want 1: %s", len(lines), lines)
		}
		if n := s.states("a1", SensorCurrent); n != 5 {
			t.Errorf("%v of the other 5 sensors are current", n)
		}
		s.want(upA1, 1)
	})
}

// allocated is the total of all memory ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
