package reading

import (
	"maps"
	"slices"
	"time"

	"innius_exporter/innius"
)

// Saved is what a restart keeps of an entry. Times are in UTC, and zero if there is none.
type Saved struct {
	Time        time.Time
	Value       float64
	LastSuccess time.Time
	Unusable    innius.Reading
	Cursor      innius.Cursor

	Failure      string
	FailingSince time.Time
	LastFailure  time.Time
	Failures     int

	Seen, Future, Older time.Time
	Unreadable          []string

	Interval Interval
}

// Save returns what a restart keeps.
func (e *Entry) Save() Saved {
	r := e.Load()
	s := Saved{
		Time: r.Time.UTC(), Value: r.Value, LastSuccess: r.LastSuccess.UTC(), Unusable: r.Unusable, Cursor: r.Cursor,
		Failure: r.Failure, FailingSince: r.FailingSince.UTC(), LastFailure: r.LastFailure.UTC(), Failures: r.Failures,
		Seen: r.seen.UTC(), Future: r.future.UTC(), Older: r.older.UTC(), Unreadable: slices.Sorted(maps.Keys(r.unreadable)),
		Interval: e.Interval(),
	}
	s.Unusable.Time = s.Unusable.Time.UTC()
	return s
}

// Restore returns an entry that knows what was saved.
func Restore(s *Saved) *Entry {
	e := New()
	r := &Record{
		Time: s.Time, Value: s.Value, LastSuccess: s.LastSuccess, Unusable: s.Unusable, Cursor: s.Cursor,
		Failure: s.Failure, FailingSince: s.FailingSince, LastFailure: s.LastFailure, Failures: s.Failures,
		failureLogged: s.Failure != "", seen: s.Seen, future: s.Future, older: s.Older,
	}
	if len(s.Unreadable) > 0 {
		r.unreadable = map[string]bool{}
		for _, text := range s.Unreadable {
			r.unreadable[text] = true
		}
	}
	e.record.Store(r)
	e.SetInterval(s.Interval)
	return e
}

// Polled reports whether the sensor was ever polled, with success or without.
func (s *Saved) Polled() bool { return !s.LastSuccess.IsZero() || s.Failures > 0 }
