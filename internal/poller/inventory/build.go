package inventory

import (
	"cmp"
	"slices"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// relabel computes the labels of all machines, and adds those whose label changed to the affected ones.
func (v *Inventory) relabel(accounts []Account, affected map[MachineKey]bool) {
	labels := v.opts.Labels.labelMachines(accounts)
	for key, l := range labels {
		if v.labels[key].label != l.label {
			affected[key] = true
		}
	}
	v.labels = labels
}

// labelMachines gives each machine a label that is unique within its company label.
func (mode LabelMode) labelMachines(accounts []Account) map[MachineKey]labelCandidate {
	siblings, order := map[string][]MachineKey{}, []string{}
	labels := map[MachineKey]labelCandidate{}
	for _, a := range accounts {
		for _, m := range a.Machines {
			key := m.Key()
			if _, known := labels[key]; known {
				continue
			}
			company := mode.Label(m.Company.ID, m.Company.Name)
			if siblings[company] == nil {
				order = append(order, company)
			}
			siblings[company] = append(siblings[company], key)
			labels[key] = labelCandidate{label: mode.Label(m.ID, m.Name), ids: []string{m.ID, m.Company.ID}}
		}
	}
	for _, company := range order {
		group := make([]labelCandidate, len(siblings[company]))
		for i, key := range siblings[company] {
			group[i] = labels[key]
		}
		disambiguate(group)
		for i, key := range siblings[company] {
			labels[key] = group[i]
		}
	}
	return labels
}

// position is where a machine is in a list of accounts.
type position struct{ account, index int }

// rebuild makes the affected machines again, with the entries of the sensors that they had, and publishes the accounts.
func (v *Inventory) rebuild(before, next []Account, affected map[MachineKey]bool) {
	held := map[SensorKey]*reading.Entry{}
	for account := range before {
		for _, m := range before[account].Machines {
			if !affected[m.Key()] {
				continue
			}
			v.accounts[account].changed[m.ID] = true
			for _, s := range m.Sensors {
				held[s.Key()] = s.Entry
			}
		}
	}
	positions := map[MachineKey][]position{}
	for account := range next {
		next[account].Machines = slices.Clone(next[account].Machines)
		for i, m := range next[account].Machines {
			if affected[m.Key()] {
				v.accounts[account].changed[m.ID] = true
				positions[m.Key()] = append(positions[m.Key()], position{account, i})
			}
		}
	}
	for key, at := range positions {
		v.build(next, v.labels[key], at, held)
	}
	if len(v.pending) == 0 {
		v.pending = map[SensorKey]*reading.Entry{} // an emptied map keeps its memory
	}
	v.store(next)
}

// build makes one machine with its sensors, in every account that lists it. The first account in the order of the config
// exposes the machine and polls each sensor that it lists. held are the cache entries of its sensors.
func (v *Inventory) build(next []Account, name labelCandidate, positions []position, held map[SensorKey]*reading.Entry) {
	labels := v.labelSensors(next, positions)
	polledBy := map[string]string{} // sensor id -> account
	var exposedBy string
	company := next[positions[0].account].Machines[positions[0].index].Company // accounts may know it by different names for a while
	var allPolled []*Sensor
	for _, p := range positions {
		m := *next[p.account].Machines[p.index]
		account, list := v.opts.Accounts[p.account], v.accounts[p.account].sensors[m.ID]
		m.CompanyLabel, m.Label, m.Collision = v.opts.Labels.Label(company.ID, company.Name), name.label, name.collision
		m.Account, m.ExposedBy, m.ListedAt, m.clockDifference = p.account, exposedBy, list.at, v.opts.ClockDifference
		if exposedBy == "" && m.FilteredBy == "" {
			exposedBy = account
		}
		m.Sensors, m.Polled = make([]*Sensor, 0, len(list.sensors)), nil
		for i := range list.sensors {
			s := v.newSensor(&m, &list.sensors[i], labels[list.sensors[i].ID], held)
			if by, known := polledBy[s.ID]; known && by != account {
				s.Excluded = &Exclusion{PolledBy: by}
			}
			m.Sensors = append(m.Sensors, s)
			if s.Polled() {
				polledBy[s.ID] = account
				m.Polled = append(m.Polled, s)
			}
		}
		if len(m.Polled) == len(m.Sensors) {
			m.Polled = m.Sensors // to share the memory, as allPolled does
		}
		if allPolled == nil {
			allPolled = m.Polled
		} else {
			allPolled = slices.Concat(allPolled, m.Polled)
		}
		next[p.account].Machines[p.index] = &m
	}
	for _, p := range positions {
		next[p.account].Machines[p.index].AllPolled = allPolled
	}
}

// labelSensors gives each sensor of one machine, over all accounts that list it, a label that is unique within the machine.
// Filtered sensors take part: a filter that is removed must not rename the others.
func (v *Inventory) labelSensors(accounts []Account, positions []position) map[string]labelCandidate {
	var candidates []labelCandidate
	labels := map[string]labelCandidate{}
	for _, p := range positions {
		m := accounts[p.account].Machines[p.index]
		for _, s := range v.accounts[p.account].sensors[m.ID].sensors {
			if _, known := labels[s.ID]; !known {
				labels[s.ID] = labelCandidate{}
				candidates = append(candidates, labelCandidate{label: v.opts.Labels.Label(s.ID, s.Name), ids: []string{s.ID}})
			}
		}
	}
	disambiguate(candidates)
	for _, c := range candidates {
		labels[c.ids[0]] = c
	}
	return labels
}

func (v *Inventory) newSensor(m *Machine, s *innius.Sensor, name labelCandidate, held map[SensorKey]*reading.Entry) *Sensor {
	one := &Sensor{Sensor: s, Machine: m, Label: name.label, Collision: name.collision, Rule: v.opts.ruleFor(m.Machine, *s)}
	if filter := v.opts.Sensors.Reject("discovery.sensors", s.ID, s.Name); filter != "" {
		one.Excluded = &Exclusion{FilteredBy: filter}
	}
	key := one.Key()
	if one.Entry = cmp.Or(held[key], v.pending[key]); one.Entry == nil {
		one.Entry = reading.New()
	}
	held[key] = one.Entry // for the next account that lists the sensor
	delete(v.pending, key)
	return one
}
