package ratelimit

import "time"

// Saved is what a restart keeps of a Learner, as plain values.
type Saved struct {
	Configured, Limit Limit
	Born              time.Time
	Learned           learned
	Total             int
	ClockHour         clockHour
	Tallies           []int // pairs of the seconds since the one before and the number of requests
}

// history returns the accepted requests, without those of the future: the clock may have been set back.
func (s *Saved) history(now time.Time) history {
	h, second := history{total: s.Total}, int64(0)
	for i := 0; i+1 < len(s.Tallies); i += 2 {
		if second += int64(s.Tallies[i]); second <= now.Unix() {
			h.tallies = append(h.tallies, tally{second, s.Tallies[i+1]})
			h.recent += s.Tallies[i+1]
		}
	}
	return h
}

// earlier returns a saved time, but not one after latest.
func earlier(t, latest time.Time) time.Time {
	if t.After(latest) {
		return latest
	}
	return t
}
