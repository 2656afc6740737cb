package poller

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

const (
	discoveryShare = 0.05        // part of the rate limit for repeated requests of known lists
	confirmAfter   = time.Minute // until a list that lost more than half is requested again, before anything is deleted
	longList       = 100         // pages of a list that may never end; the others are read routinely
	maxPages       = 10_000      // of one list; a list with more never ends
	maxListSize    = 64 << 20    // bytes of one list, with itemSize for each item: more than a company has
	itemSize       = 64          // bytes of an item without its texts
)

// list is one list that discovery keeps up to date: the company, the machines, or the sensors of one machine.
type list struct {
	schedule.Item[*list]
	op       innius.Operation
	machine  string // id; for sensors
	tried    bool   // has succeeded or failed once
	removed  bool   // its machine was removed
	failures int    // in a row
	failure  string // error of the last attempt; empty if it succeeded
	success  time.Time
	pages    pages
	shrunk   bool // the last complete list had lost more than half, and must be confirmed
}

// pages are the pages of a list that have been read so far. Of an incomplete list only a long one is published, and it removes
// nothing.
type pages struct {
	machines []innius.Machine
	sensors  []innius.Sensor
	next     string          // start_key of the next page
	keys     map[string]bool // start_keys of the pages read
	size     int             // bytes
}

// append adds what a page holds.
func (p *pages) append(machines []innius.Machine, sensors []innius.Sensor) {
	for _, m := range machines {
		p.size += itemSize + len(m.ID) + len(m.Name)
	}
	for _, s := range sensors {
		p.size += itemSize + len(s.ID) + len(s.Name) + len(s.Unit)
	}
	p.machines, p.sensors = append(p.machines, machines...), append(p.sensors, sensors...)
}

// add records that a page has been read, and returns an error if the list never ends.
func (p *pages) add(next string) error {
	if p.keys == nil {
		p.keys = map[string]bool{}
	}
	p.keys[p.next], p.next = true, next
	switch {
	case next != "" && p.keys[next]:
		return &innius.ResponseError{Status: http.StatusOK, Detail: "next_key repeats an earlier page: the list would never end"}
	case p.size > maxListSize:
		return &innius.ResponseError{Status: http.StatusOK, Detail: fmt.Sprintf("the list has more than %d MiB", maxListSize>>20)}
	case len(p.keys) >= maxPages:
		return &innius.ResponseError{Status: http.StatusOK, Detail: fmt.Sprintf("the list has more than %d pages", maxPages)}
	}
	return nil
}

// begun reports whether pages have been read and others follow.
func (l *list) begun() bool { return l.pages.keys != nil }

// long reports whether so many pages have been read that the list may never end.
func (l *list) long() bool { return len(l.pages.keys) >= longList }

func (l *list) restart() { l.pages = pages{} }

// name identifies the list, for errors and the circuit breaker.
func (l *list) name() string {
	if l.op == innius.OpSensors {
		return "sensors of machine " + l.machine
	}
	return string(l.op)
}

// accept decides whether a complete list may be published. One that lost more than half must be read twice.
func (l *list) accept(shrunk bool) bool {
	l.restart()
	l.shrunk = shrunk && !l.shrunk
	return !l.shrunk
}

// discovery decides which list is requested next. Lists that have never been read completely are urgent. Known lists are
// requested again routinely, within a share of the rate limit. One loop owns it; it does no I/O.
type discovery struct {
	interval    time.Duration
	rateLimit   func() float64 // requests per hour
	nextRoutine time.Time      // when the next routine list may be requested
	verified    time.Time      // when the list that was read longest ago was read; zero: some have not been read

	company  *list            // nil if the user set the company
	machines *list            // nil until the company is known
	sensors  map[string]*list // by machine id; none for filtered machines
	urgent   schedule.Queue[*list]
	routine  schedule.Queue[*list]
}

