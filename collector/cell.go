package collector

import (
	"math"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
)

// observation is all that is known of one sensor's readings. Immutable; each answer puts a new one in its place.
type observation struct {
	at       time.Time // of the newest number, at the source; zero: none yet
	value    float64
	answered time.Time      // when the API last answered for this sensor; zero: never
	failure  string         // why the last request about it failed; empty where it did not
	failedAt time.Time      // when it began to fail
	tried    time.Time      // when it failed last
	failures int            // in a row
	unusable innius.Reading // the newest reading that is no number, where it is newer than the newest number
	cursor   innius.Cursor  // where the next request goes on
	recent   *recent        // the newest numbers, for the status page; nil: none

	// What has been counted, so that a reading on overlapping pages counts once.
	seen   time.Time       // greatest time, not in the future
	future time.Time       // greatest time in the future
	older  time.Time       // greatest time of an answer that was older than the reading held
	faulty map[string]bool // unreadable times on the latest page
}

// cell holds a sensor's observation. Any number of scrapes read it; nobody waits. One loop writes, two for the moment
// in which a sensor passes from one account to another: neither may undo what the other has stored.
type cell struct {
	atomic.Pointer[observation]
	interval atomic.Uint64 // the pace learned, in seconds, as the bits of a float64; 0: none
	lessons  lessons       // what the schedule learned of the sensor
	turn     turnOf        // where it stands in the schedule
}

// expect notes the pace learned, in seconds; 0: none.
func (c *cell) expect(interval float64) { c.interval.Store(math.Float64bits(interval)) }

// expected returns the pace learned, in seconds; 0: none.
func (c *cell) expected() float64 { return math.Float64frombits(c.interval.Load()) }

// lessons holds what a learner knows, encoded by itself, so that it outlives a restart. The learner stores it whenever
// it has learned something and reads it when it starts; it must take bytes that it does not understand for none, for
// another version may have written them. Stored bytes are never changed. Nil: nothing learned.
type lessons struct{ atomic.Pointer[[]byte] }

func (l *lessons) keep(encoded []byte) { l.Store(&encoded) }

func (l *lessons) kept() []byte {
	if encoded := l.Load(); encoded != nil {
		return *encoded
	}
	return nil
}

func newCell() *cell {
	c := &cell{}
	c.Store(&observation{})
	return c
}

// news is what an answer brought, for counting.
type news struct {
	fresh   bool          // a newer reading than the one held
	first   bool          // the first reading ever
	age     time.Duration // of the newer reading when it came
	skipped map[innius.SkipReason]int
	back    bool           // the sensor had been failing
	odd     innius.Reading // a reading whose time cannot be used, in an answer without a better one
}

// skipOrder counts an answer that is older than what an earlier one gave. The client's reasons come beside it.
const skipOrder innius.SkipReason = "order"

// store takes over what an answer says. Its readings are oldest first; whole is false where an error ended them. It
// never replaces a reading by an older one, unless both clocks, the API's and ours, say that it lies in the future: then a
// wrong clock had let it in, and it would hide all that is true until its time comes.
func (c *cell) store(answer innius.Newest, rule *Rule, whole bool, now time.Time) news {
	for {
		held := c.Load()
		known := held
		if whole && held.at.Sub(later(answer.Clock, now)) > maxAhead {
			known = held.withoutReading()
		}
		next, n := known.with(answer.Readings, rule, whole, now)
		next.cursor = answer.Cursor
		if c.CompareAndSwap(held, &next) {
			return n
		}
	}
}

// maxAhead is how far a reading may be ahead of both clocks.
const maxAhead = 5 * time.Minute

// withoutReading forgets the readings, and until when they were counted.
func (o *observation) withoutReading() *observation {
	return &observation{answered: o.answered, failure: o.failure, failedAt: o.failedAt, tried: o.tried, failures: o.failures, cursor: o.cursor}
}

// with returns what is known after an answer, and what is new in it.
func (o *observation) with(readings []innius.Reading, rule *Rule, whole bool, now time.Time) (observation, news) {
	held, next := *o, *o
	n := news{skipped: map[innius.SkipReason]int{}}
	if whole {
		n.back = held.failure != ""
		next.answered, next.failure, next.failedAt, next.tried, next.failures = now, "", time.Time{}, time.Time{}, 0
	}
	faulty, readable, line := map[string]bool{}, false, held.trace()
	var odd innius.Reading // the last one without a time that can be used
	for _, r := range readings {
		r = rule.mapped(r)
		switch {
		case r.Skip == innius.SkipTime:
			faulty[r.Text], odd = true, r
		case r.Skip == innius.SkipFuture:
			next.takeFuture(r, held, &n)
			odd = r
		case r.Skip != "":
			next.takeUnusable(r, held, &n)
		case !r.Time.Before(next.at):
			next.at, next.value = r.Time, r.Value
			line.add(r.Time, r.Value)
		}
		if r.Skip == "" || r.Skip == innius.SkipNumber || r.Skip == innius.SkipText {
			next.seen, readable = later(next.seen, r.Time), true
		}
	}
	next.recent = line.kept(held.recent)
	next.countFaulty(faulty, &n)
	if whole {
		next.countOrder(readings, held, &n) // a walk through ascending pages that broke off says nothing of the newest
	}
	switch {
	case !readable && odd.Skip != "":
		next.unusable, n.odd = odd, odd
	case !next.unusable.Time.After(next.at):
		next.unusable = innius.Reading{}
	}
	n.fresh, n.first, n.age = next.at.After(held.at), held.at.IsZero(), max(0, now.Sub(next.at))
	return next, n
}

