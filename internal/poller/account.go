package poller

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// account runs the loop of one key. Only the loop's goroutine uses its fields, except the atomic ones. Requests run in
// goroutines of their own and return their results to the loop, so that nothing needs a lock.
type account struct {
	Account
	index    int
	log      accountLog
	poller   *Poller
	counters *AccountCounters

	breaker  circuitBreaker
	lists    lister
	schedule Scheduler
	limiter  *limiter
	requests requests

	started  time.Time
	judged   time.Time // when the status of each machine was stored last
	lastPoll time.Time // latest successful poll of a sensor
	usable   bool      // some sensor has had a usable reading

	draft  health // published as a whole
	health atomic.Pointer[health]
}

// requests are the requests under way.
type requests struct {
	inFlight int
	results  chan func(now time.Time) // applies the result of one; with room for all of them
	workers  sync.WaitGroup
	lastList bool // the last one was for a list
}

func newAccount(index int, p *Poller) *account {
	cfg, opts := p.opts.Accounts[index], &p.opts
	cfg.Concurrency = max(1, cfg.Concurrency)
	log, counters := opts.Logger.With("account", cfg.Name), opts.Counters.Of(cfg.Name)
	a := &account{
		Account: cfg, index: index, poller: p, counters: counters,
		log:      accountLog{Logger: log, others: map[string]string{}, unusable: map[string]bool{}},
		limiter:  newLimiter(log, cfg.Pacer, &counters.accepted),
		lists:    newLister(log, p.inventory, index, cfg.Company, newDiscovery(opts.DiscoveryInterval, cfg.Pacer.PerHour)),
		requests: requests{results: make(chan func(time.Time), cfg.Concurrency)},
		started:  innius.Now(),
	}
	a.schedule = opts.NewScheduler(schedule.Options{
		MinInterval: opts.MinInterval, MaxInterval: opts.MaxInterval, PerHour: a.forReadings,
		PageSize: a.pageSize, Complete: opts.Complete,
	})
	a.health.Store(&health{})
	return a
}

// publish publishes the state of the account, and reports a new pause for a 429 and the end of the first discovery as changes
// worth saving.
func (a *account) publish(now, asleep time.Time) {
	d, before := &a.draft, a.health.Load()
	d.decided, d.asleep = now, asleep
	a.checkKey()
	a.updateDraft(now)
	if !d.Settled && a.lists.settled() {
		d.Settled = true
		a.log.Info("First discovery ended", "complete", !d.Verified.IsZero(), "machines", len(a.lists.sensors),
			"sensors", d.Sensors, "cycle", d.Cycle.Round(time.Second))
	}
	a.checkReadings()
	a.noteBlocked(now)
	d.ready = d.ready || a.isReady(now)
	a.health.Store(new(a.draft))
	settled := d.Settled && !before.Settled
	if settled || d.breaker.limit().Until.After(before.breaker.limit().Until) {
		a.poller.notify()
	}
	if settled {
		a.poller.reportUnmatched()
	}
	if now.Sub(a.judged) >= time.Minute {
		a.judged = now
		v := a.poller.View(now, a.Name)
		for _, m := range v.Inventory.Accounts[a.index].Machines {
			v.Machine(m, Judgement{}) // stores the status, so that its change is noticed without a scrape
		}
	}
}

// isReady reports whether the account serves what it can: it has completed a poll, has ended its first discovery without any
// sensor to poll, fails or is paused.
func (a *account) isReady(now time.Time) bool {
	if a.schedule.Len() > 0 && !a.lastPoll.IsZero() || a.breaker.failing != resultOK {
		return true
	}
	return a.breaker.remaining(now) > 0 || a.schedule.Len() == 0 && a.lists.settled()
}

// publishIdle publishes the state of an account whose loop does not run.
func (a *account) publishIdle(now time.Time) {
	a.updateDraft(now)
	a.health.Store(new(a.draft))
}

// updateDraft takes over what the parts of the account know.
func (a *account) updateDraft(now time.Time) {
	d := &a.draft
	demand, relaxed := a.schedule.Demand(now)
	if relaxed <= 1 {
		relaxed = 0
	}
	a.log.relax(relaxed, now)
	d.Demand, d.RelaxedBy = demand, relaxed
	d.breaker, d.Lowered, d.ListErrors = a.breaker.breakerStatus, a.limiter.cause, a.lists.failures()
	d.Sensors, d.Verified, d.ForPolls = a.schedule.Len(), a.lists.verified, a.forReadings()
	d.Lists, d.ListsRead = len(a.lists.all()), a.lists.routine.Len()
	d.Cycle = schedule.Seconds(float64(d.Sensors) / d.ForPolls * 3600)
}

