package inventory

import (
	"cmp"
	"slices"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// changes are changes of the accounts that are not published yet.
type changes struct {
	before, next []Account // the same slice until the first edit
	edited       map[int]bool
	affected     map[MachineKey]bool // machines to build again
	relabel      bool                // machines have come, gone or other names
}

// newChanges returns the changes of the batch, or none.
func (v *Inventory) newChanges() *changes {
	if v.batch != nil {
		return v.batch
	}
	accounts := v.Snapshot().Accounts
	return &changes{before: accounts, next: accounts, edited: map[int]bool{}, affected: map[MachineKey]bool{}}
}

// edit returns an account to be changed.
func (c *changes) edit(account int) *Account {
	if len(c.edited) == 0 {
		c.next = slices.Clone(c.before)
	}
	c.edited[account] = true
	return &c.next[account]
}

// publish stores the changed accounts, unless a batch does it later.
func (v *Inventory) publish(c *changes) {
	if c == v.batch || len(c.edited) == 0 {
		return
	}
	accounts := v.related(c)
	if c.relabel {
		v.relabelMachines(c, accounts)
	}
	v.rebuild(c, accounts)
	v.store(c.next)
}

// related returns the accounts that a change may concern: those of the same company, and of others with the same label if
// machines may get new labels.
func (v *Inventory) related(c *changes) (accounts []int) {
	ids, labels := map[string]bool{}, map[string]bool{}
	add := func(company *innius.Company) {
		if company != nil {
			ids[company.ID], labels[v.opts.Labels.Label(company.ID, company.Name)] = true, true
		}
	}
	for account := range c.edited {
		add(c.before[account].Company)
		add(c.next[account].Company)
	}
	related := make([]bool, len(c.next))
	for grown := true; grown; {
		grown = false
		for account := range c.next {
			company := c.next[account].Company
			if related[account] || company == nil {
				continue
			}
			if ids[company.ID] || c.relabel && labels[v.opts.Labels.Label(company.ID, company.Name)] {
				related[account], grown = true, true
				add(company)
			}
		}
	}
	for account, is := range related {
		if is {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// relabelMachines computes the labels of the accounts' machines again. Those whose label changed are affected.
func (v *Inventory) relabelMachines(c *changes, accounts []int) {
	labels := v.opts.Labels.labelMachines(c.next, accounts)
	for _, account := range accounts {
		for _, m := range c.before[account].Machines {
			if _, known := labels[m.Key()]; !known {
				delete(v.labels, m.Key())
			}
		}
	}
	for key, l := range labels {
		if v.labels[key].label != l.label {
			c.affected[key] = true
		}
		v.labels[key] = l
	}
}

// labelMachines gives each machine of related accounts a label that is unique within its company label.
func (mode LabelMode) labelMachines(all []Account, accounts []int) map[MachineKey]labelCandidate {
	siblings, order := map[string][]MachineKey{}, []string{}
	labels := map[MachineKey]labelCandidate{}
	for _, account := range accounts {
		for _, m := range all[account].Machines {
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

// rebuild makes the affected machines of the accounts again, with the entries of the sensors that they had.
func (v *Inventory) rebuild(c *changes, accounts []int) {
	held := map[SensorKey]*reading.Entry{}
	positions := map[MachineKey][]position{}
	for _, account := range accounts {
		for _, m := range c.before[account].Machines {
			if c.affected[m.Key()] {
				v.accounts[account].changed[m.ID] = true
				for _, s := range m.Sensors {
					held[s.Key()] = s.Entry
				}
			}
		}
		shared := true // with the snapshot before
		for i, m := range c.next[account].Machines {
			if c.affected[m.Key()] {
				if shared {
					c.next[account].Machines, shared = slices.Clone(c.next[account].Machines), false
				}
				v.accounts[account].changed[m.ID] = true
				positions[m.Key()] = append(positions[m.Key()], position{account, i})
			}
		}
	}
	for key, at := range positions {
		v.build(c.next, v.labels[key], at, held)
	}
	if len(v.pending) == 0 {
		v.pending = map[SensorKey]*reading.Entry{} // an emptied map keeps its memory
	}
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
		account := v.opts.Accounts[p.account]
		var list []innius.Sensor
		if held := v.accounts[p.account].sensors[m.ID]; held != nil {
			list, m.ListedAt = held.sensors, held.listedAt
		}
		m.CompanyLabel, m.Label, m.Collision = v.opts.Labels.Label(company.ID, company.Name), name.label, name.collision
		m.Account, m.ExposedBy, m.clockDifference = p.account, exposedBy, v.opts.ClockDifference
		if exposedBy == "" && m.FilteredBy == "" {
			exposedBy = account
		}
		m.Sensors, m.Polled = make([]*Sensor, 0, len(list)), nil
		for i := range list {
			s := v.newSensor(&m, &list[i], labels[list[i].ID], held)
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
		list := v.accounts[p.account].sensors[m.ID]
		if list == nil {
			continue
		}
		for _, s := range list.sensors {
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
