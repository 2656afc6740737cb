package simulator

import (
	"fmt"
	"time"
)

const perMachine = 20

// Uniform is a plant for load: so many sensors in machines of 20, all of them reporting at all times. Of ten sensors
// two report each second, three each 10 s, two each minute, two each 10 minutes and one each hour.
func Uniform(sensors int) Plant {
	p := Plant{Company: Company{ID: "load.example", Name: "Load Test Works"}}
	for n := 0; n < sensors; n += perMachine {
		p.Company.Machines = append(p.Company.Machines, uniformMachine(n/perMachine, min(perMachine, sensors-n)))
	}
	return p
}

func uniformMachine(i, sensors int) Machine {
	kinds := []string{"Panel Bender", "Press Brake", "Wind Turbine", "Hammer Mill", "Packing Line", "Cooling Tower", "Extruder"}
	m := Machine{
		ID:   fmt.Sprintf("m-%04d", i+1),
		Name: fmt.Sprintf("%s %03d", kinds[i%len(kinds)], i/len(kinds)+1),
	}
	for n := range sensors {
		m = m.equip(uniformProbe(m.ID, n))
	}
	return m
}

func uniformProbe(machine string, n int) probe {
	paces := []time.Duration{
		time.Second, 10 * time.Second, time.Minute, 10 * time.Second, 10 * time.Minute,
		time.Second, 10 * time.Second, time.Minute, time.Hour, 10 * time.Minute,
	}
	gauges := []struct {
		name, unit string
		low, high  float64
	}{
		{"Pressure", bar, 4, 9},
		{"Temperature", celsius, 20, 80},
		{"Level", percent, 5, 95},
		{"Current", ampere, 2, 60},
		{"Speed", perMin, 300, 1500},
		{"Vibration", shake, 0.2, 4.5},
		{"Flow", "l/min", 1, 30},
	}
	g := gauges[n%len(gauges)]
	name := fmt.Sprintf("%s %d", g.name, n/len(gauges)+1)
	swing := drift(machine+name, 10*time.Minute).scaled((g.high-g.low)/2, (g.high+g.low)/2)
	return probe{name, g.unit, paces[n%len(paces)], 2, 0.005, swing}
}
