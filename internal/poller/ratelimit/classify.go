package ratelimit

import (
	"math"
	"time"
)

// lower reads a refusal and lowers the limit. before is the refusal before it.
func (l *Learner) lower(r Refusal, before refused) {
	rate := l.limit.PerHour
	isStep := rate > l.Steps.Base
	limit, isHourly := l.hourlyLimit(r, before)
	wait := stepsAfter
	l.Hourly = 0
	switch {
	case !before.At.IsZero() && l.past.total == l.AcceptedAtLast:
		l.lowerWithoutEvidence(r, before)
	case !isStep && l.isBurst(r):
		l.limit.Burst = max(1, min(l.limit.Burst-1, int(l.past.surplus(r.At.Unix()-3600, rate/3600))))
		l.setRate(rate, r.At)
	case isHourly && l.isPlausible(limit, r, before):
		l.setHourly(limit, r.At)
	case isStep:
		l.stepBack(r.At)
	case !r.Stated:
		l.bisect(r.At)
		wait = blindStep
	case isHourly:
		l.Search = search{}
		l.setRate(cautious*rate, r.At)
	default:
		l.lowerUpperBound(r, before)
	}
	if isStep {
		wait = failedStepWait
	}
	l.startSteps(r.At.Add(wait))
}

// lowerWithoutEvidence takes in a refusal with nothing accepted since the one before. If it came at once, it shows nothing.
// If it came later, something must have been accepted that is not known, for example because a process was killed.
func (l *Learner) lowerWithoutEvidence(r Refusal, before refused) {
	rate := l.limit.PerHour
	if r.At.Sub(before.Until).Hours() > 2/rate {
		l.Search = search{}
		rate *= blindDecrease
	}
	l.setRate(rate, r.At)
}

// isBurst reports whether the refused requests ran ahead of a rate that the API may well accept.
func (l *Learner) isBurst(r Refusal) bool {
	return r.Remaining >= 2 && l.limit.Burst > 1 && (!r.Stated || 3600/r.seconds() >= l.limit.PerHour)
}

// hourlyLimit returns the hourly limit that a refusal shows; false if a token bucket may have caused it.
func (l *Learner) hourlyLimit(r Refusal, before refused) (limit float64, ok bool) {
	if !r.Stated || r.Wait > time.Hour {
		return 0, false
	}
	fastest, from, burst := 1/r.seconds(), int64(math.MinInt64), float64(l.configured.Burst)+1
	if before.isExact(r.At) {
		from, burst = before.Until.Unix(), 2+fastest
	}
	limit = float64(l.past.count(hourStart(r), math.MaxInt64))
	if l.Hourly > 0 && limit > 0.95*l.Hourly && limit < 1.1*l.Hourly {
		return limit, true // the known one
	}
	canBeBucket := 3600*fastest > implausible*l.limit.PerHour || before.isExact(r.At)
	if canBeBucket && !l.refutesBucket(r, before) && l.past.surplus(from, fastest) <= burst {
		return 0, false
	}
	return limit, true
}

// refutesBucket reports whether two refusals cannot be a bucket's: the first wait shows the longest time in which it gains a
// request, and since then it has gained them faster.
func (l *Learner) refutesBucket(r Refusal, before refused) bool {
	slowest := before.Until.Sub(before.At).Seconds() - 1
	gained := float64(l.past.total - l.AcceptedAtLast)
	return before.isExact(r.At) && gained*slowest > r.until().Sub(before.Until).Seconds()+1
}

// hourStart returns the second in which the hour of a refusal began, or its oldest request was accepted; one earlier, because
// waits are rounded up.
func hourStart(r Refusal) int64 { return r.until().Unix() - 3600 - 1 }

// isPlausible reports whether an hourly limit agrees with what is known since the refusal before: no hour of the clock may
// have accepted clearly more, whether the limit counts those or the last 60 minutes.
func (l *Learner) isPlausible(limit float64, r Refusal, before refused) bool {
	switch {
	case limit < implausible*l.limit.PerHour && !before.isExact(r.At):
		return false
	case l.born.Unix() > hourStart(r)+3:
		return false
	}
	return float64(l.past.Most) <= 1.1*limit
}

// setHourly keeps to an hourly limit: rate and burst together stay below it, in whole requests.
func (l *Learner) setHourly(limit float64, now time.Time) {
	l.Search, l.Hourly = search{}, limit
	l.limit.Burst = max(1, min(l.configured.Burst, int(0.02*limit)))
	l.setRate(min(margin*limit, limit+0.99-float64(l.limit.Burst)), now)
	l.Sharing.addEstimate(limit, now)
}