func newDiscovery(interval time.Duration, rateLimit func() float64) *discovery {
	d := &discovery{interval: interval, rateLimit: rateLimit, sensors: map[string]*list{}}
	d.company = d.add(innius.OpCompany, "")
	return d
}

// maxPerHour returns the routine requests that discovery may send per hour.
func (d *discovery) maxPerHour() float64 { return d.rateLimit() * discoveryShare }

// spacing returns the time between two routine requests, on average.
func (d *discovery) spacing() time.Duration {
	return schedule.Seconds(time.Hour.Seconds() / d.maxPerHour())
}

// wanted returns the number of routine requests per hour that the interval takes.
func (d *discovery) wanted() float64 { return float64(2+len(d.sensors)) / d.interval.Hours() }

// perHour returns the average number of routine requests per hour.
func (d *discovery) perHour() float64 { return min(d.wanted(), d.maxPerHour()) }

func (d *discovery) add(op innius.Operation, machine string) *list {
	l := &list{op: op, machine: machine}
	l.Value = l
	d.urgent.Put(&l.Item, time.Time{})
	return l
}

// all returns all lists.
func (d *discovery) all() []*list {
	lists := append(slices.Collect(maps.Values(d.sensors)), d.company, d.machines)
	return slices.DeleteFunc(lists, func(l *list) bool { return l == nil })
}

// routineDue returns when the next known list may be requested; false if there is none.
func (d *discovery) routineDue() (time.Time, bool) {
	due, ok := d.routine.Due()
	return schedule.Later(due, d.nextRoutine), ok
}

// next takes the first list out of a queue. It returns to a queue with one of the methods below.
func (d *discovery) next(q *schedule.Queue[*list], now time.Time) *list {
	l := q.First().Value
	q.Remove(&l.Item)
	if q == &d.routine {
		d.nextRoutine = schedule.Later(d.nextRoutine, now).Add(d.spacing())
	}
	return l
}

// probe returns the list that tests the account: the company, or the machines if the user set the company or no machine has
// been found, because an account without machines is of no use.
func (d *discovery) probe() *list {
	if d.company == nil || d.machines != nil && d.machines.success.IsZero() && len(d.sensors) == 0 {
		return d.machines
	}
	return d.company
}

// dequeue takes a list out of its queue.
func (d *discovery) dequeue(l *list) {
	d.urgent.Remove(&l.Item)
	d.routine.Remove(&l.Item)
}

func (d *discovery) put(q *schedule.Queue[*list], l *list, due time.Time) {
	if !l.removed {
		q.Put(&l.Item, due)
	}
}

// continueList returns a list with more pages. A routine list is charged for each; a long one waits for the routine share. It
// comes before the lists that have not begun: its sensors are polled only once it is complete.
func (d *discovery) continueList(l *list, now time.Time) {
	switch {
	case l.long():
		d.put(&d.routine, l, now)
		return
	case l.tried:
		d.nextRoutine = d.nextRoutine.Add(d.spacing())
	}
	d.put(&d.urgent, l, time.Time{}.Add(-1))
}

// completed returns a list that was read completely.
func (d *discovery) completed(l *list, now time.Time) {
	l.tried, l.failures, l.failure, l.success = true, 0, "", now
	d.verified = d.oldestSuccess()
	d.put(&d.routine, l, now.Add(d.interval))
}

// confirm returns a complete list that must be read a second time. It is charged to the routine share without waiting for it.
func (d *discovery) confirm(l *list, now time.Time) {
	d.nextRoutine = schedule.Later(d.nextRoutine, now).Add(d.spacing())
	d.put(&d.urgent, l, now.Add(confirmAfter))
}

// failed returns a list that failed alone; it backs off. The next attempt continues with its pages, unless the API refused that.
func (d *discovery) failed(l *list, why string, refused bool, now time.Time) {
	l.tried, l.failure = true, why
	l.failures++
	if refused {
		l.restart()
	}
	d.put(&d.routine, l, now.Add(schedule.BackOff(l.failures, 30*time.Second, min(d.interval, time.Hour))))
}

