package poller

import (
	"math"
	"time"

	"innius_exporter/internal/poller/ratelimit"
)

// limiterState is what an account learns of its rate limit. Its loop owns it.
type limiterState struct {
	learner    *ratelimit.Learner
	configured ratelimit.Limit
	limit      ratelimit.Limit // in force
	cause      ratelimit.Cause // why it is lower than configured
	published  time.Time       // when the learner's state was published last
	logged     loggedRate
}

// loggedRate is the rate that the log names.
type loggedRate struct {
	perHour float64
	at      time.Time
}

func newLimiterState(a Account) limiterState {
	configured := ratelimit.Limit{PerHour: a.Pacer.PerHour(), Burst: a.Pacer.Burst()}
	return limiterState{
		learner: ratelimit.New(configured), configured: configured, limit: configured, logged: loggedRate{perHour: configured.PerHour},
	}
}

// limiterPublishInterval is the time between two publications of what was learned, for saving. Each 429 is published at once.
const limiterPublishInterval = 10 * time.Second

// updateLimiter takes in what innius accepted since the last call, and the passing of time, and applies the limit that follows.
func (a *account) updateLimiter(now time.Time) {
	a.limiter.learner.Accepted(now, int(a.counters.accepted.Swap(0)))
	a.limiter.learner.Advance(now)
	a.applyLimit(now)
	if now.Sub(a.limiter.published) >= limiterPublishInterval {
		a.publishLimiter(now)
	}
}

// recordRefusal takes in a 429; wait is 0 if none was stated. It must be called before the pacer pauses: the requests that
// the pacer still had show whether the burst was too large or the rate.
func (a *account) recordRefusal(wait time.Duration, now time.Time) {
	r := ratelimit.Refusal{At: now, Wait: wait, Stated: wait > 0, Remaining: a.Pacer.State(now).Tokens}
	if !r.Stated {
		r.Wait = a.breaker.remaining(now)
	}
	a.limiter.learner.Accepted(now, int(a.counters.accepted.Swap(0)))
	a.limiter.learner.Refused(r)
	a.applyLimit(now)
	a.publishLimiter(now)
}

func (a *account) publishLimiter(now time.Time) {
	a.limiter.published = now
	saved := a.limiter.learner.Save()
	a.savedLimiter.Store(&saved)
}

// restoreLimiter takes over what an earlier process or account learned.
func (a *account) restoreLimiter(saved []byte, now time.Time) {
	if saved == nil {
		return
	}
	if err := a.limiter.learner.Restore(saved, now); err != nil {
		a.log.Warn("Discarding saved rate limit state", "err", err)
		return
	}
	a.applyLimit(now)
	a.publishLimiter(now)
}

// resetLimiter starts from the configured limit: the key belongs to another company.
func (a *account) resetLimiter(now time.Time) {
	a.limiter.learner = ratelimit.New(a.limiter.configured)
	a.applyLimit(now)
	a.publishLimiter(now)
}

// applyLimit passes the learned limit on to pacer and discovery.
func (a *account) applyLimit(now time.Time) {
	limit, cause := a.limiter.learner.Limit(), a.limiter.learner.Cause(now)
	if limit != a.limiter.limit {
		a.Pacer.SetRate(limit.PerHour, limit.Burst)
		a.discovery.setRate(limit.PerHour)
	}
	a.logLimit(limit, cause, now)
	a.limiter.limit, a.limiter.cause = limit, cause
}

// limitLogInterval is the shortest time between two log lines about a rate that changes without another cause.
const limitLogInterval = 15 * time.Minute

// logLimit logs when the limit is first lowered, when its cause changes and when it is as configured again. Between these,
// it logs changes of more than 5 %.
func (a *account) logLimit(limit ratelimit.Limit, cause ratelimit.Cause, now time.Time) {
	l := &a.limiter
	attrs := []any{
		"requests_per_hour", round(limit.PerHour), "configured_requests_per_hour", round(l.configured.PerHour),
		"burst", limit.Burst, "configured_burst", l.configured.Burst,
	}
	similar := math.Abs(limit.PerHour-l.logged.perHour) <= 0.05*l.logged.perHour
	switch {
	case cause == l.cause && (similar || now.Sub(l.logged.at) < limitLogInterval):
		return
	case cause == l.cause:
		a.log.Info("Request rate adjusted to the learned limit", attrs...)
	case cause == ratelimit.None:
		a.log.Info("Request rate restored to the configured limit", attrs...)
	default:
		a.log.Warn("Request rate lowered below the configured limit", append(attrs, "why", LoweredText[cause])...)
	}
	l.logged = loggedRate{limit.PerHour, now}
}

// LoweredText explains why the rate limit in force is lower than configured, and what to do.
var LoweredText = map[ratelimit.Cause]string{
	ratelimit.LimitOrShared: "innius refused requests (429): its limit is lower than configured, or another tool uses the same " +
		"key. Lower requests_per_hour or burst, or find the other tool",
	ratelimit.Shared: "innius refused requests (429) at varying rates: another tool uses the same key. Give that tool a key of " +
		"its own, or lower share",
}

// round rounds a rate for the log.
func round(perHour float64) float64 { return float64(int(perHour*10+0.5)) / 10 }
