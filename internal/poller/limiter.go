package poller

import (
	"cmp"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/ratelimit"
)

// limiter sets the pacer's rate to the one that innius accepts, as learned from the requests. The account's loop owns it.
type limiter struct {
	log      *slog.Logger
	pacer    *innius.Pacer
	accepted *atomic.Int64 // requests that innius counted since the last look

	learner    *ratelimit.Learner
	configured ratelimit.Limit
	limit      ratelimit.Limit                 // in force
	cause      ratelimit.Cause                 // why it is lower than configured
	saved      atomic.Pointer[ratelimit.Saved] // of learner, for any goroutine; never changed
	savedAt    time.Time
	logged     float64 // the rate that the log names
	loggedAt   time.Time
}

func newLimiter(log *slog.Logger, pacer *innius.Pacer, accepted *atomic.Int64) *limiter {
	configured := ratelimit.Limit{PerHour: pacer.PerHour(), Burst: pacer.Burst()}
	return &limiter{
		log: log, pacer: pacer, accepted: accepted,
		learner: ratelimit.New(configured), configured: configured, limit: configured, logged: configured.PerHour,
	}
}

// limiterSaveInterval is the time between two saves of what was learned. Each 429 is saved at once.
const limiterSaveInterval = 10 * time.Second

// update takes in what innius accepted since the last call, and the passing of time, and applies the limit that follows.
func (l *limiter) update(now time.Time) {
	l.learner.Accepted(now, int(l.accepted.Swap(0)))
	l.learner.Advance(now)
	l.apply(now)
	if now.Sub(l.savedAt) >= limiterSaveInterval {
		l.save(now)
	}
}

// refused takes in a 429 that stated a wait, or 0 and the account pauses for a time of its own. It must be called before the
// pacer pauses: the requests that the pacer still had show whether the burst was too large or the rate.
func (l *limiter) refused(stated, pause time.Duration, now time.Time) {
	l.learner.Accepted(now, int(l.accepted.Swap(0)))
	l.learner.Refused(ratelimit.Refusal{
		At: now, Wait: cmp.Or(stated, pause), Stated: stated > 0, Remaining: l.pacer.State(now).Tokens,
	})
	l.apply(now)
	l.save(now)
}

func (l *limiter) save(now time.Time) {
	l.saved.Store(l.learner.Save())
	l.savedAt = now
}

// restore takes over what an earlier process or account learned.
func (l *limiter) restore(saved *ratelimit.Saved, now time.Time) {
	if saved == nil {
		return
	}
	if err := l.learner.Restore(saved, now); err != nil {
		l.log.Warn("Cannot restore the learned rate limit, starting from the configured one", "err", err)
		return
	}
	l.apply(now)
	l.save(now)
}

// takeOver continues with the state of another limiter.
func (l *limiter) takeOver(before *limiter, now time.Time) {
	l.cause, l.logged, l.loggedAt = before.cause, before.logged, before.loggedAt
	l.restore(before.learner.Save(), now)
}

// reset starts from the configured limit: the key belongs to another company.
func (l *limiter) reset(now time.Time) {
	l.learner = ratelimit.New(l.configured)
	l.apply(now)
	l.save(now)
}

// apply passes the learned limit on to the pacer.
func (l *limiter) apply(now time.Time) {
	limit, cause := l.learner.Limit(), l.learner.Cause(now)
	if limit != l.limit {
		l.pacer.SetRate(limit.PerHour, limit.Burst)
	}
	l.logLimit(limit, cause, now)
	l.limit, l.cause = limit, cause
}

// limitLogInterval is the shortest time between two log lines about a rate that changes without another cause.
const limitLogInterval = 15 * time.Minute

// logLimit logs when the limit is first lowered, when its cause changes and when it is as configured again. Between these,
// it logs changes of more than 5 %.
func (l *limiter) logLimit(limit ratelimit.Limit, cause ratelimit.Cause, now time.Time) {
	attrs := []any{
		"requests_per_hour", round(limit.PerHour), "configured_requests_per_hour", round(l.configured.PerHour),
		"burst", limit.Burst, "configured_burst", l.configured.Burst,
	}
	similar := math.Abs(limit.PerHour-l.logged) <= 0.05*l.logged
	switch {
	case cause == l.cause && (similar || now.Sub(l.loggedAt) < limitLogInterval):
		return
	case cause == l.cause:
		l.log.Info("Request rate adjusted to the learned limit", attrs...)
	case cause == ratelimit.None:
		l.log.Info("Request rate restored to the configured limit", attrs...)
	default:
		l.log.Warn("Request rate lowered below the configured limit", append(attrs, "why", LoweredText[cause])...)
	}
	l.logged, l.loggedAt = limit.PerHour, now
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
