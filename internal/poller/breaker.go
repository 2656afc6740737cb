package poller

import (
	"errors"
	"net/http"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// suspectAfter is the number of failures in a row, of any objects, after which the account is probed.
const suspectAfter = 5

// The account fails although the company request succeeds if no values request has succeeded for failsAfter, over at least
// failsSensors sensors of failsMachines machines, or all there are.
const (
	failsAfter    = 2 * time.Minute
	failsSensors  = 5
	failsMachines = 2
)

// probeInterval is the shortest time between two probes of the account.
const probeInterval = time.Minute

// shortWait is the stated wait below which only the first one since a success is used: an API that always states 1 s states
// nothing useful.
const shortWait = 5 * time.Second

// pauseReason is why an account sends nothing.
type pauseReason string

const (
	notPaused    pauseReason = ""
	pausedLimit  pauseReason = "limit"       // 429: until the time that the API stated
	pausedBusy   pauseReason = "unavailable" // 503 with Retry-After: until the time that the API stated
	pausedKey    pauseReason = "key"         // with back-off, until a new key or a success
	pausedOutage pauseReason = "outage"      // the circuit is open: with back-off, until a success
)

// probe is what the next request must be for.
type probe int

const (
	noProbe      probe = iota
	probeAccount       // the company, or the machine list if the user set the company
	probeValues        // the values of one sensor, a different one each time
)

// breakerStatus is the part of a circuit breaker that is published: plain values, so that a copy never changes.
type breakerStatus struct {
	pause       pauseReason
	pausedUntil time.Time // nothing is sent before
	pausedSince time.Time // when the reason came into force

	failing      resultClass // why the circuit is open or half-open; resultOK: it is closed
	failingSince time.Time

	unstated int // 429s in a row without a usable wait
}

// circuitBreaker decides from each result whether the account may go on sending, and what the next request must be for. The
// circuit is closed while failing is resultOK. It is open during the pause after a failed probe, and half-open after that
// pause, when one probe may be sent. It has no clock and does no I/O; one loop owns it.
type circuitBreaker struct {
	breakerStatus
	byValues    bool // the circuit opened although the company request succeeds: only a values request closes it
	probe       probe
	lastProbe   time.Time // of the account
	lastSuccess time.Time // of any request; zero: none with this key

	sawShortWait bool // a short wait was stated since the latest success
	keyFailures  int  // in a row, each after its back-off
	probeFails   int  // in a row
	failures     int  // in a row, of any request; 400 and 404 do not count
	values       valuesFailures
	busy         map[string]bool // objects whose 503 has paused the account, until they succeed
}

// record takes a result in and reports whether the account, not the object, is the cause of the failure.
func (b *circuitBreaker) record(r requestResult, now time.Time) (accountFault bool) {
	sent := r.class != resultNotSent && r.class != resultLimited
	if r.account && sent && (b.probe == probeAccount || r.class != resultOK) {
		b.lastProbe = now // a success of regular discovery is not a probe
	}
	switch r.class {
	case resultNotSent:
		return true
	case resultOK:
		delete(b.busy, r.object)
		if b.lastSuccess = now; !r.more {
			b.recordSuccess(r, now)
		}
		return false
	case resultLimited:
		b.pauseUntil(pausedLimit, b.limitedUntil(r, now), now)
		return true
	case resultKey:
		return b.recordKeyFailure(now)
	}
	return b.recordFailure(r, now)
}

// recordSuccess closes the circuit, unless only a values request does. A success during a pause belongs to a request that was
// sent before the pause, so it proves nothing.
func (b *circuitBreaker) recordSuccess(r requestResult, now time.Time) {
	if b.pause != pausedOutage && now.Before(b.pausedUntil) {
		return
	}
	values, next := b.values, b.probe
	if r.values || b.failing == resultKey {
		values = valuesFailures{}
	}
	if b.failing != resultOK && r.account && r.sensors > 0 && (b.byValues || values.enough(r.sensors, r.machines, now)) {
		b.byValues, b.probe, b.failures, b.lastSuccess, b.pausedUntil = true, probeValues, 0, now, now
		return
	}
	if r.account || b.failing != resultOK || r.values && next == probeValues {
		next = noProbe
	}
	*b = circuitBreaker{probe: next, lastProbe: b.lastProbe, lastSuccess: now, values: values, busy: b.busy}
}

// limitedUntil returns the end of the pause for a 429: the time that it states, or if it states none that can be used, 60 s
// from now, doubled with each such 429 up to 1 h.
func (b *circuitBreaker) limitedUntil(r requestResult, now time.Time) time.Time {
	if r.wait < shortWait && b.pause == pausedLimit && now.Before(b.pausedUntil) {
		return b.pausedUntil // a request sent before the pause
	}
	if !b.useStatedWait(r) {
		b.unstated++
		r.wait = schedule.BackOff(b.unstated, time.Minute, time.Hour)
	}
	return now.Add(r.wait)
}

// useStatedWait reports whether the API stated a wait, and not a short one for the second time.
func (b *circuitBreaker) useStatedWait(r requestResult) bool {
	long := r.wait >= shortWait
	ok := r.stated && (long || !b.sawShortWait)
	b.sawShortWait = b.sawShortWait || r.stated && !long
	return ok
}

func (b *circuitBreaker) recordKeyFailure(now time.Time) (accountFault bool) {
	if b.pause != pausedKey || !now.Before(b.pausedUntil) {
		b.keyFailures++
		b.pauseUntil(pausedKey, now.Add(schedule.BackOff(b.keyFailures, time.Minute, time.Hour)), now)
	}
	b.open(resultKey, false, now)
	b.probe = probeAccount
	return true
}

// recordFailure takes in a failure that is neither of the key nor a 429.
func (b *circuitBreaker) recordFailure(r requestResult, now time.Time) (accountFault bool) {
	if r.class != resultObject {
		b.failures++
	}
	if r.values {
		b.values.add(r, now)
	}
	if r.class == resultForbidden && b.lastSuccess.IsZero() && b.values.byClass[r.class] >= suspectAfter {
		return b.recordKeyFailure(now)
	}
	sentBefore := now.Before(b.pausedUntil) // the pause that may begin now
	busy := b.pauseIfBusy(r, now)
	switch {
	case b.failing != resultOK && sentBefore:
		return true
	case r.account && b.failsAccount(r, now):
		b.open(r.class, false, now)
	case b.failing != resultOK: // the reason stays
	case r.probe && b.values.enough(r.sensors, r.machines, now):
		b.open(b.values.mostFrequent(), true, now)
	default:
		b.probeValuesIfDue(r.sensors, r.machines, now)
		if r.unsent || b.failures >= suspectAfter && r.class != resultObject {
			b.probeAccountIfDue(now)
		}
		return r.unsent || b.probe == probeAccount && r.class != resultObject && !busy
	}
	b.pauseUntilNextProbe(now)
	return true
}

// pauseIfBusy pauses for a 503 that states a wait, and reports whether it did. The first such response pauses the account.
// If other requests have succeeded since, a repeat concerns only its object.
func (b *circuitBreaker) pauseIfBusy(r requestResult, now time.Time) bool {
	alone := b.busy[r.object] && b.failures == 1
	if r.class != resultServer || alone || !b.useStatedWait(r) {
		return false
	}
	if b.busy == nil {
		b.busy = map[string]bool{}
	}
	b.busy[r.object] = true
	b.probeAccountIfDue(now)
	b.pauseUntil(pausedBusy, now.Add(r.wait), now)
	return true
}

// failsAccount reports whether a failure of the request that probes the account opens the circuit, or gives it a new reason.
func (b *circuitBreaker) failsAccount(r requestResult, now time.Time) bool {
	return b.failing != resultOK || b.probe == probeAccount || r.unsent || r.first || now.Sub(b.lastSuccess) >= failsAfter
}

// probeValuesIfDue requests a probe of the values if they have failed for long enough. Every sensor may be in back-off, and
// perhaps one of them works.
func (b *circuitBreaker) probeValuesIfDue(sensors, machines int, now time.Time) {
	if b.failing == resultOK && b.probe == noProbe && b.values.enough(sensors, machines, now) {
		b.probe = probeValues
	}
}

// probeAccountIfDue requests a probe of the account, unless the last one is less than a minute ago.
func (b *circuitBreaker) probeAccountIfDue(now time.Time) {
	if b.probe == noProbe && (b.lastProbe.IsZero() || now.Sub(b.lastProbe) >= probeInterval) {
		b.probe = probeAccount
	}
}

// open opens the circuit, or changes the reason of an open one.
func (b *circuitBreaker) open(c resultClass, byValues bool, now time.Time) {
	if b.failing == resultOK {
		b.failingSince = now
	}
	b.failing, b.byValues = c, byValues
}

// pauseUntilNextProbe pauses after a failed probe and chooses the next one. Account and values alternate, because either can
// fail alone.
func (b *circuitBreaker) pauseUntilNextProbe(now time.Time) {
	b.probeFails++
	wait := schedule.BackOff(b.probeFails, 10*time.Second, probeInterval)
	if b.byValues {
		wait = probeInterval
	}
	b.pauseUntil(pausedOutage, now.Add(wait), now)
	if b.probe != probeAccount && b.pausedUntil.Sub(b.lastProbe) >= probeInterval {
		b.probe = probeAccount
	} else {
		b.probe = probeValues
	}
}

// pauseUntil pauses until a time, or longer if a longer pause is in force.
func (b *circuitBreaker) pauseUntil(reason pauseReason, until, now time.Time) {
	if b.pause != reason {
		b.pausedSince = now
	}
	b.pause, b.pausedUntil = reason, schedule.Later(b.pausedUntil, until)
}

// remaining returns how long nothing may be sent.
func (b *circuitBreaker) remaining(now time.Time) time.Duration {
	return max(0, b.pausedUntil.Sub(now))
}

// tryNewKey ends a pause: there is another key.
func (b *circuitBreaker) tryNewKey(now time.Time) {
	b.pausedUntil, b.keyFailures, b.probe, b.lastSuccess = now, 0, probeAccount, time.Time{}
}

// maxInFlight returns how many requests may be in flight: one after a pause, before a probe and after a 403, because the key
// may be dead.
func (b *circuitBreaker) maxInFlight(concurrency int) int {
	if b.pause != notPaused || b.probe != noProbe || b.values.byClass[resultForbidden] > 0 {
		return 1
	}
	return concurrency
}

// valuesFailures are the values requests that failed since the last one that succeeded.
type valuesFailures struct {
	since    time.Time
	sensors  map[string]resultClass // the latest failure of each
	machines map[string]bool
	byClass  [resultNotSent]int // number of sensors
}

func (v *valuesFailures) add(r requestResult, now time.Time) {
	if v.since.IsZero() {
		*v = valuesFailures{since: now, sensors: map[string]resultClass{}, machines: map[string]bool{}}
	}
	if before, failed := v.sensors[r.object]; failed {
		v.byClass[before]--
	}
	v.sensors[r.object], v.machines[r.machine] = r.class, true
	v.byClass[r.class]++
}

// enough reports whether so much has failed for so long that the account, not single sensors, must be the cause.
func (v *valuesFailures) enough(sensors, machines int, now time.Time) bool {
	return !v.since.IsZero() && now.Sub(v.since) >= failsAfter &&
		len(v.sensors) >= min(failsSensors, sensors) && len(v.machines) >= min(failsMachines, machines)
}

// mostFrequent returns the class of most sensors.
func (v *valuesFailures) mostFrequent() resultClass {
	most := resultInvalid
	for c, n := range v.byClass {
		if n > v.byClass[most] {
			most = resultClass(c)
		}
	}
	return most
}

// SavedLimit is the pause for a 429 that an account is in, or was in without a success since.
type SavedLimit struct {
	Until    time.Time // zero: none
	Since    time.Time
	Unstated int // 429s in a row without a usable wait
}

// limit returns the pause for a 429 in force, or that ended without a success since.
func (s *breakerStatus) limit() SavedLimit {
	if s.pause != pausedLimit {
		return SavedLimit{}
	}
	return SavedLimit{Until: s.pausedUntil.UTC(), Since: s.pausedSince.UTC(), Unstated: s.unstated}
}

// restoreLimit takes over a saved pause for a 429. If the clock was set back since it was saved, the pause is no longer than
// it was then, nor than innius.MaxRetryAfter.
func (b *circuitBreaker) restoreLimit(l SavedLimit, savedAt, now time.Time) {
	if l.Until.IsZero() {
		return
	}
	until := l.Until
	if latest := now.Add(min(until.Sub(savedAt), innius.MaxRetryAfter)); until.After(latest) {
		until = latest
	}
	b.pauseUntil(pausedLimit, until, l.Since)
	b.unstated = l.Unstated
}

// resultClass is what the result of one request means for the account.
type resultClass int

const (
	resultOK        resultClass = iota
	resultLimited               // 429: the account pauses
	resultKey                   // the key is refused or cannot be read
	resultForbidden             // 403: wrong path, missing permission, or a dead key
	resultObject                // 400, 404 and other 4xx: concerns one machine or sensor
	resultNetwork               // no response
	resultServer                // 5xx
	resultInvalid               // a response that cannot be used, or a redirect
	resultNotSent               // a pause, or the process ends
)

// reasons are the values of the label reason of innius_exporter_account_failure.
var reasons = [resultNotSent + 1]string{
	resultKey: "key", resultNetwork: "network", resultServer: "server",
	resultInvalid: "invalid_response", resultForbidden: "invalid_response", resultObject: "invalid_response",
}

// reason returns the reason of an account failure; empty if the class is none.
func (c resultClass) reason() string { return reasons[c] }

func classify(err error) resultClass {
	failure, hasStatus := errors.AsType[*innius.Error](err)
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, innius.ErrPaused):
		return resultNotSent
	case is[*innius.KeyError](err):
		return resultKey
	case is[*innius.NetworkError](err):
		return resultNetwork
	case !hasStatus:
		return resultInvalid
	case failure.Status == http.StatusTooManyRequests:
		return resultLimited
	case failure.Status == http.StatusUnauthorized:
		return resultKey
	case failure.Status == http.StatusForbidden:
		return resultForbidden
	case failure.Status < http.StatusInternalServerError:
		return resultObject
	}
	return resultServer
}

