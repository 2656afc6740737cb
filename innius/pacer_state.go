package innius

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// PacerState is what a Pacer knows at one moment, to be saved over a restart.
type PacerState struct {
	At     time.Time // the moment
	Tokens float64   // requests that could be sent at it; below 0: owed
	Until  time.Time // end of the pause in force; zero: none
}

// State returns what the pacer knows now. Requests taken but not yet begun count as sent.
func (p *Pacer) State(now time.Time) PacerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume(now)
	return PacerState{At: now, Tokens: p.limiter.TokensAt(now), Until: p.until}
}

// Spent returns the state as it must be assumed where the process died at an unknown moment up to now: all that it could
// send was sent. So a crash loop, which never saves a newer state, does not spend the same one again and again.
func (s PacerState) Spent(now time.Time) PacerState {
	spent := PacerState{At: now, Tokens: min(0, s.Tokens)}
	if !s.Until.IsZero() {
		spent.Until = s.ends(now)
	}
	return spent
}

// Restore takes over the state of an earlier process as of now: its tokens and what time has refilled since, at most the
// burst; and its pause. The pacer must not have been used yet. The rate is the pacer's own.
//
// Both moments are of wall clocks, which may have been set in between. After a step back nothing counts as refilled; in both
// directions a pause lasts no longer than it had to when the state was saved.
func (p *Pacer) Restore(s PacerState, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := s.At
	if at.After(now) {
		at = now
	}
	p.fill(s.Tokens, at)
	p.until = time.Time{}
	if !s.Until.IsZero() {
		p.until = s.ends(now)
	}
}

// ends returns when the pause ends, by the clock of now.
func (s PacerState) ends(now time.Time) time.Time {
	if latest := now.Add(s.Until.Sub(s.At)); s.Until.After(latest) {
		return latest
	}
	return s.Until
}

// fill makes the bucket hold so many requests at a moment. A limiter gives away whole requests only, so one that is to
// hold a fraction is emptied at the moment from which it takes just until then to refill to it; what is owed is taken then.
// It is exact, for a debt that grew a little with each of many restarts would never be paid.
func (p *Pacer) fill(tokens float64, at time.Time) {
	limit, burst := p.limiter.Limit(), p.limiter.Burst()
	if math.IsNaN(tokens) {
		tokens = 0
	}
	tokens = max(-float64(limit)*time.Hour.Seconds(), min(float64(burst), tokens)) // at most an hour is owed
	p.limiter = rate.NewLimiter(limit, burst)
	owed := max(0, math.Ceil(-tokens))
	empty := at.Add(-time.Duration((tokens + owed) / float64(limit) * float64(time.Second)))
	p.limiter.AllowN(empty, burst)
	for range int(owed) {
		p.limiter.ReserveN(at, 1)
	}
}
