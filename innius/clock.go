package innius

import "time"

var started = time.Now() //nolint:forbidigo // from here on the monotonic clock counts

// Now returns the time by a clock that is never set: that of the wall clock when the process started, plus what the monotonic
// clock has counted since. Due times, pauses and ages are by this clock, so that a step of the wall clock changes none of them,
// not even where a time has lost its monotonic reading. While a machine is suspended, the monotonic clock may stand still: then
// it looks as if the wall clock had been set. Safe for concurrent use.
func Now() time.Time {
	//nolint:forbidigo,staticcheck // only its monotonic reading counts; time.Since would not go by the virtual time of tests
	return started.Add(time.Now().Sub(started)).Round(0)
}
