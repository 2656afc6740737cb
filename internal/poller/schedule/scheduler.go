package schedule

import (
	"cmp"
	"container/heap"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Options configures a Scheduler.
type Options struct {
	MinInterval time.Duration  // between two polls of one sensor at least
	MaxInterval time.Duration  // and at most, if the rate limit permits it
	PerHour     func() float64 // requests per hour that there are for polls now, above 0
	PageSize    func() int     // readings that a page holds; nil: not known
	Complete    bool           // poll each sensor before its page overflows, if the rate limit permits it
}

// Scheduler polls each sensor of an account just after its next reading is expected, and shares the requests that are
// too few for that by one common level. A decision takes O(log n); the level is computed from a sample. S is the
// caller's own type for a sensor. Not safe for concurrent use.
type Scheduler[S any] struct {
	opts    Options
	waiting Queue[*Task[S]]
	groups  map[string][]*Task[S]
	count   int
	fill    waterFill
	random  *rand.Rand
}

// Spec describes a sensor to a Scheduler. Interval, Polled and Failures count when the sensor is new to it.
type Spec[S any] struct {
	State
	ID       string // unique in its group
	Sensor   S      // for the caller
	Position *Position
}

// Task is a Scheduler's entry of one sensor.
type Task[S any] struct {
	Item[*Task[S]]
	Spec[S]
	Gap time.Duration // planned at the last poll, to the next one; 0: that poll did not succeed

	// Provisional is set if Gap is too short for the rate limit: the level was that of fewer sensors, as in a cold start.
	Provisional bool

	group  string
	ahead  time.Duration // of the clock that its readings follow before that of the schedule: the API's, or this machine's
	chosen bool          // a reading has shown which

	Probe   bool // for the caller: the request under way tests the account
	removed bool // while its request was under way
}

// New returns a Scheduler without sensors.
func New[S any](opts Options) *Scheduler[S] {
	shortest, longest := opts.MinInterval.Seconds(), opts.MaxInterval.Seconds()
	return &Scheduler[S]{
		opts: opts, groups: map[string][]*Task[S]{}, random: rand.New(rand.NewPCG(1, 1)),
		fill: waterFill{
			minInterval: shortest, maxInterval: longest, longest: longest, relaxed: 1, complete: opts.Complete, fits: math.Inf(1),
		},
	}
}

// Set replaces the sensors of a group, such as a machine, and returns how many were added and removed.
func (s *Scheduler[S]) Set(group string, specs []Spec[S]) (added, removed int) {
	before := make(map[string]*Task[S], len(s.groups[group]))
	for _, t := range s.groups[group] {
		before[t.ID] = t
	}
	s.count += len(specs) - len(before)
	after := make([]*Task[S], 0, len(specs))
	for _, spec := range specs {
		t := before[spec.ID]
		if t == nil {
			t = s.add(group, spec)
			added++
		}
		t.Sensor, t.Weight, t.MaxAge, t.Position = spec.Sensor, cmp.Or(spec.Weight, 1), spec.MaxAge, spec.Position
		after = append(after, t)
		delete(before, spec.ID)
	}
	for _, t := range before {
		t.removed = true
		s.waiting.Remove(&t.Item)
	}
	s.groups[group] = after
	if len(after) == 0 {
		delete(s.groups, group)
	}
	return added, len(before)
}

// add adds a sensor. One that has never been polled goes before all others.
func (s *Scheduler[S]) add(group string, spec Spec[S]) *Task[S] {
	t := &Task[S]{Spec: spec, group: group}
	t.Value, t.Interval = t, cmp.Or(spec.Interval, &Interval{})
	switch {
	case spec.Failures > 0:
		s.put(t, spec.Polled.Add(t.backOff()))
	case spec.Polled.IsZero():
		s.put(t, time.Time{})
	default:
		s.put(t, spec.Polled.Add(s.opts.MinInterval))
	}
	return t
}

// TakeOver continues with what the Scheduler before a reload knew of the sensors that both have.
func (s *Scheduler[S]) TakeOver(previous *Scheduler[S]) {
	fill := previous.fill
	fill.minInterval, fill.maxInterval, fill.computed = s.fill.minInterval, s.fill.maxInterval, time.Time{}
	if fill.longest < unbounded {
		fill.longest = fill.maxInterval
	}
	if fill.complete = s.opts.Complete; !fill.complete {
		fill.fits = math.Inf(1)
	}
	s.fill = fill
	before := map[[2]string]*Task[S]{}
	for _, t := range previous.All() {
		before[[2]string{t.group, t.ID}] = t
	}
	for _, t := range s.All() {
		if p := before[[2]string{t.group, t.ID}]; p != nil {
			t.ahead, t.chosen = p.ahead, p.chosen
			if t.Failures == 0 && !t.Polled.IsZero() {
				s.plan(t, t.Polled)
			}
		}
	}
}

// Len returns how many sensors there are.
func (s *Scheduler[S]) Len() int { return s.count }

// Groups returns how many groups have sensors.
func (s *Scheduler[S]) Groups() int { return len(s.groups) }

// All returns all sensors, also those whose request is under way.
func (s *Scheduler[S]) All() []*Task[S] {
	return slices.Concat(slices.Collect(maps.Values(s.groups))...)
}

// Due returns when the next sensor is to be polled; false if none waits.
func (s *Scheduler[S]) Due() (time.Time, bool) { return s.waiting.Due() }

// Next takes out the sensor that is due first; at least one must be waiting. It comes back with Succeeded, Failed or
// Requeue.
func (s *Scheduler[S]) Next(now time.Time) *Task[S] {
	s.updateLevel(now)
	t := s.waiting.First().Value
	if !t.due.IsZero() {
		s.fill.late += lateWeight * (now.Sub(t.due).Seconds() - s.fill.late)
	}
	return s.take(t, now)
}

// Probe is Next for a request that tests the account: the sensor that was polled longest ago, due or not. It prefers
// groups that are not in failed and, with healthy, sensors that are not in back-off and whose last poll succeeded. nil if no
// sensor is waiting.
func (s *Scheduler[S]) Probe(now time.Time, failed map[string]bool, healthy bool) *Task[S] {
	if s.waiting.Len() == 0 {
		return nil
	}
	rank := func(t *Task[S]) (n int) {
		if failed[t.group] {
			n = 3
		}
		if healthy {
			n += min(1, t.Failures)
		}
		if healthy && t.Gap == 0 {
			n++
		}
		return n
	}
	return s.take(slices.MinFunc(s.waiting.items, func(a, b *Item[*Task[S]]) int {
		return cmp.Or(rank(a.Value)-rank(b.Value), a.Value.Polled.Compare(b.Value.Polled))
	}).Value, now)
}

func (s *Scheduler[S]) take(t *Task[S], now time.Time) *Task[S] {
	s.waiting.Remove(&t.Item)
	t.Polled = now
	t.Position.publish(Polling)
	return t
}

// Result is what a successful poll brought.
type Result struct {
	Received time.Time     // when the response arrived
	Ahead    time.Duration // of the API's clock before that of the schedule
	Local    time.Duration // of this machine's wall clock
	Times    []time.Time   // of all readings newer than those before, ascending, each once
	Complete bool          // no reading between those before and the first of Times was missed
}

// Succeeded returns a sensor that was polled successfully.
func (s *Scheduler[S]) Succeeded(t *Task[S], r Result) {
	t.Failures = 0
	s.fill.latency += lateWeight * (r.Received.Sub(t.Polled).Seconds() - s.fill.latency)
	t.learn(r)
	s.plan(t, r.Received)
}

func (t *Task[S]) learn(r Result) {
	times := make([]float64, len(r.Times))
	for i, at := range r.Times {
		times[i] = seconds(at)
	}
	switch n := len(times); {
	case n > 0:
		t.chooseClock(t.Polled.Sub(r.Times[n-1]), r.Ahead, r.Local)
	case !t.chosen:
		t.ahead = r.Ahead
	}
	learned := *t.Interval
	learned.Learn(seconds(t.Polled.Add(t.ahead)), times, r.Complete)
	t.Interval = &learned
}

// chooseClock chooses the clock by which a new reading is younger, the API's or this machine's, because either may be wrong.
// The time of a poll must be by the clock of the readings. age is by the clock of the schedule.
func (t *Task[S]) chooseClock(age, ahead, local time.Duration) {
	switch t.chosen = true; {
	case (age + local).Abs() <= (age + ahead).Abs():
		t.ahead = local
	case (ahead - t.ahead).Abs() > 2*time.Second: // the difference is known to a second
		t.ahead = ahead
	}
}

// plan puts back a sensor that was polled successfully. It is due at a moment or later.
func (s *Scheduler[S]) plan(t *Task[S], earliest time.Time) {
	due := t.Polled.Add(time.Duration(s.fill.wait(&t.State, s.random) * float64(time.Second)))
	if due.Before(earliest) {
		due = earliest
	}
	t.Gap, t.Provisional = due.Sub(earliest), 10*s.count > 11*s.fill.count
	s.put(t, due)
}

// Failed returns a sensor whose poll failed for a reason of its own. It backs off.
func (s *Scheduler[S]) Failed(t *Task[S]) {
	t.Failures++
	t.Gap = 0
	s.put(t, t.Polled.Add(t.backOff()))
}

// Requeue returns a sensor whose poll failed for a reason of the account, or ends its back-off. It goes behind all that
// have not been polled since: if it were first again and the cause of the failure, it would take every try.
func (s *Scheduler[S]) Requeue(t *Task[S]) {
	t.Failures, t.Gap = 0, 0
	s.put(t, t.Polled)
}

// ResetBackoff ends the back-off of all waiting sensors.
func (s *Scheduler[S]) ResetBackoff() {
	for _, i := range slices.Clone(s.waiting.items) {
		if i.Value.Failures > 0 {
			s.Requeue(i.Value)
		}
	}
}

func (s *Scheduler[S]) put(t *Task[S], due time.Time) {
	if !t.removed {
		s.waiting.Put(&t.Item, due)
		place := Place(due.UnixNano())
		if due.IsZero() {
			place = math.MinInt64 + Place(t.seq)
		}
		t.Position.publish(place)
	}
}

// Demand returns the requests per hour that a poll after each reading would take, and the factor by which all max-age
// targets are relaxed, 1 if they are not.
func (s *Scheduler[S]) Demand(now time.Time) (perHour, relaxed float64) {
	switch {
	case s.count == 0:
		return 0, 1
	case s.waiting.Len() > 0:
		s.updateLevel(now) // the next poll may be long away
	}
	return s.fill.demand, s.fill.relaxed
}

// updateLevel computes the level if that is due, which is 20 times per cycle. At least one sensor must be waiting.
func (s *Scheduler[S]) updateLevel(now time.Time) {
	perSecond := s.opts.PerHour() / 3600
	cycle := float64(s.count) / perSecond
	if now.Sub(s.fill.computed).Seconds() >= max(2, cycle/20) {
		s.fill.page = s.pageSize()
		s.fill.compute(s.sample(), s.count, perSecond, now)
	}
}

// pageSize returns the readings that a page holds; 0: not known.
func (s *Scheduler[S]) pageSize() int {
	if s.opts.PageSize == nil {
		return 0
	}
	return s.opts.PageSize()
}

// sample returns the waiting sensors, or some of them if they are many.
func (s *Scheduler[S]) sample() []*State {
	all := s.waiting.items
	sample := make([]*State, min(len(all), maxSample))
	for i := range sample {
		one := all[i]
		if len(all) > maxSample {
			one = all[s.random.IntN(len(all))]
		}
		sample[i] = &one.Value.State
	}
	return sample
}

// seconds is a time in seconds since the epoch.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// Position publishes a sensor's place in its schedule. Safe for concurrent use. The zero Position is in no schedule.
type Position struct{ place atomic.Int64 }

// Place is where a sensor stands in its schedule: the smaller, the sooner it will be polled. 0 is in no schedule. It is when the
// sensor is due, in nanoseconds since the epoch, or negative if it is due at once.
type Place int64

// Polling is the place of a sensor whose request is under way.
const Polling Place = math.MaxInt64

// Due returns when the sensor is due; zero: at once.
func (p Place) Due() time.Time {
	if p <= 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(p))
}

