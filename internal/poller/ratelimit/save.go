package ratelimit

import (
	"math"
	"time"
)

// savedVersion is the version of the saved form. Other versions are not restored.
const savedVersion = 2

// saved is what survives a restart.
type saved struct {
	Version           int
	Configured, Limit Limit
	Born              time.Time
	Learned           learned
	Total             int
	ClockHour         clockHour
	Tallies           []int // pairs of the seconds since the one before and the number of requests
}

// history returns the accepted requests, without those of the future: the clock may have been set back.
func (s *saved) history(now time.Time) history {
	h, second := history{total: s.Total}, int64(0)
	for i := 0; i+1 < len(s.Tallies); i += 2 {
		if second += int64(s.Tallies[i]); second <= now.Unix() {
			h.tallies = append(h.tallies, tally{second, s.Tallies[i+1]})
			h.recent += s.Tallies[i+1]
		}
	}
	return h
}

// maxNumber is the largest rate or count that can be real.
const maxNumber = 1e9

// isValid reports whether every number is within its bounds.
func (s *saved) isValid() bool {
	known, search, steps := s.Learned, s.Learned.Search, s.Learned.Steps
	for _, f := range []float64{
		known.Last.Rate, known.Hourly, search.Low, search.High, steps.Base, steps.Proven, steps.Size,
		known.Sharing.Estimate, known.Sharing.Peak,
	} {
		if !(math.Abs(f) <= maxNumber) { // NaN, too
			return false
		}
	}
	for i, n := range s.Tallies {
		if n < 1 || n > 8*maxNumber || i%2 == 1 && n > maxNumber {
			return false
		}
	}
	c, l := s.Configured, s.Limit
	return c.PerHour > 0 && c.PerHour <= maxNumber && l.PerHour >= leastRate*c.PerHour*(1-1e-9) && l.PerHour <= c.PerHour &&
		l.Burst >= 1 && l.Burst <= c.Burst && steps.Size >= firstStep && (known.Hourly == 0 || known.Hourly >= 2) &&
		min(known.Last.Rate, search.Low, search.High, steps.Base) >= 0 && search.Already >= -1 && search.Already <= s.Total &&
		known.AcceptedAtLast >= 0 && known.AcceptedAtLast <= s.Total && s.Total <= maxNumber &&
		len(s.Tallies) <= 2*int(remembered/time.Second)+2
}

// earlier returns a saved time, but not one after latest.
func earlier(t, latest time.Time) time.Time {
	if t.After(latest) {
		return latest
	}
	return t
}