// requeue returns a list that failed for a reason of the account, behind the others.
func (d *discovery) requeue(l *list, now time.Time) {
	if l.tried && !l.begun() || l.long() {
		d.put(&d.routine, l, now)
		return
	}
	d.put(&d.urgent, l, now)
}

// resetBackoff makes every list in back-off due. Lists that were never read become urgent again.
func (d *discovery) resetBackoff(now time.Time) {
	for _, l := range d.all() {
		if l.failures > 0 && l.Queued() {
			l.failures, l.tried = 0, !l.success.IsZero()
			d.dequeue(l)
			d.requeue(l, now)
		}
	}
}

// addMachines adds the list of machines, if it is missing.
func (d *discovery) addMachines() {
	if d.machines == nil {
		d.machines = d.add(innius.OpMachines, "")
	}
}

// dropCompany removes the company list: the user set the company.
func (d *discovery) dropCompany() {
	if d.company != nil {
		d.remove(d.company)
		d.company = nil
	}
	d.addMachines()
}

// remove removes a list, queued or under way.
func (d *discovery) remove(l *list) {
	l.removed = true
	d.dequeue(l)
}

// setMachines sets the machines whose sensors are listed.
func (d *discovery) setMachines(ids []string) {
	present := make(map[string]bool, len(ids))
	for _, id := range ids {
		present[id] = true
		if d.sensors[id] == nil {
			d.sensors[id] = d.add(innius.OpSensors, id)
		}
	}
	for id, l := range d.sensors {
		if !present[id] {
			d.remove(l)
			delete(d.sensors, id)
		}
	}
}

// oldestSuccess returns when the list that was read longest ago was read. Lists of sensors that fail alone do not count. Zero
// until the list of machines has been read.
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

// failures returns why the sensors of machines cannot be listed, by machine id.
func (d *discovery) failures() map[string]string {
	failures := map[string]string{}
	for id, l := range d.sensors {
		if l.failure != "" {
			failures[id] = l.failure
		}
	}
	return failures
}

// settled reports whether the first discovery has ended: every list has succeeded or failed. A refused key does not end it: the
// lists are read once it is replaced.
func (d *discovery) settled() bool {
	if d.machines == nil || !d.machines.tried {
		return false
	}
	for _, l := range d.sensors {
		if !l.tried {
			return false
		}
	}
	return true
}

// restore makes saved lists known; wanted are the machines that are not filtered. A list that was never read is urgent, unless
// the first discovery had ended without it. The company is requested at once, because the key may belong to another one now.
func (d *discovery) restore(k *SavedAccount, wanted []string) {
	if d.company != nil {
		d.restoreList(d.company, time.Time{}, true)
	}
	d.addMachines()
	d.restoreList(d.machines, k.ListedAt, k.Discovered)
	d.setMachines(wanted)
	for _, m := range k.Machines {
		if l := d.sensors[m.ID]; l != nil {
			d.restoreList(l, m.ListedAt, k.Discovered)
		}
	}
	d.verified = d.oldestSuccess()
}

// restoreList makes a list routine that was read before, or tried.
func (d *discovery) restoreList(l *list, read time.Time, tried bool) {
	if read.IsZero() && !tried {
		return
	}
	l.tried, l.success = true, read
	d.urgent.Remove(&l.Item)
	d.put(&d.routine, l, read.Add(d.interval)) // one that was never read is due at once
}

// reconfigure continues with another interval and rate limit. Requests that were under way when the loop ended are repeated.
func (d *discovery) reconfigure(interval time.Duration, rateLimit func() float64, now time.Time) {
	d.interval, d.rateLimit = interval, rateLimit
	for _, l := range d.all() {
		switch {
		case !l.Queued():
			d.requeue(l, now)
		case d.routine.Holds(&l.Item) && l.failures == 0 && !l.success.IsZero():
			d.routine.Put(&l.Item, l.success.Add(interval))
		}
	}
}
