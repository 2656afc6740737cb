package poller

import (
	"testing"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

func TestExtremesAreKeptOverReloadsAndRestartsWhileTheirRuleIs(t *testing.T) {
	highest11, lowest11 := series("innius_sensor_value_max", 1, 1), series("innius_sensor_value_min", 1, 1)
	peak := dawn.Add(5 * time.Minute)
	peaking := oneSensor(func(s *simulator.Sensor) {
		s.Value = func(at time.Time) any {
			if at.Equal(peak) {
				return 99
			}
			return 1
		}
	})
	with := func(o *Options) { o.Rules = []inventory.Rule{{Extremes: true}} }
	runScenario(t, setup{plant: peaking, perHour: 3600, options: with}, func(s *scenario) {
		s.advance(6 * time.Minute)
		for _, next := range []func(){func() { s.reload(nil) }, func() { s.restart(time.Minute); s.start() }} {
			s.want(value11, 1)
			s.want(lowest11, 1)
			s.want(highest11, 99)
			next()
		}
		s.want(highest11, 99)
		s.advance(time.Minute)
		s.want(highest11, 99)
		s.reload(func(o *Options) { o.Rules = nil })
		s.want(value11, 1)
		s.wantAbsent(lowest11)
		s.wantAbsent(highest11)
		s.advance(time.Minute)
		s.reload(with)
		s.want(highest11, 1)
	})
	runScenario(t, setup{plant: peaking, perHour: 3600, options: with}, func(s *scenario) {
		s.advance(15 * time.Minute)
		s.want(highest11, 99)
		s.advance(30 * time.Second)
		s.want(highest11, 1)
	})
}
