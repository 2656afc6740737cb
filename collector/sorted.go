package collector

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"innius_exporter/internal/poller/inventory"
)

// sorted is an inventory in the order in which its series are exposed: that of a registry. The orders are immutable.
type sorted struct {
	of       *inventory.Snapshot
	all      atomic.Pointer[order]
	accounts []atomic.Pointer[order] // of one account each, from its first scrape on
}

// order is what is exposed of some accounts.
type order struct {
	machines, machinesByInfo []*inventory.Machine // by company and machine; by the labels of innius_machine_info
	sensors, sensorsByInfo   []*inventory.Sensor  // polled ones: by company, machine and sensor; by the labels of innius_sensor_info
}

// order returns what is exposed of the accounts with these indexes. Two scrapes at once may compute it twice.
func (c *Collector) order(of *inventory.Snapshot, accounts []int) *order {
	held := c.sorted.Load()
	if held == nil || held.of != of {
		held = &sorted{of: of, accounts: make([]atomic.Pointer[order], len(of.Accounts))}
		c.sorted.Store(held)
	}
	slot := &held.all
	switch {
	case len(accounts) == 1:
		slot = &held.accounts[accounts[0]]
	case len(accounts) < len(of.Accounts):
		return newOrder(of, accounts)
	}
	o := slot.Load()
	if o == nil {
		o = newOrder(of, accounts)
		slot.Store(o)
	}
	return o
}

func newOrder(of *inventory.Snapshot, accounts []int) *order {
	o := &order{}
	for _, account := range accounts {
		for _, m := range of.Accounts[account].Machines {
			if m.FilteredBy == "" && m.ExposedBy == "" {
				o.machines = append(o.machines, m)
			}
			o.sensors = append(o.sensors, m.Polled...)
		}
	}
	o.sensors = slices.Clip(o.sensors)
	slices.SortFunc(o.machines, compareMachines)
	slices.SortFunc(o.sensors, func(a, b *inventory.Sensor) int {
		return cmp.Or(compareMachines(a.Machine, b.Machine), strings.Compare(a.Label, b.Label))
	})
	o.machinesByInfo = sortedToo(o.machines, func(a, b *inventory.Machine) int { return slices.Compare(machineInfo(nil, a), machineInfo(nil, b)) })
	o.sensorsByInfo = sortedToo(o.sensors, func(a, b *inventory.Sensor) int {
		if a.Machine == b.Machine {
			return strings.Compare(a.Label, b.Label)
		}
		return slices.Compare(sensorInfo(machineInfo(nil, a.Machine), a), sensorInfo(machineInfo(nil, b.Machine), b))
	})
	return o
}

func compareMachines(a, b *inventory.Machine) int {
	if a == b {
		return 0
	}
	return cmp.Or(strings.Compare(a.CompanyLabel, b.CompanyLabel), strings.Compare(a.Label, b.Label))
}

// sortedToo returns the list itself if it is sorted by another order too. It nearly always is: only companies of one name, and
// accounts that for a while know a machine by different names, make a difference.
func sortedToo[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), compare)
}
