package inventory

import (
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
}

// accountLists is what an account has listed.
type accountLists struct {
	sensors map[string]sensorList // by machine id
	changed map[string]bool       // ids of machines that Changes has not returned yet
}

// sensorList is a complete list of a machine's sensors, and when it was read.
type sensorList struct {
	sensors []innius.Sensor
	at      time.Time
}

// New returns an empty inventory.
func New(opts Options) *Inventory {
	v := &Inventory{opts: opts, pending: map[SensorKey]*reading.Entry{}, accounts: make([]accountLists, len(opts.Accounts))}
	for i := range v.accounts {
		v.accounts[i] = accountLists{sensors: map[string]sensorList{}, changed: map[string]bool{}}
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

// SetCompany makes the company of an account known before its machines are. Later calls change nothing: SetMachines does.
func (v *Inventory) SetCompany(account int, company innius.Company) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if next := slices.Clone(v.Snapshot().Accounts); next[account].Company == nil {
		next[account].Company = &company
		v.store(next)
	}
}

// SetMachines replaces the list of machines of an account by a complete one that was read at a moment. It returns the ids of
// those that no filter leaves out.
func (v *Inventory) SetMachines(account int, company innius.Company, list []innius.Machine, at time.Time) (selected []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.Snapshot().Accounts
	next := slices.Clone(before)
	machines, sensors := make([]*Machine, len(list)), map[string]sensorList{}
	for i, m := range list {
		machines[i] = &Machine{Machine: m, Company: company, FilteredBy: v.opts.filterOf(m)}
		if machines[i].FilteredBy == "" { // a machine may have a new name that a filter leaves out
			selected = append(selected, m.ID)
			sensors[m.ID] = v.accounts[account].sensors[m.ID]
		}
	}
	v.accounts[account].sensors = sensors
	next[account] = Account{Company: &company, ListedAt: at, Machines: machines}
	affected := map[MachineKey]bool{}
	for _, m := range slices.Concat(before[account].Machines, machines) {
		affected[m.Key()] = true
	}
	v.relabel(next, affected)
	v.rebuild(before, next, affected)
	return selected
}

// SetSensors replaces the list of sensors of a machine by a complete one that was read at a moment. It does nothing if the
// account no longer lists the machine.
func (v *Inventory) SetSensors(account int, machineID string, list []innius.Sensor, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.Snapshot().Accounts
	m := before[account].machine(machineID)
	if m == nil {
		return
	}
	if held := v.accounts[account].sensors[machineID].sensors; slices.Equal(held, list) {
		list = held // what refers to its texts, such as the schedule, would keep both
	}
	v.accounts[account].sensors[machineID] = sensorList{list, at}
	v.rebuild(before, slices.Clone(before), map[MachineKey]bool{m.Key(): true})
}

// Sensors returns the sensors of a machine as an account listed them last.
func (v *Inventory) Sensors(account int, machineID string) []innius.Sensor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.accounts[account].sensors[machineID].sensors
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
		if v.opts.filterOf(m.Machine) == "" {
			v.accounts[account].sensors[m.ID] = from.accounts[fromAccount].sensors[m.ID]
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
