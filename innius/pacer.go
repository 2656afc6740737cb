package innius

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pacer keeps the requests of one key within its rate limit. Every attempt of every operation takes a token before it
// is sent. It is a token bucket (x/time/rate) under a pause, because a rate.Limiter alone would fill up during a
// pause and let out a full bucket at its end. Safe for concurrent use.
type Pacer struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	prepaid int       // taken by Take for attempts that have not yet begun
	until   time.Time // end of the pause in force; zero: none
}

// NewPacer makes a pacer of a rate in requests per hour and a burst in requests; the bucket starts full.
func NewPacer(perHour float64, burst int) *Pacer {
	return &Pacer{limiter: rate.NewLimiter(rate.Limit(perHour/3600), burst)}
}

// Take takes one token now, for an attempt that follows at once, and returns 0; or takes nothing and returns how long to
// wait before the next call. It never blocks. A caller that takes first and then chooses the request chooses with the newest
// knowledge.
func (p *Pacer) Take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.take(now)
	if wait == 0 {
		p.prepaid++
	}
	return wait
}

// take takes one token of the bucket or returns how long it will be empty.
func (p *Pacer) take(now time.Time) time.Duration {
	p.resume(now)
	if !p.until.IsZero() {
		return p.until.Sub(now)
	}
	r := p.limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Wait blocks until one request may be sent, and takes it. It returns ErrPaused at once while a pause is in force,
// and ctx's error when ctx ends first.
func (p *Pacer) Wait(ctx context.Context) error {
	for {
		wait, err := p.spend(Now())
		if err != nil || wait == 0 {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (p *Pacer) spend(now time.Time) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume(now)
	if !p.until.IsZero() {
		return 0, ErrPaused
	}
	if p.prepaid > 0 {
		p.prepaid--
		return 0, nil
	}
	return p.take(now), nil
}

// repeat takes one request now, or reports that there is none.
func (p *Pacer) repeat() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take(Now()) == 0
}

// refund gives back one request that was taken and not sent.
func (p *Pacer) refund() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter.AllowN(Now(), -1)
}

// Pause stops all sending until a moment; at its end the bucket holds at most one request, however long the pause was. A
// pause in force is only ever prolonged. Requests taken but not yet begun are void.
func (p *Pacer) Pause(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Not before now: a moment that has passed must not refill the bucket.
	p.until = slices.MaxFunc([]time.Time{p.until, until, Now()}, time.Time.Compare)
	p.prepaid = 0
}

// resume ends a pause that is over and leaves at most one request in the bucket, as of the pause's end. A new limiter
// is the one way to leave exactly one: an old one gives away whole requests only, and keeps its fraction.
func (p *Pacer) resume(now time.Time) {
	if p.until.IsZero() || now.Before(p.until) {
		return
	}
	end := p.until
	p.until = time.Time{}
	if p.limiter.TokensAt(end) > 1 {
		p.limiter = rate.NewLimiter(p.limiter.Limit(), p.limiter.Burst())
		p.limiter.AllowN(end, p.limiter.Burst()-1)
	}
}

// Remaining returns how many requests could be sent at once.
func (p *Pacer) Remaining(now time.Time) float64 {
	s := p.State(now)
	if !s.Until.IsZero() {
		return 0
	}
	return max(0, math.Round(s.Tokens*1e6)/1e6) // a bucket of 2 may hold 1.9999999999999973
}

// PerHour returns the rate that the pacer keeps to, in requests per hour.
func (p *Pacer) PerHour() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(p.limiter.Limit()) * 3600
}

// Burst returns how many requests the pacer lets out at once at most.
func (p *Pacer) Burst() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limiter.Burst()
}

// SetRate changes the rate, in requests per hour, and the burst from now on. A pause in force and requests owed stay; what
// could be sent at once never grows by the change.
func (p *Pacer) SetRate(perHour float64, burst int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := Now()
	p.resume(now)
	p.limiter.SetLimitAt(now, rate.Limit(perHour/3600))
	p.limiter.SetBurstAt(now, burst)
}

// sleep waits, or returns ctx's error when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

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
	return PacerState{At: now, Tokens: min(0, s.Tokens), Until: s.ends(now)}
}

// Restore takes over the state of an earlier process as of now: its tokens and what time has refilled since, at most the
// burst; and its pause. The pacer must not have been used yet. The rate is the pacer's own.
//
// Both moments are of wall clocks, which may have been set in between. After a step back nothing counts as refilled; in both
// directions a pause lasts no longer than it had to when the state was saved, nor than MaxRetryAfter.
func (p *Pacer) Restore(s PacerState, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fill(s.Tokens, slices.MinFunc([]time.Time{s.At, now}, time.Time.Compare))
	p.until = s.ends(now)
}

// ends returns when the pause ends, by the clock of now; zero where there is none.
func (s PacerState) ends(now time.Time) time.Time {
	latest := now.Add(min(s.Until.Sub(s.At), MaxRetryAfter))
	if !s.Until.IsZero() && s.Until.After(latest) {
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
