package poller

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

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

// SensorView is what a scrape shows of a sensor.
type SensorView struct {
	*reading.Record // with times of the wall clock
	Status          SensorStatus
	Exposed         bool         // the value is not stale
	Interval        float64      // reporting interval in seconds; 0: not known, or of no meaning for the newest reading
	MaxAge          MaxAgeStatus // empty: the sensor has no target
	Overflow        bool         // it wants every reading, and its latest poll missed some

	StaleAfter, SilentAfter time.Duration // SilentAfter 0: silence cannot be judged
}

// Sensor returns what is known of a sensor of the view's inventory. All of it comes from one cache entry.
func (v *View) Sensor(s *inventory.Sensor) SensorView {
	r := s.Entry.Load()
	interval := intervalOf(r)
	o := SensorView{Record: r.Moved(v.wallAhead), Interval: ReportingInterval(r), MaxAge: v.maxAge(s, r, interval)}
	o.Overflow = r.Overflow && v.poller.opts.wantsEach(s)
	o.StaleAfter, o.SilentAfter = v.staleAfter(s, interval), v.poller.opts.silentAfter(s, interval)
	o.Exposed = s.Polled() && o.Record.Exposed(o.StaleAfter, v.APITime(s.Machine), v.At)
	o.Status = v.status(s, r, o.Exposed)
	return o
}

// MinMax returns the minimum and the maximum of a sensor with extremes in its rule whose value is exposed, by the record that
// Sensor returned.
func (v *View) MinMax(s *inventory.Sensor, r *reading.Record) (lowest, highest float64) {
	return r.MinMax(v.staleAfter(s, intervalOf(r)), v.At, v.APITime(s.Machine))
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

// delayed reports whether the next poll of a sensor is late by the plan made at its last one, or whether its account has been
// failing or paused for longer than delayGrace while that poll was due. Only a successful poll, which makes a new plan, ends
// either. A short pause or outage delays nothing beyond the plan: it would make statuses flap. Without a plan a poll is due at once.
func (v *View) delayed(s *inventory.Sensor, r *reading.Record) bool {
	blocked := &v.account(s.Machine.Account).blocked
	planned, late := r.Planned(), r.LastSuccess.Add(2*r.PlannedGap+delayGrace)
	return r.PlannedGap > 0 && v.now().After(late) || blocked[0].delays(planned) || blocked[1].delays(planned)
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
func (v *View) staleAfter(s *inventory.Sensor, interval time.Duration) time.Duration {
	return v.poller.opts.staleAfter(s, interval, v.account(s.Machine.Account).Cycle)
}

func (o *Options) staleAfter(s *inventory.Sensor, interval, cycle time.Duration) time.Duration {
	if set := cmp.Or(s.Rule.StaleAfter, o.StaleAfter); set > 0 {
		return set
	}
	auto := maxStale
	if interval > 0 {
		auto = max(minStale, min(maxStale, staleIntervals*min(interval, maxStale)))
	}
	return max(auto, 2*cycle)
}

// intervalOf returns the learned reporting interval; 0: not learned.
func intervalOf(r *reading.Record) time.Duration {
	return time.Duration(r.Interval.Period() * float64(time.Second))
}

// silentAfter returns how long a sensor may have no new reading before it is silent; 0: its silence cannot be judged.
func (o *Options) silentAfter(s *inventory.Sensor, interval time.Duration) time.Duration {
	if set := cmp.Or(s.Rule.SilentAfter, o.SilentAfter); set > 0 || interval == 0 {
		return set
	}
	return max(minSilent, silentIntervals*interval)
}

// recordPoll stores, at a successful poll, what later verdicts go by: whether the sensor is silent, by the API's clock, and the gap
// planned to the next poll; 0: not known. before is the record before that poll, n what the poll changed.
func (o *Options) recordPoll(t *Task, before *reading.Record, n reading.PollResult, gap time.Duration, now time.Time) {
	s := t.Sensor
	s.Entry.Change(func(r *reading.Record) { r.Interval, r.PlannedGap = t.Interval, gap })
	silentAfter := o.silentAfter(s, intervalOf(s.Entry.Load()))
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
	silentAfter := o.silentAfter(s, intervalOf(own))
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

// Judgement counts the sensors of a machine for its status. The zero value is ready.
type Judgement struct {
	added, polled, valued, delayed, counting, overdue int
	degraded                                          bool
	fault                                             time.Duration // for which some sensor has degraded it
	newest                                            time.Time     // of the machine; known when some sensor is overdue
}

// Add adds a sensor of the machine.
func (j *Judgement) Add(v *View, s *inventory.Sensor, o *SensorView) {
	if j.added++; !o.LastSuccess.IsZero() {
		j.polled++
	}
	switch o.Status {
	case SensorPending, SensorUnreadable, SensorNoReadings:
		return
	case SensorDelayed:
		j.delayed++
	}
	if j.valued++; !counts(o.Record) {
		return
	}
	j.counting++
	switch {
	case o.Status == SensorFailing:
		j.degraded, j.fault = true, max(j.fault, v.At.Sub(o.FailingSince))
	case o.Silent && (o.Status == SensorSilent || o.Status == SensorStale):
		if j.overdue++; j.overdue == 1 {
			j.newest = newestOf(s.Machine)
		}
		if v.poller.opts.overdueAlone(s, j.newest) {
			j.degraded, j.fault = true, max(j.fault, v.APITime(s.Machine).Sub(o.Newest()))
		}
	}
}

// Machine returns the status of a machine, and since when it has had it: off since its newest reading, degraded since the first
// refusal or the newest reading of the sensor that has been at fault for longest. It judges the sensors itself unless all that any
// account polls have been added to j.
func (v *View) Machine(m *inventory.Machine, j Judgement) (MachineStatus, time.Time) {
	status, lasts := v.judge(m, j)
	status, since := v.poller.machines.set(m.Key(), status, v.now().Add(-lasts))
	return status, moved(since, v.wallAhead)
}

// judge returns the status of a machine, and how long it has had it if it has just begun.
func (v *View) judge(m *inventory.Machine, j Judgement) (MachineStatus, time.Duration) {
	if j.added < len(m.AllPolled) {
		j = Judgement{}
		for _, s := range m.AllPolled {
			o := v.Sensor(s)
			j.Add(v, s, &o)
		}
	}
	switch {
	case j.polled == 0, 2*j.delayed > j.valued:
		return MachineUnknown, 0
	case j.degraded:
		return MachineDegraded, j.fault
	case j.overdue > 0 && j.overdue == j.counting:
		return MachineOff, v.APITime(m).Sub(j.newest)
	}
	return MachineOK, 0
}

// maxAge judges the max-age target of a sensor: no reading may be older before it is picked up. The next one is expected a
// reporting interval after the one held. A sensor that was silent when it was polled, or has never reported, misses nothing.
func (v *View) maxAge(s *inventory.Sensor, r *reading.Record, interval time.Duration) MaxAgeStatus {
	age := s.Rule.MaxAge
	switch {
	case age == 0 || !s.Polled():
		return ""
	case v.account(s.Machine.Account).RelaxedBy > 0:
		return MaxAgeRelaxed
	case r.Time.IsZero() && !r.LastSuccess.IsZero(), v.now().Sub(r.LastSuccess) <= age,
		v.APITime(s.Machine).Sub(r.Time) <= age+interval:
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
