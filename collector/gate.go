package collector

import (
	"errors"
	"net/http"
	"time"

	"innius_exporter/innius"
)

// class says what an answer means for its account.
type class int

const (
	classOK        class = iota
	classLimited         // 429: the whole account waits
	classKey             // the key is refused or cannot be read
	classForbidden       // 403 on one object: the object's fault, or the key's where it repeats
	classObject          // 400, 404 and other 4xx: concerns the object only
	classNetwork         // no answer
	classServer          // 5xx
	classAnswer          // not understood, or a redirect
	classNotSent         // nothing was learned: a pause, or the end of the process
)

// reason is the value of the label reason of innius_exporter_account_failure; empty where the account is not at fault.
func (c class) reason() string {
	return map[class]string{
		classKey: "key", classForbidden: "key", classNetwork: "network", classServer: "server", classAnswer: "answer",
	}[c]
}

// fault reports whether an answer may mean that the API as a whole is unwell.
func (c class) fault() bool { return c == classNetwork || c == classServer || c == classAnswer }

func classify(err error) class {
	if err == nil {
		return classOK
	}
	if errors.Is(err, innius.ErrPaused) {
		return classNotSent
	}
	if _, ok := errors.AsType[*innius.KeyError](err); ok {
		return classKey
	}
	if _, ok := errors.AsType[*innius.NetworkError](err); ok {
		return classNetwork
	}
	if failure, ok := errors.AsType[*innius.Error](err); ok {
		return classOfStatus(failure.Status)
	}
	if _, ok := errors.AsType[*innius.RateLimitError](err); ok {
		return classLimited
	}
	return classAnswer
}

func classOfStatus(status int) class {
	switch {
	case status == http.StatusUnauthorized:
		return classKey
	case status == http.StatusForbidden:
		return classForbidden
	case status < http.StatusInternalServerError:
		return classObject
	}
	return classServer
}

// inARow is how many failures must come one after the other, with no success between, before the account may be to
// blame: faults of different objects blame the API; for 403, and where objects are few, the company is asked at once.
const inARow = 5

// pauseReason says why an account sends nothing.
type pauseReason string

const (
	open         pauseReason = ""
	pausedLimit  pauseReason = "limit"  // until the moment the API named
	pausedKey    pauseReason = "key"    // with back-off, until another key or a success
	pausedOutage pauseReason = "outage" // with back-off, until a success
)

// gate decides, from each answer, whether an account may go on sending. After a pause it lets one request through at
// a time, until one succeeds. It has no clock and does no I/O; one loop owns it.
type gate struct {
	reason pauseReason
	until  time.Time // nothing is sent before
	blame  class     // of the latest failure that the account was blamed for
	since  time.Time // when the reason came into force
	narrow bool      // one request at a time: a pause has just ended, or a 403 has come

	keyFailed  bool // until the key is proven again
	askCompany bool // the next request must be for the company: it tells a dead key or API from objects that fail

	limits    int             // 429s in a row that named no moment
	refusals  int             // failures of the key in a row, each after its back-off
	outages   int             // failed tries during an outage
	forbidden int             // answers with 403 in a row
	faults    map[string]bool // objects with a fault in a row
	faulty    int             // faults in a row, of whatever objects
}

// answer is one result as the gate sees it.
type answer struct {
	class   class
	object  string        // what was asked for
	company bool          // whether that was the company itself
	wait    time.Duration // of a 429 that named a moment; 0 otherwise
}

// note takes an answer into account and reports whether the account, not the object, is to blame for it.
func (g *gate) note(a answer, now time.Time) bool {
	switch {
	case a.class == classNotSent:
		return true
	case a.class == classOK:
		g.succeeded(a.company, now)
	case a.class == classLimited:
		g.limit(a.wait, now)
		return true
	case a.class == classKey, a.class == classForbidden:
		return g.forbid(a, now)
	case a.class.fault():
		return g.fault(a, now)
	}
	return false
}

// succeeded opens the gate. A success during a pause for a limit or the key belongs to a request that was sent before
// it, and says nothing of the time since.
func (g *gate) succeeded(company bool, now time.Time) {
	if g.reason != pausedOutage && now.Before(g.until) {
		return
	}
	*g = gate{askCompany: g.askCompany && !company}
}

// limit pauses until the moment that the API named; where it named none, for 60 s, doubling to 1 h.
func (g *gate) limit(wait time.Duration, now time.Time) {
	if wait <= 0 {
		if g.reason == pausedLimit && now.Before(g.until) {
			return // a request of the same moment: already known
		}
		g.limits++
		wait = backOff(g.limits, time.Minute, time.Hour)
	}
	g.pause(pausedLimit, classLimited, now, now.Add(wait))
}

// forbid takes a 401 or 403. A 403 on an object is the object's; where they follow each other the company tells
// whether the key is dead: a key may be kept from many objects, and must not be taken for dead among them.
func (g *gate) forbid(a answer, now time.Time) bool {
	g.narrow = true // were the key dead, nothing more should be spent on it at once
	if a.class == classForbidden && !a.company {
		g.forbidden++
		g.askCompany = g.askCompany || g.forbidden%inARow == 0
		return g.keyFailed
	}
	if g.reason != pausedKey || !now.Before(g.until) {
		g.refusals++
		g.pause(pausedKey, classKey, now, now.Add(backOff(g.refusals, time.Minute, time.Hour)))
	}
	g.keyFailed, g.askCompany = true, true
	return true
}

func (g *gate) fault(a answer, now time.Time) bool {
	if g.faults == nil {
		g.faults = map[string]bool{}
	}
	g.faults[a.object] = true
	g.faulty++
	if !a.company && len(g.faults) < inARow && g.reason != pausedOutage {
		// An account with few objects may never see that many different ones fail: there the company tells.
		if g.faulty%inARow == 0 {
			g.askCompany, g.narrow = true, true
		}
		return false
	}
	if !now.Before(g.until) {
		g.outages++
		g.pause(pausedOutage, a.class, now, now.Add(backOff(g.outages, 10*time.Second, time.Minute)))
	}
	return true
}

func (g *gate) pause(reason pauseReason, blame class, now, until time.Time) {
	if g.reason != reason {
		g.since = now
	}
	g.reason, g.blame, g.narrow = reason, blame, true
	g.until = later(g.until, until)
}

// waits returns how long nothing may be sent.
func (g *gate) waits(now time.Time) time.Duration { return max(0, g.until.Sub(now)) }

// hurry ends a pause for the key: another key is there to be tried.
func (g *gate) hurry(now time.Time) { g.until, g.refusals = now, 0 }

// atOnce returns how many requests may be in flight.
func (g *gate) atOnce(concurrency int) int {
	if g.narrow {
		return 1
	}
	return concurrency
}