// noteBlocked remembers the latest long blockage of the account: what it delayed stays so until it is polled.
func (a *account) noteBlocked(now time.Time) {
	if b := a.breaker.blockage(now); b.delays(b.since) {
		a.draft.blocked[1] = b
	}
}

// clockTolerance is the difference of clocks from which on it is reported.
const clockTolerance = time.Minute

// checkClock logs a difference of the clocks, and its end.
func (a *account) checkClock() {
	ahead := a.ahead() - a.poller.wall.difference()
	off := ahead.Abs() > clockTolerance || a.draft.ClocksDiffer && ahead.Abs() > clockTolerance/2
	a.log.problem(a.draft.ClocksDiffer, off, "Local clock differs from the API clock, judging ages by the API clock",
		"Local clock agrees with the API clock again", "api_ahead", ahead.Round(time.Second))
	a.draft.ClocksDiffer = off
}

// checkKey logs that the last good key is in use, and the end of it.
func (a *account) checkKey() {
	if a.KeyTrouble == nil {
		return
	}
	before, now := a.draft.KeyProblem, a.KeyTrouble()
	a.log.problem(before != "", now != "", "Key source has no key, using the last good key until the process ends",
		"Key source has a key again", "err", now)
	a.draft.KeyProblem = now
}

// enoughPolled is the number of polled sensors after which missing readings are logged: a cycle may take hours.
const enoughPolled = 200

// NoReadings is the remark on an account without any usable reading.
const NoReadings = "No sensor has a usable reading. `innius_exporter check api` shows how the responses are understood"

// checkReadings logs that no sensor has a usable reading, after each or enough were polled, and later the first one that has.
func (a *account) checkReadings() {
	if a.usable || a.breaker.failing != resultOK || !a.lists.settled() || a.lists.verified.IsZero() {
		return
	}
	polled, sensors := 0, a.schedule.Len()
	succeeded := sensors == 0 && strings.Join(slices.Collect(maps.Values(a.log.others)), "") == "" // no other account polls them
	for _, m := range a.poller.inventory.Snapshot().Accounts[a.index].Machines {
		for _, s := range m.Polled {
			o := s.Entry.Load()
			a.usable, succeeded = a.usable || !o.Time.IsZero(), succeeded || !o.LastSuccess.Before(a.started)
			if !schedule.Later(o.LastSuccess, o.LastFailure).Before(a.started) {
				polled++
			}
		}
	}
	barren := !a.usable && (a.draft.NoReadings || succeeded && polled >= min(sensors, enoughPolled))
	a.log.problem(a.draft.NoReadings, barren, NoReadings, "First usable reading",
		"machines", len(a.lists.sensors), "sensors", sensors, "polled", polled)
	a.draft.NoReadings = barren
}

func (a *account) view(in *View) *AccountView {
	now := in.now()
	v := a.health.Load().at(now)
	for _, t := range []*time.Time{&v.FailingSince, &v.LastErrorAt, &v.PausedUntil, &v.Verified} {
		*t = moved(*t, in.wallAhead)
	}
	v.wallAhead = in.wallAhead
	v.Name, v.Configured = a.Name, a.limiter.configured.PerHour
	v.RequestsPerHour, v.Burst, v.Remaining = a.Pacer.PerHour(), a.Pacer.Burst(), a.Pacer.Remaining(now)
	v.PageSize, v.PageSizeSet, v.Complete = a.pageSize(), a.PageSize, a.poller.opts.Complete
	if a.Client != nil {
		v.ClockDifference, v.ClockKnown = a.Client.ClockDifference()
		v.ClockDifference -= in.wallAhead
	}
	return &v
}

