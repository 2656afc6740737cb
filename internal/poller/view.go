package poller

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// View is what a scrape shows of a poller at one moment. It is for one goroutine.
type View struct {
	At        time.Time
	Inventory *inventory.Snapshot
	Labels    inventory.LabelMode
	Accounts  []*AccountView // as in Inventory; nil for accounts that the view leaves out
	Counters  *Counters

	poller *Poller
	others map[int]*AccountView // that the view leaves out, but that poll sensors of its machines
}

// account returns an account, also one that the view leaves out.
func (v *View) account(index int) *AccountView {
	if a := cmp.Or(v.Accounts[index], v.others[index]); a != nil {
		return a
	}
	v.others[index] = v.poller.accounts[index].view(v.At)
	return v.others[index]
}

// AccountView is what is known of an account. Times are zero, causes and texts empty if there is none.
type AccountView struct {
	Name            string
	Up, Responded   bool   // Up means nothing before innius has responded or the account failed
	Failure         string // key, network, server or invalid_response
	FailingSince    time.Time
	LastError       string
	LastErrorAt     time.Time
	PausedUntil     time.Time
	PauseReason     string // limit, unavailable, key or outage
	RequestsPerHour float64
	Configured      float64         // requests per hour
	Lowered         ratelimit.Cause // why RequestsPerHour is lower than configured
	Burst           int             // requests
	Remaining       float64         // requests that could be sent now
	Demand          float64         // requests per hour that the reporting intervals of the sensors need
	ForPolls        float64         // requests per hour that discovery leaves
	Sensors         int             // to poll
	Cycle           time.Duration   // to poll each sensor once, with routine discovery
	RelaxedBy       float64         // factor by which max-age targets are relaxed; 0: they are not
	ClockDifference time.Duration   // of the API's clock before this machine's
	ClockKnown      bool

	Settled          bool              // the first discovery has ended
	Verified         time.Time         // when the whole inventory was verified
	Lists, ListsRead int               // known, and read or failed
	ListErrors       map[string]string // by machine id

	ClocksDiffer bool     // by more than is tolerated
	KeyProblem   string   // why the last good key is in use
	NoReadings   bool     // no sensor has a usable reading
	Remarks      []Remark // on how the API serves values

	blocked [2]blockage // the one at the time of the view, and the latest long one
}

// SensorView is what a scrape shows of a sensor.
type SensorView struct {
	*reading.Record
	Status   SensorStatus
	Exposed  bool         // the value is not stale
	Interval float64      // reporting interval in seconds; 0: not known, or of no meaning for the newest reading
	MaxAge   MaxAgeStatus // empty: the sensor has no target
	Overflow bool         // it wants every reading, and its latest poll missed some

	StaleAfter, SilentAfter time.Duration // SilentAfter 0: silence cannot be judged
}

// Sensor returns what is known of a sensor of the view's inventory. All of it comes from one cache entry.
func (v *View) Sensor(s *inventory.Sensor) SensorView {
	r := s.Entry.Load()
	staleAfter := v.staleAfter(s, r)
	exposed := v.exposed(s, r, staleAfter)
	return SensorView{
		Record: r, Status: v.status(s, r, exposed), Exposed: exposed, Interval: ReportingInterval(r), MaxAge: v.maxAge(s, r),
		Overflow:   r.Overflow && v.poller.opts.wantsEach(s),
		StaleAfter: staleAfter, SilentAfter: v.poller.opts.silentAfter(s, r),
	}
}

// wantsEach reports whether no reading of a sensor should be missed.
func (o *Options) wantsEach(s *inventory.Sensor) bool {
	return s.Polled() && (o.Complete || s.Rule.Extremes || len(s.Rule.States) > 0)
}

// ReportingInterval returns a sensor's reporting interval in seconds; 0: not known, or of no meaning for its newest reading.
func ReportingInterval(r *reading.Record) float64 {
	switch r.Unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture: // a text without a number is no silence
		return 0
	}
	return r.Interval.Period()
}

// Unreadable explains why a reading cannot be used, and the cure.
func Unreadable(r innius.Reading) string {
	switch hint := r.Hint(); {
	case r.Skip == innius.SkipTime && hint != "":
		return "cannot parse the time " + r.Shown() + "; set fields.time_zone to its time zone"
	case r.Skip == innius.SkipTime:
		return "cannot parse the time " + r.Shown() + "; set fields.time if another field has the time"
	case r.Skip == innius.SkipFuture:
		return "the newest reading is more than 5 min ahead of the API clock: " + humanize.Time(r.Time)
	case r.Skip == innius.SkipText && hint != "":
		return "the newest reading is not a number: " + r.Shown() + "; endpoints.values may request another form"
	case r.Skip == innius.SkipText:
		return "the newest reading is the text " + r.Shown() + "; map it to a number with values in a rule"
	}
	return "the newest reading is not a number: " + r.Text
}

