package ratelimit

import (
	"math"
	"time"
)

// judge reads a refusal, and keeps to less from now on. before is the refusal before it.
func (l *Learner) judge(r Refusal, before refused) {
	rate := l.terms.PerHour
	probing := rate > l.probe.base
	limit, hourly := l.hourly(r, before)
	hold := holds
	l.perHour = 0
	switch {
	case !before.at.IsZero() && l.past.total == l.base:
		l.descendUnknowing(r, before)
	case !probing && l.isSpurt(r):
		l.terms.Burst = max(1, min(l.terms.Burst-1, int(l.past.surplus(r.At.Unix()-3600, rate/3600))))
		l.keepTo(rate, r.At)
	case hourly && l.believes(limit, r, before):
		l.settleHourly(limit, r.At)
	case probing:
		l.stepBack(r.At)
	case !r.Stated:
		l.descendBlindly(r.At)
		hold = blindStep
	case hourly:
		l.search = search{}
		l.keepTo(doubt*rate, r.At)
	default:
		l.descend(r, before)
	}
	if probing {
		hold = failHolds
	}
	l.probe.rest(l.terms.PerHour, r.At.Add(hold))
}

// descendUnknowing takes a refusal in with nothing accepted since the one before. Where it came at once, nothing can be
// learned from it. Later, something must have been accepted that we do not know of, as a process that was killed lost it.
func (l *Learner) descendUnknowing(r Refusal, before refused) {
	rate := l.terms.PerHour
	if r.At.Sub(before.until).Hours() > 2/rate {
		l.search = search{}
		rate *= unknowing
	}
	l.keepTo(rate, r.At)
}

// isSpurt reports whether requests were refused that went ahead of a rate which the API may well permit.
func (l *Learner) isSpurt(r Refusal) bool {
	return r.Held >= 2 && l.terms.Burst > 1 && (!r.Stated || 3600/r.wait() >= l.terms.PerHour)
}

// hourly returns the limit of an hour that a refusal speaks of; false where a token bucket may have refused.
func (l *Learner) hourly(r Refusal, before refused) (limit float64, is bool) {
	if !r.Stated || r.Wait > time.Hour {
		return 0, false
	}
	fastest, from, burst := 1/r.wait(), int64(math.MinInt64), float64(l.configured.Burst)+1
	if before.anchors(r.At) {
		from, burst = before.until.Unix(), 2+fastest
	}
	limit = float64(l.past.count(hourOf(r), math.MaxInt64))
	if l.perHour > 0 && limit > 0.95*l.perHour && limit < 1.1*l.perHour {
		return limit, true // the one that is known
	}
	possible := 3600*fastest > implausible*l.terms.PerHour || before.anchors(r.At)
	if l.refutes(r, before) {
		possible = false
	}
	if possible && l.past.surplus(from, fastest) <= burst {
		return 0, false
	}
	return limit, true
}

// refutes reports whether two refusals cannot be a bucket's: the first wait says that it gains a request in no less than
// that, and since then it has gained them faster.
func (l *Learner) refutes(r Refusal, before refused) bool {
	if !before.anchors(r.At) {
		return false
	}
	slowest := before.until.Sub(before.at).Seconds() - 1
	return float64(l.past.total-l.base)*slowest > r.until().Sub(before.until).Seconds()+1
}

// hourOf returns the second in which the hour of a refusal began, or the oldest request in it was accepted; one earlier,
// as waits are rounded up.
func hourOf(r Refusal) int64 { return r.until().Unix() - 3600 - 1 }

// anchors reports whether a refusal is so recent, and so exact, that a bucket's state at its end is known.
func (r refused) anchors(now time.Time) bool {
	return r.stated && !r.at.IsZero() && now.Sub(r.until) <= time.Hour
}

// believes reports whether an hourly limit agrees with all else that is known since the refusal before: no hour of the
// clock may have accepted clearly more, whether the limit counts those or the last 60 minutes.
func (l *Learner) believes(limit float64, r Refusal, before refused) bool {
	switch {
	case limit < implausible*l.terms.PerHour && !before.anchors(r.At):
		return false
	case l.born.Unix() > hourOf(r)+3:
		return false
	}
	return float64(l.past.best) <= 1.1*limit
}

// settleHourly keeps to an hourly limit: rate and burst together stay within it, in whole requests.
func (l *Learner) settleHourly(limit float64, now time.Time) {
	l.search, l.perHour = search{}, limit
	l.terms.Burst = max(1, min(l.configured.Burst, int(0.02*limit)))
	l.keepTo(min(margin*limit, limit+0.99-float64(l.terms.Burst)), now)
	l.witness.testify(limit, now)
}

// Wait returns how long to wait with the next request, with so many in flight, whatever the rate permits: after an hourly
// limit was met, the last 60 minutes are full for a while, and a lull an hour ago makes no room now. One request is left
// over, for seconds that are counted as whole. A step up is not held up.
func (l *Learner) Wait(now time.Time, inFlight int) time.Duration {
	accepted, oldest := l.past.last(now.Unix() - 3600)
	if l.perHour == 0 || l.terms.PerHour > l.probe.base || float64(accepted+inFlight) < l.perHour-1 || accepted == 0 {
		return 0
	}
	return time.Unix(oldest+3601, 0).Sub(now)
}
