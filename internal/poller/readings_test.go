package poller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// oneSensor is a plant of one sensor, which the test configures.
func oneSensor(change func(*simulator.Sensor)) simulator.Plant {
	p := testPlant(1, 1)
	change(&p.Company.Machines[0].Sensors[0])
	return p
}

var (
	value11     = series("innius_sensor_value", 1, 1)
	timestamp11 = series("innius_sensor_timestamp_seconds", 1, 1)
	success11   = series("innius_sensor_last_success_timestamp_seconds", 1, 1)
	expected11  = series("innius_sensor_reporting_interval_seconds", 1, 1)
)

func TestStaleValueKeepsTimestamp(t *testing.T) {
	fallSilent := func(s *simulator.Sensor) {
		s.Exists = func(at time.Time) bool { return at.Before(dawn.Add(time.Hour)) }
	}
	last := seconds(dawn.Add(time.Hour - 10*time.Second))
	for name, c := range map[string]struct {
		options func(*Options)
		perHour float64
		stale   time.Duration
	}{
		"by itself":    {func(o *Options) { o.StaleAfter = 0 }, 60, time.Hour},
		"for all":      {func(o *Options) { o.StaleAfter = 2 * time.Hour }, 60, 2 * time.Hour},
		"by its rule":  {func(o *Options) { o.StaleAfter, o.Rules = time.Hour, []inventory.Rule{{StaleAfter: 3 * time.Hour}} }, 60, 3 * time.Hour},
		"rule's other": {func(o *Options) { o.StaleAfter, o.Rules = 2*time.Hour, []inventory.Rule{{}} }, 60, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: oneSensor(fallSilent), perHour: c.perHour, options: c.options}, func(s *scenario) {
				s.advance(time.Hour + c.stale - 10*time.Second)
				s.want(value11, last)
				s.advance(time.Minute)
				s.wantAbsent(value11)
				s.want(timestamp11, last)
				if at := s.gather()[success11]; at < last+c.stale.Seconds()-120 {
					t.Errorf("last success at %v: the sensor is silent, the API is not", at)
				}
				s.want(`innius_exporter_sensors{account="a1",status="stale"}`, 1)
			})
		})
	}
}

func TestStaleAfterIsAtLeastTwoCycles(t *testing.T) {
	// 60 sensors at 2 requests an hour: a cycle is 30 h.
	runScenario(t, setup{plant: testPlant(1, 60), perHour: 2, burst: 70, options: func(o *Options) { o.StaleAfter = 0 }}, func(s *scenario) {
		s.advance(25 * time.Hour)
		if n := s.states("a1", SensorCurrent); n != 60 {
			t.Errorf("%v of 60 sensors are fresh", n)
		}
	})
}

func TestTextIsSkippedOrMapped(t *testing.T) {
	status := func(s *simulator.Sensor) {
		s.Value = func(at time.Time) any { return []any{"RUN", "STOP", nil, true, "12.5"}[at.Unix()/10%5] }
	}
	run := inventory.Rule{Sensor: match.MustCompile(`Sensor 1`), Values: map[string]float64{"RUN": 41, "STOP": 40}}
	for name, c := range map[string]struct {
		rules []inventory.Rule
		want  []float64 // by 10 s steps, as long as they are the newest
	}{
		"not mapped": {nil, []float64{12.5, 12.5, 12.5, 1, 12.5}},
		"mapped":     {[]inventory.Rule{run}, []float64{41, 40, 40, 1, 12.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: oneSensor(status), perHour: 3600, options: func(o *Options) { o.Rules = c.rules }}
			runScenario(t, begin, func(s *scenario) {
				s.advance(5 * time.Second)
				for range 20 {
					s.advance(10 * time.Second)
					s.want(value11, c.want[(time.Now().Unix()-5)/10%5])
				}
			})
		})
	}
}

func TestSkippedReadingsAreCountedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		sensor func(*simulator.Sensor)
		reason innius.SkipReason
		least  float64
	}{
		"text":   {func(s *simulator.Sensor) { s.Value = func(time.Time) any { return "ODD" } }, innius.SkipText, 60},
		"null":   {func(s *simulator.Sensor) { s.Value = func(time.Time) any { return nil } }, innius.SkipNumber, 60},
		"future": {func(s *simulator.Sensor) { s.Skew = time.Hour }, innius.SkipFuture, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: oneSensor(c.sensor), perHour: 3600}, func(s *scenario) {
				s.advance(10 * time.Minute)
				counter := fmt.Sprintf("innius_exporter_readings_skipped_total{account=\"a1\",reason=%q}", c.reason)
				if n := s.gather()[counter]; n < c.least || n > c.least+6 {
					t.Errorf("%v readings counted in 10 min of one each 10 s, and a page of 5 before", n)
				}
				s.wantAbsent(value11)
				s.wantAbsent(timestamp11)
			})
		})
	}
}

