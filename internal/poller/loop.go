package poller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// heartbeat is the longest that a loop sleeps. It bounds how late a new key or a change by another account is noticed.
const heartbeat = 15 * time.Second

// run loops until ctx ends, and returns when no request is under way.
func (a *account) run(ctx context.Context) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for {
		now := innius.Now()
		a.poller.wall.update(a.poller.opts.Logger)
		a.applyInventoryChanges()
		a.limiter.update(now)
		wait := a.dispatch(requests, now)
		a.publish(now, now.Add(wait))
		select {
		case <-ctx.Done():
			a.finish(requests, cancel)
			return
		case apply := <-a.requests.results:
			a.requests.inFlight--
			apply(innius.Now())
		case <-time.After(wait):
		}
	}
}

// finishWithin is how long requests may take to finish at the end: they already count against the rate limit.
const finishWithin = 500 * time.Millisecond

// finish applies the results of requests under way, and cancels those that take too long.
func (a *account) finish(requests context.Context, cancel func()) {
	timer := time.AfterFunc(finishWithin, cancel)
	defer timer.Stop()
	for ; a.requests.inFlight > 0; a.requests.inFlight-- {
		if apply := <-a.requests.results; requests.Err() == nil {
			apply(innius.Now())
		}
	}
	a.requests.workers.Wait()
	a.limiter.update(innius.Now())
	a.limiter.save(innius.Now())
}

// applyInventoryChanges passes changes of the account's machines to the schedule. Other accounts cause some of them.
func (a *account) applyInventoryChanges() {
	for id, m := range a.poller.inventory.Changes(a.index) {
		var polled []*inventory.Sensor
		var other string
		for _, s := range m.All() {
			if s.Polled() {
				polled = append(polled, s)
			} else {
				other = cmp.Or(s.Excluded.PolledBy, other)
			}
		}
		added, removed := a.schedule.Set(id, specs(polled))
		if a.draft.Settled && added+removed > 0 {
			a.log.Info("Sensors of a machine changed", "machine", a.poller.inventory.MachineLabel(a.index, id),
				"added", added, "removed", removed)
		}
		if other != "" && !slices.Contains(slices.Collect(maps.Values(a.log.others)), other) {
			a.log.Warn("Another account has the same machines, they are polled once. See /status",
				"first", a.poller.inventory.MachineLabel(a.index, id), "other", other)
		}
		a.log.others[id] = other
	}
}

// dispatch sends the requests that may be sent now, and returns how long no other may be sent. Each request is chosen after its
// token was taken, with the newest knowledge.
func (a *account) dispatch(ctx context.Context, now time.Time) time.Duration {
	if a.breaker.failing != resultOK && a.breaker.remaining(now) > 0 && a.Client.KeyChanged() {
		a.breaker.tryNewKey(now)
	}
	sensors, machines := a.extent()
	a.breaker.probeValuesIfDue(sensors, machines, now)
	for {
		if wait := a.wait(now); wait > 0 {
			return min(wait, heartbeat)
		}
		a.start(ctx, now)
	}
}

// wait returns how long no request may be sent. The rate limit comes last, because a token that is taken must be used.
func (a *account) wait(now time.Time) time.Duration {
	if wait := a.breaker.remaining(now); wait > 0 {
		return wait
	}
	if a.requests.inFlight >= a.breaker.maxInFlight(a.Concurrency) {
		return heartbeat
	}
	if wait := a.idle(now); wait > 0 {
		return wait
	}
	if wait := a.limiter.learner.Wait(now, a.requests.inFlight); wait > 0 {
		return wait
	}
	return a.Pacer.Take(now)
}

// idle returns how long there is nothing to request.
func (a *account) idle(now time.Time) time.Duration {
	if a.breaker.probe != noProbe {
		return 0
	}
	wait := heartbeat
	for _, due := range []func() (time.Time, bool){a.lists.urgent.Due, a.lists.routineDue, a.schedule.Due} {
		if at, ok := due(); ok {
			wait = min(wait, at.Sub(now))
		}
	}
	return max(0, wait)
}

