package poller

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"innius_exporter/innius"
)

// requestList requests the next page of a list.
func (a *account) requestList(ctx context.Context, l *list) {
	company, key := a.identity.company.ID, l.pages.next
	a.send(ctx, func(ctx context.Context) func(time.Time) {
		var r listResult
		switch l.op {
		case innius.OpCompany:
			r.company, r.err = a.Client.Company(ctx)
		case innius.OpMachines:
			r.machines, r.err = a.Client.Machines(ctx, company, key)
		default:
			r.sensors, r.err = a.Client.Sensors(ctx, company, l.machine, key)
		}
		return func(now time.Time) { a.handlePage(l, &r, now) }
	})
}

// listResult is the result of a request for a list; only the field of its operation is set.
type listResult struct {
	company  innius.Company
	machines innius.Page[innius.Machine]
	sensors  innius.Page[innius.Sensor]
	err      error
}

// handlePage takes in a page of a list.
func (a *account) handlePage(l *list, r *listResult, now time.Time) {
	next := cmp.Or(r.machines.Next, r.sensors.Next)
	if l.removed || !a.recordList(l, next != "", r.err, now) {
		return
	}
	if l.op == innius.OpCompany {
		a.handleCompany(l, r.company, now)
		return
	}
	l.pages.machines = append(l.pages.machines, r.machines.Items...)
	l.pages.sensors = append(l.pages.sensors, r.sensors.Items...)
	err := l.pages.add(next)
	switch {
	case err != nil:
		a.recordList(l, false, fmt.Errorf("read the list %s: %w", l.name(), err), now)
	case next != "":
		a.logLongList(l)
		a.discovery.continueList(l)
	default:
		a.handleList(l, now)
	}
}

// handleList publishes a complete list.
func (a *account) handleList(l *list, now time.Time) {
	var machines []innius.Machine
	var sensors []innius.Sensor
	var shrunk bool
	if l.op == innius.OpMachines {
		known := a.inventory.Snapshot().Accounts[a.index].List()
		machines, shrunk = unique(l.pages.machines, known, func(m innius.Machine) string { return m.ID })
	} else {
		known := a.inventory.Sensors(a.index, l.machine)
		sensors, shrunk = unique(l.pages.sensors, known, func(s innius.Sensor) string { return s.ID })
	}
	if !l.accept(shrunk) {
		a.listLog(l).Warn("List shrank by more than half, keeping old entries until a second request confirms it")
		a.discovery.confirm(l, now)
		return
	}
	if l.op == innius.OpMachines {
		a.inventory.SetMachines(a.index, a.identity.company, machines, now)
		a.discovery.setMachines(a.inventory.Selected(machines))
	} else {
		a.logSensorChanges(l.machine, sensors)
		a.inventory.SetSensors(a.index, l.machine, sensors, now)
	}
	a.discovery.completed(l, now)
}

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

// handleCompany takes in the company of the key. Another company than before must be named twice, like any loss of more than
// half; then discovery starts again. After a restart the saved company is replaced at once.
func (a *account) handleCompany(l *list, company innius.Company, now time.Time) {
	id := &a.identity
	if a.discovery.machines != nil && id.company.ID != company.ID {
		switch {
		case id.unconfirmed:
			a.logDiscarded(id.company.ID, company.ID)
		case id.other != company.ID:
			a.log.Warn("Key belongs to another company, requesting it again to confirm",
				"before", innius.Printable(id.company.ID), "company", innius.Printable(company.ID))
			id.other = company.ID
			a.discovery.confirm(l, now)
			return
		}
		a.discovery.reset()
		a.resetLimiter(now)
		a.inventory.SetMachines(a.index, company, nil, time.Time{})
	}
	a.identity = identity{company: company}
	a.discovery.addMachines()
	a.inventory.SetCompany(a.index, company)
	a.discovery.completed(l, now)
}

func (a *account) logDiscarded(before, company string) {
	a.log.Warn("Account belongs to another company than the saved state, discarding the state",
		"before", innius.Printable(before), "company", innius.Printable(company))
}

// logLongList logs at 100 and 1000 pages that a list is long, because each page costs a request.
func (a *account) logLongList(l *list) {
	if pages := len(l.pages.keys); pages == 100 || pages == 1000 {
		a.listLog(l).Warn("List is unusually long, pagination may be looping",
			"pages", pages, "items", len(l.pages.machines)+len(l.pages.sensors))
	}
}

// logSensorChanges logs changed units and names, because queries and alerts depend on them.
func (a *account) logSensorChanges(machine string, sensors []innius.Sensor) {
	before := map[string]innius.Sensor{}
	for _, s := range a.inventory.Sensors(a.index, machine) {
		before[s.ID] = s
	}
	for _, s := range sensors {
		if was, known := before[s.ID]; known && was != s {
			a.log.Warn("Unit or name of a sensor changed", "machine", a.inventory.MachineLabel(a.index, machine), "sensor", s.Name,
				"unit", s.Unit, "unit_before", was.Unit, "sensor_before", was.Name)
		}
	}
}

// recordList records the result of a request for a list, and reports whether it succeeded. more: other pages follow.
func (a *account) recordList(l *list, more bool, err error, now time.Time) bool {
	class := classify(err)
	err = a.addHint(l.op, err)
	switch {
	case class == resultForbidden && l.op == innius.OpCompany && (!isUnknownPath(err) || a.identity.company.ID != ""):
		class = resultKey
	case (class == resultObject || class == resultForbidden) && l.op != innius.OpSensors:
		class = resultInvalid // nothing works without company and machines, so this does not concern a single object
	}
	isProbe, isValues := l == a.discovery.probe(), l.op == innius.OpSensors && a.schedule.Len() == 0
	accountFault := a.recordResult(requestResult{
		class: class, machine: l.machine, object: l.name(), account: isProbe, values: isValues, probe: isValues,
		first: l.success.IsZero(), more: isProbe && l.success.IsZero() && more,
	}, err, now)
	switch {
	case err == nil:
		if l.failure != "" && !more {
			a.listLog(l).Info("List recovered")
			l.failure = ""
		}
		return true
	case accountFault && isProbe:
		if l.failure, l.failures = err.Error(), l.failures+1; class == resultInvalid {
			l.restart() // the API may have refused the start_key
		}
		a.discovery.requeue(l, now)
	case accountFault:
		a.discovery.requeue(l, now)
	default:
		if l.failure == "" {
			a.listLog(l).Warn("List is failing, keeping old entries and retrying with back-off", "err", err)
		}
		a.discovery.failed(l, err.Error(), class == resultObject || class == resultInvalid, now)
	}
	return false
}

// listLog returns a logger that names a list and its machine.
func (a *account) listLog(l *list) *slog.Logger {
	if l.op == innius.OpSensors {
		return a.log.With("list", string(l.op), "machine", a.inventory.MachineLabel(a.index, l.machine))
	}
	return a.log.With("list", string(l.op))
}
