package poller

import (
	"fmt"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// AssumedPerMachine is how many sensors a machine of an assumed plant has. It matters little: a list of them costs one
// request.
const AssumedPerMachine = 20

// Assume returns state of an account that knows so many sensors, as after they have been asked for a while: each reports
// every so often. Its names mean nothing to filters and rules.
func Assume(a Account, sensors int, every time.Duration, at time.Time) KeptAccount {
	k := KeptAccount{
		Name: a.Name, Origin: a.Origin, Company: innius.Company{ID: a.Name + " (assumed)"}, Discovered: true, ListedAt: at,
	}
	learned := published(regular(every, at))
	for i := range sensors {
		if i%AssumedPerMachine == 0 {
			m := innius.Machine{ID: fmt.Sprintf("m%d", i/AssumedPerMachine+1)}
			k.Machines = append(k.Machines, KeptMachine{Machine: m, ListedAt: at})
		}
		m := &k.Machines[len(k.Machines)-1]
		m.Sensors = append(m.Sensors, KeptSensor{
			Sensor: innius.Sensor{ID: fmt.Sprintf("s%d", i+1)}, Saved: reading.Saved{Time: at, LastSuccess: at, Interval: learned},
		})
	}
	return k
}

// regular returns what the schedule learns of a sensor that reports like clockwork, and has just been asked.
func regular(every time.Duration, at time.Time) *schedule.Sensor {
	const readings = 10
	var times []float64
	for i := range readings {
		times = append(times, seconds(at)-float64(readings-1-i)*every.Seconds())
	}
	var s schedule.Sensor
	s.Learn(seconds(at)+visible.Seconds(), times, true)
	return &s
}

// visible is how long a reading of an assumed sensor takes to become visible.
const visible = 300 * time.Millisecond
