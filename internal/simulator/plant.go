package simulator

import (
	"slices"
	"time"
)

// Plant is what exists. The Server copies it; the functions in it are called concurrently and must be pure.
type Plant struct{ Company Company }

// Company owns the machines.
type Company struct {
	ID, Name string
	Machines []Machine
}

// Machine is one machine with its sensors. An empty Name or Description is left out of responses.
type Machine struct {
	ID, Name, Description string
	Sensors               []Sensor
}

// Sensor describes one sensor and all its readings: there is one at each whole multiple of Period since 1970, moved by
// Phase and by up to Jitter, if Exists agrees.
type Sensor struct {
	ID, Name, Unit string        // an empty Name or Unit is left out of responses
	Period         time.Duration // between readings; 0: it never reports
	Phase          time.Duration // offset of its readings in the period
	Jitter         time.Duration // each reading comes later by its own share of this, at most just under one Period
	Delay          time.Duration // from the measurement to its visibility in the API
	Batch          time.Duration // becomes visible only at whole multiples of this since 1970, as uploads in batches do; 0: at once
	BatchPhase     time.Duration // offset of the uploads in a batch's span
	Skew           time.Duration // error of the sensor's clock: measured at t, stamped t+Skew; visibility follows the true time

	// Value gives the JSON value of the reading measured at a time: float64, int, int64, bool, string, json.Number or nil
	// for null. Without it a reading holds the Unix seconds of its measurement.
	Value func(at time.Time) any
	// Exists reports whether a time has its reading; nil: every time has. It makes a machine that is off at night, or
	// a sensor that fell silent.
	Exists func(at time.Time) bool
}

// Sensors counts the sensors of the plant.
func (p Plant) Sensors() int {
	n := 0
	for _, m := range p.Company.Machines {
		n += len(m.Sensors)
	}
	return n
}

// plant is a Server's copy of a Plant. It is never changed in place: a change makes a new one, so that a request reads
// one consistent state without a lock.
type plant struct {
	id, name string
	machines []*machine
	hidden   bool // the list of machines comes empty
}

type machine struct {
	Machine
	sensors []*series
}

func newPlant(p Plant) *plant {
	own := &plant{id: p.Company.ID, name: p.Company.Name}
	for _, m := range p.Company.Machines {
		own.machines = append(own.machines, newMachine(m))
	}
	return own
}

func newMachine(m Machine) *machine {
	own := &machine{Machine: m}
	own.Sensors = nil // the copy in sensors is the one that counts
	for _, s := range m.Sensors {
		own.sensors = append(own.sensors, newSeries(s))
	}
	return own
}

// with returns the plant with one machine added, or replaced where its id exists.
func (p *plant) with(m *machine) *plant {
	next := *p
	next.machines = slices.Clone(p.machines)
	if i := slices.IndexFunc(next.machines, func(o *machine) bool { return o.ID == m.ID }); i >= 0 {
		next.machines[i] = m
		return &next
	}
	next.machines = append(next.machines, m)
	return &next
}

func (p *plant) without(id string) *plant {
	next := *p
	next.machines = slices.DeleteFunc(slices.Clone(p.machines), func(m *machine) bool { return m.ID == id })
	return &next
}

// listed are the machines in the list of machines.
func (p *plant) listed() []*machine {
	if p.hidden {
		return nil
	}
	return p.machines
}

func (p *plant) machine(id string) *machine {
	i := slices.IndexFunc(p.machines, func(m *machine) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return p.machines[i]
}

// with returns the machine with one sensor added, or replaced where its id exists.
func (m *machine) with(s *series) *machine {
	next := &machine{Machine: m.Machine, sensors: slices.Clone(m.sensors)}
	if i := slices.IndexFunc(next.sensors, func(o *series) bool { return o.ID == s.ID }); i >= 0 {
		next.sensors[i] = s
		return next
	}
	next.sensors = append(next.sensors, s)
	return next
}

func (m *machine) without(id string) *machine {
	kept := slices.DeleteFunc(slices.Clone(m.sensors), func(s *series) bool { return s.ID == id })
	return &machine{Machine: m.Machine, sensors: kept}
}