// mapped replaces a text value by the number that the user's rule gives it.
func (r *Rule) mapped(reading innius.Reading) innius.Reading {
	if number, ok := r.Values[reading.Text]; ok && reading.Skip == innius.SkipText {
		reading.Value, reading.Skip = number, ""
	}
	return reading
}

func (o *observation) takeFuture(r innius.Reading, held observation, n *news) {
	if r.Time.After(held.future) {
		n.skipped[r.Skip]++
	}
	o.future = later(o.future, r.Time)
}

func (o *observation) takeUnusable(r innius.Reading, held observation, n *news) {
	if r.Time.After(held.seen) {
		n.skipped[r.Skip]++
	}
	if !r.Time.Before(o.unusable.Time) {
		o.unusable = r
	}
}

// countFaulty counts readings without a time: told from those on the page before by their text alone.
func (o *observation) countFaulty(faulty map[string]bool, n *news) {
	for text := range faulty {
		if !o.faulty[text] {
			n.skipped[innius.SkipTime]++
		}
	}
	o.faulty = nil
	if len(faulty) > 0 {
		o.faulty = faulty
	}
}

// countOrder counts an answer whose newest reading is older than the one held: the API went backwards.
func (o *observation) countOrder(readings []innius.Reading, held observation, n *news) {
	var newest time.Time
	for _, r := range readings {
		newest = later(newest, r.Time)
	}
	if !newest.IsZero() && newest.Before(held.seen) && !newest.Equal(held.older) {
		n.skipped[skipOrder]++
		o.older = newest
	}
}

// fail notes that a request about this sensor alone failed; what is held stays, with its age. It reports whether
// this is the first failure in a row.
func (c *cell) fail(why string, now time.Time) bool {
	for {
		held := c.Load()
		next, first := *held, held.failure == ""
		if first {
			next.failedAt = now
		}
		next.failure, next.tried = why, now
		next.failures++
		if c.CompareAndSwap(held, &next) {
			return first
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// State says how a sensor does; each sensor is in exactly one.
type State string

// The states. Filtered includes a sensor that another account asks for.
const (
	StateWaiting    State = "waiting"    // no first answer yet
	StateFresh      State = "fresh"      // its value is exposed
	StateLate       State = "late"       // its value is exposed, but the sensor has been silent for more than three of its intervals
	StateStale      State = "stale"      // its newest number is too old to be exposed, or it never reported one
	StateUnreadable State = "unreadable" // its newest reading is no number
	StateFailing    State = "failing"    // the last request about it failed
	StateFiltered   State = "filtered"   // never asked for
)

// States lists them all.
var States = []State{StateWaiting, StateFresh, StateLate, StateStale, StateUnreadable, StateFailing, StateFiltered}

// state judges a sensor at a moment, by the age at which a value is stale.
func (s *sensor) state(o *observation, staleAfter time.Duration, now time.Time) State {
	switch {
	case !s.polled():
		return StateFiltered
	case o.failure != "":
		return StateFailing
	case o.answered.IsZero():
		return StateWaiting
	case o.exposed(staleAfter, now) && o.late(s.expected(o)):
		return StateLate
	case o.exposed(staleAfter, now):
		return StateFresh
	case o.unusable.Skip != "":
		return StateUnreadable
	}
	return StateStale
}

// exposed reports whether the value is on /metrics.
func (o *observation) exposed(staleAfter time.Duration, now time.Time) bool {
	return !o.at.IsZero() && now.Sub(o.at) <= staleAfter
}

// lateAfter is how many of its intervals a sensor may be silent, as far as the API could be asked.
const lateAfter = 3

// expected returns the interval, in seconds, by which the sensor's silence may be judged; 0: none. A sensor whose newest
// reading is a text, or has no time that can be used, is not silent: it has only no number to show. One that reports null is
// in want of a number, which is what silence means to whoever waits for it.
func (s *sensor) expected(o *observation) float64 {
	switch o.unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture:
		return 0
	}
	return s.cell.expected()
}

// late reports whether the API answered without anything newer long after the next reading was due. interval is in
// seconds; 0: not learned.
func (o *observation) late(interval float64) bool {
	return interval > 0 && o.answered.Sub(o.at).Seconds() > lateAfter*interval
}