func (a *account) save(known *inventory.Account, statuses *machineStatuses) SavedAccount {
	h := a.health.Load()
	s := SavedAccount{
		Name: a.Name, Origin: a.Origin, ListedAt: known.ListedAt.Load().UTC(), Discovered: h.Settled, Limit: h.breaker.limit(),
		ClockAhead: a.ahead(), Learned: a.limiter.saved.Load(),
		Machines: make([]SavedMachine, len(known.Machines)),
	}
	for i, m := range known.Machines {
		s.Machines[i] = SavedMachine{Machine: m.Machine, ListedAt: m.ListedAt.Load().UTC(), Sensors: m.Save()}
		s.Machines[i].Status, s.Machines[i].Since = statuses.get(m.Key())
	}
	if known.Company != nil {
		s.Company = *known.Company
	}
	s.Pacer = a.Pacer.State(innius.Now()) // last, so that it includes the requests of the readings above
	s.Pacer.At, s.Pacer.Until = s.Pacer.At.UTC(), s.Pacer.Until.UTC()
	return s
}

// restore restores an account. What was learned of the rate limit comes first, because the pacer refills at that rate.
func (a *account) restore(s *SavedAccount, savedAt, now time.Time) {
	a.limiter.restore(s.Learned, now)
	a.Pacer.Restore(s.Pacer, now)
	a.breaker.restoreLimit(s.Limit, savedAt, now)
	if s.ClockAhead != 0 {
		a.Client.AssumeClockDifference(s.ClockAhead + a.poller.wall.difference())
	}
	if s.Company.ID != "" {
		a.lists.restore(s)
	}
}

// takeOver continues with the state of another account. What it learned of the rate limit comes first, because the pacer refills
// at that rate.
func (a *account) takeOver(before *account, now time.Time) {
	a.breaker, a.requests.lastList = before.breaker, before.requests.lastList
	logger := a.log.Logger
	a.log = before.log
	a.log.Logger = logger
	a.limiter.takeOver(before.limiter, now)
	a.Pacer.Restore(before.Pacer.State(now), now)
	a.lists.takeOver(&before.lists, now)
	if !a.Client.SharesKey(before.Client) { // perhaps of another company
		a.lists.identity.unconfirmed, a.breaker.probe, a.breaker.lastSuccess = true, probeAccount, time.Time{}
	}
	a.Client.TakeOver(before.Client)
}

func (a *account) takeOverSchedule(before *account) {
	own, ok := a.schedule.(*schedule.Scheduler[*inventory.Sensor])
	if previous, same := before.schedule.(*schedule.Scheduler[*inventory.Sensor]); ok && same {
		own.TakeOver(previous)
	}
}

// forReadings returns the requests per hour that discovery leaves to polls.
func (a *account) forReadings() float64 { return a.Pacer.PerHour() - a.lists.perHour() }

// pageSize returns how many readings a page holds.
func (a *account) pageSize() int {
	if a.Client == nil {
		return a.PageSize // a plan sends nothing
	}
	return a.Client.PageSize()
}

// ahead returns how far the API's clock, or the wall clock if that is not known, is ahead of innius.Now.
func (a *account) ahead() time.Duration {
	if a.Client == nil {
		return 0 // a plan sends nothing
	}
	ahead, known := a.Client.ClockDifference()
	if !known {
		return a.poller.wall.difference()
	}
	return ahead
}

// accountLog is the log of an account, with what it contains already. The account's loop owns it.
type accountLog struct {
	*slog.Logger
	wallAhead time.Duration // of innius.Now

	others   map[string]string // machine id -> account that polls its sensors
	unusable map[string]bool   // why readings cannot be used
	limit    time.Time         // when a pause for a 429 was last logged above level debug
	paused   bool              // the pause in force was logged above level debug

	relaxed   float64   // factor of max-age targets; 0: they are met
	relaxedAt time.Time // when they were last relaxed
}

// sensor returns a logger that names a sensor and its machine.
func (l *accountLog) sensor(s *inventory.Sensor) *slog.Logger {
	return l.With("machine", s.Machine.Label, "sensor", s.Label)
}

// problem logs the begin and the end of a problem.
func (l *accountLog) problem(before, now bool, begins, ends string, attrs ...any) {
	switch {
	case now && !before:
		l.Warn(begins, attrs...)
	case before && !now:
		l.Info(ends)
	}
}

// Shorter pauses are usual while the rate limit is learned, which has a log line of its own; so are many of them.
const (
	minLoggedPause   = 10 * time.Second
	pauseLogInterval = 10 * time.Minute // between two log lines about 429s
)

