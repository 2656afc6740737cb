package poller

import (
	"time"

	"innius_exporter/internal/poller/reading"
)

// Promise says how the promise of a greatest age (max_age of a rule) does; empty for a sensor without one.
type Promise string

// The states of a promise.
const (
	PromiseKept      Promise = "kept"
	PromiseBroken    Promise = "broken"    // the value is older than promised, though the sensor reports often enough
	PromiseStretched Promise = "stretched" // promises take more than their share, and all are stretched alike
)

// Promises lists the states.
var Promises = [...]Promise{PromiseKept, PromiseBroken, PromiseStretched}

// promise judges a sensor's promise at a moment: that no reading is older than promised before it is picked up. The next
// one is expected an interval after the one held. A sensor that was silent when it was asked, or has never reported,
// breaks nothing.
func (s *sensor) promise(o *reading.Record, stretched bool, now time.Time) Promise {
	age, interval := s.rule.MaxAge, time.Duration(s.entry.Load().Interval.Seconds*float64(time.Second))
	switch {
	case age == 0:
		return ""
	case stretched:
		return PromiseStretched
	case o.Time.IsZero() && !o.LastSuccess.IsZero(), s.machine.theirTime(now).Sub(o.Time) <= age+interval, now.Sub(o.LastSuccess) <= age:
		return PromiseKept
	}
	return PromiseBroken
}
