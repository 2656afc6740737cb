package poller

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// handleReadings takes in the result of a poll. Readings that arrived before an error are used, too.
func (a *account) handleReadings(t *Task, newest innius.Newest, err error, now time.Time) {
	s, class := t.Sensor, classify(err)
	if class != resultNotSent {
		a.sensorLog(s).Debug("Polled sensor", "readings", len(newest.Readings))
	}
	err = a.addHint(innius.OpValues, err)
	accountFault := a.recordResult(requestResult{
		class: class, machine: s.Machine.ID, object: s.Machine.ID + "/" + s.ID, values: true, probe: t.Probe,
	}, err, now)
	t.Probe = false
	if err == nil && s.Entry.Disbelieve(newest.Clock, now) {
		t.Interval = &schedule.Interval{}
	}
	before, stored := s.Entry.Load(), reading.PollResult{}
	learned := schedule.Result{Received: now, Ahead: a.ahead()}
	if err == nil || len(newest.Readings) > 0 {
		stored = a.storeReadings(s, newest, err == nil, now)
		learned.Times, learned.Complete = stored.Times, stored.Whole
	}
	switch {
	case err == nil:
		a.schedule.Succeeded(t, learned)
		a.recordPoll(t, before, stored, now)
		a.lastPoll = now
	case accountFault && (t.Failures == 0 || class == resultNotSent || class == resultLimited || class == resultKey):
		a.schedule.Requeue(t)
	case accountFault:
		a.schedule.Failed(t) // it failed before the account did; the account's first success resets its back-off
	default:
		quiet := len(a.breaker.values.sensors) > failsSensors // so many that the account is logged instead
		if s.Entry.Fail(err.Error(), quiet, a.lastPoll, now) {
			a.sensorLog(s).Warn("Sensor is failing, retrying with back-off", "err", err)
		}
		a.schedule.Failed(t)
	}
}

// storeReadings puts readings into the cache and counts them.
func (a *account) storeReadings(s *inventory.Sensor, newest innius.Newest, complete bool, now time.Time) reading.PollResult {
	stored := s.Entry.Store(newest, s.Rule.Values, complete, now)
	stored.Lag += a.ahead()
	a.counters.count(stored)
	if stored.Recovered {
		a.sensorLog(s).Info("Sensor recovered")
	}
	if why := string(stored.Odd.Skip) + stored.Odd.Hint(); why != "" && !a.logged.unusable[why] {
		a.logged.unusable[why] = true
		a.sensorLog(s).Warn("Skipping unusable readings, see /status for the affected sensors", "why", Unreadable(stored.Odd))
	}
	for _, r := range newest.Remarks {
		a.addRemark(r, s)
	}
	return stored
}

// Remark is a property of the API that a poll showed, with the labels of the first sensor that showed it.
type Remark struct {
	innius.Remark
	Machine, Sensor string
}

// addRemark logs and publishes a remark once per account. A reload, which may have removed the cause, starts again.
func (a *account) addRemark(r innius.Remark, s *inventory.Sensor) {
	if slices.ContainsFunc(a.draft.Remarks, func(known Remark) bool { return known.Remark == r }) {
		return
	}
	a.draft.Remarks = append(slices.Clip(a.draft.Remarks), Remark{r, s.Machine.Label, s.Label})
	a.sensorLog(s).Warn(string(r))
}

// sensorLog returns a logger that names a sensor and its machine.
func (a *account) sensorLog(s *inventory.Sensor) *slog.Logger {
	return a.log.With("machine", s.Machine.Label, "sensor", s.Label)
}

// recordResult passes a result to the circuit breaker, applies what it decides, and reports whether the account, not the object,
// is the cause of a failure.
func (a *account) recordResult(r requestResult, err error, now time.Time) (accountFault bool) {
	r.addError(err)
	r.sensors, r.machines = a.extent()
	a.noteBlocked(now)
	before := a.breaker.breakerStatus
	accountFault = a.breaker.record(r, now)
	if r.class == resultLimited {
		if a.breaker.unstated > before.unstated {
			r.wait = 0 // no usable wait was stated
		}
		a.recordRefusal(r.wait, now)
	}
	if a.breaker.pause == pausedLimit || a.breaker.pause == pausedBusy {
		a.Pacer.Pause(a.breaker.pausedUntil)
	}
	a.checkClock()
	a.draft.Responded = a.draft.Responded || r.class == resultOK
	if err != nil && r.class != resultNotSent {
		a.draft.LastError, a.draft.LastErrorAt = err.Error(), now
	}
	a.logBreaker(&before, err, now)
	switch {
	case a.breaker.failing != resultOK && before.failing == resultOK:
		a.Client.CloseIdleConnections()
	case a.breaker.failing == resultOK && before.failing != resultOK:
		a.schedule.ResetBackoff()
		a.discovery.resetBackoff(now)
	}
	return accountFault
}

