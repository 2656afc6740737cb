package app

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"innius_exporter/internal/simulator"
)

// start is when every bubble begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// probe is a sensor of a variant, and what an exporter can know of it.
type probe struct {
	machine, sensor string // ids in the plant
	truth           simulator.Sensor
	unread          bool // its readings hold no number, or none that may be exposed
	failing         bool // its values, or its machine, always fail
	future          bool // its clock is so far ahead that new readings must not be exposed
	prefix          bool // the API shows a longer id, which begins with the one here
}

// newest is the reading that the API shows at a moment; ok is false where there is none.
func (p *probe) newest(f simulator.Format, at time.Time) (stamp time.Time, value float64, ok bool) {
	r, ok := p.truth.Timeline(at, at.Add(time.Second)).Next()
	if !ok || p.unread || r.Visible.After(at) {
		return time.Time{}, 0, false
	}
	measured := r.Stamp.Add(-p.truth.Skew)
	value = float64(measured.Unix())
	if p.truth.Value != nil {
		switch v := p.truth.Value(measured).(type) {
		case float64:
			value = v
		case bool:
			value = 0
			if v {
				value = 1
			}
		}
	}
	return f.Written(r.Stamp), value, true
}

// makePlant makes at most four machines of at most four sensors. Sensor 1 of machine 1 reports every 10 s or more, and no
// switch disturbs it but those that concern every sensor.
func makePlant(r *rand.Rand) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "brink.example", Name: "Brink"}}
	for i := range 2 + r.IntN(3) {
		m := simulator.Machine{ID: fmt.Sprintf("m%d", i+1), Name: fmt.Sprintf("Machine %d", i+1)}
		for n := range 1 + r.IntN(4) {
			m.Sensors = append(m.Sensors, makeSensor(r, fmt.Sprintf("%s-s%d", m.ID, n+1), n+1))
		}
		p.Company.Machines = append(p.Company.Machines, m)
	}
	return p
}

func makeSensor(r *rand.Rand, id string, number int) simulator.Sensor {
	periods := []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	s := simulator.Sensor{ID: id, Name: fmt.Sprintf("Sensor %d", number), Unit: "bar", Period: periods[r.IntN(len(periods))]}
	if r.IntN(2) == 0 { // otherwise a counter that looks like an epoch
		s.Value = func(at time.Time) any { return float64(at.Unix()%86400)/10 + 0.05 }
	}
	return s
}

// pick returns a random sensor that is not the first of the first machine; nil where there is none.
func (v *variant) pick() *simulator.Sensor {
	machines := v.plant.Company.Machines
	var all []*simulator.Sensor
	for i := range machines {
		for n := range machines[i].Sensors {
			if i+n > 0 {
				all = append(all, &machines[i].Sensors[n])
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[v.rand.IntN(len(all))]
}

// some changes a random sensor, and up to two more.
func (v *variant) some(change func(*simulator.Sensor)) {
	for range 1 + v.rand.IntN(3) {
		if s := v.pick(); s != nil {
			change(s)
		}
	}
}

// each changes every sensor.
func (v *variant) each(change func(*simulator.Sensor)) {
	for _, m := range v.plant.Company.Machines {
		for i := range m.Sensors {
			change(&m.Sensors[i])
		}
	}
}

// lastMachine is one other than the first, for switches that take a whole machine; plants have two at least.
func (v *variant) lastMachine() *simulator.Machine {
	machines := v.plant.Company.Machines
	return &machines[1+v.rand.IntN(len(machines)-1)]
}

// probes lists the plant's sensors as an exporter may know them.
func (v *variant) probes() []probe {
	var all []probe
	for _, m := range v.plant.Company.Machines {
		for _, s := range m.Sensors {
			p := probe{machine: m.ID, sensor: s.ID, truth: s, unread: v.unread[s.ID], failing: v.failing[m.ID] || v.failing[s.ID], future: s.Skew == time.Hour}
			if at := strings.IndexAny(s.ID, "~ "); at >= 0 && !v.opts.Format.NumericIDs {
				p.sensor, p.prefix = s.ID[:at+1], true
			}
			all = append(all, p)
		}
	}
	return all
}

// shuffle puts the machines and their sensors into a random order: that in which the API lists them.
func (v *variant) shuffle() {
	machines := v.plant.Company.Machines
	v.rand.Shuffle(len(machines), func(i, j int) { machines[i], machines[j] = machines[j], machines[i] })
	for _, m := range machines {
		v.rand.Shuffle(len(m.Sensors), func(i, j int) { m.Sensors[i], m.Sensors[j] = m.Sensors[j], m.Sensors[i] })
	}
}
