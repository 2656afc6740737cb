package poller

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// heartbeat is the longest that a loop sleeps. It bounds how late a new key or a change by another account is noticed.
const heartbeat = 15 * time.Second

// account runs the loop of one key. Only the loop's goroutine uses its fields, except the atomic ones. Requests run in
// goroutines of their own and return their results to the loop, so that nothing needs a lock.
type account struct {
	Account
	index     int
	log       *slog.Logger
	poller    *Poller
	inventory *inventory.Inventory // the poller's
	counters  *AccountCounters

	judged   time.Time // when the status of each machine was stored last
	lastPoll time.Time // latest successful poll of a sensor

	identity  identity
	breaker   circuitBreaker
	discovery *discovery
	schedule  Scheduler
	limiter   limiterState
	requests  requests
	logged    logged
	started   time.Time
	usable    bool // some sensor has had a usable reading

	draft        health // published as a whole
	health       atomic.Pointer[health]
	savedLimiter atomic.Pointer[[]byte] // what the learner saved last; never changed in place
}

// requests are the requests under way.
type requests struct {
	inFlight int
	results  chan func(now time.Time) // applies the result of one; with room for all of them
	workers  sync.WaitGroup
	lastList bool // the last one was for a list
}

// logged is what the log contains already.
type logged struct {
	others   map[string]string // machine id -> account that polls its sensors
	unusable map[string]bool   // why readings cannot be used
	limit    time.Time         // when a pause for a 429 was last logged

	relaxed   float64   // factor of max-age targets; 0: they are met
	relaxedAt time.Time // when they were last relaxed
}

func newAccount(index int, p *Poller) *account {
	cfg, opts := p.opts.Accounts[index], &p.opts
	cfg.Concurrency = max(1, cfg.Concurrency)
	a := &account{
		Account: cfg, index: index, poller: p, inventory: p.inventory,
		log:       opts.Logger.With("account", cfg.Name),
		counters:  opts.Counters.Of(cfg.Name),
		limiter:   newLimiterState(cfg),
		discovery: newDiscovery(opts.DiscoveryInterval, cfg.Pacer.PerHour()),
		requests:  requests{results: make(chan func(time.Time), cfg.Concurrency)},
		logged:    logged{others: map[string]string{}, unusable: map[string]bool{}},
		started:   time.Now(),
	}
	a.schedule = opts.newScheduler(schedule.Options{
		MinInterval: opts.MinInterval, MaxInterval: opts.MaxInterval, PerHour: a.forReadings,
	})
	if cfg.Company.ID != "" {
		a.identity.company = cfg.Company
		a.discovery.dropCompany()
		a.inventory.SetCompany(index, cfg.Company)
	}
	a.health.Store(&health{})
	return a
}

// run loops until ctx ends, and returns when no request is under way.
func (a *account) run(ctx context.Context) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for {
		now := time.Now()
		a.applyInventoryChanges()
		a.updateLimiter(now)
		wait := a.dispatch(requests, now)
		a.publish(now, now.Add(wait))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			a.finish(requests, cancel)
			return
		case apply := <-a.requests.results:
			a.requests.inFlight--
			apply(time.Now())
		case <-timer.C:
		}
		timer.Stop()
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
			apply(time.Now())
		}
	}
	a.requests.workers.Wait()
	a.updateLimiter(time.Now())
	a.publishLimiter(time.Now())
}

// applyInventoryChanges passes changes of the account's machines to the schedule. Other accounts cause some of them.
func (a *account) applyInventoryChanges() {
	for id, m := range a.inventory.Changes(a.index) {
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
		if a.draft.discovered && added+removed > 0 {
			a.log.Info("Sensors of a machine changed", "machine", a.inventory.MachineLabel(a.index, id),
				"added", added, "removed", removed)
		}
		if other != "" && !slices.Contains(slices.Collect(maps.Values(a.logged.others)), other) {
			a.log.Warn("Another account has the same machines, they are polled once. See /status",
				"first", a.inventory.MachineLabel(a.index, id), "other", other)
		}
		a.logged.others[id] = other
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
	for _, due := range []func() (time.Time, bool){a.discovery.urgent.Due, a.discovery.routineDue, a.schedule.Due} {
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
	polls, urgent := isDue(a.schedule.Due()), isDue(a.discovery.urgent.Due())
	switch {
	case a.breaker.probe != noProbe:
		a.sendProbe(ctx, now)
	case isDue(a.discovery.routineDue()):
		a.requestList(ctx, a.discovery.next(&a.discovery.routine, now))
	case urgent && !(polls && a.requests.lastList):
		a.requests.lastList = true
		a.requestList(ctx, a.discovery.next(&a.discovery.urgent, now))
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
		for _, q := range []*schedule.Queue[*list]{&a.discovery.urgent, &a.discovery.routine} {
			if q.Len() > 0 {
				a.requestList(ctx, a.discovery.next(q, now))
				return
			}
		}
	}
	l := a.discovery.probe()
	a.discovery.dequeue(l)
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
		newest, err := a.Client.Newest(ctx, ref, held.Time, held.Cursor)
		return func(now time.Time) { a.handleReadings(t, newest, err, now) }
	})
}

// forReadings returns the requests per hour that discovery leaves to polls.
func (a *account) forReadings() float64 { return a.Pacer.PerHour() - a.discovery.perHour() }

// ahead returns how far the API's clock is ahead of this machine's.
func (a *account) ahead() time.Duration {
	if a.Client == nil {
		return 0 // a plan sends nothing
	}
	ahead, _ := a.Client.ClockDifference()
	return ahead
}