func TestOlderReadingNeverReplacesNewer(t *testing.T) {
	runScenario(t, setup{plant: oneSensor(func(*simulator.Sensor) {}), perHour: 3600}, func(s *scenario) {
		s.advance(10 * time.Minute)
		before := s.gather()
		held := before[timestamp11]
		behind := oneSensor(func(s *simulator.Sensor) { s.Delay = time.Hour })
		s.fronts[0].Store(simulator.New(behind, simulator.Options{Key: testKey}))
		s.advance(10 * time.Minute)
		s.want(timestamp11, held)
		s.want(value11, held)
		for _, known := range []string{
			`innius_exporter_readings_total{account="a1"}`, `innius_exporter_readings_late_total{account="a1"}`,
			`innius_exporter_reading_gaps_total{account="a1"}`,
		} {
			s.want(known, before[known])
		}
	})
}

func TestReadingLagAndUnchangedPollsAreCounted(t *testing.T) {
	late := func(s *simulator.Sensor) { s.Period, s.Delay = time.Minute, 20*time.Second }
	runScenario(t, setup{plant: oneSensor(late), perHour: 3600}, func(s *scenario) {
		s.advance(time.Hour - time.Second)
		all := s.gather()
		fresh := all[`innius_exporter_reading_lag_seconds_count{account="a1"}`]
		none := all[`innius_exporter_polls_without_new_reading_total{account="a1"}`]
		polls := float64(s.api.Stats().Values["m1-s1"])
		if fresh != 60 && fresh != 59 || fresh+none+1 != polls {
			t.Errorf("%v new readings and %v polls without in %v polls, want one per minute besides the first", fresh, none, polls)
		}
	})
}

// A silent sensor is recognised by its interval, so a sensor without numbers must have none.
func TestTextSensorIsNotSilent(t *testing.T) {
	change := dawn.Add(time.Hour)
	for name, c := range map[string]struct {
		then func(*simulator.Sensor)
		want float64 // series of its expected interval
		late float64 // sensors in this state
	}{
		"text": {func(s *simulator.Sensor) { s.Value = after(change, "ERROR") }, 0, 0},
		"null": {func(s *simulator.Sensor) { s.Value = after(change, nil) }, 1, 0},
		"silent": {func(s *simulator.Sensor) {
			s.Exists = func(at time.Time) bool { return at.Before(change) }
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: oneSensor(c.then), perHour: 3600}, func(s *scenario) {
				s.advance(time.Hour)
				s.want(expected11, 10)
				s.advance(time.Hour)
				if n := s.gather().count("innius_sensor_reporting_interval_seconds"); float64(n) != c.want {
					t.Errorf("%d expected intervals, want %v", n, c.want)
				}
				if n := s.states("a1", SensorSilent); n != c.late {
					t.Errorf("%v sensors are late, want %v", n, c.late)
				}
				if all := s.gather(); all[success11]-all[timestamp11] < 3500 {
					t.Errorf("polled at %v, newest number of %v", all[success11], all[timestamp11])
				}
			})
		})
	}
}

// after returns numbers before a time and something else from then on.
func after(change time.Time, value any) func(time.Time) any {
	return func(at time.Time) any {
		if at.Before(change) {
			return 1.5
		}
		return value
	}
}

func TestNonNumericTextIsLoggedOnce(t *testing.T) {
	begin := setup{plant: testPlant(1, 2), perHour: 3600}
	for i, text := range []string{"12,5", "45 %"} {
		begin.plant.Company.Machines[0].Sensors[i].Value = func(time.Time) any { return text }
	}
	rule := inventory.Rule{Sensor: match.MustCompile(`Sensor 2`), Values: map[string]float64{"45 %": 45}}
	for mapped, want := range map[bool][2]int{false: {1, 1}, true: {1, 0}} {
		begin.options = func(o *Options) {
			if mapped {
				o.Rules = []inventory.Rule{rule}
			}
		}
		runScenario(t, begin, func(s *scenario) {
			s.advance(10 * time.Minute)
			for i, hint := range []string{`\"12,5\" (decimal comma)`, `\"45 %\" (percent sign)`} {
				if n := strings.Count(s.log.text(), hint); n != want[i] {
					t.Errorf("mapped %t: %s is logged %d times, want %d:\n%s", mapped, hint, n, want[i], s.log.text())
				}
			}
			s.wantAbsent(value11)
		})
	}
}
