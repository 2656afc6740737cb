package poller

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// took takes the answer about a sensor over. What was read before an error is kept: it was paid for.
func (a *account) took(t *task, newest innius.Newest, err error, now time.Time) {
	class, log := classify(err), a.about(t.Sensor)
	if class != resultNotSent {
		log.Debug("asked for values", "readings", len(newest.Readings))
	}
	err = a.hint(innius.OpValues, err)
	blamed := a.judge(requestResult{
		class: class, machine: t.Sensor.machine.ID, object: t.Sensor.machine.ID + "/" + t.Sensor.ID, values: true, probe: t.Probe,
	}, err, now)
	t.Probe = false
	if err == nil && t.Sensor.entry.Disbelieve(newest.Clock, now) {
		t.ForgetInterval()
	}
	result := schedule.Result{Received: now}
	result.Ahead, _ = a.Client.ClockDifference()
	if err == nil || len(newest.Readings) > 0 {
		n := a.keep(t, newest, err == nil, now)
		result.Times, result.Complete = n.Times, n.Whole
	}
	switch {
	case err == nil:
		a.schedule.Succeeded(t, result)
		t.Sensor.entry.SetInterval(published(t.Interval()))
	case blamed && (t.Failures() == 0 || class == resultNotSent || class == resultLimited || class == resultKey):
		a.schedule.Requeue(t)
	case blamed:
		a.schedule.Failed(t) // it failed before the account did: the account's first success takes the back-off from it
	default:
		quiet := len(a.breaker.values.sensors) > failsSensors // more than single sensors: the account has a line of its own
		if t.Sensor.entry.Fail(err.Error(), quiet, now) {
			log.Warn("sensor cannot be read; it is asked again with back-off", "err", err)
		}
		a.schedule.Failed(t)
	}
}

// keep stores what an answer brought and counts it.
func (a *account) keep(t *task, newest innius.Newest, whole bool, now time.Time) reading.PollResult {
	n := t.Sensor.entry.Store(newest, t.Sensor.rule.Values, whole, now)
	ahead, _ := a.Client.ClockDifference()
	n.Lag += ahead
	a.metrics.count(n)
	if n.Recovered {
		a.about(t.Sensor).Info("sensor can be read again")
	}
	if why := string(n.Odd.Skip) + n.Odd.Hint(); why != "" && !a.saidOdd[why] {
		a.saidOdd[why] = true
		a.about(t.Sensor).Warn("readings are skipped; the status page says which sensors have none other", "why", unreadable(n.Odd))
	}
	for _, r := range newest.Remarks {
		a.remark(r, t.Sensor)
	}
	return n
}

// remark is what a poll revealed of the API, and the first sensor that showed it, by their labels.
type remark struct {
	innius.Remark
	machine, sensor string
}

// remark logs and publishes a remark, once per account. After a reload, which may have cured it, it is new again.
func (a *account) remark(r innius.Remark, s *sensor) {
	if slices.ContainsFunc(a.state.remarks, func(known remark) bool { return known.Remark == r }) {
		return
	}
	a.state.remarks = append(slices.Clip(a.state.remarks), remark{r, s.machine.label, s.label})
	a.about(s).Warn(string(r))
}

// about returns a logger that names a sensor and its machine.
func (a *account) about(s *sensor) *slog.Logger {
	return a.log.With("machine", s.machine.label, "sensor", s.label)
}

// judge lets the circuit breaker take a response into account, and logs what changed by it, once.
func (a *account) judge(ans requestResult, err error, now time.Time) (blamed bool) {
	ans.state(err)
	ans.sensors, ans.machines = a.extent()
	before := a.breaker.breakerStatus
	blamed = a.breaker.record(ans, now)
	if ans.class == resultLimited {
		if a.breaker.unstated > before.unstated {
			ans.wait = 0 // none was stated, or none that holds
		}
		a.recordRefusal(ans.wait, now)
	}
	if a.breaker.pause == pausedLimit || a.breaker.pause == pausedBusy {
		a.Pacer.Pause(a.breaker.pausedUntil)
	}
	a.noteClock()
	a.state.note(ans.class, err, now)
	a.tell(&before, err, now)
	switch {
	case a.breaker.failing != resultOK && before.failing == resultOK:
		a.Client.CloseIdleConnections()
	case a.breaker.failing == resultOK && before.failing != resultOK:
		a.schedule.ResetBackoff()
		a.discovery.resetBackoff(now)
	}
	return blamed
}

