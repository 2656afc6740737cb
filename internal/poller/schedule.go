package poller

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/internal/poller/schedule"
)

// schedule decides which sensor is asked next. The refresh loop owns it and knows nothing else of how it chooses.
type scheduler interface {
	// set makes the polled sensors of a machine known; those it had and that are not among them leave. It returns how
	// many came and went.
	set(machineID string, sensors []*sensor) (added, removed int)
	// succeed takes over what the schedule before a reload knew, for the sensors that set makes known from then on; nil ends
	// that.
	succeed(before scheduler)
	// due returns when the next sensor wants to be asked; false where nobody does.
	due() (time.Time, bool)
	// next takes that sensor out; it comes back with answered, failed or again.
	next(now time.Time) *turn
	// answered returns a sensor that was asked and answered, with what there is to learn from it.
	answered(t *turn, o outcome)
	// failed returns a sensor about which a request failed through its own fault; it backs off.
	failed(t *turn)
	// again returns a sensor that could not be asked through no fault of its own, or takes a back-off from it.
	again(t *turn)
	// probe is next for a request that tests the account: the sensor that was requested longest ago, due or not, if there are any
	// of a machine that has not failed, and, with good, of those that do not back off; nil where there is none.
	probe(now time.Time, failed map[string]bool, good bool) *turn
	// resetBackoff makes all sensors due that back off.
	resetBackoff()
	// wishes returns, as of a moment, the requests per hour that the sensors' own paces ask for, and the factor by which promises are
	// stretched, at most 1 where they are not.
	wishes(now time.Time) (demand, stretch float64)
	// turns returns what is kept of each known sensor, by machine; len how many there are.
	turns() map[string][]*turn
	len() int
}

// defaultSchedule is what an account runs with.
func defaultSchedule(a *account) scheduler {
	return newWaterLevel(a.opts.MinInterval, a.opts.MaxInterval, a.forReadings)
}

// turn is what the loop keeps of one sensor between two requests.
type turn struct {
	entry[*turn]
	sensor   *sensor
	learned  schedule.Sensor
	asked    time.Time     // last; zero: never
	failures int           // in a row, through its own fault
	probes   bool          // the request under way tests the account
	ahead    time.Duration // of the clock that its readings agree with: the API's, or ours (0)
	gone     bool          // left while its request was under way
	seed     uint64        // of its pseudo-random numbers; 0: not yet
}

// pace is what was learned of the sensor.
func (t *turn) pace() *schedule.Sensor { return &t.learned }

// learn takes a response in, as schedule.Sensor.Learn does.
func (t *turn) learn(asked float64, times []float64, whole bool) {
	t.learned.Learn(asked, times, whole)
	t.publish()
}

// publish makes what was learned visible to scrapes and for a restart.
func (t *turn) publish() { t.sensor.entry.SetInterval(published(&t.learned)) }

func published(learned *schedule.Sensor) reading.Interval {
	return reading.Interval{Seconds: learned.Period(), Saved: learned.Keep()}
}

// recall takes over what an earlier schedule or process learned. What another version wrote was never learned.
func (t *turn) recall() {
	if saved := t.sensor.entry.Load().Interval.Saved; saved != nil && t.learned.Restore(saved) != nil {
		t.sensor.entry.SetInterval(reading.Interval{})
	}
}

// roundRobin asks the sensor that was asked longest ago, and never one sensor more often than an interval.
type roundRobin struct {
	interval time.Duration
	waiting  queue[*turn]
	machines map[string][]*turn
	count    int
	heritage map[sensorKey]*turn // of the schedule before a reload
	admitted []*turn             // that the latest set made known
}

func newRoundRobin(interval time.Duration) *roundRobin {
	return &roundRobin{interval: interval, machines: map[string][]*turn{}}
}

