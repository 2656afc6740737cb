package poller

import (
	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// rebuild makes one machine's entries, in every account that lists it, with its sensors and their labels. The first
// account in the order of the config exposes the machine and asks for each sensor that it lists; for the others these
// are twins. It returns the sensors that the machine now has.
func (c *catalogue) rebuild(next *view, named claim, places []place) []sensorKey {
	labels, keys := c.nameSensors(next, places)
	owner := map[string]string{} // sensor id -> account that asks for it
	var exposedBy string
	var group []*sensor
	company := next.machines[places[0].account][places[0].index].company // accounts may know it by different names for a while
	for _, p := range places {
		m := *next.machines[p.account][p.index] // its sensors are to know this copy
		name := c.opts.Accounts[p.account].Name
		m.companyLabel = c.opts.Labels.text(company.ID, company.Name)
		m.label, m.clash, m.account = named.label, named.clash, p.account
		m.polled, m.client = nil, c.opts.Accounts[p.account].Client
		m.twinOf = exposedBy
		if exposedBy == "" && m.filtered == "" {
			exposedBy = name
		}
		list := c.lists[p.account][m.ID]
		m.listedAt, m.sensors = list.at, make([]*sensor, 0, len(list.sensors))
		for i := range list.sensors {
			one := &list.sensors[i]
			s := c.newSensor(&m, one, labels[one.ID])
			if by, known := owner[s.ID]; known && by != name {
				s.twinOf = by
			} else if s.filtered == "" {
				owner[s.ID] = name
			}
			m.sensors = append(m.sensors, s)
			if s.polled() {
				m.polled = append(m.polled, s)
				group = append(group, s)
			}
		}
		m.pair()
		next.machines[p.account][p.index] = &m
	}
	for _, p := range places {
		next.machines[p.account][p.index].group = group
	}
	return keys
}

// nameSensors gives each sensor of one machine, told by id over all accounts that list it, a label that is unique
// within the machine. Filtered sensors take part: a filter that is lifted must not rename the others.
func (c *catalogue) nameSensors(v *view, places []place) (map[string]claim, []sensorKey) {
	var claims []claim
	var keys []sensorKey
	seen := map[string]bool{}
	for _, p := range places {
		m := v.machines[p.account][p.index]
		for _, s := range c.lists[p.account][m.ID].sensors {
			if !seen[s.ID] {
				seen[s.ID] = true
				claims = append(claims, claim{label: c.opts.Labels.text(s.ID, s.Name), ids: []string{s.ID}})
				keys = append(keys, sensorKey{Company: m.company.ID, Machine: m.ID, Sensor: s.ID})
			}
		}
	}
	settle(claims)
	labels := make(map[string]claim, len(claims))
	for i, key := range keys {
		labels[key.Sensor] = claims[i]
	}
	return labels, keys
}

func (c *catalogue) newSensor(m *machine, s *innius.Sensor, named claim) *sensor {
	one := &sensor{
		Sensor: s, machine: m, label: named.label, clash: named.clash,
		filtered: c.opts.Sensors.reject("sensors", s.ID, s.Name), rule: c.opts.ruleFor(m.Machine, *s),
	}
	if one.entry = c.cells[one.ref()]; one.entry == nil {
		one.entry = reading.New()
		c.cells[one.ref()] = one.entry
	}
	return one
}