// Remark is a property of the API that a poll showed, with the labels of the first sensor that showed it.
type Remark struct {
	innius.Remark
	Machine, Sensor string
}

// health is the state of an account as its loop last published it. Immutable. A scrape evaluates it at its own time.
type health struct {
	AccountView // without what depends on the time of the scrape

	breaker    breakerStatus
	discovered bool      // the first discovery has ended or restored values are served: the account is ready
	decided    time.Time // when the loop last ran
	asleep     time.Time // until when it then meant to sleep
}

// at returns the state as of a time.
func (h *health) at(now time.Time) AccountView {
	v := h.AccountView
	if v.Failure = h.breaker.failing.reason(); v.Failure != "" {
		v.FailingSince = h.breaker.failingSince
	}
	if h.breaker.pause != notPaused && h.breaker.pausedUntil.After(now) {
		v.PausedUntil, v.PauseReason = h.breaker.pausedUntil, string(h.breaker.pause)
	}
	v.blocked[0] = h.breaker.blockage(now)
	v.Up, v.Responded = v.Failure == "", v.Responded || v.Failure != ""
	return v
}

// stuckAfter is how long a loop may oversleep.
const stuckAfter = time.Minute

// stuck reports whether the loop has not run for a minute after it meant to wake.
func (h *health) stuck(now time.Time) bool {
	return !h.decided.IsZero() && now.Sub(schedule.Later(h.decided, h.asleep)) > stuckAfter
}

// WaitsFor is why a sensor is not polled now; empty if it is in no schedule.
type WaitsFor string

// What the next poll of a sensor waits for.
const (
	WaitsForInterval  WaitsFor = "interval"   // it is not due yet
	WaitsForRateLimit WaitsFor = "rate limit" // it is due, and others are first
	WaitsForPause     WaitsFor = "pause"      // its account is paused
	WaitsForResponse  WaitsFor = "response"   // the request is running
)

// Upcoming is an estimate of the next poll of a sensor; zero if there is none.
type Upcoming struct {
	At       time.Time
	WaitsFor WaitsFor
	Ahead    int // sensors polled before
}

// Upcoming estimates the next poll of each sensor of an account's machines, in their order: when it is due, or as soon as the
// rate limit permits. Polls that become due again meanwhile are not counted, so distant ones may come later.
func (v *View) Upcoming(account int) []Upcoming {
	type queued struct {
		index int
		place schedule.Place
	}
	n := v.Accounts[account].Sensors
	all, queue := make([]Upcoming, 0, n), make([]queued, 0, n) // more only if some are excluded
	for _, m := range v.Inventory.Accounts[account].Machines {
		for _, s := range m.Sensors {
			if place := s.Entry.Position.Load(); place != 0 && s.Polled() {
				queue = append(queue, queued{len(all), place})
			}
			all = append(all, Upcoming{})
		}
	}
	slices.SortFunc(queue, func(a, b queued) int { return cmp.Compare(a.place, b.place) })
	slots := newSlots(v.At, v.Accounts[account])
	for i, q := range queue {
		u, due := &all[q.index], q.place.Due()
		if due.IsZero() {
			due = v.At
		}
		switch u.Ahead = i; {
		case q.place == schedule.Polling:
			u.At, u.WaitsFor = v.At, WaitsForResponse
			continue
		case due.After(slots.next):
			u.At, u.WaitsFor = due, WaitsForInterval
		case slots.pausedUntil.After(due):
			u.At, u.WaitsFor = slots.next, WaitsForPause
		default:
			u.At, u.WaitsFor = slots.next, WaitsForRateLimit
		}
		slots.take(u.At)
	}
	return all
}

// slots are the times at which the rate limit permits polls.
type slots struct {
	next        time.Time
	gap         time.Duration // between two
	remaining   float64       // requests that may be sent at once
	lists       int           // to read, alternating with polls
	pausedUntil time.Time     // zero: not paused
}

func newSlots(now time.Time, a *AccountView) slots {
	s := slots{
		next: schedule.Later(now, a.PausedUntil), pausedUntil: a.PausedUntil, gap: humanize.Seconds(3600 / max(1e-6, a.ForPolls)),
		remaining: a.Remaining, lists: a.Lists - a.ListsRead,
	}
	if s.remaining < 1 {
		s.next = s.next.Add(time.Duration((1 - s.remaining) * float64(s.gap)))
	}
	return s
}

