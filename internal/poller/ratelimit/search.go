package ratelimit

import (
	"math"
	"time"
)

// blindStep is how long a rate must last before it counts as permitted, where refusals name no wait: an hourly limit
// shows itself only when a whole hour has been used.
const blindStep = 2 * time.Hour

// sustained is how long a rate must have been accepted to count as such.
const sustained = 2 * time.Hour

// searchEnds is how long after a refusal a search goes on.
const searchEnds = 40 * time.Minute

// search narrows the bounds of a rate. The zero value is none under way.
type search struct {
	low, high float64   // requests per hour; high 0: no search is under way, or it has ended
	unstated  bool      // the refusals named no wait
	refusals  int       // so far
	since     time.Time // the first request at this rate was accepted; zero: none yet
	already   int       // accepted, ever, before it
}

// begun notes the first request that was accepted at this rate.
func (s *search) begun(now time.Time, total int) {
	if s.since.IsZero() {
		s.since, s.already = now, total-1
	}
}

// proves returns the rate above which a bucket must be that accepted so many requests in so many seconds, from a moment
// at which it held no more than it must to accept the first, and burst on top of it.
func proves(accepted int, burst, lasted float64) float64 {
	return 3600 * (float64(accepted) - 1 - burst) / (lasted + 1)
}

// next returns the rate to try, and whether the bounds are narrow enough to end with it.
func (s *search) next() (rate float64, ended bool) {
	switch {
	case s.low <= 0 && s.unstated:
		return 0.7 * s.high, false
	case s.low <= 0:
		return doubt * s.high, false
	case s.high <= narrow*s.low:
		return max(margin*s.low, notAgain*s.high/narrow), true
	}
	return math.Sqrt(s.low * s.high), false
}

// descend takes a refusal by what may be a token bucket in, and goes on between the bounds.
func (l *Learner) descend(r Refusal, before refused) {
	s := search{low: l.search.low, high: l.last.rate, refusals: l.search.refusals + 1}
	if before.anchors(r.At) {
		n, d := float64(l.past.total-l.base), r.until().Sub(before.until).Seconds()
		low := 3600 * n / (d + 1)
		if busy := r.until().Sub(l.search.since).Seconds(); busy > 1.5 &&
			n+1 >= 0.9*l.last.rate/3600*r.At.Sub(l.search.since).Seconds() {
			s.high = min(s.high, max(3600*n/(busy-1), l.floor(&s, r.At)))
		}
		if s.low = max(s.low, low); s.low >= s.high {
			s.low = low
		}
	}
	if s.low >= s.high {
		s.low = 0 // of a limit that has changed
	}
	l.search = s
	l.follow(r.At)
}

// floor returns the rate under which the first refusals of a search do not bring it: where others use the key too, a few
// requests of theirs look like a much lower limit, and what was sustained for two hours says that it is none.
func (l *Learner) floor(s *search, now time.Time) float64 {
	from := now.Add(-sustained)
	if s.refusals > 3 || l.born.IsZero() || l.born.After(from) {
		return 0
	}
	return 0.75 * float64(l.past.count(from.Unix(), now.Unix())-l.configured.Burst) / sustained.Hours()
}

// ascend takes accepted requests in: since the last refusal ended they show a rate that is permitted.
func (l *Learner) ascend(now time.Time) {
	s := &l.search
	if s.high == 0 || s.unstated {
		return
	}
	s.begun(now, l.past.total)
	ever := proves(l.past.total-l.base, 0, now.Sub(l.last.until).Seconds())
	lately := proves(l.past.total-s.already, float64(l.configured.Burst), now.Sub(s.since).Seconds())
	s.low = max(s.low, min(max(ever, lately), s.high/1.01))
	if s.low >= 0.98*l.use(now)*l.terms.PerHour || s.high <= narrow*s.low {
		l.follow(now)
	}
}

// use returns the part of the rate in force that has been used: a schedule may leave a little of it. A rate is tested as
// well as it can be where all of that was accepted; more than a tenth is not made up for.
func (l *Learner) use(now time.Time) float64 {
	n, d := l.past.total-l.search.already-1, now.Sub(l.search.since).Hours()
	if n < 20 {
		return 1
	}
	return max(0.9, min(1, float64(n)/(d*l.terms.PerHour)))
}

// follow keeps to what the search says.
func (l *Learner) follow(now time.Time) {
	before := l.terms.PerHour
	rate, ended := l.search.next()
	l.keepTo(rate, now)
	if math.Abs(l.terms.PerHour-before) > 0.005*before {
		l.search.since = time.Time{} // a test of its own
	}
	if ended {
		l.witness.testify(l.search.low, now)
		l.search = search{low: l.search.low, refusals: l.search.refusals}
	}
	l.probe.found(l.terms.PerHour)
}

// end ends a search that took long enough, a little under what is proven or, between bounds that are close, under the
// upper one: there only patience would tell more.
func (l *Learner) end(now time.Time) {
	if low, high := l.search.low, l.search.high; low > 0 {
		rate := notAgain * low
		if low > 0.92*l.use(now)*high {
			rate = max(rate, 0.945*high)
		}
		l.keepTo(min(l.terms.PerHour, rate), now)
		l.witness.testify(low, now)
	}
	l.search = search{low: l.search.low}
	l.probe.found(l.terms.PerHour)
}

// descendBlindly takes a refusal without a wait in.
func (l *Learner) descendBlindly(now time.Time) {
	s := search{low: l.search.low, high: l.last.rate, unstated: true}
	if s.low >= s.high {
		s.low = 0
	}
	l.search = s
	l.follow(now)
}

// lasted takes in that a rate has lasted, where refusals name no wait.
func (l *Learner) lasted(now time.Time) {
	l.search.low = l.terms.PerHour
	l.follow(now)
	hold := blindStep
	if l.search.high == 0 {
		hold = holds
	}
	l.probe.rest(l.terms.PerHour, now.Add(hold))
}
