package poller

import (
	"cmp"
	"slices"
	"strings"
)

// order is a view in the order in which its series are exposed: that of their label values, as the registry has it.
// Immutable. Made by the first scrape that meets a view.
type order struct {
	machines []*machine  // with series of their own, by the labels of innius_machine_info
	gauges   [][]*sensor // asked for, by company, machine and sensor
	info     [][]*sensor // the same, by the labels of innius_sensor_info
	sensors  int         // asked for
	beside   []beside    // per account, what needs no look at each sensor
}

// beside is what an account's sensors are counted as without being looked at in each scrape.
type beside struct{ filtered, clashes int }

// ordered returns the order of a view.
func (v *view) ordered() *order {
	if o := v.order.Load(); o != nil {
		return o
	}
	o := newOrder(v)
	v.order.Store(o) // two scrapes at once make two equal ones
	return o
}

func newOrder(v *view) *order {
	o := &order{beside: make([]beside, len(v.machines))}
	var polling []*machine
	for account, machines := range v.machines {
		for _, m := range machines {
			if m.filtered == "" && m.twinOf == "" {
				o.machines = append(o.machines, m)
			}
			if len(m.polled) > 0 {
				polling = append(polling, m)
			}
			o.sensors += len(m.polled)
			o.beside[account].filtered += len(m.sensors) - len(m.polled)
			o.beside[account].clashes += m.clashes()
		}
	}
	slices.SortFunc(o.machines, byInfo)
	slices.SortFunc(polling, byLabel)
	o.gauges = together(polling, byLabel)
	slices.SortFunc(polling, byInfo)
	o.info = together(polling, byInfo)
	return o
}

// together returns the sensors of machines in order. Two accounts may each ask for some of one machine's sensors.
func together(machines []*machine, by func(a, b *machine) int) [][]*sensor {
	groups := make([][]*sensor, 0, len(machines))
	for i, m := range machines {
		if i == 0 || by(machines[i-1], m) != 0 {
			groups = append(groups, m.polled)
			continue
		}
		last := &groups[len(groups)-1]
		*last = slices.Concat(*last, m.polled)
		slices.SortFunc(*last, bySensor)
	}
	return groups
}

func byLabel(a, b *machine) int {
	return cmp.Or(strings.Compare(a.companyLabel, b.companyLabel), strings.Compare(a.label, b.label))
}

func byInfo(a, b *machine) int {
	return byValues(a.pairs[:], b.pairs[:])
}

func bySensor(a, b *sensor) int { return strings.Compare(a.label, b.label) }

// clashes counts the sensors asked for whose labels had to be made unique.
func (m *machine) clashes() int {
	n := 0
	for _, s := range m.polled {
		if m.clash || s.clash {
			n++
		}
	}
	return n
}
