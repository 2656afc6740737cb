package ratelimit

import (
	"math"
	"time"
)

// Refusal is one response with status 429.
type Refusal struct {
	At        time.Time     // when it arrived
	Wait      time.Duration // for which nothing will be sent
	Stated    bool          // the API stated the wait; false: it is the client's own
	Remaining float64       // requests that the client could still have sent
}

func (r Refusal) until() time.Time { return r.At.Add(r.Wait) }

// seconds is the stated wait without what rounding may have added, and above 0.
func (r Refusal) seconds() float64 { return max(1e-3, r.Wait.Seconds()-1) }

// refused is the latest refusal. Earlier ones do not matter: each refused rate is lower than those refused within 24 h
// before it.
type refused struct {
	At, Until time.Time
	Rate      float64 // in force then
	Stated    bool
}

// isExact reports whether the state of a token bucket at the end of the refusal is known.
func (r refused) isExact(now time.Time) bool {
	return r.Stated && !r.At.IsZero() && now.Sub(r.Until) <= time.Hour
}

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

// blindStep is how long a rate must last until it counts as accepted if refusals state no wait: an hourly limit takes effect
// only when the whole hour has been used.
const blindStep = 2 * time.Hour

// sustained is how long a rate must have been accepted to count as permanent.
const sustained = 2 * time.Hour

// searchEnds is how long after a refusal a search ends.
const searchEnds = 40 * time.Minute

// search narrows the bounds of a token bucket's rate. The zero value means that none is under way.
type search struct {
	Low, High float64   // requests per hour; High 0: no search is under way, or it has ended
	Unstated  bool      // the refusals stated no wait
	Refusals  int       // so far
	Since     time.Time // when the first request at this rate was accepted; zero: none yet
	Already   int       // number accepted, in total, before it
}

// next returns the rate to try, and whether the bounds are narrow enough to end with it.
func (s *search) next() (rate float64, ended bool) {
	switch {
	case s.Low <= 0 && s.Unstated:
		return 0.7 * s.High, false
	case s.Low <= 0:
		return cautious * s.High, false
	case s.High <= narrow*s.Low:
		return max(margin*s.Low, belowRefused*s.High/narrow), true
	}
	return math.Sqrt(s.Low * s.High), false
}

// lowerUpperBound takes in a refusal that a token bucket may have caused, and tries a rate between the new bounds.
func (l *Learner) lowerUpperBound(r Refusal, before refused) {
	s := search{Low: l.Search.Low, High: l.Last.Rate, Refusals: l.Search.Refusals + 1}
	if before.isExact(r.At) {
		n, d := float64(l.past.total-l.AcceptedAtLast), r.until().Sub(before.Until).Seconds()
		low, busy := 3600*n/(d+1), r.until().Sub(l.Search.Since).Seconds()
		usedAll := n+1 >= 0.9*l.Last.Rate/3600*r.At.Sub(l.Search.Since).Seconds()
		if busy > 1.5 && usedAll {
			s.High = min(s.High, max(3600*n/(busy-1), l.sustainedRate(&s, r.At)))
		}
		if s.Low = max(s.Low, low); s.Low >= s.High {
			s.Low = low
		}
	}
	if s.Low >= s.High {
		s.Low = 0 // the limit has changed
	}
	l.Search = s
	l.tryNext(r.At)
}

// sustainedRate returns the rate below which the first refusals of a search do not go. If others use the key too, a few
// requests of theirs look like a much lower limit, but what was accepted for two hours disproves it.
func (l *Learner) sustainedRate(s *search, now time.Time) float64 {
	from := now.Add(-sustained)
	if s.Refusals > 3 || l.born.IsZero() || l.born.After(from) {
		return 0
	}
	return 0.75 * float64(l.past.count(from.Unix(), now.Unix())-l.configured.Burst) / sustained.Hours()
}

// raiseLowerBound takes in accepted requests: those since the last refusal show a rate that is permitted.
func (l *Learner) raiseLowerBound(now time.Time) {
	s := &l.Search
	if s.High == 0 || s.Unstated {
		return
	}
	if s.Since.IsZero() {
		s.Since, s.Already = now, l.past.total-1
	}
	sinceRefusal := provenRate(l.past.total-l.AcceptedAtLast, 0, now.Sub(l.Last.Until).Seconds())
	atThisRate := provenRate(l.past.total-s.Already, float64(l.configured.Burst), now.Sub(s.Since).Seconds())
	s.Low = max(s.Low, min(max(sinceRefusal, atThisRate), s.High/1.01))
	if s.Low >= 0.98*l.usage(now)*l.limit.PerHour || s.High <= narrow*s.Low {
		l.tryNext(now)
	}
}

// provenRate returns the least rate of a bucket that accepted so many requests in so many seconds, if it held only the first
// request and burst more at the beginning.
func provenRate(accepted int, burst, seconds float64) float64 {
	return 3600 * (float64(accepted) - 1 - burst) / (seconds + 1)
}

// usage returns the part of the rate in force that has been used: a schedule may leave some. A rate is tested when this part
// was accepted; not more than a tenth is ignored.
func (l *Learner) usage(now time.Time) float64 {
	n, d := l.past.total-l.Search.Already-1, now.Sub(l.Search.Since).Hours()
	if n < 20 {
		return 1
	}
	return max(0.9, min(1, float64(n)/(d*l.limit.PerHour)))
}

// tryNext sets the next rate of the search.
func (l *Learner) tryNext(now time.Time) {
	before := l.limit.PerHour
	rate, ended := l.Search.next()
	l.setRate(rate, now)
	if math.Abs(l.limit.PerHour-before) > 0.005*before {
		l.Search.Since = time.Time{} // a new test
	}
	if ended {
		l.Sharing.addEstimate(l.Search.Low, now)
		l.Search = search{Low: l.Search.Low, Refusals: l.Search.Refusals}
	}
	l.Steps.setBase(l.limit.PerHour)
}

// endSearch ends a search that took long enough, slightly below what is proven or, if the bounds are close, below the upper
// one: only time could show more.
func (l *Learner) endSearch(now time.Time) {
	if low, high := l.Search.Low, l.Search.High; low > 0 {
		rate := belowRefused * low
		if low > 0.92*l.usage(now)*high {
			rate = max(rate, 0.945*high)
		}
		l.setRate(min(l.limit.PerHour, rate), now)
		l.Sharing.addEstimate(low, now)
	}
	l.Search = search{Low: l.Search.Low}
	l.Steps.setBase(l.limit.PerHour)
}

// bisect takes in a refusal without a wait.
func (l *Learner) bisect(now time.Time) {
	s := search{Low: l.Search.Low, High: l.Last.Rate, Unstated: true}
	if s.Low >= s.High {
		s.Low = 0
	}
	l.Search = s
	l.tryNext(now)
}

// continueBisection raises the lower bound to a rate that lasted.
func (l *Learner) continueBisection(now time.Time) {
	l.Search.Low = l.limit.PerHour
	l.tryNext(now)
	wait := blindStep
	if l.Search.High == 0 {
		wait = stepsAfter
	}
	l.startSteps(now.Add(wait))
}
