package ratelimit

import "time"

const (
	clearlyDifferent = 1.1 // ratio of two estimates
	peakInterval     = 10 * time.Minute
	sharedFor        = 72 * time.Hour // after it was last seen: a tool that runs by day rests over a weekend
)

// sharing distinguishes a shared key from a low limit. A limit that was changed once goes in one direction. Other users, who
// come and go, make it rise and then fall again.
type sharing struct {
	Estimate float64   // the latest; 0: none
	Peak     float64   // most accepted in an hour since, beyond a burst
	Recorded time.Time // when Peak was last updated
	Varied   time.Time // when it last rose and then fell
}

// recordPeak takes in, from time to time, what was accepted in the last hour.
func (s *sharing) recordPeak(l *Learner, now time.Time) {
	if s.Estimate == 0 || now.Sub(s.Recorded) < peakInterval {
		return
	}
	s.Recorded = now
	if now.Sub(l.Last.At) > time.Hour { // a full hour since
		s.Peak = max(s.Peak, float64(l.past.count(now.Unix()-3600, now.Unix())-l.limit.Burst))
	}
}

// addEstimate takes in an estimate of the limit.
func (s *sharing) addEstimate(limit float64, now time.Time) {
	if s.Estimate > 0 && s.Peak > clearlyDifferent*s.Estimate && limit < s.Peak/clearlyDifferent {
		s.Varied = now
	}
	s.Estimate, s.Peak, s.Recorded = limit, 0, now
}

func (s *sharing) detected(now time.Time) bool {
	return !s.Varied.IsZero() && now.Sub(s.Varied) < sharedFor
}
