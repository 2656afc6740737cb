package poller

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"innius_exporter/internal/simulator"
)

// The plant of the month: machines 1 to 8 whose sensors report each 10 s, machine 9 whose sensors are odd, and machine 10
// which comes and goes. Each number says which sensor's it is and of which second: no other sensor and no other time has it.
const (
	regularMachines, regularSensors = 8, 6
	oddMachine, guestMachine        = 9, 10
)

func plantOfMonth() simulator.Plant {
	p := works(regularMachines, regularSensors)
	for i := range p.Company.Machines {
		p.Company.Machines[i] = signed(p.Company.Machines[i], i+1)
	}
	p.Company.Machines = append(p.Company.Machines, oddOnes())
	return p
}

func guest() simulator.Machine { return signed(machineOf(guestMachine, regularSensors), guestMachine) }

// signed makes the sensors of a machine report what signature says.
func signed(m simulator.Machine, number int) simulator.Machine {
	for i := range m.Sensors {
		m.Sensors[i].Value = func(at time.Time) any { return signature(number, i+1, at) }
	}
	return m
}

// signature is what a sensor reports: exact, as it is below 2^53.
func signature(machine, sensor int, at time.Time) float64 {
	return float64(machine*100+sensor)*1e10 + float64(at.Unix())
}

// oddOnes are sensors that report what is no number, a wrong time, or nothing.
func oddOnes() simulator.Machine {
	m := machineOf(oddMachine, 6)
	odd := []any{nil, "ERROR", json.Number("1e400"), "NaN", "", map[string]int{"a": 1}}
	m.Sensors[0].Value = func(at time.Time) any { // a number now and then
		if i := int(at.Unix() / 10 % 25); i < len(odd) {
			return odd[i]
		}
		return signature(oddMachine, 1, at)
	}
	m.Sensors[1].Value = func(at time.Time) any { return odd[int(at.Unix()/10)%len(odd)] }
	m.Sensors[2].Value = func(at time.Time) any { // its clock is behind
		return signature(oddMachine, 3, at.Add(-3*time.Hour))
	}
	m.Sensors[2].Skew = -3 * time.Hour
	m.Sensors[3].Value = func(at time.Time) any { // its clock is ahead
		return signature(oddMachine, 4, at.Add(2*time.Hour))
	}
	m.Sensors[3].Skew = 2 * time.Hour
	m.Sensors[4].Exists = func(time.Time) bool { return false }
	m.Sensors[5].Value = func(at time.Time) any { return fmt.Sprintf("%.0f", signature(oddMachine, 6, at)) }
	m.Sensors[5].Period, m.Sensors[5].Batch = time.Minute, 10*time.Minute
	return m
}

// checkReadings fails where a value is exposed that is not this sensor's reading of this time.
func (s *story) checkReadings(all samples) {
	s.Helper()
	now, ahead := float64(time.Now().Unix()), map[[2]int]float64{{oddMachine, 4}: 7200} // taken while the API's clock is ahead, too
	stamps := all.values("innius_sensor_timestamp_seconds")
	for labels, value := range all.values("innius_sensor_value") {
		var machine, sensor int
		if _, err := fmt.Sscanf(labels, `{company="Works",machine="Machine %d",sensor="Sensor %d"}`, &machine, &sensor); err != nil {
			s.Fatalf("a sensor that nobody has: %s", labels)
		}
		at, ok := stamps[labels]
		if want := signature(machine, sensor, time.Unix(int64(at), 0)); !ok || value != want || at > now+ahead[[2]int{machine, sensor}] || math.Mod(at, 10) != 0 {
			s.Errorf("after %s: %s has %.0f and time %.0f, the API gave %.0f for it", s.clock(), labels, value, at, want)
		}
	}
}
