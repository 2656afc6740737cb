package poller

import (
	"maps"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/poller/schedule"
)

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
	return !h.decided.IsZero() && now.Sub(later(h.decided, h.asleep)) > stuckAfter
}

// publish publishes the state of the account, and reports a new pause for a 429 and the end of the first discovery as changes
// worth saving.
func (a *account) publish(now, asleep time.Time) {
	d, before := &a.draft, a.health.Load()
	d.decided, d.asleep = now, asleep
	a.checkKey()
	a.updateDraft(now)
	if !d.Settled && a.discovery.settled() {
		d.Settled, d.discovered = true, true
		a.log.Info("First discovery ended", "complete", !d.Verified.IsZero(), "machines", len(a.discovery.sensors),
			"sensors", d.Sensors, "cycle", d.Cycle.Round(time.Second))
	}
	a.checkReadings()
	a.noteBlocked(now)
	a.publishDraft()
	if d.breaker.limit().Until.After(before.breaker.limit().Until) || d.Settled && !before.Settled {
		a.poller.notify()
	}
	if now.Sub(a.judged) >= time.Minute {
		a.judged = now
		a.judgeMachines(now)
	}
}

// publishIdle publishes the state of an account whose loop does not run.
func (a *account) publishIdle(now time.Time) {
	a.updateDraft(now)
	a.publishDraft()
}

func (a *account) publishDraft() {
	h := a.draft
	a.health.Store(&h)
}

// updateDraft takes over what the parts of the account know.
func (a *account) updateDraft(now time.Time) {
	d := &a.draft
	a.updateDemand(now)
	d.breaker, d.Lowered, d.ListErrors = a.breaker.breakerStatus, a.limiter.cause, a.discovery.failures()
	d.Sensors, d.Verified, d.ForPolls = a.schedule.Len(), a.discovery.verified, a.forReadings()
	d.Lists, d.ListsRead = len(a.discovery.all()), a.discovery.routine.Len()
	d.Cycle = schedule.Seconds(float64(d.Sensors) / d.ForPolls * 3600)
}

// clockTolerance is the difference of clocks from which on it is reported.
const clockTolerance = time.Minute

// checkClock logs a difference of the clocks, and its end.
func (a *account) checkClock() {
	ahead := a.ahead()
	off := ahead.Abs() > clockTolerance || a.draft.ClocksDiffer && ahead.Abs() > clockTolerance/2
	a.logChange(a.draft.ClocksDiffer, off, "Local clock differs from the API clock, judging ages by the API clock",
		"Local clock agrees with the API clock again", "api_ahead", ahead.Round(time.Second))
	a.draft.ClocksDiffer = off
}

// checkKey logs that the last good key is in use, and the end of it.
func (a *account) checkKey() {
	if a.KeyTrouble == nil {
		return
	}
	before, now := a.draft.KeyProblem, a.KeyTrouble()
	a.logChange(before != "", now != "", "Key source has no key, using the last good key until the process ends",
		"Key source has a key again", "err", now)
	a.draft.KeyProblem = now
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
	barren := !a.usable && (a.draft.NoReadings || succeeded && polled >= min(sensors, enoughPolled))
	a.logChange(a.draft.NoReadings, barren, NoReadings, "First usable reading",
		"machines", len(a.discovery.sensors), "sensors", sensors, "polled", polled)
	a.draft.NoReadings = barren
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

// updateDemand takes over the schedule's demand. It logs when max-age targets are relaxed, again when the factor has doubled, and
// when they have been met for an hour, so that a plant at the border does not fill the log.
func (a *account) updateDemand(now time.Time) {
	demand, factor := a.schedule.Demand(now)
	if factor <= 1 {
		factor = 0
	}
	a.draft.Demand, a.draft.RelaxedBy = demand, factor
	switch l := &a.logged; {
	case factor > 2*l.relaxed:
		a.log.Warn("Max-age targets exceed their share of the rate limit, relaxing all. `plan` shows what fits",
			"factor", round(factor))
		l.relaxed, l.relaxedAt = factor, now
	case factor > 0:
		l.relaxedAt = now
	case l.relaxed > 0 && now.Sub(l.relaxedAt) > time.Hour:
		a.log.Info("Max-age targets fit into their share of the rate limit again")
		l.relaxed = 0
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
