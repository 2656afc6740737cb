package ratelimit

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math"
	"slices"
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

// Clone returns a copy, which other goroutines may Save. It costs much less than Save.
func (l *Learner) Clone() *Learner {
	c := *l
	c.past.tallies = slices.Clone(l.past.tallies)
	return &c
}

// Save returns what has been learned, for Restore. It changes nothing.
func (l *Learner) Save() []byte {
	s := saved{
		Version: savedVersion, Configured: l.configured, Limit: l.limit, Born: l.born, Learned: l.learned,
		Total: l.past.total, ClockHour: l.past.clockHour,
	}
	before := int64(0)
	for _, t := range l.past.tallies {
		s.Tallies = append(s.Tallies, int(t.second-before), t.count)
		before = t.second
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&s); err != nil {
		return nil // plain numbers: it cannot happen
	}
	return b.Bytes()
}

var errForeign = errors.New("saved by another version")

// Restore takes back what Save returned. It must be called before the learner is used. An error means that the bytes cannot
// be used; then nothing is changed.
//
// A configured rate that was lowered meanwhile applies if it is lower than what was learned. One that was raised means that
// the user expects the API to accept more: only the record of accepted requests is then restored.
func (l *Learner) Restore(encoded []byte, now time.Time) error {
	var s saved
	if gob.NewDecoder(bytes.NewReader(encoded)).Decode(&s) != nil || s.Version != savedVersion || !s.isValid() {
		return errForeign
	}
	l.born = earlier(s.Born, now)
	l.past = s.history(now)
	l.AcceptedAtLast = s.Total
	if l.configured.PerHour <= s.Configured.PerHour && l.configured.Burst <= s.Configured.Burst {
		l.restore(&s, now)
	}
	return nil
}

// restore takes back everything but what was accepted. No time is later than possible: the clock may have been set back.
func (l *Learner) restore(s *saved, now time.Time) {
	l.learned, l.past.clockHour = s.Learned, s.ClockHour
	l.Last.At, l.Last.Until = earlier(l.Last.At, now), earlier(l.Last.Until, now.Add(refusedFor))
	l.Search.Since, l.Steps.Next = earlier(l.Search.Since, now), earlier(l.Steps.Next, now.Add(failedStepWait))
	l.Sharing.Recorded, l.Sharing.Varied = earlier(l.Sharing.Recorded, now), earlier(l.Sharing.Varied, now)
	if s.Limit.PerHour < l.configured.PerHour {
		l.limit = Limit{PerHour: s.Limit.PerHour, Burst: min(s.Limit.Burst, l.configured.Burst)}
	}
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
