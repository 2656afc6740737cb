package inventory

import (
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

// rebuild makes the affected machines again, drops the entries of sensors that are gone, and publishes the accounts.
func (v *Inventory) rebuild(before, next []Account, affected map[MachineKey]bool) {
	gone := map[SensorKey]bool{}
	for account := range before {
		for _, m := range before[account].Machines {
			if !affected[m.Key()] {
				continue
			}
			v.accounts[account].changed[m.ID] = true
			for _, s := range m.Sensors {
				gone[s.Key()] = true
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
		for _, s := range v.build(next, v.labels[key], at) {
			delete(gone, s)
		}
	}
	for key := range gone {
		delete(v.entries, key)
	}
	v.store(next)
}

// build makes one machine with its sensors, in every account that lists it. The first account in the order of the config
// exposes the machine and polls each sensor that it lists. build returns the sensors that the machine now has.
func (v *Inventory) build(next []Account, name labelCandidate, positions []position) []SensorKey {
	labels, keys := v.labelSensors(next, positions)
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
			s := v.newSensor(&m, &list.sensors[i], labels[list.sensors[i].ID])
			if by, known := polledBy[s.ID]; known && by != account {
				s.PolledBy = by
			} else if s.FilteredBy == "" {
				polledBy[s.ID] = account
			}
			m.Sensors = append(m.Sensors, s)
			if s.Polled() {
				m.Polled, allPolled = append(m.Polled, s), append(allPolled, s)
			}
		}
		next[p.account].Machines[p.index] = &m
	}
	for _, p := range positions {
		next[p.account].Machines[p.index].AllPolled = allPolled
	}
	return keys
}

// labelSensors gives each sensor of one machine, over all accounts that list it, a label that is unique within the machine.
// Filtered sensors take part: a filter that is removed must not rename the others.
func (v *Inventory) labelSensors(accounts []Account, positions []position) (map[string]labelCandidate, []SensorKey) {
	var candidates []labelCandidate
	var keys []SensorKey
	seen := map[string]bool{}
	for _, p := range positions {
		m := accounts[p.account].Machines[p.index]
		for _, s := range v.accounts[p.account].sensors[m.ID].sensors {
			if !seen[s.ID] {
				seen[s.ID] = true
				candidates = append(candidates, labelCandidate{label: v.opts.Labels.Label(s.ID, s.Name), ids: []string{s.ID}})
				keys = append(keys, SensorKey{Company: m.Company.ID, Machine: m.ID, Sensor: s.ID})
			}
		}
	}
	disambiguate(candidates)
	labels := make(map[string]labelCandidate, len(candidates))
	for i, key := range keys {
		labels[key.Sensor] = candidates[i]
	}
	return labels, keys
}

func (v *Inventory) newSensor(m *Machine, s *innius.Sensor, name labelCandidate) *Sensor {
	one := &Sensor{
		Sensor: s, Machine: m, Label: name.label, Collision: name.collision,
		FilteredBy: v.opts.Sensors.Reject("discovery.sensors", s.ID, s.Name), Rule: v.opts.ruleFor(m.Machine, *s),
	}
	if one.Entry = v.entries[one.Key()]; one.Entry == nil {
		one.Entry = reading.New()
		v.entries[one.Key()] = one.Entry
	}
	return one
}
