package simulator

import (
	"math"
	"testing"
	"time"
)

// of finds a demo sensor by the names of its machine and itself.
func of(t *testing.T, machine, name string) func(at time.Time) float64 {
	t.Helper()
	var found *Sensor
	everySensor(Demo(demoStart), func(m Machine, s Sensor) {
		if m.ID == machine && s.Name == name && found == nil {
			found = &s
		}
	})
	if found == nil {
		t.Fatalf("no sensor %s of %s", name, machine)
	}
	return func(at time.Time) float64 { return found.Value(at).(float64) }
}

func TestMachineWarmsUpAfterItsStart(t *testing.T) {
	oil := of(t, "press-01", "Öltemperatur")
	start := time.Date(2026, time.July, 13, 5, 0, 0, 0, time.UTC) // Monday 06:00 at the plant
	for at := range 6 {
		before, after := oil(start.Add(time.Duration(at)*20*time.Minute)), oil(start.Add(time.Duration(at+1)*20*time.Minute))
		if after <= before {
			t.Errorf("%d min after the start: %.1f °C, then %.1f °C", at*20, before, after)
		}
	}
	if night, noon := oil(start.Add(-time.Hour)), oil(start.Add(6*time.Hour)); noon-night < 20 {
		t.Errorf("%.1f °C at night, %.1f °C at noon", night, noon)
	}
}

func TestHeatFollowsWorkWithoutAJump(t *testing.T) {
	work := shifts()
	heat := work.heat(3 * time.Hour)
	for n := range 7 * 24 * 60 {
		at := demoStart.Add(time.Duration(n) * time.Minute)
		rise := heat(at.Add(time.Minute)) - heat(at)
		if switched := work.on(at) != work.on(at.Add(time.Minute)); !switched && (rise > 0) != work.on(at) && math.Abs(rise) > 1e-9 {
			t.Fatalf("%s: on %t, changes by %g", at, work.on(at), rise)
		}
		if math.Abs(rise) > 1.0/180 {
			t.Fatalf("%s: jumps by %g", at, rise)
		}
	}
}

func TestPressureFollowsItsPump(t *testing.T) {
	pressure, speed := of(t, "press-01", "Hydraulic pressure"), of(t, "press-01", "Pump speed")
	night := time.Date(2026, time.July, 13, 1, 0, 0, 0, time.UTC)
	work := night.Add(9 * time.Hour)
	if pressure(night) != 0 || speed(night) != 0 {
		t.Errorf("at night: %v bar at %v rpm", pressure(night), speed(night))
	}
	if pressure(work) < 40 || speed(work) < 1400 {
		t.Errorf("at work: %v bar at %v rpm", pressure(work), speed(work))
	}
}

func TestCountersNeverFall(t *testing.T) {
	everySensor(Demo(demoStart), func(m Machine, s Sensor) {
		if s.Unit != pieces && s.Unit != number {
			return
		}
		last := math.Inf(-1)
		for n := range 2000 {
			v := s.Value(demoStart.Add(time.Duration(n) * 7 * time.Minute)).(float64)
			if v < last {
				t.Fatalf("%s, %s: %v after %v", m.Name, s.Name, v, last)
			}
			last = v
		}
	})
}