// Load returns the latest place.
func (p *Position) Load() Place { return Place(p.place.Load()) }

func (p *Position) publish(place Place) {
	if p != nil {
		p.place.Store(int64(place))
	}
}

// Queue orders items by the moment they are due. Of two that are due at the same time, the one that entered first comes
// first. Not safe for concurrent use.
type Queue[T any] struct {
	items []*Item[T]
	count uint64
}

// Item is an element of a Queue. The zero Item is in no queue.
type Item[T any] struct {
	Value T
	due   time.Time
	seq   uint64
	place int // in the items of its queue, from 1
}

// Due returns when the item is due, or was when it left its queue.
func (i *Item[T]) Due() time.Time { return i.due }

// Queued reports whether the item is in a queue.
func (i *Item[T]) Queued() bool { return i.place > 0 }

// Put adds an item, or moves it to another moment. The item must not be in another queue.
func (q *Queue[T]) Put(i *Item[T], due time.Time) {
	q.count++
	i.due, i.seq = due, q.count
	if q.Holds(i) {
		heap.Fix((*items[T])(&q.items), i.place-1)
		return
	}
	heap.Push((*items[T])(&q.items), i)
}

// First returns the item that is due first, without removing it; nil if the queue is empty.
func (q *Queue[T]) First() *Item[T] {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

// Due returns when the first item is due; false if the queue is empty.
func (q *Queue[T]) Due() (time.Time, bool) {
	if first := q.First(); first != nil {
		return first.due, true
	}
	return time.Time{}, false
}

// Remove removes an item. It does nothing if the item is not in this queue.
func (q *Queue[T]) Remove(i *Item[T]) {
	if q.Holds(i) {
		heap.Remove((*items[T])(&q.items), i.place-1)
	}
}

// Holds reports whether the item is in this queue.
func (q *Queue[T]) Holds(i *Item[T]) bool {
	return i.place > 0 && i.place <= len(q.items) && q.items[i.place-1] == i
}

// Len returns how many items there are.
func (q *Queue[T]) Len() int { return len(q.items) }

// items implements heap.Interface.
type items[T any] []*Item[T]

func (all items[T]) Len() int { return len(all) }

func (all items[T]) Less(i, j int) bool {
	return cmp.Or(all[i].due.Compare(all[j].due), cmp.Compare(all[i].seq, all[j].seq)) < 0
}

func (all items[T]) Swap(i, j int) {
	all[i], all[j] = all[j], all[i]
	all[i].place, all[j].place = i+1, j+1
}

func (all *items[T]) Push(x any) {
	added := x.(*Item[T])
	*all = append(*all, added)
	added.place = len(*all)
}

func (all *items[T]) Pop() any {
	last := len(*all) - 1
	removed := (*all)[last]
	(*all)[last] = nil
	*all = (*all)[:last]
	removed.place = 0
	return removed
}
