// Package reading is the cache entry of one sensor: its newest reading, the recent ones, and how its polls went.
//
// An Entry holds an immutable Record that each poll replaces as a whole. Any number of goroutines read it without waiting; one
// poller writes it, or two for the moment in which a sensor moves from one account to another.
package reading

import (
	"sync/atomic"
	"time"

	"innius_exporter/innius"
)

// Entry is the cache entry of one sensor. It is safe for concurrent use; New or Restore makes one.
type Entry struct {
	record   atomic.Pointer[Record]
	interval atomic.Pointer[Interval]

	// Queue is the place of the sensor in its account's schedule, as the poller publishes it. Only the poller interprets it.
	Queue atomic.Int64
}

// Interval is the reporting interval of a sensor, as the scheduler has learned it. Immutable.
type Interval struct {
	Seconds float64 // 0: not learned
	Saved   []byte  // all that the scheduler has learned, in its own encoding; nil: nothing
}

// New returns the entry of a sensor that has never been polled.
func New() *Entry {
	e := &Entry{}
	e.record.Store(&Record{})
	e.interval.Store(&Interval{})
	return e
}

// Load returns what is known now.
func (e *Entry) Load() *Record { return e.record.Load() }

// Interval returns what the scheduler has learned.
func (e *Entry) Interval() Interval { return *e.interval.Load() }

// SetInterval publishes what the scheduler has learned.
func (e *Entry) SetInterval(i Interval) { e.interval.Store(&i) }

// Store adds the result of a poll at a moment and returns what it changed. Its readings are oldest first; values maps texts to
// numbers; complete is false if an error ended the poll. Store never replaces a reading by an older one; see Disbelieve.
func (e *Entry) Store(poll innius.Newest, values map[string]float64, complete bool, now time.Time) PollResult {
	for {
		held := e.Load()
		u := newUpdate(held)
		u.add(poll, values, complete, now)
		if e.record.CompareAndSwap(held, &u.next) {
			return u.result
		}
	}
}

// MaxAhead is how far a reading may be ahead of both clocks, the API's and this machine's.
const MaxAhead = 5 * time.Minute

// Disbelieve forgets the readings and the reporting interval, and returns true, if the newest reading is in the future of
// both clocks: a wrong clock had let it in, and it would hide every true reading until its time comes.
func (e *Entry) Disbelieve(apiClock, now time.Time) bool {
	held := e.Load()
	if held.seen.Sub(later(apiClock, now)) <= MaxAhead {
		return false
	}
	next := &Record{
		LastSuccess: held.LastSuccess, Cursor: held.Cursor, Failure: held.Failure, FailingSince: held.FailingSince,
		LastFailure: held.LastFailure, Failures: held.Failures, failureLogged: held.failureLogged,
	}
	if !e.record.CompareAndSwap(held, next) {
		return false
	}
	e.SetInterval(Interval{})
	return true
}

// Fail records that innius refused a poll of this sensor. The reading held stays, with its age. Fail reports whether to log
// the failure: the first in a row, unless quiet.
func (e *Entry) Fail(why string, quiet bool, now time.Time) (log bool) {
	for {
		held := e.Load()
		next := *held
		if held.Failure == "" {
			next.FailingSince = now
		}
		next.Failure, next.LastFailure, next.failureLogged = why, now, held.failureLogged || !quiet
		next.Failures++
		if e.record.CompareAndSwap(held, &next) {
			return next.failureLogged && !held.failureLogged
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
