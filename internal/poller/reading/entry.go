// Package reading is the cache entry of one sensor: its newest reading, the recent ones, and how its polls went.
//
// An Entry holds an immutable Record that each poll replaces as a whole. Any number of goroutines read it without waiting; one
// poller writes it, or two for the moment in which a sensor moves from one account to another.
package reading

import (
	"reflect"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// Entry is the cache entry of one sensor. It is safe for concurrent use; New or Restore makes one.
type Entry struct {
	record atomic.Pointer[Record]

	// Position is the sensor's place in the schedule of its account.
	Position schedule.Position
}

// New returns the entry of a sensor that has never been polled.
func New() *Entry {
	e := &Entry{}
	e.record.Store(never)
	return e
}

// never is the record of every sensor that was never polled, and nothing the Rare of all that have none. Both are shared and do
// not change.
var (
	nothing = &Rare{}
	never   = &Record{Saved: Saved{Rare: nothing}}
)

// Restore returns an entry that knows what was saved.
func Restore(s *Saved) *Entry {
	e, r := &Entry{}, &Record{Saved: *s}
	r.States = s.States.restored()
	if r.Rare = nothing; s.Rare != nil {
		r.Rare = new(*s.Rare)
		r.failureLogged = r.Failure != ""
	}
	e.record.Store(r)
	return e
}

// Save returns what a restart keeps, with times in UTC.
func (e *Entry) Save() Saved {
	s := e.Load().Saved
	times := []*time.Time{&s.Time, &s.LastSuccess, &s.Seen}
	if s.Rare == nothing {
		s.Rare = nil
	} else {
		s.Rare = new(*s.Rare)
		times = append(times, &s.FailingSince, &s.LastFailure, &s.Future, &s.Unusable.Time)
	}
	for _, t := range times {
		*t = t.UTC()
	}
	return s
}

// Load returns what is known now.
func (e *Entry) Load() *Record { return e.record.Load() }

// Change replaces the record by a changed copy. It may call the function more than once.
func (e *Entry) Change(change func(next *Record)) {
	e.replace(func(_, next *Record) { change(next) })
}

func (e *Entry) replace(change func(held, next *Record)) {
	for {
		held := e.Load()
		next := *held
		next.Rare = new(*held.Rare)
		if change(held, &next); reflect.ValueOf(next.Rare).Elem().IsZero() {
			next.Rare = nothing
		}
		if e.record.CompareAndSwap(held, &next) {
			return
		}
	}
}

// Store adds the result of a poll at a moment and returns what it changed. Its readings are oldest first; complete is false if an
// error ended the poll. Store never replaces a reading by an older one; see Disbelieve.
func (e *Entry) Store(poll innius.Newest, rule Rule, complete bool, now time.Time) (result PollResult) {
	e.replace(func(held, next *Record) {
		u := &update{held: held, next: next}
		u.add(poll, rule, complete, now)
		result = u.result
	})
	return result
}

// MaxAhead is how far a reading may be ahead of both clocks, the API's and this machine's.
const MaxAhead = 5 * time.Minute

// Disbelieve forgets the readings and the reporting interval, and returns true, if the newest reading is in the future of
// both clocks: a wrong clock had let it in, and it would hide every true reading until its time comes.
func (e *Entry) Disbelieve(apiClock, now time.Time) (dropped bool) {
	e.Change(func(next *Record) {
		if dropped = next.Seen.Sub(schedule.Later(apiClock, now)) > MaxAhead; dropped {
			*next.Rare = Rare{
				Failure: next.Failure, FailingSince: next.FailingSince, LastFailure: next.LastFailure, Failures: next.Failures,
				failureLogged: next.failureLogged,
			}
			*next = Record{Saved: Saved{
				LastSuccess: next.LastSuccess, Cursor: next.Cursor, Rare: next.Rare,
				States: next.States.forget(schedule.Later(apiClock, now)),
			}}
		}
	})
	return dropped
}

// Fail records that innius refused a poll of this sensor. The reading held stays, with its age. othersSucceeded is when a poll of
// another sensor succeeded last: a second failure counts only if that was after the one before. Fail reports whether to log the
// failure: the first in a row, unless quiet.
func (e *Entry) Fail(why string, quiet bool, othersSucceeded, now time.Time) (log bool) {
	e.Change(func(next *Record) {
		if next.Failure == "" {
			next.FailingSince = now
		}
		if next.Failures == 0 || othersSucceeded.After(next.LastFailure) {
			next.Failures++
		}
		next.Failure, next.LastFailure = why, now
		log = !quiet && !next.failureLogged
		next.failureLogged = next.failureLogged || log
	})
	return log
}