// is reports whether a chain of errors holds one of a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// requestResult is one result as the circuit breaker sees it.
type requestResult struct {
	class   resultClass
	machine string
	object  string        // that was requested
	values  bool          // values of a sensor; or, while no sensor is known, a machine's list of sensors
	account bool          // the request that probes the account
	first   bool          // the object has never been read
	more    bool          // a first page of several: not a success yet
	probe   bool          // values that were requested as a probe
	unsent  bool          // no connection, and not for a timeout: never the fault of one object
	stated  bool          // the API stated a wait
	wait    time.Duration // that it stated

	sensors, machines int // that exist
}

// addError takes over what an error shows of the account.
func (r *requestResult) addError(err error) {
	if failure, ok := errors.AsType[*innius.Error](err); ok {
		r.stated, r.wait = failure.Stated, failure.RetryAfter
	}
	if r.stated {
		r.wait = max(time.Second, r.wait)
	}
	if network, ok := errors.AsType[*innius.NetworkError](err); ok {
		r.unsent = !network.Sent && !network.Timeout
	}
}

// isUnknownPath reports whether an error is a gateway's response to an unknown path.
func isUnknownPath(err error) bool {
	failure, ok := errors.AsType[*innius.Error](err)
	return ok && failure.UnknownPath()
}
