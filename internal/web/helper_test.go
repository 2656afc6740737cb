package web

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

// now is the time of the status in these tests.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// process is what the pages show of the process.
var process = status.Exporter{
	Version: "1.2.3", Started: ago(3 * time.Hour), ConfigFile: "/etc/<innius>.yml", ConfigLoaded: ago(2 * time.Hour), SavesState: true,
	StateSaved: ago(20 * time.Second),
}

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
		Machine: "Machine of " + name, Sensor: name, ID: id, Name: name, Unit: "bar", Status: poller.SensorCurrent, Exposed: true,
		Value: new(13270480.5), Timestamp: ago(3700 * time.Second), Age: new(3700.0), Interval: 30, Gap: 480,
		LastSuccess: ago(3 * time.Minute), LastPoll: ago(3 * time.Minute), NextPoll: ago(-4 * time.Minute),
		WaitsFor: poller.WaitsForInterval, Recent: wave(reading.MaxRecent, 30*time.Second, now),
	}
}

// staleSensor is a sensor that is not on /metrics.
func staleSensor(name, id string) status.Sensor {
	s := currentSensor(name, id)
	s.Status, s.Exposed, s.Reason, s.WaitsFor = poller.SensorStale, false, "stale since yesterday", poller.WaitsForRateLimit
	s.Missed = "Readings missed in 50 % of the time"
	return s
}

// plant is the status of accounts with machines m1, m2 ... of sensors s1, s2 ...; the second of each machine is stale.
func plant(accounts, machines, sensors int) status.Status {
	s := status.Status{At: now, Several: accounts > 1, Summary: accounts > 1, ByStatus: map[poller.SensorStatus]int{}}
	for a := range accounts {
		account := status.Account{
			Name: fmt.Sprintf("a%d", a+1), Company: fmt.Sprintf("Works %d", a+1), Up: new(true), Health: "Up",
			RequestsPerHour: 1200, Configured: 1200, ForPolls: 1100, Cycle: 246, Demand: 1234, Plan: "it suffices",
			Discovery: status.Discovery{Ended: true, LastSuccess: now, Text: "all seen"},
			ByStatus:  map[poller.MachineStatus]int{poller.MachineOK: machines}, Sensors: map[poller.SensorStatus]int{},
		}
		for m := range machines {
			account.Machines = append(account.Machines, machine(m+1, sensors))
			for state, n := range account.Machines[m].ByStatus {
				account.Sensors[state] += n
				s.ByStatus[state] += n
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
	list := make([]status.Sensor, sensors)
	for i := range list {
		name, id := fmt.Sprintf("Sensor %d", i+1), fmt.Sprintf("m%d-s%d", number, i+1)
		if list[i] = currentSensor(name, id); i == 1 {
			list[i] = staleSensor(name, id)
		}
		m.ByStatus[list[i].Status]++
	}
	m.Sensors = status.Sensors{Len: sensors, At: func(i int) status.Sensor { return list[i] }}
	return m
}

// edit changes the sensors of a machine.
func edit(m *status.Machine, change func(i int, s *status.Sensor)) {
	at := m.Sensors.At
	m.Sensors.At = func(i int) status.Sensor {
		s := at(i)
		change(i, &s)
		return s
	}
}

// restored returns a poller that has restored accounts a1, a2 … with machines m1, m2 … of sensors s1, s2 …, each with a full line
// of recent readings. The second sensor of each machine is stale.
func restored(accounts, machines, sensors int) *poller.Poller {
	at := time.Now().Add(-time.Minute)
	saved := poller.State{At: at}
	for a := range accounts {
		account := poller.SavedAccount{
			Name: fmt.Sprint("a", a+1), Company: innius.Company{ID: fmt.Sprint("works", a+1), Name: fmt.Sprint("Works ", a+1)},
			ListedAt: at, Discovered: true, Pacer: innius.PacerState{At: at},
		}
		for m := range machines {
			account.Machines = append(account.Machines, savedMachine(m+1, sensors, at))
		}
		saved.Accounts = append(saved.Accounts, account)
	}
	p := restore(saved)
	for _, a := range p.View(at).Inventory.Accounts {
		for _, m := range a.Machines {
			for _, s := range m.Sensors {
				s.Entry.Change(func(r *reading.Record) { r.Recent = reading.NewRecent(wave(reading.MaxRecent, 30*time.Second, at)) })
			}
		}
	}
	return p
}

func restore(saved poller.State) *poller.Poller {
	opts := poller.Options{State: &saved, Counters: &poller.Counters{}, Logger: slog.New(slog.DiscardHandler)}
	for _, a := range saved.Accounts {
		opts.Accounts = append(opts.Accounts, poller.Account{Name: a.Name, Pacer: innius.NewPacer(1000, 30)})
	}
	return poller.New(opts)
}

func savedMachine(number, sensors int, at time.Time) poller.SavedMachine {
	m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", number), Name: fmt.Sprint("Machine ", number)}, ListedAt: at}
	for i := range sensors {
		polled := at.Add(-time.Duration(number*sensors+i) * time.Millisecond)
		s := poller.SavedSensor{
			Sensor: innius.Sensor{ID: fmt.Sprintf("m%d-s%d", number, i+1), Name: fmt.Sprint("Sensor ", i+1), Unit: "bar"},
			Saved: reading.Saved{
				Time: polled, Value: 13270480.5 + float64(i), LastSuccess: polled, PlannedGap: at.Add(time.Hour).Sub(polled), Seen: polled,
			},
		}
		if i == 1 {
			s.Time = polled.Add(-25 * time.Hour)
		}
		m.Sensors = append(m.Sensors, s)
	}
	return m
}

// polled is the status of a poller.
type polled struct {
	*poller.Poller
}

func (p polled) Status(sel status.Selection) (*status.Status, error) { return status.Of(p.Poller, sel) }

// get requests a page that shows a status.
func get(t *testing.T, s status.Status, path string) (int, string) {
	t.Helper()
	return getFrom(t, &source{status: s}, path)
}

// getFrom requests a page of a source.
func getFrom(t *testing.T, s Source, path string) (int, string) {
	t.Helper()
	code, body, _ := request(t, handler(t, s, false), "GET", path)
	return code, body
}

// decoded is the status as JSON.
type decoded struct {
	status.Status
	Accounts []struct {
		status.Account
		Machines []struct {
			status.Machine
			Sensors []status.Sensor `json:"sensors"`
		} `json:"machines"`
	} `json:"accounts"`
}

func decode(t *testing.T, body string) (d decoded) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatalf("%v: %.1000s", err, body)
	}
	return d
}
