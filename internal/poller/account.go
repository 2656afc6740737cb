package poller

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// heartbeat is the longest that a loop sleeps. It also bounds how late a rotated key or another account's change is
// noticed.
const heartbeat = 15 * time.Second

// account runs the loop of one key. Everything in it but health belongs to the loop's goroutine; requests run beside
// it and hand their results back.
type account struct {
	Account
	index     int
	log       *slog.Logger
	opts      *Options
	catalogue *catalogue
	metrics   accountMetrics

	breaker     circuitBreaker
	discovery   *discovery
	schedule    Scheduler
	wasList     bool              // the last request was for a list: with both waiting they take turns
	twins       map[string]string // machine id -> account that asks for its sensors, as said in the log
	saidOdd     map[string]bool   // why readings cannot be used, as logged
	stretched   stretched         // promises, as said in the log
	begun       time.Time
	usable      bool      // some sensor has had a usable reading
	limitLogged time.Time // when a pause for a limit was logged last
	inFlight    int
	results     chan func(now time.Time)
	workers     sync.WaitGroup

	company      innius.Company
	unproven     bool   // the company is a kept one: the key has not yet been seen to belong to it
	otherCompany string // id of another company seen once
	state        health // as the loop sees it; published whole
	health       atomic.Pointer[health]
	limiter      limiterState
	savedLimiter atomic.Pointer[[]byte] // what the learner saved last; never changed in place
	mark         func()                 // called where something happened that a crash must not forget; must not block
}

func newAccount(index int, opts *Options, c *catalogue, mark func()) *account {
	cfg := opts.Accounts[index]
	a := &account{
		Account: cfg, index: index, opts: opts, catalogue: c,
		log:       opts.Logger.With("account", cfg.Name),
		metrics:   opts.Metrics.of(cfg.Name),
		limiter:   newLimiterState(cfg),
		discovery: newDiscovery(opts.DiscoveryInterval, cfg.Pacer.PerHour()),
		twins:     map[string]string{},
		saidOdd:   map[string]bool{},
		begun:     time.Now(),
		mark:      mark,
		results:   make(chan func(time.Time), cfg.Concurrency),
	}
	a.schedule = opts.newScheduler(schedule.Options{MinInterval: opts.MinInterval, MaxInterval: opts.MaxInterval, PerHour: a.forReadings})
	if cfg.Company.ID != "" {
		a.company = cfg.Company
		a.discovery.fixCompany()
		c.publishCompany(index, cfg.Company)
	}
	a.health.Store(&health{})
	return a
}

// run loops until ctx ends, and returns when no request is under way any more.
func (a *account) run(ctx context.Context) {
	requests, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	for {
		now := time.Now()
		a.hear()
		a.updateLimiter(now)
		wait := a.dispatch(requests, now)
		a.publish(now, now.Add(wait))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			a.finish(breakOff)
			return
		case result := <-a.results:
			a.inFlight--
			result(time.Now())
		case <-timer.C:
		}
		timer.Stop()
	}
}

// lastAnswer is how long what is under way at the end may still be answered. It was paid for.
const lastAnswer = 500 * time.Millisecond

// finish takes in what is still being answered, and breaks off what takes longer.
func (a *account) finish(breakOff func()) {
	timer := time.AfterFunc(lastAnswer, breakOff)
	defer timer.Stop()
	for ; a.inFlight > 0; a.inFlight-- {
		result := <-a.results
		result(time.Now())
	}
	a.workers.Wait()
	a.updateLimiter(time.Now())
	a.publishLimiter(time.Now()) // what was sent last is in it
}

// hear takes over what the catalogue says of this account's machines: other accounts change it too.
func (a *account) hear() {
	for id, m := range a.catalogue.takeChanges(a.index) {
		var polled []*sensor
		var twin string
		for _, s := range m.all() {
			if s.polled() {
				polled = append(polled, s)
			} else if s.twinOf != "" {
				twin = s.twinOf
			}
		}
		added, removed := a.schedule.Set(id, specs(polled))
		if a.state.discovered && added+removed > 0 {
			a.log.Info("sensors of a machine changed", "machine", a.catalogue.labelOf(a.index, id), "added", added, "removed", removed)
		}
		if twin != "" && !slices.Contains(slices.Collect(maps.Values(a.twins)), twin) {
			a.log.Warn("machines are asked for by another account already; they are asked once, and the status page says which",
				"first", a.catalogue.labelOf(a.index, id), "other", twin)
		}
		a.twins[id] = twin
	}
}

