package poller

import (
	"cmp"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/schedule"
)

// View is what a scrape shows of a poller at one moment. It is for one goroutine.
type View struct {
	At        time.Time // by the wall clock, as all times that it shows
	Inventory *inventory.Snapshot
	Labels    inventory.LabelMode
	Accounts  []*AccountView // as in Inventory; nil for accounts that the view leaves out
	Counters  *Counters

	poller    *Poller
	wallAhead time.Duration        // of innius.Now
	others    map[int]*AccountView // that the view leaves out, but that poll sensors of its machines
}

// now is At by innius.Now.
func (v *View) now() time.Time { return v.At.Add(-v.wallAhead) }

// APITime returns the time by the clock of the API that a machine belongs to.
func (v *View) APITime(m *inventory.Machine) time.Time { return m.APITime(v.now()) }

// account returns an account, also one that the view leaves out.
func (v *View) account(index int) *AccountView {
	if a := v.Accounts[index]; a != nil {
		return a
	}
	if v.others[index] == nil {
		v.others[index] = v.poller.accounts[index].view(v)
	}
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
	PageSize        int             // readings that a page holds
	PageSizeSet     int             // as configured; the API may return fewer
	Complete        bool            // sensors are polled before their page overflows, where the rate limit permits it
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

	wallAhead time.Duration // of innius.Now
	blocked   [2]blockage   // the one at the time of the view, and the latest long one
}

// ListedAt returns when the sensors of a machine were last listed; zero: never.
func (a *AccountView) ListedAt(m *inventory.Machine) time.Time {
	return moved(m.ListedAt.Load(), a.wallAhead)
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
		return "the newest reading is the text " + r.Shown() + "; map it to a number with values in a rule, or list it in states"
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

	breaker breakerStatus
	ready   bool      // see Poller.Ready
	decided time.Time // when the loop last ran
	asleep  time.Time // until when it then meant to sleep
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
		u, due := &all[q.index], moved(q.place.Due(), v.wallAhead)
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