// start sends the next request. Routine discovery is rare and comes first. Urgent discovery alternates with polls, so that
// neither delays the other.
func (a *account) start(ctx context.Context, now time.Time) {
	isDue := func(at time.Time, ok bool) bool { return ok && !at.After(now) }
	polls, urgent := isDue(a.schedule.Due()), isDue(a.lists.urgent.Due())
	switch {
	case a.breaker.probe != noProbe:
		a.sendProbe(ctx, now)
	case isDue(a.lists.routineDue()):
		a.requestList(ctx, a.lists.next(&a.lists.routine, now))
	case urgent && !(polls && a.requests.lastList):
		a.requests.lastList = true
		a.requestList(ctx, a.lists.next(&a.lists.urgent, now))
	default:
		a.requests.lastList = false
		a.poll(ctx, a.schedule.Next(now))
	}
}

// sendProbe sends the request that the circuit breaker needs. While the circuit is open it uses a new connection: the old one may
// be dead, or lead to an address that the name no longer has.
func (a *account) sendProbe(ctx context.Context, now time.Time) {
	if a.breaker.failing != resultOK {
		a.Client.CloseIdleConnections()
	}
	if a.breaker.probe == probeValues {
		if t := a.schedule.Probe(now, a.breaker.values.machines, a.breaker.failing == resultOK); t != nil {
			t.Probe = true
			a.poll(ctx, t)
			return
		}
		for _, q := range []*schedule.Queue[*list]{&a.lists.urgent, &a.lists.routine} {
			if q.Len() > 0 {
				a.requestList(ctx, a.lists.next(q, now))
				return
			}
		}
	}
	l := a.lists.probe()
	a.lists.dequeue(l)
	a.requestList(ctx, l)
}

// send runs a request in a goroutine of its own; the loop calls what it returns.
func (a *account) send(ctx context.Context, request func(context.Context) func(now time.Time)) {
	a.requests.inFlight++
	a.requests.workers.Go(func() {
		a.requests.results <- request(ctx)
	})
}

// poll requests the values of one sensor.
func (a *account) poll(ctx context.Context, t *Task) {
	ref, held := t.Sensor.Key(), t.Sensor.Entry.Load()
	a.send(ctx, func(ctx context.Context) func(time.Time) {
		newest, err := a.Client.Newest(ctx, ref, held.Newest(), held.Cursor)
		return func(now time.Time) { a.handleReadings(t, newest, err, now) }
	})
}

// requestList requests the next page of a list.
func (a *account) requestList(ctx context.Context, l *list) {
	company, key := a.lists.identity.company.ID, l.pages.next
	a.send(ctx, func(ctx context.Context) func(time.Time) {
		var r listResult
		switch l.op {
		case innius.OpCompany:
			r.company, r.err = a.Client.Company(ctx)
		case innius.OpMachines:
			r.machines, r.err = a.Client.Machines(ctx, company, key)
		default:
			r.sensors, r.err = a.Client.Sensors(ctx, company, l.machine, key)
		}
		return func(now time.Time) { a.handlePage(l, &r, now) }
	})
}

// handlePage takes in a page of a list.
func (a *account) handlePage(l *list, r *listResult, now time.Time) {
	if l.removed || !a.recordList(l, r.next() != "", r.err, now) {
		return
	}
	if l.op != innius.OpCompany {
		if err := a.lists.addPage(l, r, now); err != nil {
			a.recordList(l, false, err, now)
		}
	} else if a.lists.setCompany(l, r.company, now) {
		a.limiter.reset(now)
	}
}

