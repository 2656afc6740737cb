package poller

import (
	"maps"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/poller/ratelimit"
)

// health is the state of an account as its loop last published it. Immutable. A scrape evaluates it at its own time.
type health struct {
	breaker     breakerStatus
	responded   bool // some request has succeeded
	lastError   string
	lastErrorAt time.Time
	lowered     ratelimit.Cause // why the rate limit in force is lower than configured

	remarks    []Remark // on how the API serves values; never changed in place
	barren     bool     // no sensor has had a usable reading
	clockOff   bool     // the local clock differs from the API's
	keyTrouble string   // why the last good key is in use; empty: the key source has it

	lists       map[string]string // why the sensors of a machine cannot be listed, by machine id
	listCount   int               // lists known
	listsRead   int               // or failed
	forReadings float64           // requests per hour that discovery leaves to polls

	settled    bool      // the first discovery has ended
	discovered bool      // the same, or restored values are served: the account is ready
	verified   time.Time // when the list that was read longest ago was read
	sensors    int       // polled
	demand     float64   // requests per hour needed to see every reading
	relaxed    float64   // factor by which max-age targets are relaxed; at most 1: they are not
	decided    time.Time // when the loop last ran
	blocked    blockage  // the latest long one
	asleep     time.Time // until when it then meant to sleep
}

// record takes in the result of a request.
func (h *health) record(c resultClass, err error, now time.Time) {
	h.responded = h.responded || c == resultOK
	if err != nil && c != resultNotSent {
		h.lastError, h.lastErrorAt = err.Error(), now
	}
}

// up is false exactly while failure returns a reason. known is false before the first result.
func (h *health) up() (up, known bool) {
	down := h.failure() != ""
	return !down, h.responded || down
}

// failure returns why the account fails; empty if it does not.
func (h *health) failure() string { return h.breaker.failing.reason() }

// pausedUntil returns the end of a pause in force; zero if there is none.
func (h *health) pausedUntil(now time.Time) time.Time {
	if h.breaker.pause == notPaused || !h.breaker.pausedUntil.After(now) {
		return time.Time{}
	}
	return h.breaker.pausedUntil
}

// stuckAfter is how long a loop may oversleep.
const stuckAfter = time.Minute

// stuck reports whether the loop has not run for a minute after it meant to wake.
func (h *health) stuck(now time.Time) bool {
	return !h.decided.IsZero() && now.Sub(later(h.decided, h.asleep)) > stuckAfter
}

// publish publishes the state of the account, and reports a new pause for a 429 and the end of the first discovery as changes
// worth saving.
func (a *account) publish(now, asleep time.Time) {
	a.draft.decided, a.draft.asleep = now, asleep
	a.checkKey()
	a.publishDemand(&a.draft, now)
	h := a.currentHealth()
	if !h.settled && a.discovery.settled() {
		h.settled, h.discovered = true, true
		a.draft.settled, a.draft.discovered = true, true
		a.log.Info("First discovery completed", "complete", !h.verified.IsZero(), "machines", len(a.discovery.sensors),
			"sensors", h.sensors, "cycle", h.cycle(a.Pacer.PerHour()).Round(time.Second))
	}
	a.checkReadings()
	h.barren = a.draft.barren
	a.noteBlocked(now)
	h.blocked = a.draft.blocked
	before := a.health.Swap(&h)
	if h.breaker.limit().Until.After(before.breaker.limit().Until) || h.settled && !before.settled {
		a.changed()
	}
	if now.Sub(a.judged) >= time.Minute {
		a.judged = now
		a.judgeMachines(now)
	}
}

// publishIdle publishes the state of an account whose loop does not run.
func (a *account) publishIdle(now time.Time) {
	a.publishDemand(&a.draft, now)
	h := a.currentHealth()
	a.health.Store(&h)
}