func (r *roundRobin) set(machineID string, sensors []*sensor) (added, removed int) {
	before := make(map[string]*turn, len(r.machines[machineID]))
	for _, t := range r.machines[machineID] {
		before[t.sensor.ID] = t
	}
	r.count += len(sensors) - len(before)
	after := make([]*turn, 0, len(sensors))
	r.admitted = nil
	for _, s := range sensors {
		t := before[s.ID]
		if t == nil {
			t = r.admit(s)
		}
		t.sensor = s
		after = append(after, t)
		delete(before, s.ID)
	}
	for _, t := range before {
		t.gone = true
		r.waiting.take(&t.entry)
	}
	r.machines[machineID] = after
	if len(after) == 0 {
		delete(r.machines, machineID)
	}
	return len(r.admitted), len(before)
}

// admit takes a sensor in that is not known yet.
func (r *roundRobin) admit(s *sensor) *turn {
	t := &turn{sensor: s}
	t.recall()
	if before := r.heritage[s.ref()]; before != nil {
		t.seed, t.ahead = before.seed, before.ahead
	}
	t.entry = entry[*turn]{value: t, index: -1}
	r.put(t, r.firstDue(t, s.entry.Load()))
	r.admitted = append(r.admitted, t)
	return t
}

func (r *roundRobin) succeed(before scheduler) {
	r.heritage = nil
	if before != nil {
		r.heritage = map[sensorKey]*turn{}
		for _, t := range slices.Concat(slices.Collect(maps.Values(before.turns()))...) {
			r.heritage[t.sensor.ref()] = t
		}
	}
}

func (r *roundRobin) turns() map[string][]*turn { return r.machines }

// firstDue is when a sensor new to the schedule is due: one that another process, or another account, has asked before
// goes on as if asked here; one that nobody ever asked goes before all others.
func (r *roundRobin) firstDue(t *turn, held *reading.Record) time.Time {
	switch {
	case held.Failure != "":
		t.asked, t.failures = held.LastFailure, held.Failures
		return r.backedOff(t)
	case held.LastSuccess.IsZero():
		return time.Time{}
	}
	t.asked = held.LastSuccess
	return t.asked.Add(r.interval)
}

func (r *roundRobin) due() (time.Time, bool) { return r.waiting.due() }

func (r *roundRobin) next(now time.Time) *turn { return r.take(r.waiting.first(), now) }

func (r *roundRobin) take(e *entry[*turn], now time.Time) *turn {
	r.waiting.take(e)
	e.value.asked = now
	e.value.sensor.entry.Queue.Store(underWay)
	return e.value
}

func (r *roundRobin) probe(now time.Time, failed map[string]bool, good bool) *turn {
	if len(r.waiting.items) == 0 {
		return nil
	}
	rank := func(t *turn) (n int) {
		if failed[t.sensor.machine.ID] {
			n = 2
		}
		if good {
			n += min(1, t.failures)
		}
		return n
	}
	return r.take(slices.MinFunc(r.waiting.items, func(a, b *entry[*turn]) int {
		return cmp.Or(rank(a.value)-rank(b.value), a.value.asked.Compare(b.value.asked))
	}), now)
}

func (r *roundRobin) resetBackoff() {
	for _, t := range slices.Clone(r.waiting.items) {
		if t.value.failures > 0 {
			r.again(t.value)
		}
	}
}

func (r *roundRobin) failed(t *turn) {
	t.failures++
	r.put(t, r.backedOff(t))
}

func (r *roundRobin) backedOff(t *turn) time.Time {
	return t.asked.Add(backOff(t.failures, 30*time.Second, time.Hour))
}

// again puts the sensor behind all that were not asked since: were it the one that is broken, and still the first,
// every try of an account that is paused would be lost on it.
func (r *roundRobin) again(t *turn) {
	t.failures = 0
	r.put(t, t.asked)
}

func (r *roundRobin) put(t *turn, due time.Time) {
	if !t.gone {
		r.waiting.put(&t.entry, due)
		t.sensor.entry.Queue.Store(queuePosition(due, t.seq))
	}
}

func (r *roundRobin) len() int { return r.count }

// backOff doubles from first with each failure in a row, up to a limit.
func backOff(failures int, first, limit time.Duration) time.Duration {
	for ; failures > 1 && first < limit; failures-- {
		first *= 2
	}
	return min(first, limit)
}
