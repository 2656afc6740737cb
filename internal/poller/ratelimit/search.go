package ratelimit

import (
	"math"
	"time"
)

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