// currentHealth returns the state to publish.
func (a *account) currentHealth() health {
	h := a.draft
	h.breaker, h.lowered, h.lists = a.breaker.breakerStatus, a.limiter.cause, a.discovery.failures()
	h.sensors, h.verified = a.schedule.Len(), a.discovery.verified
	h.forReadings = a.forReadings()
	h.listCount, h.listsRead = a.discovery.progress()
	return h
}

// clockTolerance is the difference of clocks from which on it is reported.
const clockTolerance = time.Minute

// checkClock logs a difference of the clocks, and its end.
func (a *account) checkClock() {
	ahead, _ := a.Client.ClockDifference()
	off := ahead.Abs() > clockTolerance || a.draft.clockOff && ahead.Abs() > clockTolerance/2
	a.logChange(a.draft.clockOff, off, "Local clock differs from the API clock, judging ages by the API clock",
		"Local clock agrees with the API clock again", "api_ahead", ahead.Round(time.Second))
	a.draft.clockOff = off
}

// checkKey logs that the last good key is in use, and the end of it.
func (a *account) checkKey() {
	if a.KeyTrouble == nil {
		return
	}
	before, now := a.draft.keyTrouble, a.KeyTrouble()
	a.logChange(before != "", now != "", "Key source has no key, using the last good key until the process ends",
		"Key source has a key again", "err", now)
	a.draft.keyTrouble = now
}

// enoughPolled is the number of polled sensors after which missing readings are logged: a cycle may take hours.
const enoughPolled = 200

// NoReadings is the remark on an account without any usable reading.
const NoReadings = "No sensor has a usable reading. `innius_exporter check api` shows how the responses are understood"

// checkReadings logs that no sensor has a usable reading, after each or enough were polled, and later the first one that has.
func (a *account) checkReadings() {
	if a.usable || a.breaker.failing != resultOK || !a.discovery.settled() || a.discovery.verified.IsZero() {
		return
	}
	polled, sensors := 0, a.schedule.Len()
	succeeded := sensors == 0 && strings.Join(slices.Collect(maps.Values(a.logged.others)), "") == "" // no other account polls them
	for _, m := range a.inventory.Snapshot().Accounts[a.index].Machines {
		for _, s := range m.Polled {
			o := s.Entry.Load()
			a.usable, succeeded = a.usable || !o.Time.IsZero(), succeeded || !o.LastSuccess.Before(a.started)
			if !later(o.LastSuccess, o.LastFailure).Before(a.started) {
				polled++
			}
		}
	}
	barren := !a.usable && (a.draft.barren || succeeded && polled >= min(sensors, enoughPolled))
	a.logChange(a.draft.barren, barren, NoReadings, "First usable reading",
		"machines", len(a.discovery.sensors), "sensors", sensors, "polled", polled)
	a.draft.barren = barren
}

// logChange logs the begin and the end of a problem.
func (a *account) logChange(before, now bool, begins, ends string, attrs ...any) {
	switch {
	case now && !before:
		a.log.Warn(begins, attrs...)
	case before && !now:
		a.log.Info(ends)
	}
}

// loggedRelaxed is what the log contains about max-age targets.
type loggedRelaxed struct {
	factor float64   // 0: they are met
	last   time.Time // when they were last relaxed
}

// publishDemand publishes the schedule's demand. It logs when max-age targets are relaxed, again when the factor has doubled, and
// when they have been met for an hour, so that a plant at the border does not fill the log.
func (a *account) publishDemand(h *health, now time.Time) {
	h.demand, h.relaxed = a.schedule.Demand(now)
	switch l := &a.logged.relaxed; {
	case h.relaxed > 1 && h.relaxed > 2*l.factor:
		a.log.Warn("Max-age targets exceed their share of the rate limit, relaxing all. `plan` shows what fits", "factor", round(h.relaxed))
		*l = loggedRelaxed{h.relaxed, now}
	case h.relaxed > 1:
		l.last = now
	case l.factor > 0 && now.Sub(l.last) > time.Hour:
		a.log.Info("Max-age targets fit into their share of the rate limit again")
		*l = loggedRelaxed{}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