// take uses a slot.
func (s *slots) take(at time.Time) {
	if s.remaining--; s.remaining >= 1 {
		s.next = at
		return
	}
	s.next = at.Add(s.gap)
	if s.lists > 0 {
		s.lists--
		s.next = s.next.Add(s.gap)
	}
}

// SensorStatus is the verdict on a sensor; each sensor has exactly one.
type SensorStatus string

// The statuses of a sensor, in the order in which they are tested: the first that applies holds.
const (
	SensorExcluded   SensorStatus = "excluded"    // left out by a filter, or polled by another account
	SensorPending    SensorStatus = "pending"     // never polled successfully yet
	SensorFailing    SensorStatus = "failing"     // refused twice or more in a row while other polls of its account succeed
	SensorUnreadable SensorStatus = "unreadable"  // its newest reading has no usable number or time
	SensorNoReadings SensorStatus = "no_readings" // polled successfully, and innius has no reading of it
	SensorStale      SensorStatus = "stale"       // its newest reading is too old to be exposed
	SensorSilent     SensorStatus = "silent"      // at its last successful poll, no new reading for longer than silent_after
	SensorDelayed    SensorStatus = "delayed"     // its next poll is late, or its account could not poll it when it was due
	SensorCurrent    SensorStatus = "current"     // value exposed and polled as planned
)

// SensorStatuses lists them all, in the same order.
var SensorStatuses = [...]SensorStatus{
	SensorExcluded, SensorPending, SensorFailing, SensorUnreadable, SensorNoReadings,
	SensorStale, SensorSilent, SensorDelayed, SensorCurrent,
}

// MachineStatus is the verdict on a machine; each machine has exactly one.
type MachineStatus string

// The statuses of a machine, in the order in which they are tested.
const (
	MachineUnknown  MachineStatus = "unknown"  // nothing polled yet, or more than half of its polled sensors are delayed
	MachineDegraded MachineStatus = "degraded" // a sensor is failing, or overdue while others report
	MachineOff      MachineStatus = "off"      // every sensor that counts is overdue
	MachineOK       MachineStatus = "ok"
)

// MachineStatuses lists them all, in the same order.
var MachineStatuses = [...]MachineStatus{MachineUnknown, MachineDegraded, MachineOff, MachineOK}

// MaxAgeStatus is whether the max-age target of a sensor is met; empty for a sensor without one.
type MaxAgeStatus string

// The statuses of a max-age target.
const (
	MaxAgeMet     MaxAgeStatus = "met"
	MaxAgeMissed  MaxAgeStatus = "missed"  // the value is older, though the sensor reports often enough
	MaxAgeRelaxed MaxAgeStatus = "relaxed" // the targets need more than their share of the rate limit; all are relaxed by one factor
)

// MaxAgeStatuses lists them all.
var MaxAgeStatuses = [...]MaxAgeStatus{MaxAgeMet, MaxAgeMissed, MaxAgeRelaxed}

const (
	silentIntervals = 3 // reporting intervals without a new reading; silent_after: auto
	minSilent       = 15 * time.Minute
	delayGrace      = 2 * time.Minute // on top of twice the planned gap, and for an account that is failing or paused
	failingAfter    = 2               // refusals in a row
)

// status returns the status of a sensor by its cache entry, and by whether its value is exposed.
func (v *View) status(s *inventory.Sensor, r *reading.Record, exposed bool) SensorStatus {
	switch {
	case !s.Polled():
		return SensorExcluded
	case r.LastSuccess.IsZero():
		return SensorPending
	case r.Failures >= failingAfter:
		return SensorFailing
	case r.Unusable.Skip != "":
		return SensorUnreadable
	case r.Time.IsZero():
		return SensorNoReadings
	case !exposed:
		return SensorStale
	case r.Silent:
		return SensorSilent
	case v.delayed(s, r):
		return SensorDelayed
	}
	return SensorCurrent
}

// exposed reports whether the value of a sensor is on /metrics: it is not stale.
func (v *View) exposed(s *inventory.Sensor, r *reading.Record, staleAfter time.Duration) bool {
	return s.Polled() && r.Exposed(staleAfter, s.Machine.APITime(v.At))
}

