package collector

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
)

// orders holds what is exposed of the inventory that the latest scrape saw.
type orders struct{ held atomic.Pointer[sorted] }

// sorted is an inventory in the order in which its series are exposed: that of a registry.
type sorted struct {
	of     *inventory.Snapshot
	orders []atomic.Pointer[order] // of each account alone, and of all
}

// order is what is exposed of some accounts. Immutable.
type order struct {
	machines, machinesByInfo []*inventory.Machine // by company and machine; by the labels of innius_machine_info
	sensors, sensorsByInfo   []*inventory.Sensor  // polled ones: by company, machine and sensor; by the labels of innius_sensor_info
	plain                    bool                 // the labels of sensors, beyond those of machines, need neither repair nor escape
	extremes, states         bool                 // some sensor has the rule key
}

// of returns what is exposed of the accounts in a view: those with these names, or all if there are none. Two scrapes at once may
// compute it twice.
func (o *orders) of(v *poller.View, names []string) *order {
	held := o.held.Load()
	if held == nil || held.of != v.Inventory {
		held = &sorted{v.Inventory, make([]atomic.Pointer[order], len(v.Accounts)+1)}
		o.held.Store(held)
	}
	slot := &held.orders[len(v.Accounts)]
	if len(names) == 1 {
		slot = &held.orders[slices.IndexFunc(v.Accounts, func(a *poller.AccountView) bool { return a != nil })]
	} else if len(names) > 1 {
		slot = new(atomic.Pointer[order]) // there are too many combinations to keep them
	}
	if slot.Load() == nil {
		slot.Store(newOrder(v))
	}
	return slot.Load()
}

func newOrder(v *poller.View) *order {
	o := &order{}
	for i, a := range v.Accounts {
		if a == nil {
			continue
		}
		for _, m := range v.Inventory.Accounts[i].Machines {
			if m.FilteredBy == "" && m.ExposedBy == "" {
				o.machines = append(o.machines, m)
			}
			o.sensors = append(o.sensors, m.Polled...)
		}
	}
	slices.SortFunc(o.machines, compareMachines)
	slices.SortFunc(o.sensors, func(a, b *inventory.Sensor) int {
		return cmp.Or(compareMachines(a.Machine, b.Machine), strings.Compare(a.Label, b.Label))
	})
	o.plain = !slices.ContainsFunc(o.sensors, func(s *inventory.Sensor) bool {
		return slices.ContainsFunc(sensorInfo(s), func(value string) bool { return !isPlain(value) }) ||
			inventory.Repair(s.ID, s.ID) != s.ID || inventory.Repair(s.Name, s.ID) != s.Name || inventory.Repair(s.Unit, s.Unit) != s.Unit
	})
	o.extremes = slices.ContainsFunc(o.sensors, func(s *inventory.Sensor) bool { return s.Rule.Extremes })
	o.states = slices.ContainsFunc(o.sensors, func(s *inventory.Sensor) bool { return len(s.Rule.States) > 0 })
	compareInfo := func(a, b *inventory.Machine) int { return slices.Compare(machineInfo(nil, a), machineInfo(nil, b)) }
	o.machinesByInfo = alsoSorted(o.machines, compareInfo)
	o.sensorsByInfo = alsoSorted(o.sensors, func(a, b *inventory.Sensor) int {
		if a.Machine == b.Machine {
			return strings.Compare(a.Label, b.Label)
		}
		return cmp.Or(compareInfo(a.Machine, b.Machine), slices.Compare(sensorInfo(a), sensorInfo(b)))
	})
	return o
}

func compareMachines(a, b *inventory.Machine) int {
	if a == b {
		return 0
	}
	return cmp.Or(strings.Compare(a.CompanyLabel, b.CompanyLabel), strings.Compare(a.Label, b.Label))
}

// alsoSorted returns the list itself if it is sorted by another order too. It nearly always is: only companies of one name, and
// accounts that for a while know a machine by different names, make a difference.
func alsoSorted[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), compare)
}
