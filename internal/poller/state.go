package poller

import (
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

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
var States = [...]State{StateWaiting, StateFresh, StateLate, StateStale, StateUnreadable, StateFailing, StateFiltered}

// state judges a sensor at a moment, by the age at which a value is stale.
func (s *sensor) state(o *reading.Record, staleAfter time.Duration, now time.Time) State {
	exposed := o.Exposed(staleAfter, s.machine.theirTime(now))
	switch {
	case !s.polled():
		return StateFiltered
	case o.Failure != "":
		return StateFailing
	case o.LastSuccess.IsZero():
		return StateWaiting
	case exposed && late(o, s.expected(o), s.machine.theirTime(o.LastSuccess)):
		return StateLate
	case exposed:
		return StateFresh
	case o.Unusable.Skip != "":
		return StateUnreadable
	}
	return StateStale
}

// lateAfter is how many of its intervals a sensor may be silent, as far as the API could be asked.
const lateAfter = 3

// expected returns the interval, in seconds, by which the sensor's silence may be judged; 0: none. A sensor whose newest
// reading is a text, or has no time that can be used, is not silent: it has only no number to show. One that reports null is
// in want of a number, which is what silence means to whoever waits for it.
func (s *sensor) expected(o *reading.Record) float64 {
	switch o.Unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture:
		return 0
	}
	return s.entry.Load().Interval.Seconds
}

// late reports whether the API answered without anything newer long after the next reading was due. interval is in
// seconds; 0: not learned. answered is by the API's clock.
func late(o *reading.Record, interval float64, answered time.Time) bool {
	return interval > 0 && answered.Sub(o.Time).Seconds() > lateAfter*interval
}
