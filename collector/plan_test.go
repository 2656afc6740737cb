package collector

import (
	"math"
	"testing"
	"time"

	"innius_exporter/innius"
)

// assumed is the plan of sensors that report every so often, under an allowance.
func assumed(sensors int, every time.Duration, perHour float64, burst int, change func(*Options)) Plan {
	a := Account{Name: "a1", Pacer: innius.NewPacer(perHour, burst)}
	kept := Snapshot{At: at(0), Accounts: []KeptAccount{Assume(a, sensors, every, at(0))}}
	opts := Options{Accounts: []Account{a}, Kept: &kept}
	if change != nil {
		change(&opts)
	}
	return Plans(opts)[0]
}

// The time until all sensors are known and asked, from nothing, is the plan's within a fifth.
func TestAColdStartTakesAsLongAsPlanned(t *testing.T) {
	for name, row := range map[string]struct {
		machines, burst int
		perHour         float64
	}{
		"half an hour":             {25, 28, 950},
		"longer than the interval": {60, 28, 600},
		"a few minutes":            {3, 5, 600},
		"within the burst":         {2, 60, 600},
	} {
		t.Run(name, func(t *testing.T) {
			plan := assumed(row.machines*AssumedPerMachine, time.Second, row.perHour, row.burst, nil)
			begin := setting{plant: works(row.machines, AssumedPerMachine), perHour: row.perHour, burst: row.burst}
			begin.client.PageSize = AssumedPerMachine // a list is one request, as with the 100 of the config's default
			play(t, begin, func(s *story) {
				s.pass(plan.ColdStart * 8 / 10)
				for s.states("a1", StateFresh) < float64(plan.Sensors) && s.clock() < 10*time.Hour {
					s.pass(time.Second + plan.ColdStart/50)
				}
				took := s.clock()
				t.Logf("planned %s, took %s", plan.ColdStart, took)
				if off := took - plan.ColdStart; math.Abs(off.Seconds()) > 2+.2*plan.ColdStart.Seconds() {
					t.Errorf("it took %s, planned was %s", took, plan.ColdStart)
				}
			})
		})
	}
}
