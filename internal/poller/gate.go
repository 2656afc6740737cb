package poller

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
	classForbidden       // 403 on one object: its path, the rights of the key, or last the key
	classObject          // 400, 404 and other 4xx: concerns the object only
	classNetwork         // no answer
	classServer          // 5xx
	classAnswer          // not understood, or a redirect
	classNotSent         // nothing was learned: a pause, or the end of the process
)

// reason is the value of the label reason of innius_exporter_account_failure; empty where the account is not at fault.
func (c class) reason() string {
	return map[class]string{
		classKey: "key", classNetwork: "network", classServer: "server", classAnswer: "answer",
		classForbidden: "answer", classObject: "answer",
	}[c]
}

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

// inARow is how many failures of single objects must follow each other, with no success between, before the account is
// suspected and probed.
const inARow = 5

// The account fails although the company responds when no values request has succeeded for failsAfter, over so many sensors
// of so many machines, or all there are.
const (
	failsAfter   = 2 * time.Minute
	failsSensors = 5
	failsMachine = 2
)

// probeEvery is how often the account is probed at most.
const probeEvery = time.Minute

// shortWait bounds the stated waits that hold only once without a success between.
const shortWait = 5 * time.Second

// pauseReason says why an account sends nothing.
type pauseReason string

const (
	open         pauseReason = ""
	pausedLimit  pauseReason = "limit"       // 429: until the moment the API named
	pausedBusy   pauseReason = "unavailable" // 503 with Retry-After: until the moment the API named
	pausedKey    pauseReason = "key"         // with back-off, until another key or a success
	pausedOutage pauseReason = "outage"      // the circuit is open: with back-off, until a success
)

// probe is what the next request must be for.
type probe int

const (
	noProbe      probe = iota
	probeAccount       // the company, or the machine list where the user set the company
	probeValues        // the values of one sensor, a different one each time
)

// gate is the circuit breaker of an account: it decides, from each response, whether the account may go on sending, and
// what the next request must be for. It has no clock and does no I/O; one loop owns it.
type gate struct {
	reason pauseReason
	until  time.Time // nothing is sent before
	since  time.Time // when the reason came into force

	failing   class     // why the circuit is open; classOK: it is closed
	failingAt time.Time // since when
	byValues  bool      // it is open although the company responds: only a values request closes it
	probe     probe
	checked   time.Time // when the account was probed last
	good      time.Time // when a request succeeded last; zero: none has with this key

	limits   int  // 429s in a row that named no moment
	brief    bool // a short wait was stated since the latest success
	refusals int  // failures of the key in a row, each after its back-off
	outages  int  // failed probes in a row
	row      int  // failures in a row, whatever was requested; 400 and 404 do not count
	polls    streak
	busy     map[string]bool // objects whose 503 has paused the account, until they succeed
}

// streak is the values requests that failed since one succeeded last.
type streak struct {
	since    time.Time
	sensors  map[string]class // the latest failure of each
	machines map[string]bool
	classes  [classNotSent]int // of the sensors
}

// answer is one result as the gate sees it.
type answer struct {
	class   class
	machine string
	object  string        // what was requested
	values  bool          // of a sensor; or the list of a machine's sensors, while no sensor is known
	account bool          // the request that probes the account
	first   bool          // it has not been read yet
	more    bool          // of that a page came, and others follow: no success yet
	probe   bool          // values that were requested as a probe
	unsent  bool          // no connection at all, without a timeout: never one object's fault
	stated  bool          // the API named a moment
	wait    time.Duration // until then

	sensors, machines int // there are
}

// note takes a response into account and reports whether the account, not the object, is to blame for it.
func (g *gate) note(a answer, now time.Time) bool {
	if a.account && a.class != classNotSent && a.class != classLimited && (g.probe == probeAccount || a.class != classOK) {
		g.checked = now // discovery alone is no check
	}
	switch a.class {
	case classNotSent:
		return true
	case classOK:
		delete(g.busy, a.object)
		if g.good = now; !a.more {
			g.succeeded(a, now)
		}
		return false
	case classLimited:
		g.pause(pausedLimit, now, g.limitedUntil(a, now))
		return true
	case classKey:
		return g.refuse(now)
	}
	return g.fault(a, now)
}

// succeeded closes the circuit, unless only a values request does. A success during a pause belongs to a request that was sent
// before it, and is no sign of the time since.
func (g *gate) succeeded(a answer, now time.Time) {
	if g.reason != pausedOutage && now.Before(g.until) {
		return
	}
	polls, next := g.polls, g.probe
	if a.values || g.failing == classKey {
		polls = streak{}
	}
	if g.failing != classOK && a.account && a.sensors > 0 && (g.byValues || polls.enough(a.sensors, a.machines, now)) {
		g.byValues, g.probe, g.row, g.good, g.until = true, probeValues, 0, now, now
		return
	}
	if a.account || g.failing != classOK || a.values && next == probeValues {
		next = noProbe
	}
	*g = gate{probe: next, checked: g.checked, good: now, polls: polls, busy: g.busy}
}

// limitedUntil returns the moment that a 429 states; where there is none that holds, 60 s from now, doubling to 1 h.
func (g *gate) limitedUntil(a answer, now time.Time) time.Time {
	if a.wait < shortWait && g.reason == pausedLimit && now.Before(g.until) {
		return g.until // a request of the same moment: already known
	}
	if !g.holds(a) {
		g.limits++
		a.wait = backOff(g.limits, time.Minute, time.Hour)
	}
	return now.Add(a.wait)
}