// delayed reports whether the next poll of a sensor is late by the plan made at its last one, or whether its account has been
// failing or paused for longer than delayGrace while that poll was due. Only a successful poll, which makes a new plan, ends
// either. A short pause or outage delays nothing beyond the plan: it would make statuses flap.
func (v *View) delayed(s *inventory.Sensor, r *reading.Record) bool {
	if r.Planned.Before(r.LastSuccess) {
		return false // not known, or not fixed yet for the poll that has just ended
	}
	blocked := &v.account(s.Machine.Account).blocked
	late := r.LastSuccess.Add(2*r.Planned.Sub(r.LastSuccess) + delayGrace)
	return v.At.After(late) || blocked[0].delays(r.Planned) || blocked[1].delays(r.Planned)
}

// blockage is a time in which an account was failing or paused; zero: none.
type blockage struct{ since, until time.Time }

// delays reports whether a poll that was due at a time has been held up for too long.
func (b *blockage) delays(due time.Time) bool {
	return !b.until.IsZero() && b.until.Sub(schedule.Later(b.since, due)) > delayGrace
}

// blockage returns the one at a time, or that which no request has ended yet with success.
func (b *breakerStatus) blockage(now time.Time) blockage {
	switch {
	case b.failing != resultOK:
		return blockage{b.failingSince, now}
	case b.pausedUntil.After(now):
		return blockage{b.pausedSince, now}
	}
	return blockage{b.pausedSince, b.pausedUntil}
}

// The bounds of the age at which a value is stale unless the config sets one.
const (
	minStale       = time.Hour
	maxStale       = 24 * time.Hour
	staleIntervals = 20 // reporting intervals
)

// staleAfter returns the age at which a sensor's value is no longer exposed: that of its rule, the one for all, or, with
// neither, 20 times its reporting interval, at least 1 h, at most 24 h (which holds while no interval is known), but never less
// than two cycles of its account.
func (v *View) staleAfter(s *inventory.Sensor, r *reading.Record) time.Duration {
	if set := cmp.Or(s.Rule.StaleAfter, v.poller.opts.StaleAfter); set > 0 {
		return set
	}
	auto := maxStale
	if interval := intervalOf(r); interval > 0 {
		auto = max(minStale, min(maxStale, staleIntervals*min(interval, maxStale)))
	}
	return max(auto, 2*v.account(s.Machine.Account).Cycle)
}

// intervalOf returns the learned reporting interval; 0: not learned.
func intervalOf(r *reading.Record) time.Duration {
	return time.Duration(r.Interval.Period() * float64(time.Second))
}

// silentAfter returns how long a sensor may have no new reading before it is silent; 0: its silence cannot be judged.
func (o *Options) silentAfter(s *inventory.Sensor, r *reading.Record) time.Duration {
	if set := cmp.Or(s.Rule.SilentAfter, o.SilentAfter); set > 0 || intervalOf(r) == 0 {
		return set
	}
	return max(minSilent, silentIntervals*intervalOf(r))
}

// recordPoll stores, at a successful poll, what later verdicts go by: whether the sensor is silent, by the API's clock, and when
// it is to be polled next. before is the record before that poll, n what the poll changed.
func (o *Options) recordPoll(t *Task, before *reading.Record, n reading.PollResult, now time.Time) {
	s := t.Sensor
	s.Entry.Change(func(r *reading.Record) { r.Interval, r.Planned = t.Interval, now.Add(t.Gap) })
	silentAfter := o.silentAfter(s, s.Entry.Load())
	s.Entry.Change(func(r *reading.Record) {
		if silentAfter == 0 || r.Time.IsZero() {
			r.Silent, r.Alone = false, false
			return
		}
		last := before.Newest()
		for i, at := range n.Times {
			if i == 0 && before.Silent || (i > 0 || n.Whole) && at.Sub(last) > silentAfter {
				r.Resumed = at.UnixNano()
			}
			last = at
		}
		r.Silent = s.Machine.APITime(now).Sub(last) > silentAfter
		r.Alone = r.Silent && before.Alone && len(n.Times) == 0
	})
	if r := s.Entry.Load(); r.Silent && !r.Alone && o.overdueAlone(s, newestOf(s.Machine)) {
		s.Entry.Change(func(r *reading.Record) { r.Alone = r.Silent })
	}
}

// overdueAlone reports whether another sensor of the machine went on reporting for longer than silent_after after this one had
// stopped. What the other reported after the last poll of this one, or before a silence of its own ended, is not compared: a
// machine that is switched on again is not degraded before each of its sensors has had the time to report. newest is the
// machine's newest reading: while all are silent, it saves the comparison of each sensor with each other one.
func (o *Options) overdueAlone(s *inventory.Sensor, newest time.Time) bool {
	own := s.Entry.Load()
	silentAfter := o.silentAfter(s, own)
	if own.Alone || newest.Sub(own.Newest()) <= silentAfter {
		return own.Alone
	}
	polledAt := s.Machine.APITime(own.LastSuccess)
	return slices.ContainsFunc(s.Machine.AllPolled, func(other *inventory.Sensor) bool {
		r := other.Entry.Load()
		if !counts(r) {
			return false
		}
		until := r.Newest()
		if until.After(polledAt) {
			until = polledAt
		}
		return until.Sub(schedule.Later(own.Newest(), time.Unix(0, r.Resumed))) > silentAfter
	})
}

