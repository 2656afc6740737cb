package poller

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

// sensorKey is a sensor's identity over all accounts.
type sensorKey = innius.SensorRef

// machineKey is a machine's identity over all accounts.
type machineKey struct{ company, machine string }

// machine is one machine as one account sees it. Immutable.
type machine struct {
	innius.Machine
	company      innius.Company
	companyLabel string
	label        string
	clash        bool
	filtered     string    // why its sensors are never listed; empty where they are
	listedAt     time.Time // when its sensors were last listed; zero: never
	twinOf       string    // the account that exposes the machine, where that is another one
	account      int       // whose entry this is
	sensors      []*sensor
	polled       []*sensor // those that the account asks for, by label
	group        []*sensor // those of the machine that any account polls
	pairs        *machinePairs
	client       *innius.Client // of the account; nil: none
}

// theirTime returns a moment of our clock by the API's clock: what the source stamped is compared with that one only.
func (m *machine) theirTime(ours time.Time) time.Time {
	if m == nil || m.client == nil {
		return ours
	}
	ahead, _ := m.client.ClockDifference()
	return ours.Add(ahead)
}

// all returns the machine's sensors; a machine that is gone (nil) has none.
func (m *machine) all() []*sensor {
	if m == nil {
		return nil
	}
	return m.sensors
}

func (m *machine) key() machineKey { return machineKey{m.company.ID, m.ID} }

// sensor is one sensor as one account sees it. Immutable but for what its cell holds.
type sensor struct {
	*innius.Sensor
	machine  *machine
	label    string
	clash    bool
	filtered string // why it is never asked for; empty where it is
	twinOf   string // the account that asks for it, where that is another one
	rule     *Rule
	entry    *reading.Entry
	pairs    *sensorPairs // nil where it is not polled
}

// ref returns the sensor's identity over all accounts.
func (s *sensor) ref() sensorKey {
	return sensorKey{Company: s.machine.company.ID, Machine: s.machine.ID, Sensor: s.ID}
}

// polled reports whether this account asks for the sensor.
func (s *sensor) polled() bool { return s.filtered == "" && s.twinOf == "" }

// view is all that is known to exist, as one scrape sees it: per account its machines. Immutable; the next one is
// published in its place.
type view struct {
	companies []*innius.Company // per account; nil until known
	listedAt  []time.Time       // per account, when its machines were last listed; zero: never
	machines  [][]*machine      // per account, in the API's order
	order     atomic.Pointer[order]
}

// catalogue is what exists. Discovery publishes one complete list at a time; a scrape reads the view without a lock.
type catalogue struct {
	opts    *Options
	view    atomic.Pointer[view]
	mu      sync.Mutex                   // writers only
	names   map[machineKey]claim         // the labels of all machines in the view
	cells   map[sensorKey]*reading.Entry // of every sensor in the view
	lists   []map[string]listed          // per account: machine id -> its sensors as listed
	changed []map[string]bool            // per account: machines whose sensors its loop has not yet heard of
}

// listed is a complete list of a machine's sensors, and when it was read.
type listed struct {
	sensors []innius.Sensor
	at      time.Time
}

func newCatalogue(opts *Options) *catalogue {
	n := len(opts.Accounts)
	c := &catalogue{
		opts: opts, cells: map[sensorKey]*reading.Entry{},
		lists: make([]map[string]listed, n), changed: make([]map[string]bool, n),
	}
	for i := range n {
		c.lists[i], c.changed[i] = map[string]listed{}, map[string]bool{}
	}
	c.view.Store(&view{companies: make([]*innius.Company, n), listedAt: make([]time.Time, n), machines: make([][]*machine, n)})
	return c
}

// publishCompany makes the company of an account known before its machines are.
func (c *catalogue) publishCompany(account int, company innius.Company) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.view.Load()
	if old.companies[account] != nil {
		return // it goes with the machines, which name it on their labels
	}
	next := &view{companies: slices.Clone(old.companies), listedAt: old.listedAt, machines: old.machines}
	next.companies[account] = &company
	c.view.Store(next)
}

// publishMachines replaces the list of machines of an account by a complete one, read at a moment.
func (c *catalogue) publishMachines(account int, company innius.Company, list []innius.Machine, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.view.Load()
	next := &view{
		companies: slices.Clone(old.companies), listedAt: slices.Clone(old.listedAt), machines: slices.Clone(old.machines),
	}
	next.companies[account], next.listedAt[account] = &company, at
	next.machines[account] = make([]*machine, len(list))
	present := map[string]bool{}
	for i, m := range list {
		next.machines[account][i] = &machine{Machine: m, company: company, filtered: c.opts.Machines.reject("machines", m.ID, m.Name)}
		present[m.ID] = next.machines[account][i].filtered == "" // a name may have been changed to one that is kept out
	}
	for id := range c.lists[account] {
		if !present[id] {
			delete(c.lists[account], id)
		}
	}
	affected := keysOf(old.machines[account])
	for key := range keysOf(next.machines[account]) {
		affected[key] = true
	}
	c.rename(next, affected)
	c.publish(old, next, affected)
}