// holds reports whether the API stated a wait, and no short one again.
func (g *gate) holds(a answer) bool {
	long := a.wait >= shortWait
	ok := a.stated && (long || !g.brief)
	g.brief = g.brief || a.stated && !long
	return ok
}

// refuse takes a failure of the key.
func (g *gate) refuse(now time.Time) bool {
	if g.reason != pausedKey || !now.Before(g.until) {
		g.refusals++
		g.pause(pausedKey, now, now.Add(backOff(g.refusals, time.Minute, time.Hour)))
	}
	g.fail(classKey, false, now)
	g.probe = probeAccount
	return true
}

// fault takes any other failure.
func (g *gate) fault(a answer, now time.Time) bool {
	if a.class != classObject {
		g.row++
	}
	if a.values {
		g.polls.add(a, now)
	}
	if a.class == classForbidden && g.good.IsZero() && g.polls.classes[a.class] >= inARow {
		return g.refuse(now)
	}
	underWay := now.Before(g.until)         // when the pause began
	alone := g.busy[a.object] && g.row == 1 // others have succeeded since its 503 paused the account: this one concerns itself
	busy := a.class == classServer && !alone && g.holds(a)
	if busy {
		if g.busy == nil {
			g.busy = map[string]bool{}
		}
		g.busy[a.object] = true
		g.suspect(now)
		g.pause(pausedBusy, now, now.Add(a.wait))
	}
	switch {
	case g.failing != classOK && underWay:
		return true
	case a.account && (g.failing != classOK || g.probe == probeAccount || a.unsent || a.first || now.Sub(g.good) >= failsAfter):
		g.fail(a.class, false, now)
	case g.failing != classOK:
	case a.probe && g.polls.enough(a.sensors, a.machines, now):
		g.fail(g.polls.majority(), true, now)
	default:
		g.watch(a.sensors, a.machines, now)
		if a.unsent || g.row >= inARow && a.class != classObject {
			g.suspect(now)
		}
		return a.unsent || g.probe == probeAccount && a.class != classObject && !busy
	}
	g.wait(now)
	return true
}

// watch has the values probed when they have failed for long enough, though every sensor may be in back-off: perhaps one is
// left that does not fail.
func (g *gate) watch(sensors, machines int, now time.Time) {
	if g.failing == classOK && g.probe == noProbe && g.polls.enough(sensors, machines, now) {
		g.probe = probeValues
	}
}

// suspect has the account probed, unless it has just been.
func (g *gate) suspect(now time.Time) {
	if g.probe == noProbe && (g.checked.IsZero() || now.Sub(g.checked) >= probeEvery) {
		g.probe = probeAccount
	}
}

// fail opens the circuit, or gives another reason for it.
func (g *gate) fail(c class, byValues bool, now time.Time) {
	if g.failing == classOK {
		g.failingAt = now
	}
	g.failing, g.byValues = c, byValues
}

// wait pauses until the next probe, and decides what that is for. The account and sensors take turns, for either may fail
// alone; the account is probed once a minute at most.
func (g *gate) wait(now time.Time) {
	g.outages++
	pause := backOff(g.outages, 10*time.Second, probeEvery)
	if g.byValues {
		pause = probeEvery
	}
	g.pause(pausedOutage, now, now.Add(pause))
	last := g.probe
	g.probe = probeValues
	if last != probeAccount && g.until.Sub(g.checked) >= probeEvery {
		g.probe = probeAccount
	}
}

func (g *gate) pause(reason pauseReason, now, until time.Time) {
	if g.reason != reason {
		g.since = now
	}
	g.reason, g.until = reason, later(g.until, until)
}

// waits returns how long nothing may be sent.
func (g *gate) waits(now time.Time) time.Duration { return max(0, g.until.Sub(now)) }

// hurry ends a pause: another key is there to be tried.
func (g *gate) hurry(now time.Time) {
	g.until, g.refusals, g.probe, g.good = now, 0, probeAccount, time.Time{}
}

// limit is the pause for a limit in force, or that has just ended with no success since.
func (g *gate) limit() KeptLimit {
	if g.reason != pausedLimit {
		return KeptLimit{}
	}
	return KeptLimit{Until: g.until.UTC(), Since: g.since.UTC(), Unnamed: g.limits}
}

// atOnce returns how many requests may be in flight: one after a pause, before a probe and after a 403, for nothing more should
// be spent on a key that may be dead.
func (g *gate) atOnce(concurrency int) int {
	if g.reason != open || g.probe != noProbe || g.polls.classes[classForbidden] > 0 {
		return 1
	}
	return concurrency
}

func (s *streak) add(a answer, now time.Time) {
	if s.since.IsZero() {
		*s = streak{since: now, sensors: map[string]class{}, machines: map[string]bool{}}
	}
	if before, failed := s.sensors[a.object]; failed {
		s.classes[before]--
	}
	s.sensors[a.object], s.machines[a.machine] = a.class, true
	s.classes[a.class]++
}

// enough reports whether the account, not single sensors, must be taken to fail.
func (s *streak) enough(sensors, machines int, now time.Time) bool {
	return !s.since.IsZero() && now.Sub(s.since) >= failsAfter &&
		len(s.sensors) >= min(failsSensors, sensors) && len(s.machines) >= min(failsMachine, machines)
}

// majority returns the class of the most sensors.
func (s *streak) majority() class {
	most := classAnswer
	for c, n := range s.classes {
		if n > s.classes[most] {
			most = class(c)
		}
	}
	return most
}
