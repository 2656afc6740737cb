package inventory

import (
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// SavedSensor is what a restart keeps of a sensor.
type SavedSensor struct {
	innius.Sensor
	reading.Saved
}

// Save returns what a restart keeps of the machine's sensors.
func (m *Machine) Save() []SavedSensor {
	saved := make([]SavedSensor, len(m.Sensors))
	for i, s := range m.Sensors {
		saved[i].Sensor = *s.Sensor
		if s.Excluded == nil || s.Excluded.PolledBy == "" { // otherwise the account that polls it saves its readings
			saved[i].Saved = s.Entry.Save()
		}
	}
	return saved
}

// Restore takes over the sensors of a machine as they were listed at a moment. They are published with the account's list of
// machines.
func (v *Inventory) Restore(account int, companyID string, m innius.Machine, sensors []SavedSensor, listedAt time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if listedAt.IsZero() || v.opts.filterOf(m) != "" {
		return
	}
	list := make([]innius.Sensor, len(sensors))
	for i := range sensors {
		s := &sensors[i]
		list[i] = s.Sensor
		key := SensorKey{Company: companyID, Machine: m.ID, Sensor: s.ID}
		if v.pending[key] == nil || s.Polled() { // of several accounts that list the sensor one has polled it
			v.pending[key] = reading.Restore(&s.Saved)
		}
	}
	v.accounts[account].sensors[m.ID] = sensorList{list, listedAt}
}

// TakeOverEntries takes over the cache entries of an account of another inventory. DropUnlisted ends it.
func (v *Inventory) TakeOverEntries(from *Inventory, account int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range from.Snapshot().Accounts[account].Machines {
		for _, s := range m.Sensors {
			v.pending[s.Key()] = s.Entry
		}
	}
}

// TakeOverLists takes over the lists of sensors of an account of another inventory, except for machines that a filter of this one
// leaves out. They are published with the list of machines.
func (v *Inventory) TakeOverLists(account int, from *Inventory, fromAccount int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range from.Snapshot().Accounts[fromAccount].Machines {
		list, listed := from.accounts[fromAccount].sensors[m.ID]
		if listed && v.opts.filterOf(m.Machine) == "" {
			v.accounts[account].sensors[m.ID] = list
		}
	}
}

// DropLists drops the lists of sensors that were taken over for an account.
func (v *Inventory) DropLists(account int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.accounts[account].sensors)
}

// DropUnlisted drops the cache entries that were taken over of sensors that no account lists.
func (v *Inventory) DropUnlisted() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending = map[SensorKey]*reading.Entry{}
}
