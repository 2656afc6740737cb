package poller

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
)

// lister takes in the lists of an account and publishes them in the inventory. Its discovery decides which is read next. The
// account's loop owns it.
type lister struct {
	*discovery
	log        *slog.Logger
	inventory  *inventory.Inventory // the poller's
	index      int                  // of the account in it
	configured innius.Company       // set by the user; without an ID the API names the company
	identity   identity
}

func newLister(log *slog.Logger, inventory *inventory.Inventory, index int, configured innius.Company, d *discovery) lister {
	l := lister{discovery: d, log: log, inventory: inventory, index: index, configured: configured}
	if configured.ID != "" {
		l.identity.company = configured
		l.dropCompany()
		l.inventory.SetCompany(index, configured)
	}
	return l
}

// listResult is the result of a request for a list; only the field of its operation is set.
type listResult struct {
	company  innius.Company
	machines innius.Page[innius.Machine]
	sensors  innius.Page[innius.Sensor]
	err      error
}

// next returns the start_key of the next page; empty at the end.
func (r *listResult) next() string { return cmp.Or(r.machines.Next, r.sensors.Next) }

// addPage takes in a page of machines or sensors. It returns an error if the list never ends.
func (r *lister) addPage(l *list, result *listResult, now time.Time) error {
	l.pages.append(result.machines.Items, result.sensors.Items)
	next := result.next()
	if err := l.pages.add(next); err != nil {
		return fmt.Errorf("read the list %s: %w", l.name(), err)
	}
	if next == "" {
		r.complete(l, now)
		return nil
	}
	if pages := len(l.pages.keys); pages == longList || pages == 10*longList {
		r.addFound(l)
	}
	r.continueList(l, now)
	return nil
}

// addFound publishes what a long list has shown so far, in addition to what is known: if it never ends, nothing else of it
// would ever be polled.
func (r *lister) addFound(l *list) {
	r.listLog(l).Warn("List is unusually long, reading on slowly. Its pagination may be looping, or page_size be too small",
		"pages", len(l.pages.keys), "items", len(l.pages.machines)+len(l.pages.sensors))
	known := r.inventory.Snapshot().Accounts[r.index].List()
	machines, _ := unique(slices.Concat(l.pages.machines, known), nil, machineID)
	sensors, _ := unique(slices.Concat(l.pages.sensors, r.inventory.Sensors(r.index, l.machine)), nil, sensorID)
	r.publish(l, machines, sensors, l.success)
}

// complete publishes a complete list.
func (r *lister) complete(l *list, now time.Time) {
	var machines []innius.Machine
	var sensors []innius.Sensor
	var shrunk bool
	if l.op == innius.OpMachines {
		known := r.inventory.Snapshot().Accounts[r.index].List()
		machines, shrunk = unique(l.pages.machines, known, machineID)
	} else {
		known := r.inventory.Sensors(r.index, l.machine)
		sensors, shrunk = unique(l.pages.sensors, known, sensorID)
	}
	if !l.accept(shrunk) {
		r.listLog(l).Warn("List shrank by more than half, keeping old entries until a second request confirms it")
		r.confirm(l, now)
		return
	}
	r.publish(l, machines, sensors, now)
	r.completed(l, now)
}

// publish replaces what is known by the machines, or by the sensors of the list's machine; the list was read completely at at.
func (r *lister) publish(l *list, machines []innius.Machine, sensors []innius.Sensor, at time.Time) {
	if l.op == innius.OpMachines {
		r.setMachines(r.inventory.SetMachines(r.index, r.identity.company, machines, at))
		return
	}
	r.logSensorChanges(l.machine, sensors)
	r.inventory.SetSensors(r.index, l.machine, sensors, at)
}

func machineID(m innius.Machine) string { return m.ID }

func sensorID(s innius.Sensor) string { return s.ID }

// unique returns the items without duplicates, and whether they lack more than half of those known.
func unique[T any](items, known []T, id func(T) string) (kept []T, shrunk bool) {
	seen, lost := make(map[string]bool, len(items)), 0
	kept = make([]T, 0, len(items))
	for _, item := range items {
		if !seen[id(item)] {
			seen[id(item)] = true
			kept = append(kept, item)
		}
	}
	for _, item := range known {
		if !seen[id(item)] {
			lost++
		}
	}
	return kept, 2*lost > len(known)
}

