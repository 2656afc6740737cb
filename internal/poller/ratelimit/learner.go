package ratelimit

import (
	"math"
	"time"
)

const (
	margin         = 0.97 // part of an estimate that is used
	narrow         = 1.04 // ratio of the bounds at which a search ends
	cautious       = 0.95 // part of a rate that is used after a refusal that fits no hypothesis
	blindDecrease  = 0.8  // the same, if nothing is known of what was accepted
	belowRefused   = 0.99 // highest part of a refused rate, or of a barely proven one
	refusedFor     = 24 * time.Hour
	implausible    = 0.1            // part of the rate below which a limit needs a second refusal
	leastRate      = 1e-3           // part of the configured rate that is always used
	stepsAfter     = 6 * time.Hour  // from a refusal to the first step up
	stepLasts      = 2 * time.Hour  // until a step counts as accepted
	failedStepWait = 30 * time.Hour // after a refused step
	firstStep      = 0.05           // part of the rate; doubled with each step
)

// Limit is what a sender keeps to.
type Limit struct {
	PerHour float64 // requests per hour
	Burst   int     // requests that may be sent at once after a rest, at least 1
}

// Cause is why the limit in force is lower than configured.
type Cause string

// The causes.
const (
	None          Cause = ""                // it is not lower
	LimitOrShared Cause = "limit_or_shared" // the API's limit is lower than configured, or others use the key: they look the same
	Shared        Cause = "shared"          // others use the key: the refused rate varies
)

// steps raise the rate again, one at a time.
type steps struct {
	Base   float64   // rate before the first step; a refusal above it concerns a step
	Proven float64   // rate of the latest accepted step
	Size   float64   // of the next step, as a part of the rate
	Next   time.Time // when it may be taken
}

// startSteps begins again with the first step, at a time.
func (l *Learner) startSteps(next time.Time) {
	l.Steps = steps{Base: l.limit.PerHour, Proven: l.limit.PerHour, Size: firstStep, Next: next}
}

// setBase takes the rate in force as proven: a search arrived at it, not a step.
func (s *steps) setBase(rate float64) { s.Base, s.Proven = rate, rate }

// Learner learns the limit of one key. One goroutine owns it.
type Learner struct {
	configured, limit Limit
	born              time.Time // begin of the record of accepted requests
	past              history
	learned
}

// learned is what refusals have shown.
type learned struct {
	Last           refused
	AcceptedAtLast int     // number accepted, in total, up to the end of the latest refusal
	Hourly         float64 // hourly limit in force; 0: none is known
	Search         search
	Steps          steps
	Sharing        sharing
}

// New returns a learner that starts with the configured limit.
func New(configured Limit) *Learner {
	l := &Learner{configured: configured, limit: configured}
	l.startSteps(time.Time{})
	return l
}

// Limit returns the limit in force.
func (l *Learner) Limit() Limit { return l.limit }

// lowered reports whether the limit in force is lower than configured.
func (l *Learner) lowered() bool { return l.limit != l.configured }

// Cause returns why the limit in force is lower than configured.
func (l *Learner) Cause(now time.Time) Cause {
	switch {
	case !l.lowered():
		return None
	case l.Sharing.detected(now):
		return Shared
	}
	return LimitOrShared
}

// Accepted records n requests that the API counted and did not refuse, whatever their status.
func (l *Learner) Accepted(at time.Time, n int) {
	if n <= 0 {
		return
	}
	l.begin(at)
	l.past.add(at, n)
	if at.Before(l.Last.Until) { // sent before the pause
		l.AcceptedAtLast = l.past.total
		return
	}
	l.raiseLowerBound(at)
}

// Refused records a refusal and lowers the limit.
func (l *Learner) Refused(r Refusal) {
	l.begin(r.At)
	if r.At.Before(l.Last.Until) { // sent before the pause: the same refusal
		if r.until().After(l.Last.Until) {
			l.Last.Until = r.until()
		}
		return
	}
	before := l.Last
	l.Last = refused{At: r.At, Until: r.until(), Rate: l.limit.PerHour, Stated: r.Stated}
	l.lower(r, before)
	l.AcceptedAtLast, l.past.InHour, l.past.Most = l.past.total, 0, 0
}

// Advance lets time pass. It must be called before each decision to send and before Limit.
func (l *Learner) Advance(now time.Time) {
	l.begin(now)
	l.Sharing.recordPeak(l, now)
	if l.Search.High > 0 && !l.Search.Unstated && now.Sub(l.Last.Until) > searchEnds {
		l.endSearch(now)
	}
	switch {
	case now.Before(l.Steps.Next):
	case !l.lowered():
		l.Steps.setBase(l.limit.PerHour)
		l.Hourly = 0 // the configured rate was accepted: there is no such limit any more
	case l.Search.Unstated:
		l.continueBisection(now)
	default:
		l.Search = search{}
		l.stepUp(now)
	}
}

