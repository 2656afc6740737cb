package poller

import (
	"maps"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/poller/ratelimit"
)

// health is how an account does, as its loop published it last. Immutable; a scrape judges it at its own moment.
type health struct {
	breaker     breakerStatus
	answered    bool // some request has succeeded
	lastError   string
	lastErrorAt time.Time
	lowered     ratelimit.Cause // why fewer requests are sent than configured

	remarks []remark // on how the API serves values; never changed in place
	barren  bool     // no sensor has had a usable reading, as logged

	clockOff   bool   // as logged
	keyTrouble string // why the last good key is in use; empty: the key source holds it

	lists map[string]string // why the sensors of a machine cannot be listed, by machine id

	discovery   DiscoveryStatus // how far it has come; without words
	forReadings float64         // requests per hour that discovery leaves to readings

	settled    bool      // one discovery has ended, well or badly; then it stays
	discovered bool      // the same, or kept values are served: the account is ready
	verified   time.Time // when the whole catalogue was verified last
	sensors    int       // polled
	demand     float64   // requests per hour that it would take to get each reading
	relaxed    float64   // factor by which max-age targets are longer; at most 1: they are not
	decided    time.Time // when the loop last decided anything
	asleep     time.Time // until when it then meant to sleep
}

// note takes one response into account.
func (h *health) note(c resultClass, err error, now time.Time) {
	h.answered = h.answered || c == resultOK
	if err != nil && c != resultNotSent {
		h.lastError, h.lastErrorAt = err.Error(), now
	}
}

// up is false exactly while failure has a reason; the second result is false before there is anything to judge.
func (h *health) up() (up, known bool) {
	down := h.failure() != ""
	return !down, h.answered || down
}

// failure returns why the account fails; empty where it does not.
func (h *health) failure() string { return h.breaker.failing.reason() }

// pausedUntil returns the end of a pause in force; zero where there is none.
func (h *health) pausedUntil(now time.Time) time.Time {
	if h.breaker.pause == notPaused || !h.breaker.pausedUntil.After(now) {
		return time.Time{}
	}
	return h.breaker.pausedUntil
}

// stuckAfter is how long a loop may be silent past the moment it meant to wake.
const stuckAfter = time.Minute

// stuck reports whether the loop has neither decided anything nor been asleep until a known moment for a minute.
func (h *health) stuck(now time.Time) bool {
	return !h.decided.IsZero() && now.Sub(later(h.decided, h.asleep)) > stuckAfter
}

// publish makes the loop's state visible, and tells whoever keeps it of a new pause for a limit.
func (a *account) publish(now, asleep time.Time) {
	a.state.decided, a.state.asleep = now, asleep
	a.noteKey()
	a.wishes(&a.state, now)
	h := a.seen()
	if !h.settled && a.discovery.settled() {
		h.settled, h.discovered = true, true
		a.state.settled, a.state.discovered = true, true
		a.log.Info("first discovery ended", "complete", !h.verified.IsZero(), "machines", len(a.discovery.sensors), "sensors", h.sensors,
			"cycle", h.cycle(a.Pacer.PerHour()).Round(time.Second))
	}
	a.noteBarren()
	h.barren = a.state.barren
	before := a.health.Swap(&h)
	if h.breaker.limit().Until.After(before.breaker.limit().Until) || h.settled && !before.settled {
		a.mark()
	}
}

// clockDiffers is the difference of clocks that is reported: nothing that people look at is off by less.
const clockDiffers = time.Minute

// noteClock logs a large difference of the clocks once, and its end.
func (a *account) noteClock() {
	ahead, _ := a.Client.ClockDifference()
	off := ahead.Abs() > clockDiffers || a.state.clockOff && ahead.Abs() > clockDiffers/2
	a.report(a.state.clockOff, off, "clock of this machine differs from the API's; ages are judged by the API's",
		"clock of this machine agrees with the API's again", "api_ahead", ahead.Round(time.Second))
	a.state.clockOff = off
}

// noteKey logs that the last good key must be used, once, and its end.
func (a *account) noteKey() {
	if a.KeyTrouble == nil {
		return
	}
	before, now := a.state.keyTrouble, a.KeyTrouble()
	a.report(before != "", now != "", "key file holds no key; the last good key is used while this process runs",
		"key file holds a key again", "err", now)
	a.state.keyTrouble = now
}

// polledEnough is how many sensors are polled before it is logged that none has a usable reading: a cycle may take hours.
const polledEnough = 200

const noReadings = "no sensor has a usable reading; `innius_exporter check api` shows how the responses are understood"

// noteBarren logs once that no sensor has a usable reading, when each was polled or enough were; and the first reading then.
func (a *account) noteBarren() {
	if a.usable || a.breaker.failing != resultOK || !a.discovery.settled() || a.discovery.verified.IsZero() {
		return
	}
	polled, sensors := 0, a.schedule.Len()
	succeeded := sensors == 0 && strings.Join(slices.Collect(maps.Values(a.twins)), "") == "" // no other account polls them
	for _, m := range a.catalogue.view.Load().machines[a.index] {
		for _, s := range m.polled {
			o := s.entry.Load()
			a.usable, succeeded = a.usable || !o.Time.IsZero(), succeeded || !o.LastSuccess.Before(a.begun)
			if !later(o.LastSuccess, o.LastFailure).Before(a.begun) {
				polled++
			}
		}
	}
	barren := !a.usable && (a.state.barren || succeeded && polled >= min(sensors, polledEnough))
	a.report(a.state.barren, barren, noReadings, "a sensor has the first usable reading",
		"machines", len(a.discovery.sensors), "sensors", sensors, "polled", polled)
	a.state.barren = barren
}

// report logs where a trouble begins and where it is over.
func (a *account) report(before, now bool, begins, over string, attrs ...any) {
	switch {
	case now && !before:
		a.log.Warn(begins, attrs...)
	case before && !now:
		a.log.Info(over)
	}
}

// show publishes how the account does while its loop does not run.
func (a *account) show(now time.Time) {
	a.wishes(&a.state, now)
	h := a.seen()
	a.health.Store(&h)
}

// seen returns the loop's state as it may be published.
func (a *account) seen() health {
	h := a.state
	h.breaker, h.lowered, h.lists = a.breaker.breakerStatus, a.limiter.cause, a.discovery.failures()
	h.sensors, h.verified = a.schedule.Len(), a.discovery.verified
	h.discovery, h.forReadings = a.discovery.progress(), a.forReadings()
	return h
}

// wishes publishes what the schedule would like. It says when promises are stretched, again when that has doubled, and when
// they have not been for an hour: a plant at the border would fill the log.
func (a *account) wishes(h *health, now time.Time) {
	h.demand, h.relaxed = a.schedule.Demand(now)
	switch s := &a.stretched; {
	case h.relaxed > 1 && h.relaxed > 2*s.said:
		a.log.Warn("promises (max_age) take more than their share of the allowance; all are stretched alike; `plan` says what fits",
			"factor", round(h.relaxed))
		s.said, s.last = h.relaxed, now
	case h.relaxed > 1:
		s.last = now
	case s.said > 0 && now.Sub(s.last) > time.Hour:
		a.log.Info("promises (max_age) fit into their share of the allowance again")
		*s = stretched{}
	}
}

// stretched is what was said of promises in the log.
type stretched struct {
	said float64   // factor; 0: they fit
	last time.Time // when they were last stretched
}