// extent returns the number of sensors and machines to poll; while no sensor is known, the number of lists of sensors.
func (a *account) extent() (sensors, machines int) {
	if sensors, machines = a.schedule.Len(), a.schedule.Groups(); sensors == 0 {
		sensors, machines = len(a.discovery.sensors), len(a.discovery.sensors)
	}
	return sensors, machines
}

// addError takes over what an error shows of the account.
func (r *requestResult) addError(err error) {
	if limited, ok := errors.AsType[*innius.RateLimitError](err); ok {
		r.stated, r.wait = limited.Stated, limited.RetryAfter
	}
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

// addHint adds to a 403 what to check, most likely cause first. Its text, or the success of another request with this key, shows
// that the path or a permission is more likely wrong than the key.
func (a *account) addHint(op innius.Operation, err error) error {
	pathWorks := op == innius.OpCompany && a.identity.company.ID != ""
	if classify(err) != resultForbidden || pathWorks || !isUnknownPath(err) && a.breaker.lastSuccess.IsZero() {
		return err
	}
	company := ""
	if op == innius.OpMachines {
		from := "as the API named it"
		if a.Account.Company.ID != "" {
			from = "company_id of the config"
		}
		company = fmt.Sprintf("the company id %q (%s), ", innius.Printable(a.identity.company.ID), from)
	}
	return fmt.Errorf("%w; check the path endpoints.%s, %sthen the permissions of the key, then the key itself", err, op, company)
}

// isUnknownPath reports whether an error is a gateway's response to an unknown path.
func isUnknownPath(err error) bool {
	failure, ok := errors.AsType[*innius.Error](err)
	return ok && failure.UnknownPath()
}

// pauseLogInterval is the shortest time between two log lines about 429s: without a usable wait there are many short pauses.
const pauseLogInterval = 10 * time.Minute

// logBreaker logs a change of the circuit breaker.
func (a *account) logBreaker(before *breakerStatus, err error, now time.Time) {
	after, until := &a.breaker, a.breaker.pausedUntil.UTC().Format(time.RFC3339)
	switch {
	case after.pause == notPaused && before.pause != notPaused:
		a.logRecovery(before, now)
	case after.pause == pausedLimit && before.pause != pausedLimit:
		warn := a.log.Debug
		if now.Sub(a.logged.limit) >= pauseLogInterval {
			a.logged.limit, warn = now, a.log.Warn
		}
		warn("Rate limited, pausing requests", "until", until, "err", err)
	case after.pause == pausedBusy && before.pause != pausedBusy:
		a.log.Warn("innius is unavailable, pausing requests", "until", until, "err", err)
	case after.failing == before.failing:
	case after.failing == resultKey && is[*innius.KeyError](err):
		a.log.Error("Key cannot be read, retrying with back-off", "err", err)
	case after.failing == resultKey:
		a.log.Error("Key is refused, retrying with back-off. Check or create it in the innius Admin app", "err", err)
	case before.failing == resultOK && after.byValues:
		a.log.Error("Account is failing: no poll succeeds, probing once a minute", "reason", after.failing.reason(), "err", err)
	case before.failing == resultOK:
		a.log.Error("Account is failing, retrying with back-off", "reason", after.failing.reason(), "err", err)
	}
}

func (a *account) logRecovery(before *breakerStatus, now time.Time) {
	info, since := a.log.Info, before.pausedSince
	if before.failing != resultOK {
		since = before.failingSince
	}
	if before.pause == pausedLimit && a.logged.limit.Before(before.pausedSince) {
		info = a.log.Debug // its begin was not logged
	}
	info("Requests succeed again", "after", before.pause, "lasted", now.Sub(since).Round(time.Second))
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
