package inventory

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// Inventory is what exists. It is safe for concurrent use.
type Inventory struct {
	opts     Options
	snapshot atomic.Pointer[Snapshot]

	mu       sync.Mutex                    // of writers
	labels   map[MachineKey]labelCandidate // of all machines in the snapshot
	pending  map[SensorKey]*reading.Entry  // of sensors that are not in the snapshot yet
	accounts []accountLists
	batch    *changes // that Batch publishes at its end; nil: each change is published at once
}

// accountLists is what an account has listed.
type accountLists struct {
	sensors map[string]*sensorList // by machine id; of each machine that no filter leaves out
	changed map[string]bool        // ids of machines that Changes has not returned yet
}

// sensorList is a complete list of a machine's sensors, and when it was read. Immutable but for the time.
type sensorList struct {
	sensors  []innius.Sensor
	listedAt *ListTime
}

// New returns an empty inventory.
func New(opts Options) *Inventory {
	v := &Inventory{
		opts: opts, labels: map[MachineKey]labelCandidate{}, pending: map[SensorKey]*reading.Entry{},
		accounts: make([]accountLists, len(opts.Accounts)),
	}
	for i := range v.accounts {
		v.accounts[i] = accountLists{sensors: map[string]*sensorList{}, changed: map[string]bool{}}
	}
	v.store(make([]Account, len(opts.Accounts)))
	return v
}

func (v *Inventory) store(accounts []Account) {
	v.snapshot.Store(&Snapshot{
		Accounts:  accounts,
		unmatched: sync.OnceValue(func() []string { return v.opts.findUnmatched(accounts) }),
	})
}

// Snapshot returns what exists now.
func (v *Inventory) Snapshot() *Snapshot { return v.snapshot.Load() }

// Batch publishes the changes that a function makes at once, after it has returned: one after the other they would cost the more,
// the more accounts there are. No other goroutine may use the inventory meanwhile.
func (v *Inventory) Batch(change func()) {
	v.mu.Lock()
	batch := v.newChanges()
	v.batch = batch
	v.mu.Unlock()
	change()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.batch = nil
	v.publish(batch)
}

// SetCompany makes the company of an account known before its machines are. Later calls change nothing: SetMachines does.
func (v *Inventory) SetCompany(account int, company innius.Company) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.newChanges()
	if c.next[account].Company == nil {
		c.edit(account).Company = &company
		v.publish(c)
	}
}

// SetMachines replaces the list of machines of an account by a complete one that was read at a moment. It returns the ids of
// those that no filter leaves out. The snapshot stays if the list is the same.
func (v *Inventory) SetMachines(account int, company innius.Company, list []innius.Machine, at time.Time) (selected []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, lists := v.newChanges(), &v.accounts[account]
	known := c.next[account]
	sameCompany := known.Company != nil && *known.Company == company
	gone := make(map[string]*Machine, len(known.Machines))
	for _, m := range known.Machines {
		gone[m.ID] = m
	}
	machines, sensors := make([]*Machine, len(list)), make(map[string]*sensorList, len(list))
	for i, m := range list {
		if was := gone[m.ID]; was != nil && sameCompany && was.Machine == m {
			machines[i] = was
			delete(gone, m.ID)
		} else {
			machines[i] = &Machine{Machine: m, Company: company, FilteredBy: v.opts.filterOf(m)}
			c.affected[machines[i].Key()] = true
		}
		if machines[i].FilteredBy == "" { // a machine may have a new name that a filter leaves out
			selected = append(selected, m.ID)
			sensors[m.ID] = cmp.Or(lists.sensors[m.ID], &sensorList{listedAt: &ListTime{}})
		}
	}
	lists.sensors = sensors
	for _, m := range gone {
		c.affected[m.Key()] = true
	}
	if sameCompany && known.ListedAt != nil && slices.Equal(known.Machines, machines) {
		known.ListedAt.at.Store(&at)
		return selected
	}
	*c.edit(account) = Account{Company: &company, ListedAt: NewListTime(at), Machines: machines}
	c.relabel = true
	v.publish(c)
	return selected
}

// SetSensors replaces the list of sensors of a machine by a complete one that was read at a moment. It does nothing if the
// account no longer lists the machine, or a filter leaves it out. The snapshot stays if the list is the same.
func (v *Inventory) SetSensors(account int, machineID string, list []innius.Sensor, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, held := v.newChanges(), v.accounts[account].sensors[machineID]
	m := c.next[account].machine(machineID)
	if m == nil || held == nil {
		return
	}
	if slices.Equal(held.sensors, list) {
		held.listedAt.at.Store(&at)
		return
	}
	v.accounts[account].sensors[machineID] = &sensorList{list, NewListTime(at)}
	c.edit(account)
	c.affected[m.Key()] = true
	v.publish(c)
}

// Sensors returns the sensors of a machine as an account listed them last.
func (v *Inventory) Sensors(account int, machineID string) []innius.Sensor {
	v.mu.Lock()
	defer v.mu.Unlock()
	if list := v.accounts[account].sensors[machineID]; list != nil {
		return list.sensors
	}
	return nil
}

func (o *Options) filterOf(m innius.Machine) string {
	return o.Machines.Reject("discovery.machines", m.ID, m.Name)
}

// MachineLabel returns the label of a machine, for logs; its id if the account does not list it.
func (v *Inventory) MachineLabel(account int, machineID string) string {
	if m := v.Snapshot().Accounts[account].machine(machineID); m != nil {
		return m.Label
	}
	return innius.Printable(machineID)
}

// List returns the machines as the API listed them.
func (a *Account) List() []innius.Machine {
	list := make([]innius.Machine, len(a.Machines))
	for i, m := range a.Machines {
		list[i] = m.Machine
	}
	return list
}

func (a *Account) machine(id string) *Machine {
	if i := slices.IndexFunc(a.Machines, func(m *Machine) bool { return m.ID == id }); i >= 0 {
		return a.Machines[i]
	}
	return nil
}

// Changes returns the machines of an account that have changed since the last call, by id; nil for one that is gone.
func (v *Inventory) Changes(account int) map[string]*Machine {
	v.mu.Lock()
	defer v.mu.Unlock()
	lists := &v.accounts[account]
	if len(lists.changed) == 0 {
		return nil
	}
	changes := make(map[string]*Machine, len(lists.changed))
	for id := range lists.changed {
		changes[id] = nil
	}
	for _, m := range v.Snapshot().Accounts[account].Machines {
		if lists.changed[m.ID] {
			changes[m.ID] = m
		}
	}
	clear(lists.changed)
	return changes
}

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
	v.accounts[account].sensors[m.ID] = &sensorList{list, NewListTime(listedAt)}
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
		if list := from.accounts[fromAccount].sensors[m.ID]; list != nil && v.opts.filterOf(m.Machine) == "" {
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
