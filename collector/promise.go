package collector

import "time"

// Promise says how the promise of a greatest age (max_age of a rule) does; empty for a sensor without one.
type Promise string

// The states of a promise.
const (
	PromiseKept      Promise = "kept"
	PromiseBroken    Promise = "broken"    // the value is older than promised, though the sensor reports often enough
	PromiseStretched Promise = "stretched" // promises take more than their share, and all are stretched alike
)

// Promises lists the states.
var Promises = []Promise{PromiseKept, PromiseBroken, PromiseStretched}

// promise judges a sensor's promise at a moment. A sensor that reports more seldom than promised, or was silent when it
// was asked, breaks nothing: then the promise is to have asked in time.
func (s *sensor) promise(o *observation, stretched bool, now time.Time) Promise {
	switch age := s.rule.MaxAge; {
	case age == 0:
		return ""
	case stretched:
		return PromiseStretched
	case now.Sub(o.at) <= age || now.Sub(o.answered) <= age:
		return PromiseKept
	}
	return PromiseBroken
}