// recordList records the result of a request for a list, and reports whether it succeeded. more: other pages follow.
func (a *account) recordList(l *list, more bool, err error, now time.Time) bool {
	class := classify(err)
	err = a.addHint(l.op, err)
	switch {
	case class == resultForbidden && l.op == innius.OpCompany && (!isUnknownPath(err) || a.lists.identity.company.ID != ""):
		class = resultKey
	case (class == resultObject || class == resultForbidden) && l.op != innius.OpSensors:
		class = resultInvalid // nothing works without company and machines, so this does not concern a single object
	}
	isProbe, isValues := l == a.lists.probe(), l.op == innius.OpSensors && a.schedule.Len() == 0
	accountFault := a.recordResult(requestResult{
		class: class, machine: l.machine, object: l.name(), account: isProbe, values: isValues, probe: isValues,
		first: l.success.IsZero(), more: isProbe && l.success.IsZero() && more && !l.long(),
	}, err, now)
	switch {
	case err == nil:
		if l.failure != "" && !more {
			a.lists.listLog(l).Info("List recovered")
			l.failure = ""
		}
		return true
	case accountFault && isProbe:
		if l.failure, l.failures = err.Error(), l.failures+1; class == resultInvalid {
			l.restart() // the API may have refused the start_key
		}
		a.lists.requeue(l, now)
	case accountFault:
		a.lists.requeue(l, now)
	default:
		if l.failure == "" {
			a.lists.listLog(l).Warn("List is failing, keeping old entries and retrying with back-off", "err", err)
		}
		a.lists.failed(l, err.Error(), class == resultObject || class == resultInvalid, now)
	}
	return false
}

// handleReadings takes in the result of a poll. Readings that arrived before an error are used, too.
func (a *account) handleReadings(t *Task, newest innius.Newest, err error, now time.Time) {
	s, class := t.Sensor, classify(err)
	if class != resultNotSent {
		a.log.sensor(s).Debug("Polled sensor", "readings", len(newest.Readings))
	}
	err = a.addHint(innius.OpValues, err)
	accountFault := a.recordResult(requestResult{
		class: class, machine: s.Machine.ID, object: s.Machine.ID + "/" + s.ID, values: true, probe: t.Probe,
	}, err, now)
	t.Probe = false
	if err == nil && s.Entry.Disbelieve(newest.Clock, now.Add(a.poller.wall.difference())) {
		t.Interval = &schedule.Interval{}
	}
	before, stored := s.Entry.Load(), reading.PollResult{}
	learned := schedule.Result{Received: now, Ahead: a.ahead(), Local: a.poller.wall.difference()}
	if err == nil || len(newest.Readings) > 0 {
		stored = a.storeReadings(t, newest, err == nil, now)
		learned.Times, learned.Complete = stored.Times, stored.Whole
	}
	for _, r := range newest.Remarks {
		a.addRemark(r, s)
	}
	switch {
	case err == nil:
		a.schedule.Succeeded(t, learned)
		gap := t.Gap
		if due, waits := a.schedule.Due(); !a.draft.Settled || t.Provisional || waits && due.IsZero() {
			gap = 0 // planned without the sensors that are not known yet, or without those that come first, never polled yet
		}
		a.poller.opts.recordPoll(t, before, stored, gap, now)
		a.lastPoll = now
	case accountFault && (t.Failures == 0 || class == resultNotSent || class == resultLimited || class == resultKey):
		a.schedule.Requeue(t)
	case accountFault:
		a.schedule.Failed(t) // it failed before the account did; the account's first success resets its back-off
	default:
		quiet := len(a.breaker.values.sensors) > failsSensors // so many that the account is logged instead
		if s.Entry.Fail(err.Error(), quiet, a.lastPoll, now) {
			a.log.sensor(s).Warn("Sensor is failing, retrying with back-off", "err", err)
		}
		a.schedule.Failed(t)
	}
}