// newestOf returns the time of a machine's newest reading, of the sensors that count.
func newestOf(m *inventory.Machine) (newest time.Time) {
	for _, s := range m.AllPolled {
		if r := s.Entry.Load(); counts(r) {
			newest = schedule.Later(newest, r.Newest())
		}
	}
	return newest
}

// counts reports whether a sensor counts for the status of its machine: it has a number, and a known reporting interval.
func counts(r *reading.Record) bool {
	return r.Unusable.Skip == "" && !r.Time.IsZero() && r.Interval.Period() > 0
}

// Machine returns the status of a machine, and since when it has had it.
func (v *View) Machine(m *inventory.Machine) (MachineStatus, time.Time) {
	return v.poller.machines.set(m.Key(), v.judge(m), v.At)
}

func (v *View) judge(m *inventory.Machine) MachineStatus {
	var polled, valued, delayed, counting, overdue int // sensors
	degraded := false
	var newest time.Time // of the machine; known when it is needed
	for _, s := range m.AllPolled {
		r := s.Entry.Load()
		status := v.status(s, r, v.exposed(s, r, v.staleAfter(s, r)))
		if !r.LastSuccess.IsZero() {
			polled++
		}
		switch status {
		case SensorPending, SensorUnreadable, SensorNoReadings:
			continue
		case SensorDelayed:
			delayed++
		}
		if valued++; !counts(r) {
			continue
		}
		counting++
		switch {
		case status == SensorFailing:
			degraded = true
		case r.Silent && (status == SensorSilent || status == SensorStale):
			if overdue++; overdue == 1 {
				newest = newestOf(m)
			}
			degraded = degraded || v.poller.opts.overdueAlone(s, newest)
		}
	}
	switch {
	case polled == 0, 2*delayed > valued:
		return MachineUnknown
	case degraded:
		return MachineDegraded
	case overdue > 0 && overdue == counting:
		return MachineOff
	}
	return MachineOK
}

// maxAge judges the max-age target of a sensor: no reading may be older before it is picked up. The next one is expected a
// reporting interval after the one held. A sensor that was silent when it was polled, or has never reported, misses nothing.
func (v *View) maxAge(s *inventory.Sensor, r *reading.Record) MaxAgeStatus {
	age := s.Rule.MaxAge
	switch {
	case age == 0 || !s.Polled():
		return ""
	case v.account(s.Machine.Account).RelaxedBy > 0:
		return MaxAgeRelaxed
	case r.Time.IsZero() && !r.LastSuccess.IsZero(), v.At.Sub(r.LastSuccess) <= age,
		s.Machine.APITime(v.At).Sub(r.Time) <= age+intervalOf(r):
		return MaxAgeMet
	}
	return MaxAgeMissed
}

// machineStatuses holds the status of each machine and since when; a reload hands it over. Safe for concurrent use. Not behind a
// mutex: a scrape takes no lock that a poller needs.
type machineStatuses struct{ byKey sync.Map } // inventory.MachineKey -> machineSince

type machineSince struct {
	status MachineStatus
	since  time.Time
}

// set stores a status and returns it with the time of its last change.
func (m *machineStatuses) set(key inventory.MachineKey, status MachineStatus, now time.Time) (MachineStatus, time.Time) {
	if held, known := m.byKey.Load(key); known && held.(machineSince).status == status {
		return status, held.(machineSince).since
	}
	m.byKey.Store(key, machineSince{status, now})
	return status, now
}

// get returns the status stored last; zero values if there is none.
func (m *machineStatuses) get(key inventory.MachineKey) (MachineStatus, time.Time) {
	held, _ := m.byKey.Load(key)
	s, _ := held.(machineSince)
	return s.status, s.since.UTC()
}

// restore takes over the statuses of an account's machines, before any loop runs.
func (m *machineStatuses) restore(k *SavedAccount) {
	for _, one := range k.Machines {
		if one.Status != "" {
			m.byKey.Store(inventory.MachineKey{Company: k.Company.ID, Machine: one.ID}, machineSince{one.Status, one.Since})
		}
	}
}
