package poller

import (
	"fmt"
	"net/http"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// shareOfDiscovery is the part of the allowance that looking again at known lists may take.
const shareOfDiscovery = 0.05

// confirmAfter is when a list that suddenly lost more than half is asked for again, before it may delete.
const confirmAfter = time.Minute

// listing is one list that discovery keeps up to date: the company, the machines, or the sensors of one machine.
type listing struct {
	schedule.Item[*listing]
	op       innius.Operation
	machine  string // id; for sensors
	tried    bool   // has been answered or has failed: no longer urgent
	more     bool   // the latest page has a next one
	gone     bool   // the machine left while the request was under way
	failures int    // in a row
	failure  string // why; empty where the last try succeeded
	success  time.Time

	machines partial[innius.Machine]
	sensors  partial[innius.Sensor]
}

// partial is a list of which not all pages have been read. Nothing of it is published.
type partial[T any] struct {
	items   []T
	next    string // start_key of the next page
	begun   bool
	keys    map[string]bool // start_keys of the pages read
	shrunk  bool            // the last complete list lost more than half and waits to be confirmed
	current []string        // ids of the list in force
}

// discovery decides which list is asked for next. Lists never asked for, and lists begun, are urgent; looking again
// at what is known is routine and spread over its share of the allowance. One loop owns it; it does no I/O.
type discovery struct {
	interval time.Duration
	most     float64       // requests per hour that looking again may take
	spacing  time.Duration // between two routine requests, on average
	free     time.Time     // when the next routine list may begin
	verified time.Time     // everything in the catalogue was seen at or after this moment; zero: not yet

	company  *listing            // nil where the user set the company
	machines *listing            // nil until the company is known
	sensors  map[string]*listing // by machine id; filtered machines have none
	urgent   schedule.Queue[*listing]
	routine  schedule.Queue[*listing]
}

func newDiscovery(interval time.Duration, perHour float64) *discovery {
	d := &discovery{interval: interval, sensors: map[string]*listing{}}
	d.setRate(perHour)
	d.company = d.add(innius.OpCompany, "")
	return d
}

// setRate sets the allowance, in requests per hour, of which discovery takes its share from now on.
func (d *discovery) setRate(perHour float64) {
	d.most = perHour * shareOfDiscovery
	d.spacing = planned(time.Hour.Seconds() / d.most)
}

func (d *discovery) add(op innius.Operation, machine string) *listing {
	l := &listing{op: op, machine: machine}
	l.Value = l
	d.urgent.Put(&l.Item, time.Time{})
	return l
}

// routineDue returns when the next list that is known already is due, not before the share of discovery
// permits it; false where there is none.
func (d *discovery) routineDue() (time.Time, bool) {
	due, ok := d.routine.Due()
	return later(due, d.free), ok
}

// next takes the first list of a queue out; it comes back with one of the methods below.
func (d *discovery) next(q *schedule.Queue[*listing], now time.Time) *listing {
	l := q.First().Value
	q.Remove(&l.Item)
	if q == &d.routine {
		d.free = later(d.free, now).Add(d.spacing)
	}
	return l
}

// account is the list that the account is probed with: the company, or the machine list where the user set the company, and as
// long as it was never read: without machines an account is of no use, whatever responds.
func (d *discovery) account() *listing {
	if d.company == nil || d.machines != nil && d.machines.success.IsZero() {
		return d.machines
	}
	return d.company
}

// take takes a list out, wherever it waits.
func (d *discovery) take(l *listing) {
	d.urgent.Remove(&l.Item)
	d.routine.Remove(&l.Item)
}

// resetBackoff makes all lists due that back off; those that were never read are urgent again.
func (d *discovery) resetBackoff(now time.Time) {
	for _, l := range d.all() {
		if l.failures > 0 && l.Queued() {
			l.failures, l.tried = 0, !l.success.IsZero()
			d.take(l)
			d.again(l, now)
		}
	}
}

// more returns a list of which another page is to be read: at once, and charged to the routine share if it is one.
func (d *discovery) more(l *listing) {
	if l.tried {
		d.free = d.free.Add(d.spacing)
	}
	d.put(&d.urgent, l, time.Time{})
}

// done returns a list that is complete.
func (d *discovery) done(l *listing, now time.Time) {
	l.tried, l.failures, l.failure, l.success = true, 0, "", now
	d.verified = d.oldestSuccess()
	d.put(&d.routine, l, now.Add(d.interval))
}

// confirm returns a complete list that must be seen a second time before it deletes. It does not wait for the routine
// of a large plant, but is charged to it.
func (d *discovery) confirm(l *listing, now time.Time) {
	d.free = later(d.free, now).Add(d.spacing)
	d.put(&d.urgent, l, now.Add(confirmAfter))
}

// failed returns a list that could not be got through its own fault; it backs off alone. What was read of it stays
// for the next try, unless the API refuses to go on from there.
func (d *discovery) failed(l *listing, why string, refused bool, now time.Time) {
	l.tried, l.failure = true, why
	l.failures++
	if refused && (l.machines.begun || l.sensors.begun) {
		l.restart()
	}
	d.put(&d.routine, l, now.Add(schedule.BackOff(l.failures, 30*time.Second, min(d.interval, time.Hour))))
}

// again returns a list that could not be asked for through no fault of its own, behind the others.
func (d *discovery) again(l *listing, now time.Time) {
	if l.tried && !l.machines.begun && !l.sensors.begun {
		d.put(&d.routine, l, now)
		return
	}
	d.put(&d.urgent, l, now)
}

func (d *discovery) put(q *schedule.Queue[*listing], l *listing, due time.Time) {
	if !l.gone {
		q.Put(&l.Item, due)
	}
}

// begin asks for the list of machines, where that is not done yet.
func (d *discovery) begin() {
	if d.machines == nil {
		d.machines = d.add(innius.OpMachines, "")
	}
}

// fixCompany drops the company: the user set it.
func (d *discovery) fixCompany() {
	if d.company != nil {
		d.leave(d.company)
		d.company = nil
	}
	d.begin()
}

// forget drops all lists but the company.
func (d *discovery) forget() {
	d.know(nil)
	d.leave(d.machines)
	d.machines = nil
}

// leave removes a list, waiting or under way.
func (d *discovery) leave(l *listing) {
	l.gone = true
	d.take(l)
}

// know makes the machines of a complete list known: new ones are urgent, those that are gone leave.
func (d *discovery) know(machineIDs []string) {
	present := make(map[string]bool, len(machineIDs))
	for _, id := range machineIDs {
		present[id] = true
		if d.sensors[id] == nil {
			d.sensors[id] = d.add(innius.OpSensors, id)
		}
	}
	for id, l := range d.sensors {
		if !present[id] {
			d.leave(l)
			delete(d.sensors, id)
		}
	}
}

// oldestSuccess returns when the list of all was last got that was got longest ago, but for sensor lists that fail on
// their own. Zero until the list of machines has been read.
func (d *discovery) oldestSuccess() time.Time {
	if d.machines == nil || d.machines.success.IsZero() {
		return time.Time{}
	}
	oldest := d.machines.success
	for _, l := range d.sensors {
		if l.failure == "" && !l.success.IsZero() && l.success.Before(oldest) {
			oldest = l.success
		}
	}
	return oldest
}

// failures returns why the sensors of a machine cannot be listed, by machine id.
func (d *discovery) failures() map[string]string {
	failures := map[string]string{}
	for id, l := range d.sensors {
		if l.failure != "" {
			failures[id] = l.failure
		}
	}
	return failures
}

// progress says how far the reading of lists has come: what was answered once waits for its routine.
func (d *discovery) progress() DiscoveryStatus {
	return DiscoveryStatus{Lists: len(d.all()), Asked: d.routine.Len()}
}

// settled reports whether one discovery has ended, well or badly: nothing is left that was never tried.
func (d *discovery) settled() bool {
	if d.machines == nil || !d.machines.tried {
		return d.company != nil && d.company.failures > 0 || d.machines != nil && d.machines.failures > 0
	}
	for _, l := range d.sensors {
		if !l.tried {
			return false
		}
	}
	return true
}

// restart forgets the pages read so far.
func (l *listing) restart() {
	l.machines.restart()
	l.sensors.restart()
}

// add takes one page in.
func (p *partial[T]) add(page innius.Page[T]) {
	if p.keys == nil {
		p.keys = map[string]bool{}
	}
	p.keys[p.next] = true
	p.items, p.next, p.begun = append(p.items, page.Items...), page.Next, true
}

// maxPages bounds one list: more is a server that does not end.
const maxPages = 10_000

// endless says why a list would never end; nil where it may.
func (p *partial[T]) endless() error {
	switch {
	case p.next != "" && p.keys[p.next]:
		return &innius.ResponseError{Status: http.StatusOK, Detail: "next_key repeats an earlier page: the list would never end"}
	case len(p.keys) >= maxPages:
		return &innius.ResponseError{Status: http.StatusOK, Detail: fmt.Sprintf("the list has more than %d pages", maxPages)}
	}
	return nil
}

// restart forgets the pages read so far.
func (p *partial[T]) restart() { p.items, p.next, p.begun, p.keys = nil, "", false, nil }

// finish ends a complete list. It returns the items, each id once, and whether they may be published: a list that
// lost more than half of the one in force must be seen twice.
func (p *partial[T]) finish(id func(T) string) ([]T, bool) {
	seen := make(map[string]bool, len(p.items))
	var items []T
	for _, item := range p.items {
		if !seen[id(item)] {
			seen[id(item)] = true
			items = append(items, item)
		}
	}
	p.restart()
	lost := 0
	for _, known := range p.current {
		if !seen[known] {
			lost++
		}
	}
	if 2*lost > len(p.current) && !p.shrunk {
		p.shrunk = true
		return nil, false
	}
	p.shrunk, p.current = false, make([]string, len(items))
	for i, item := range items {
		p.current[i] = id(item)
	}
	return items, true
}

// perHour returns the requests per hour that looking again at what is known takes on average.
func (d *discovery) perHour() float64 {
	lists := float64(2 + len(d.sensors))
	return min(lists/d.interval.Hours(), d.most)
}