// identity is the company that a key belongs to.
type identity struct {
	company     innius.Company
	unconfirmed bool   // the company was saved, or is of another key: the API has not confirmed it
	other       string // id of another company that the API named once
}

// setCompany takes in the company of the key. Another company than before must be named twice, like any loss of more than
// half; then discovery starts again, and it returns true. After a restart the saved company is replaced at once.
func (r *lister) setCompany(l *list, company innius.Company, now time.Time) (changed bool) {
	id := &r.identity
	if changed = r.machines != nil && id.company.ID != company.ID; changed {
		switch {
		case id.unconfirmed:
			r.logDiscarded(id.company.ID, company.ID)
		case id.other != company.ID:
			r.log.Warn("Key belongs to another company, requesting it again to confirm",
				"before", innius.Printable(id.company.ID), "company", innius.Printable(company.ID))
			id.other = company.ID
			r.confirm(l, now)
			return false
		}
		r.setMachines(nil)
		r.remove(r.machines)
		r.machines = nil
		r.inventory.SetMachines(r.index, company, nil, time.Time{})
	}
	r.identity = identity{company: company}
	r.addMachines()
	r.inventory.SetCompany(r.index, company)
	r.completed(l, now)
	return changed
}

func (r *lister) logDiscarded(before, company string) {
	r.log.Warn("Account belongs to another company than the saved state, discarding the state",
		"before", innius.Printable(before), "company", innius.Printable(company))
}

// logSensorChanges logs changed units and names, because queries and alerts depend on them.
func (r *lister) logSensorChanges(machine string, sensors []innius.Sensor) {
	before := map[string]innius.Sensor{}
	for _, s := range r.inventory.Sensors(r.index, machine) {
		before[s.ID] = s
	}
	for _, s := range sensors {
		if was, known := before[s.ID]; known && was != s {
			r.log.Warn("Unit or name of a sensor changed", "machine", r.inventory.MachineLabel(r.index, machine), "sensor", s.Name,
				"unit", s.Unit, "unit_before", was.Unit, "sensor_before", was.Name)
		}
	}
}

// listLog returns a logger that names a list and its machine.
func (r *lister) listLog(l *list) *slog.Logger {
	if l.op == innius.OpSensors {
		return r.log.With("list", string(l.op), "machine", r.inventory.MachineLabel(r.index, l.machine))
	}
	return r.log.With("list", string(l.op))
}

// restore takes over a saved company and its lists.
func (r *lister) restore(s *SavedAccount) {
	if r.configured.ID == "" {
		r.identity = identity{company: s.Company, unconfirmed: true}
	}
	machines := make([]innius.Machine, len(s.Machines))
	for i := range s.Machines {
		machines[i] = s.Machines[i].Machine
	}
	r.discovery.restore(s, r.inventory.SetMachines(r.index, r.identity.company, machines, s.ListedAt))
}

// takeOver continues with what another lister knows, unless the user has set another company.
func (r *lister) takeOver(before *lister, now time.Time) {
	if fixed := r.configured.ID; fixed != "" && fixed != before.identity.company.ID {
		r.inventory.DropLists(r.index)
		r.logDiscarded(before.identity.company.ID, fixed)
		return
	}
	own := r.discovery
	r.discovery = before.discovery
	if r.configured.ID != "" {
		r.dropCompany()
	} else {
		r.identity = before.identity
		if r.company == nil {
			r.company, r.identity.unconfirmed = r.add(innius.OpCompany, ""), true
		}
	}
	r.reconfigure(own.interval, own.rateLimit, now)
	r.takeOverMachines(before)
}

// takeOverMachines publishes the known machines with the new labels and filters.
func (r *lister) takeOverMachines(before *lister) {
	known := before.inventory.Snapshot().Accounts[before.index]
	if known.Company == nil {
		return
	}
	machines, company := known.List(), *known.Company
	if r.configured.ID != "" {
		company = r.identity.company // its name may have changed
	}
	selected := r.inventory.SetMachines(r.index, company, machines, known.ListedAt.Load())
	if r.machines != nil {
		r.setMachines(selected)
	}
}