// breaker logs a change of the circuit breaker.
func (l *accountLog) breaker(before *breakerStatus, after *circuitBreaker, err error, now time.Time) {
	switch {
	case after.pause == notPaused && before.pause != notPaused:
		l.recovery(before, now)
	case l.pause(before, after, err, now):
	case after.failing == before.failing:
	case after.failing == resultKey && is[*innius.KeyError](err):
		l.Error("Key cannot be read, retrying with back-off", "err", err)
	case after.failing == resultKey:
		l.Error("Key is refused, retrying with back-off. Check or create it in the innius Admin app", "err", err)
	case before.failing == resultOK && after.byValues:
		l.Error("Account is failing: no poll succeeds, probing once a minute", "reason", after.failing.reason(), "err", err)
	case before.failing == resultOK:
		l.Error("Account is failing, retrying with back-off", "reason", after.failing.reason(), "err", err)
	}
}

// pause logs the begin of a pause, or that it has become long, and reports whether it did.
func (l *accountLog) pause(before *breakerStatus, after *circuitBreaker, err error, now time.Time) bool {
	event := map[pauseReason]string{
		pausedLimit: "Rate limited, pausing requests", pausedBusy: "innius is unavailable, pausing requests",
	}[after.pause]
	begins, write := before.pause != after.pause, l.Debug
	l.paused = l.paused && !begins
	long := after.pausedUntil.Sub(after.pausedSince) >= minLoggedPause
	if long && !l.paused && (after.pause != pausedLimit || now.Sub(l.limit) >= pauseLogInterval) {
		begins, write, l.paused = true, l.Warn, true
		if after.pause == pausedLimit {
			l.limit = now
		}
	}
	if event == "" || !begins {
		return false
	}
	write(event, "until", after.pausedUntil.Add(l.wallAhead).UTC().Format(time.RFC3339), "err", err)
	return true
}

func (l *accountLog) recovery(before *breakerStatus, now time.Time) {
	info, since := l.Info, before.pausedSince
	if before.failing != resultOK {
		since = before.failingSince
	}
	if before.failing == resultOK && !l.paused {
		info = l.Debug // its begin was not logged
	}
	info("Requests succeed again", "after", before.pause, "lasted", now.Sub(since).Round(time.Second))
}

// relax logs when max-age targets are relaxed (factor above 0), again when it has doubled, and when they have been met for an
// hour, so that a plant at the border does not fill the log.
func (l *accountLog) relax(factor float64, now time.Time) {
	switch {
	case factor > 2*l.relaxed:
		l.Warn("Max-age targets exceed their share of the rate limit, relaxing all. `plan` shows what fits",
			"factor", round(factor))
		l.relaxed, l.relaxedAt = factor, now
	case factor > 0:
		l.relaxedAt = now
	case l.relaxed > 0 && now.Sub(l.relaxedAt) > time.Hour:
		l.Info("Max-age targets fit into their share of the rate limit again")
		l.relaxed = 0
	}
}

// Scheduler decides which sensor of an account is polled next. The poller runs with a schedule.Scheduler, where the
// methods are documented; the measuring harness compares it with others.
type Scheduler interface {
	Set(group string, sensors []Spec) (added, removed int)
	Len() int
	Groups() int
	Due() (time.Time, bool)
	Next(now time.Time) *Task
	Probe(now time.Time, failed map[string]bool, healthy bool) *Task
	Succeeded(t *Task, r schedule.Result)
	Failed(t *Task)
	Requeue(t *Task)
	ResetBackoff()
	Demand(now time.Time) (perHour, relaxed float64)
}

// Task is the schedule's entry of a sensor.
type Task = schedule.Task[*inventory.Sensor]

// Spec describes a sensor to the schedule.
type Spec = schedule.Spec[*inventory.Sensor]

// NewScheduler returns the Scheduler that an account runs with.
func NewScheduler(o schedule.Options) Scheduler { return schedule.New[*inventory.Sensor](o) }

// specs describes sensors to the schedule.
func specs(sensors []*inventory.Sensor) []Spec {
	all := make([]Spec, len(sensors))
	for i, s := range sensors {
		held := s.Entry.Load()
		state := schedule.State{
			Interval: held.Interval, Weight: s.Rule.Weight, MaxAge: s.Rule.MaxAge, Polled: held.LastSuccess, Failures: held.Failures,
		}
		if held.Failures > 0 {
			state.Polled = held.LastFailure
		}
		all[i] = Spec{ID: s.ID, Sensor: s, State: state, Position: &s.Entry.Position}
	}
	return all
}
