package web

import (
	"fmt"
	"math"
	"testing"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

// now is the time of the status in these tests.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// wave is a number of readings that end at a moment, one every so often.
func wave(count int, every time.Duration, end time.Time) (readings [][2]float64) {
	for i := range count {
		at := end.Add(time.Duration(i-count+1) * every)
		readings = append(readings, [2]float64{float64(at.UnixMilli()) / 1e3, 50 + 40*math.Sin(float64(i))})
	}
	return readings
}

// currentSensor is a sensor without a problem.
func currentSensor(name, id string) status.Sensor {
	return status.Sensor{
		Sensor: name, ID: id, Name: name, Unit: "bar", Status: poller.SensorCurrent, Exposed: true,
		Value: new(13270480.5), Timestamp: ago(3700 * time.Second), Age: new(3700.0), Interval: 30,
		LastSuccess: ago(3 * time.Minute), LastPoll: ago(3 * time.Minute), NextPoll: ago(-4 * time.Minute),
		WaitsFor: poller.WaitsForInterval, Recent: wave(reading.MaxRecent, 30*time.Second, now),
	}
}

// staleSensor is a sensor that is not on /metrics.
func staleSensor(name, id string) status.Sensor {
	s := currentSensor(name, id)
	s.Status, s.Exposed, s.Reason, s.WaitsFor = poller.SensorStale, false, "stale since yesterday", poller.WaitsForRateLimit
	return s
}

// plant is the status of accounts with machines m1, m2 ... of sensors s1, s2 ...; the second of each machine is stale.
func plant(accounts, machines, sensors int) status.Status {
	s := status.Status{At: now}
	for a := range accounts {
		account := status.Account{
			Name: fmt.Sprintf("a%d", a+1), Company: fmt.Sprintf("Works %d", a+1), Up: new(true), Health: "Up",
			RequestsPerHour: 1200, Configured: 1200, ForPolls: 1100, Cycle: 246, Demand: 1234, Plan: "it suffices",
			Discovery: status.Discovery{Ended: true, Text: "all seen"}, Sensors: map[poller.SensorStatus]int{},
		}
		for m := range machines {
			account.Machines = append(account.Machines, machine(m+1, sensors))
			for state, n := range account.Machines[m].ByStatus {
				account.Sensors[state] += n
			}
		}
		s.Accounts = append(s.Accounts, account)
	}
	return s
}

func machine(number, sensors int) status.Machine {
	m := status.Machine{
		Machine: fmt.Sprintf("Machine %d", number), ID: fmt.Sprintf("m%d", number), Name: fmt.Sprintf("Machine %d", number),
		ByStatus: map[poller.SensorStatus]int{},
	}
	for i := range sensors {
		name, id := fmt.Sprintf("Sensor %d", i+1), fmt.Sprintf("m%d-s%d", number, i+1)
		one := currentSensor(name, id)
		if i == 1 {
			one = staleSensor(name, id)
		}
		m.Sensors = append(m.Sensors, one)
		m.ByStatus[one.Status]++
	}
	return m
}

// get requests a page that shows a status.
func get(t *testing.T, s status.Status, path string) (int, string) {
	t.Helper()
	code, body, _ := request(t, handler(t, &source{status: s}, false), "GET", path)
	return code, body
}