// Wait returns how long to wait before the next request, with inFlight requests under way, whatever the rate permits. After
// an hourly limit was reached, the last 60 minutes are full for a while. One request is kept in reserve, because whole
// seconds are counted. A step up does not wait.
func (l *Learner) Wait(now time.Time, inFlight int) time.Duration {
	accepted, oldest := l.past.last(now.Unix() - 3600)
	if l.Hourly == 0 || l.limit.PerHour > l.Steps.Base || float64(accepted+inFlight) < l.Hourly-1 || accepted == 0 {
		return 0
	}
	return time.Unix(oldest+3601, 0).Sub(now)
}

func (l *Learner) begin(now time.Time) {
	if l.born.IsZero() {
		l.born = now
	}
}

// setRate sets the rate in force, below the rate that was refused in the last 24 h.
func (l *Learner) setRate(rate float64, now time.Time) {
	rate = min(rate, l.ceiling(now)*belowRefused, l.configured.PerHour)
	l.limit.PerHour = max(rate, l.configured.PerHour*leastRate)
}

// ceiling returns the rate that was refused within 24 h; +Inf if none was.
func (l *Learner) ceiling(now time.Time) float64 {
	if l.Last.At.IsZero() || now.Sub(l.Last.At) >= refusedFor {
		return math.Inf(1)
	}
	return l.Last.Rate
}

// stepUp raises the rate, if the rate refused in the last 24 h leaves enough room.
func (l *Learner) stepUp(now time.Time) {
	s := &l.Steps
	s.Proven = l.limit.PerHour
	if l.ceiling(now) <= (1+firstStep)*l.limit.PerHour {
		return
	}
	l.setRate(l.limit.PerHour*(1+s.Size), now)
	s.Size, s.Next = 2*s.Size, now.Add(stepLasts)
	if l.limit.PerHour >= l.configured.PerHour {
		l.limit.Burst = l.configured.Burst
	}
}

// stepBack returns to a proven rate. A step that is slightly too high may have lasted thanks to a bucket's burst. What was
// accepted in the last two hours without that burst is proven, however far the steps had gone.
func (l *Learner) stepBack(now time.Time) {
	from := now.Add(-stepLasts).Unix()
	accepted := float64(l.past.count(from, now.Unix()+1) - l.configured.Burst)
	l.Search = search{}
	l.setRate(max(l.Steps.Base, cautious*min(l.Steps.Proven, accepted/stepLasts.Hours())), now)
}

// Save returns what has been learned, for Restore. It changes nothing, and the result shares nothing with the learner.
func (l *Learner) Save() *Saved {
	s := &Saved{
		Configured: l.configured, Limit: l.limit, Born: l.born, Learned: l.learned, Total: l.past.total, ClockHour: l.past.clockHour,
	}
	before := int64(0)
	for _, t := range l.past.tallies {
		s.Tallies = append(s.Tallies, int(t.second-before), t.count)
		before = t.second
	}
	return s
}

// Restore takes back what Save returned, or returns an error and nothing if Save cannot have returned it: such values could stop
// all requests. It must be called before the learner is used.
//
// A configured rate that was lowered meanwhile applies if it is lower than what was learned. One that was raised means that
// the user expects the API to accept more: only the record of accepted requests is then restored.
func (l *Learner) Restore(s *Saved, now time.Time) error {
	if !s.valid() {
		return errInvalid
	}
	l.born = earlier(s.Born, now)
	l.past = s.history(now)
	l.AcceptedAtLast = s.Total
	if l.configured.PerHour <= s.Configured.PerHour && l.configured.Burst <= s.Configured.Burst {
		l.restore(s, now)
	}
	return nil
}

// restore takes back everything but what was accepted. No time is later than possible: the clock may have been set back.
func (l *Learner) restore(s *Saved, now time.Time) {
	l.learned, l.past.clockHour = s.Learned, s.ClockHour
	l.Last.At, l.Last.Until = earlier(l.Last.At, now), earlier(l.Last.Until, now.Add(refusedFor))
	l.Search.Since, l.Steps.Next = earlier(l.Search.Since, now), earlier(l.Steps.Next, now.Add(failedStepWait))
	l.Sharing.Recorded, l.Sharing.Varied = earlier(l.Sharing.Recorded, now), earlier(l.Sharing.Varied, now)
	if s.Limit.PerHour < l.configured.PerHour {
		l.limit = Limit{PerHour: s.Limit.PerHour, Burst: min(s.Limit.Burst, l.configured.Burst)}
	}
}