// storeReadings puts readings into the cache and counts them.
func (a *account) storeReadings(t *Task, newest innius.Newest, complete bool, now time.Time) reading.PollResult {
	s := t.Sensor
	rule := s.Rule.Use()
	if held := s.Entry.Load(); len(rule.States) > 0 {
		rule.Until = s.Machine.APITime(t.Polled).Add(-held.Interval.VisibleAfter(t.Polled.Sub(held.LastSuccess)))
		if interval := intervalOf(held); interval > 0 { // otherwise it may report changes only
			rule.Lasts = a.poller.opts.staleAfter(s, interval, a.draft.Cycle)
		}
	}
	if to := a.poller.opts.Deliver; to != nil && s.Rule.RemoteWrite {
		rule.Deliver = func(readings []innius.Reading) { to.Append(s.Machine.CompanyLabel, s.Machine.Label, s.Label, readings) }
	}
	stored := s.Entry.Store(newest, rule, complete, now)
	stored.Lag += a.ahead()
	a.counters.count(stored)
	if stored.Recovered {
		a.log.sensor(s).Info("Sensor recovered")
	}
	if why := string(stored.Odd.Skip) + stored.Odd.Hint(); why != "" && !a.log.unusable[why] {
		a.log.unusable[why] = true
		a.log.sensor(s).Warn("Skipping unusable readings, see /status for the affected sensors", "why", Unreadable(stored.Odd))
	}
	return stored
}

// addRemark logs and publishes a remark once per account. A reload, which may have removed the cause, starts again.
func (a *account) addRemark(r innius.Remark, s *inventory.Sensor) {
	if slices.ContainsFunc(a.draft.Remarks, func(known Remark) bool { return known.Remark == r }) {
		return
	}
	a.draft.Remarks = append(slices.Clip(a.draft.Remarks), Remark{r, s.Machine.Label, s.Label})
	a.log.sensor(s).Warn(string(r))
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
		a.limiter.refused(r.wait, a.breaker.remaining(now), now)
	}
	if a.breaker.pause == pausedLimit || a.breaker.pause == pausedBusy {
		a.Pacer.Pause(a.breaker.pausedUntil)
	}
	a.checkClock()
	a.draft.Responded = a.draft.Responded || r.class == resultOK
	if err != nil && r.class != resultNotSent {
		a.draft.LastError, a.draft.LastErrorAt = err.Error(), now
	}
	a.log.wallAhead = a.poller.wall.difference()
	a.log.breaker(&before, &a.breaker, err, now)
	switch {
	case a.breaker.failing != resultOK && before.failing == resultOK:
		a.Client.CloseIdleConnections()
	case a.breaker.failing == resultOK && before.failing != resultOK:
		a.schedule.ResetBackoff()
		a.lists.resetBackoff(now)
	}
	return accountFault
}

// extent returns the number of sensors and machines to poll; while no sensor is known, the number of lists of sensors.
func (a *account) extent() (sensors, machines int) {
	if sensors, machines = a.schedule.Len(), a.schedule.Groups(); sensors == 0 {
		sensors, machines = len(a.lists.sensors), len(a.lists.sensors)
	}
	return sensors, machines
}

// addHint adds to a 403 what to check, most likely cause first. Its text, or the success of another request with this key, shows
// that the path or a permission is more likely wrong than the key.
func (a *account) addHint(op innius.Operation, err error) error {
	pathWorks := op == innius.OpCompany && a.lists.identity.company.ID != ""
	if classify(err) != resultForbidden || pathWorks || !isUnknownPath(err) && a.breaker.lastSuccess.IsZero() {
		return err
	}
	company := ""
	if op == innius.OpMachines {
		from := "as the API named it"
		if a.Account.Company.ID != "" {
			from = "company_id of the config"
		}
		company = fmt.Sprintf("the company id %q (%s), ", innius.Printable(a.lists.identity.company.ID), from)
	}
	return fmt.Errorf("%w; check the path endpoints.%s, %sthen the permissions of the key, then the key itself", err, op, company)
}
