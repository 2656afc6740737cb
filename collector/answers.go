package collector

import (
	"errors"
	"slices"
	"time"

	"innius_exporter/innius"
)

// took takes the answer about a sensor over. What was read before an error is kept: it was paid for.
func (a *account) took(t *turn, newest innius.Newest, err error, now time.Time) {
	class := classify(err)
	if class != classNotSent {
		a.log.Debug("asked for values", "sensor", t.sensor.label, "readings", len(newest.Readings))
	}
	blamed := a.judge(answer{class: class, object: t.sensor.machine.ID + "/" + t.sensor.ID}, err, now)
	if err == nil {
		t.sensor.cell.disbelieve(newest.Clock, now)
	}
	learned := outcome{at: t.asked, now: now, clock: newest.Clock}
	learned.times, learned.whole = t.sensor.cell.Load().newTimes(newest.Readings)
	if err == nil || len(newest.Readings) > 0 {
		a.keep(t, newest, err == nil, now)
	}
	switch {
	case err == nil:
		a.schedule.answered(t, learned)
	case blamed:
		a.schedule.again(t)
	default:
		if t.sensor.cell.fail(err.Error(), now) {
			a.log.Warn("sensor cannot be read; it is asked again with back-off", "sensor", t.sensor.label, "err", err)
		}
		if class != classObject {
			a.suspects = append(a.suspects, t)
		}
		a.schedule.failed(t)
	}
}

// forgive takes the back-off from sensors whose failures, seen now, were the account's.
func (a *account) forgive() {
	for _, t := range a.suspects {
		if t.index >= 0 {
			a.schedule.again(t)
		}
	}
	a.suspects = nil
}

// keep stores what an answer brought and counts it.
func (a *account) keep(t *turn, newest innius.Newest, whole bool, now time.Time) {
	n := t.sensor.cell.store(newest, t.sensor.rule, whole, now)
	a.metrics.count(n)
	if n.back {
		a.log.Info("sensor can be read again", "sensor", t.sensor.label)
	}
	if n.odd.Skip != "" && !a.saidOdd {
		a.saidOdd = true
		a.log.Warn("readings are skipped; the status page says which sensors have none other", "sensor", t.sensor.label,
			"why", unreadable(n.odd))
	}
	for _, r := range newest.Remarks {
		a.remark(r, t.sensor)
	}
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
	a.log.Warn(string(r), "machine", s.machine.label, "sensor", s.label)
}

// judge lets the gate take an answer into account, and logs what changed by it, once.
func (a *account) judge(ans answer, err error, now time.Time) (blamed bool) {
	if limited, ok := errors.AsType[*innius.RateLimitError](err); ok && limited.Stated {
		ans.wait = max(time.Second, limited.RetryAfter)
	}
	before := a.gate
	blamed = a.gate.note(ans, now)
	if ans.class == classLimited {
		a.refused(ans.wait, now)
	}
	if a.gate.reason == pausedLimit {
		a.Pacer.Pause(a.gate.until)
	}
	a.state.note(ans.class, &a.gate, &before, err, now)
	a.tell(&before, err, now)
	switch {
	case err == nil:
		a.suspects = nil
	case blamed:
		a.forgive()
	}
	return blamed
}

func isKeyError(err error) bool {
	_, is := errors.AsType[*innius.KeyError](err)
	return is
}

// tell logs a change of the gate. Repeats of what is known are not logged.
func (a *account) tell(before *gate, err error, now time.Time) {
	after := &a.gate
	switch {
	case after.reason == open && before.reason != open:
		a.log.Info("requests succeed again", "after", before.reason, "lasted", now.Sub(before.since).Round(time.Second))
	case after.reason == before.reason:
	case after.reason == pausedLimit:
		a.log.Warn("a limit of the key was exceeded; nothing is sent until the moment named",
			"until", after.until.UTC().Format(time.RFC3339), "err", err)
	case after.reason == pausedKey && isKeyError(err):
		a.log.Error("the key cannot be read; it is tried again with back-off of up to 1 h", "err", err)
	case after.reason == pausedKey:
		a.log.Error("the key is refused; it is read again and tried with back-off of up to 1 h. Create or check it in the innius "+
			"Admin app", "err", err)
	case after.reason == pausedOutage:
		a.log.Error("innius cannot be used; it is tried again with back-off of up to 1 min", "reason", after.blame.reason(), "err", err)
	}
}
