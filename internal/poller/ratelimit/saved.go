package ratelimit

import (
	"errors"
	"math"
	"slices"
	"time"
)

// Saved is what a restart keeps of a Learner, as plain values.
type Saved struct {
	Configured, Limit Limit
	Born              time.Time
	Learned           learned
	Total             int
	ClockHour         clockHour
	Tallies           []int // pairs of the seconds since the one before and the number of requests
}

var errInvalid = errors.New("impossible values")

// valid reports whether a learner can have saved these values.
func (s *Saved) valid() bool {
	l := &s.Learned
	return s.Configured.valid() && s.Limit.valid() &&
		s.Limit.PerHour <= s.Configured.PerHour && s.Limit.Burst <= s.Configured.Burst &&
		l.Last.valid() && l.Steps.valid() &&
		notNegative(l.Hourly, l.Search.Low, l.Search.High, l.Sharing.Estimate, l.Sharing.Peak) && l.Search.Refusals >= 0 &&
		s.Total >= 0 && s.Total < math.MaxInt/2 && isPart(l.AcceptedAtLast, s.Total) && isPart(l.Search.Already, s.Total) &&
		isPart(s.ClockHour.InHour, s.ClockHour.Most) && isPart(s.ClockHour.Most, s.Total) &&
		s.validTallies()
}

// validTallies reports whether the seconds of the tallies increase, and no more were accepted than in total.
func (s *Saved) validTallies() bool {
	second, left := 0, s.Total
	for i := 0; i+1 < len(s.Tallies); i += 2 {
		ahead, count := s.Tallies[i], s.Tallies[i+1]
		if ahead < 0 || ahead > math.MaxInt-second || count < 1 || count > left {
			return false
		}
		second, left = second+ahead, left-count
	}
	return len(s.Tallies)%2 == 0
}

func (l Limit) valid() bool { return positive(l.PerHour) && l.Burst >= 1 }

func (r refused) valid() bool {
	return r == refused{} || positive(r.Rate) && !r.At.IsZero() && !r.Until.Before(r.At)
}

func (s steps) valid() bool { return positive(s.Base, s.Proven, s.Size) }

// positive reports whether all numbers are above 0 and finite.
func positive(numbers ...float64) bool {
	for _, n := range numbers {
		if !(n > 0 && n <= math.MaxFloat64) { // false for NaN
			return false
		}
	}
	return true
}

// notNegative reports whether all numbers are 0 or above, and finite.
func notNegative(numbers ...float64) bool {
	for _, n := range numbers {
		if n != 0 && !positive(n) {
			return false
		}
	}
	return true
}

// isPart reports whether a number of requests can be among another.
func isPart(n, of int) bool { return n >= 0 && n <= of }

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

// Moved returns a copy whose times are moved, because they are of a clock that was set; nil for nil.
func (s *Saved) Moved(by time.Duration) *Saved {
	if s == nil {
		return nil
	}
	m := *s
	l := &m.Learned
	for _, t := range []*time.Time{
		&m.Born, &l.Last.At, &l.Last.Until, &l.Search.Since, &l.Steps.Next, &l.Sharing.Recorded, &l.Sharing.Varied,
	} {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	seconds := int(by.Seconds())
	m.ClockHour.Hour = (3600*m.ClockHour.Hour + int64(seconds)) / 3600
	if m.Tallies = slices.Clone(s.Tallies); len(m.Tallies) > 0 {
		m.Tallies[0] += seconds
	}
	return &m
}

// earlier returns a saved time, but not one after latest.
func earlier(t, latest time.Time) time.Time {
	if t.After(latest) {
		return latest
	}
	return t
}
