package poller

import (
	"time"

	"innius_exporter/innius"
)

// outcome is what an answer about a sensor tells a schedule.
type outcome struct {
	at    time.Time     // when the request was sent
	now   time.Time     // when the response arrived
	ahead time.Duration // how far the API's clock is ahead of ours
	whole bool          // no reading between what was held and the first of times can have been missed
	times []time.Time   // of all readings newer than what was held, unusable ones too, ascending, each once; empty: no news
}

// newTimes returns the times of readings that are newer than all seen so far, ascending and each once, and whether the
// page reached back to those. readings are oldest first. What has no time, or one in the future, says nothing of when a
// sensor reports.
func (o *observation) newTimes(readings []innius.Reading) (times []time.Time, whole bool) {
	newest := o.seen
	for _, r := range readings {
		switch {
		case r.Skip == innius.SkipTime, r.Skip == innius.SkipFuture:
		case r.Time.After(newest):
			times, newest = append(times, r.Time), r.Time
		case !r.Time.After(o.seen):
			whole = true
		}
	}
	return times, whole
}