// publishSensors replaces the list of sensors of one machine by a complete one, read at a moment. It is lost where the
// machine has gone meanwhile.
func (c *catalogue) publishSensors(account int, machineID string, list []innius.Sensor, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.view.Load()
	i := slices.IndexFunc(old.machines[account], func(m *machine) bool { return m.ID == machineID })
	if i < 0 {
		return
	}
	c.lists[account][machineID] = listed{sensors: list, at: at}
	next := &view{companies: old.companies, listedAt: old.listedAt, machines: slices.Clone(old.machines)}
	c.publish(old, next, map[machineKey]bool{old.machines[account][i].key(): true})
}

// labelOf returns the label of a machine, for logs; its id where it has gone.
func (c *catalogue) labelOf(account int, machineID string) string {
	for _, m := range c.view.Load().machines[account] {
		if m.ID == machineID {
			return m.label
		}
	}
	return innius.Printable(machineID)
}

func keysOf(machines []*machine) map[machineKey]bool {
	keys := make(map[machineKey]bool, len(machines))
	for _, m := range machines {
		keys[m.key()] = true
	}
	return keys
}

// rename decides the labels of all machines of a view anew, and marks those whose label changed as affected.
func (c *catalogue) rename(next *view, affected map[machineKey]bool) {
	names := nameMachines(c.opts.Labels, next)
	for key, named := range names {
		if c.names[key].label != named.label {
			affected[key] = true
		}
	}
	c.names = names
}

// nameMachines gives each machine, told by identity, a label that is unique within its company label.
func nameMachines(mode LabelMode, v *view) map[machineKey]claim {
	siblings, order := map[string][]machineKey{}, []string{}
	claims := map[machineKey]claim{}
	for _, machines := range v.machines {
		for _, m := range machines {
			key := m.key()
			if _, known := claims[key]; known {
				continue
			}
			company := mode.text(m.company.ID, m.company.Name)
			if siblings[company] == nil {
				order = append(order, company)
			}
			siblings[company] = append(siblings[company], key)
			claims[key] = claim{label: mode.text(m.ID, m.Name), ids: []string{m.ID, m.company.ID}}
		}
	}
	for _, company := range order {
		group := make([]claim, len(siblings[company]))
		for i, key := range siblings[company] {
			group[i] = claims[key]
		}
		settle(group)
		for i, key := range siblings[company] {
			claims[key] = group[i]
		}
	}
	return claims
}

// publish rebuilds the affected machines of a view and makes it the one in force.
func (c *catalogue) publish(old, next *view, affected map[machineKey]bool) {
	gone := c.keysIn(old, affected)
	sites := map[machineKey][]place{}
	for account, machines := range next.machines {
		next.machines[account] = slices.Clone(machines)
		for i, m := range machines {
			if affected[m.key()] {
				sites[m.key()] = append(sites[m.key()], place{account, i})
			}
		}
	}
	for key, places := range sites {
		for _, s := range c.rebuild(next, c.names[key], places) {
			delete(gone, s)
		}
	}
	for key := range gone {
		delete(c.cells, key)
	}
	c.tell(old, affected)
	c.tell(next, affected)
	c.view.Store(next)
}

// place is where a machine stands in a view.
type place struct{ account, index int }

// keysIn returns the sensors of the affected machines of a view.
func (c *catalogue) keysIn(v *view, affected map[machineKey]bool) map[sensorKey]bool {
	keys := map[sensorKey]bool{}
	for _, machines := range v.machines {
		for _, m := range machines {
			if !affected[m.key()] {
				continue
			}
			for _, s := range m.sensors {
				keys[s.ref()] = true
			}
		}
	}
	return keys
}

// tell notes for each account's loop which of its machines changed.
func (c *catalogue) tell(v *view, affected map[machineKey]bool) {
	for account, machines := range v.machines {
		for _, m := range machines {
			if affected[m.key()] {
				c.changed[account][m.ID] = true
			}
		}
	}
}

// takeChanges returns the machines of an account that changed since the last call; a nil value is one that is gone.
func (c *catalogue) takeChanges(account int) map[string]*machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.changed[account]) == 0 {
		return nil
	}
	changes := make(map[string]*machine, len(c.changed[account]))
	for id := range c.changed[account] {
		changes[id] = nil
	}
	for _, m := range c.view.Load().machines[account] {
		if c.changed[account][m.ID] {
			changes[m.ID] = m
		}
	}
	clear(c.changed[account])
	return changes
}
