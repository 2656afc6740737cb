package poller

import (
	"math"
	"time"

	"innius_exporter/internal/poller/ratelimit"
)

// rememberEach is how often what was learned of the allowance is published for whoever keeps it, beside each refusal.
const rememberEach = 10 * time.Second

// lesson is what an account learns of the true allowance. Its loop owns it.
type lesson struct {
	learner    *ratelimit.Learner
	configured ratelimit.Terms
	terms      ratelimit.Terms // in force
	cause      ratelimit.Cause // why they are lower than configured
	kept       time.Time       // when the lessons were published last
	said       float64         // requests per hour that the log names
	saidAt     time.Time
}

func newLesson(a Account) lesson {
	configured := ratelimit.Terms{PerHour: a.Pacer.PerHour(), Burst: a.Pacer.Burst()}
	return lesson{learner: ratelimit.New(configured), configured: configured, terms: configured, said: configured.PerHour}
}

// heed takes in what innius accepted since the last call, and that time has passed, and keeps to what follows from it.
func (a *account) heed(now time.Time) {
	a.allowance.learner.Accepted(now, int(a.metrics.accepted.Swap(0)))
	a.allowance.learner.Advance(now)
	a.follow(now)
	if now.Sub(a.allowance.kept) >= rememberEach {
		a.remember(now)
	}
}

// refused takes a 429 in. It is called before the pacer pauses: what the ledger holds then tells a burst that is too
// large from a rate that is.
func (a *account) refused(wait time.Duration, now time.Time) {
	stated := wait > 0
	if !stated {
		wait = a.breaker.remaining(now)
	}
	a.allowance.learner.Accepted(now, int(a.metrics.accepted.Swap(0)))
	a.allowance.learner.Refused(ratelimit.Refusal{At: now, Wait: wait, Stated: stated, Held: a.Pacer.State(now).Tokens})
	a.follow(now)
	a.remember(now)
}

// remember publishes what was learned.
func (a *account) remember(now time.Time) {
	a.allowance.kept = now
	lessons := a.allowance.learner.Keep()
	a.lessons.Store(&lessons)
}

// recall takes over what an earlier process learned. What cannot be read was never learned.
func (a *account) recall(encoded []byte, now time.Time) {
	if encoded == nil {
		return
	}
	if err := a.allowance.learner.Restore(encoded, now); err != nil {
		a.log.Warn("what was learned of the allowance cannot be read; it is learned anew", "err", err)
		return
	}
	a.follow(now)
	a.remember(now)
}

// unlearn forgets what was learned: the key is another company's, with a limit of its own.
func (a *account) unlearn(now time.Time) {
	a.allowance.learner = ratelimit.New(a.allowance.configured)
	a.follow(now)
	a.remember(now)
}

// follow keeps to what was learned.
func (a *account) follow(now time.Time) {
	terms, cause := a.allowance.learner.Terms(), a.allowance.learner.Cause(now)
	if terms != a.allowance.terms {
		a.Pacer.SetRate(terms.PerHour, terms.Burst)
		a.discovery.keepTo(terms.PerHour)
	}
	a.tellTerms(terms, cause, now)
	a.allowance.terms, a.allowance.cause = terms, cause
}

// tellEach is how often a rate that goes on changing is told at most.
const tellEach = 15 * time.Minute

// tellTerms logs when the allowance is first lowered, when its cause becomes clearer, and when it is as configured again;
// between, what it has come to, now and then.
func (a *account) tellTerms(terms ratelimit.Terms, cause ratelimit.Cause, now time.Time) {
	l := &a.allowance
	attrs := []any{
		"configured", round(l.configured.PerHour), "now", round(terms.PerHour),
		"configured_burst", l.configured.Burst, "burst", terms.Burst,
	}
	switch {
	case cause == l.cause && (math.Abs(terms.PerHour-l.said) <= 0.05*l.said || now.Sub(l.saidAt) < tellEach):
		return
	case cause == l.cause:
		a.log.Info("requests per hour have changed to what innius permits", attrs...)
	case cause == ratelimit.None:
		a.log.Info("the configured requests per hour are kept to again", attrs...)
	default:
		a.log.Warn("fewer requests per hour are sent than configured: "+why[cause], attrs...)
	}
	l.said, l.saidAt = terms.PerHour, now
}

// why says in words why fewer requests are sent, and what to do.
var why = map[ratelimit.Cause]string{
	ratelimit.LimitOrShared: "innius refused more, so its limit is lower than configured, or another tool uses the same key; " +
		"lower requests_per_hour or burst, or find the other tool",
	ratelimit.Shared: "innius refused more, and not always the same, so another tool uses the same key; find it and give it a key of " +
		"its own, or lower share",
}

// round is a rate for a log.
func round(perHour float64) float64 { return float64(int(perHour*10+0.5)) / 10 }
