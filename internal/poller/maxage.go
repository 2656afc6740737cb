package poller

import (
	"time"

	"innius_exporter/internal/poller/reading"
)

// MaxAgeStatus says whether a sensor meets the max-age target of its rule; empty for a sensor without target.
type MaxAgeStatus string

// The statuses of a target.
const (
	MaxAgeMet     MaxAgeStatus = "kept"
	MaxAgeMissed  MaxAgeStatus = "broken"    // the reading is older, though the sensor reports often enough
	MaxAgeRelaxed MaxAgeStatus = "stretched" // the targets take more than their share of the requests, so all are relaxed
)

// MaxAgeStatuses lists them.
var MaxAgeStatuses = [...]MaxAgeStatus{MaxAgeMet, MaxAgeMissed, MaxAgeRelaxed}

// maxAgeStatus returns the status of a sensor's target at a moment. The next reading is expected one interval after the
// cached one. A sensor that was silent when it was polled, or has never reported, misses nothing.
func (s *sensor) maxAgeStatus(o *reading.Record, relaxed bool, now time.Time) MaxAgeStatus {
	age, interval := s.rule.MaxAge, planned(o.Interval.Seconds)
	switch {
	case age == 0:
		return ""
	case relaxed:
		return MaxAgeRelaxed
	case o.Time.IsZero() && !o.LastSuccess.IsZero(), s.machine.theirTime(now).Sub(o.Time) <= age+interval, now.Sub(o.LastSuccess) <= age:
		return MaxAgeMet
	}
	return MaxAgeMissed
}
