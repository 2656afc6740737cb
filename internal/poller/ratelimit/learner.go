package ratelimit

import (
	"math"
	"time"
)

const (
	margin      = 0.97 // of an estimate is kept to
	narrow      = 1.04 // ratio of the bounds at which a search ends
	doubt       = 0.95 // of a rate whose refusal cannot be read
	unknowing   = 0.8  // of a rate that was refused without anything known of what was accepted
	notAgain    = 0.99 // of a refused rate, at most, and of one that is only just proven
	banned      = 24 * time.Hour
	implausible = 0.1  // of the rate: a limit lower than that needs more than one refusal
	least       = 1e-3 // of the configured rate is always tried
)

// Terms are what a sender keeps to.
type Terms struct {
	PerHour float64 // requests per hour
	Burst   int     // requests that may be sent at once after a rest, at least 1
}

// Cause says why the terms are lower than configured.
type Cause string

// The causes.
const (
	None          Cause = ""                // they are not
	LimitOrShared Cause = "limit_or_shared" // the limit is lower than configured, or others use the key too: they look alike
	Shared        Cause = "shared"          // others use the key too: what is refused changes
)

// Refusal is one answer with 429.
type Refusal struct {
	At     time.Time     // when it came
	Wait   time.Duration // for how long nothing will be sent
	Stated bool          // the API named that wait; false: it is our own
	Held   float64       // requests that our own ledger still held when it came
}

func (r Refusal) until() time.Time { return r.At.Add(r.Wait) }

// wait is the stated wait in seconds without what rounding may have added, and above 0.
func (r Refusal) wait() float64 { return max(1e-3, r.Wait.Seconds()-1) }

// refused is what is remembered of the latest refusal.
type refused struct {
	at, until time.Time
	rate      float64 // that was kept to
	stated    bool
}

// Learner learns the terms of one key. One goroutine owns it.
type Learner struct {
	configured, terms Terms
	born              time.Time // what was accepted is known since
	past              history
	last              refused // the only one that counts: each refused rate is lower than those refused within 24 h before it
	base              int     // accepted, ever, up to the end of its wait
	perHour           float64 // the limit of an hour, while it is kept to; 0: none is known
	search            search
	probe             probe
	witness           witness
}

// New makes a learner that believes in the configured terms.
func New(configured Terms) *Learner {
	l := &Learner{configured: configured, terms: configured}
	l.probe.rest(configured.PerHour, time.Time{})
	return l
}

// Terms returns what to keep to now.
func (l *Learner) Terms() Terms { return l.terms }

// Lowered reports whether the terms are lower than configured.
func (l *Learner) Lowered() bool { return l.terms != l.configured }

// Cause returns why the terms are lower than configured.
func (l *Learner) Cause(now time.Time) Cause {
	switch {
	case !l.Lowered():
		return None
	case l.witness.shared(now):
		return Shared
	}
	return LimitOrShared
}

// Accepted takes in that the API counted so many requests and did not refuse them: whatever else it answered.
func (l *Learner) Accepted(at time.Time, n int) {
	if n <= 0 {
		return
	}
	l.begin(at)
	l.past.add(at, n)
	if at.Before(l.last.until) {
		l.base = l.past.total // sent before the pause
		return
	}
	l.ascend(at)
}

// Refused takes a refusal in.
func (l *Learner) Refused(r Refusal) {
	l.begin(r.At)
	if r.At.Before(l.last.until) { // sent before the pause: the same refusal
		if r.until().After(l.last.until) {
			l.last.until = r.until()
		}
		return
	}
	before := l.last
	l.last = refused{at: r.At, until: r.until(), rate: l.terms.PerHour, stated: r.Stated}
	l.judge(r, before)
	l.base, l.past.inHour, l.past.best = l.past.total, 0, 0
}

// Advance lets time pass. It is called before each decision to send, and whenever the terms are to be known.
func (l *Learner) Advance(now time.Time) {
	l.begin(now)
	l.witness.watch(l, now)
	if l.search.high > 0 && !l.search.unstated && now.Sub(l.last.until) > searchEnds {
		l.end(now)
	}
	switch {
	case now.Before(l.probe.next):
		return
	case !l.Lowered():
		l.probe.found(l.terms.PerHour)
		l.perHour = 0 // it has lasted: there is no such limit any more
		return
	}
	if l.search.unstated {
		l.lasted(now)
		return
	}
	l.search = search{}
	l.stepUp(now)
}

func (l *Learner) begin(now time.Time) {
	if l.born.IsZero() {
		l.born = now
	}
}

// keepTo sets the rate, below what was refused in the last 24 h.
func (l *Learner) keepTo(rate float64, now time.Time) {
	rate = min(rate, l.ceiling(now)*notAgain, l.configured.PerHour)
	l.terms.PerHour = max(rate, l.configured.PerHour*least)
}

// ceiling returns the rate that was refused within 24 h; +Inf where none was.
func (l *Learner) ceiling(now time.Time) float64 {
	if l.last.at.IsZero() || now.Sub(l.last.at) >= banned {
		return math.Inf(1)
	}
	return l.last.rate
}