// extent returns how many sensors and machines there are to poll; while no sensor is known, lists of sensors.
func (a *account) extent() (sensors, machines int) {
	if sensors, machines = a.schedule.Len(), a.schedule.Groups(); sensors == 0 {
		sensors, machines = len(a.discovery.sensors), len(a.discovery.sensors)
	}
	return sensors, machines
}

// state takes over what an error shows of the account.
func (ans *requestResult) state(err error) {
	if limited, ok := errors.AsType[*innius.RateLimitError](err); ok {
		ans.stated, ans.wait = limited.Stated, limited.RetryAfter
	}
	if failure, ok := errors.AsType[*innius.Error](err); ok {
		ans.stated, ans.wait = failure.Stated, failure.RetryAfter
	}
	if ans.stated {
		ans.wait = max(time.Second, ans.wait)
	}
	if network, ok := errors.AsType[*innius.NetworkError](err); ok {
		ans.unsent = !network.Sent && !network.Timeout
	}
}

// hint adds to a 403 what to check, in the order of what is likely: its text, or the success of another request with this key,
// speaks for a wrong path or a missing right, not for the key.
func (a *account) hint(op innius.Operation, err error) error {
	proven := op == innius.OpCompany && a.company.ID != "" // its path is: this concerns the key
	if classify(err) != resultForbidden || proven || !unknownPath(err) && a.breaker.lastSuccess.IsZero() {
		return err
	}
	what := ""
	if op == innius.OpMachines {
		from := "as the API named it"
		if a.Account.Company.ID != "" {
			from = "company_id of the config"
		}
		what = fmt.Sprintf("the company id %q (%s), ", innius.Printable(a.company.ID), from)
	}
	return fmt.Errorf("%w; check first the path endpoints.%s, %sthen whether the key may read this, and last the key itself",
		err, op, what)
}

// unknownPath reports whether an error is how a gateway refuses a path that it does not know.
func unknownPath(err error) bool {
	failure, ok := errors.AsType[*innius.Error](err)
	return ok && failure.UnknownPath()
}

// limitLogEvery is how often a pause for a limit is logged at most: an API that states no real wait causes many short ones.
const limitLogEvery = 10 * time.Minute

// tell logs a change of the circuit breaker. Repeats of what is known are not logged.
func (a *account) tell(before *breakerStatus, err error, now time.Time) {
	after, warn, info := &a.breaker, a.log.Warn, a.log.Info
	_, unreadable := errors.AsType[*innius.KeyError](err)
	switch {
	case after.pause == notPaused && before.pause != notPaused:
		since := before.pausedSince
		if before.failing != resultOK {
			since = before.failingSince
		}
		if before.pause == pausedLimit && a.limitLogged.Before(before.pausedSince) {
			info = a.log.Debug
		}
		info("requests succeed again", "after", before.pause, "lasted", now.Sub(since).Round(time.Second))
	case after.pause == pausedLimit && before.pause != pausedLimit:
		if now.Sub(a.limitLogged) < limitLogEvery {
			warn = a.log.Debug
		} else {
			a.limitLogged = now
		}
		warn("a limit of the key was exceeded; nothing is sent until the moment named",
			"until", after.pausedUntil.UTC().Format(time.RFC3339), "err", err)
	case after.pause == pausedBusy && before.pause != pausedBusy:
		a.log.Warn("innius is unavailable, requests are paused", "until", after.pausedUntil.UTC().Format(time.RFC3339), "err", err)
	case after.failing == before.failing:
	case after.failing == resultKey && unreadable:
		a.log.Error("the key cannot be read; it is tried again with back-off of up to 1 h", "err", err)
	case after.failing == resultKey:
		a.log.Error("the key is refused; it is read again and tried with back-off of up to 1 h. Create or check it in the innius "+
			"Admin app", "err", err)
	case before.failing == resultOK:
		text := "innius cannot be used; it is tried again with back-off of up to 1 min"
		if after.byValues {
			text = "innius cannot be used: no values request succeeds; one probe a minute is sent"
		}
		a.log.Error(text, "reason", after.failing.reason(), "err", err)
	}
}