// dispatch sends what may be sent now and returns how long nothing more can be. It takes a request from the
// allowance first and chooses then: who is next is decided with the newest knowledge.
func (a *account) dispatch(ctx context.Context, now time.Time) time.Duration {
	if a.breaker.failing != resultOK && a.breaker.remaining(now) > 0 && a.Client.KeyChanged() {
		a.breaker.tryNewKey(now)
	}
	sensors, machines := a.extent()
	a.breaker.probeValuesIfDue(sensors, machines, now)
	for {
		if wait := a.breaker.remaining(now); wait > 0 {
			return min(wait, heartbeat)
		}
		if a.inFlight >= a.breaker.maxInFlight(a.Concurrency) {
			return heartbeat
		}
		if wait := a.idle(now); wait > 0 {
			return min(wait, heartbeat)
		}
		if wait := a.limiter.learner.Wait(now, a.inFlight); wait > 0 {
			return min(wait, heartbeat)
		}
		if wait := a.Pacer.Take(now); wait > 0 {
			return min(wait, heartbeat)
		}
		a.start(ctx, now)
	}
}

// idle returns how long nothing wants to be asked; 0 where something does.
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

// start chooses what to ask and asks. Routine discovery is rare and goes first; urgent discovery takes turns with
// readings, so that neither a large plant nor a large machine keeps the other waiting.
func (a *account) start(ctx context.Context, now time.Time) {
	isDue := func(at time.Time, ok bool) bool { return ok && !at.After(now) }
	readings, urgent := isDue(a.schedule.Due()), isDue(a.discovery.urgent.Due())
	switch {
	case a.breaker.probe != noProbe:
		a.sendProbe(ctx, now)
	case isDue(a.discovery.routineDue()):
		a.ask(ctx, a.discovery.next(&a.discovery.routine, now))
	case urgent && !(readings && a.wasList):
		a.wasList = true
		a.ask(ctx, a.discovery.next(&a.discovery.urgent, now))
	default:
		a.wasList = false
		a.read(ctx, a.schedule.Next(now))
	}
}

// sendProbe sends the request that the circuit breaker wants. While the circuit is open it goes over a connection of its own: the old one
// may be dead, or lead to where a name no longer points.
func (a *account) sendProbe(ctx context.Context, now time.Time) {
	if a.breaker.failing != resultOK {
		a.Client.CloseIdleConnections()
	}
	if a.breaker.probe == probeValues {
		if t := a.schedule.Probe(now, a.breaker.values.machines, a.breaker.failing == resultOK); t != nil {
			t.Probe = true
			a.read(ctx, t)
			return
		}
		for _, q := range []*schedule.Queue[*listing]{&a.discovery.urgent, &a.discovery.routine} {
			if q.Len() > 0 {
				a.ask(ctx, a.discovery.next(q, now))
				return
			}
		}
	}
	l := a.discovery.account()
	a.discovery.take(l)
	a.ask(ctx, l)
}

// begin runs a request beside the loop. What it returns is called by the loop with the result in hand.
func (a *account) begin(ctx context.Context, request func(context.Context) func(now time.Time)) {
	a.inFlight++
	a.workers.Go(func() {
		result := request(ctx)
		a.results <- result // never blocks: there is room for all in flight
	})
}

// read asks for the readings of one sensor.
func (a *account) read(ctx context.Context, t *task) {
	ref, held := t.Sensor.ref(), t.Sensor.entry.Load()
	a.begin(ctx, func(ctx context.Context) func(time.Time) {
		newest, err := a.Client.Newest(ctx, ref, held.Time, held.Cursor)
		return func(now time.Time) {
			if ctx.Err() == nil {
				a.took(t, newest, err, now)
			}
		}
	})
}

// forReadings returns the requests per hour that discovery leaves to readings.
func (a *account) forReadings() float64 { return a.Pacer.PerHour() - a.discovery.perHour() }
