package ratelimit

import "time"

const (
	holds     = 6 * time.Hour  // after a refusal, before the first step up
	stepLasts = 2 * time.Hour  // before a step counts as permitted
	failHolds = 30 * time.Hour // after a step that was refused
	firstStep = 0.05           // of the rate; doubled each time
)

// probe goes back up, step by step.
type probe struct {
	base   float64 // the rate from which the steps began: above it, a refusal is a step's
	proven float64 // the rate of the latest step that lasted
	step   float64 // the next, as a part of the rate
	next   time.Time
}

// rest begins anew, with the first step at a moment.
func (p *probe) rest(rate float64, next time.Time) {
	*p = probe{base: rate, proven: rate, step: firstStep, next: next}
}

// found takes in that a search came to a rate: no step of ours.
func (p *probe) found(rate float64) { p.base, p.proven = rate, rate }

// stepUp tries a higher rate, below what was refused in the last 24 h, where that leaves room worth trying.
func (l *Learner) stepUp(now time.Time) {
	p := &l.probe
	p.proven = l.terms.PerHour
	ceiling := l.ceiling(now)
	if ceiling <= (1+firstStep)*l.terms.PerHour {
		return
	}
	l.keepTo(l.terms.PerHour*(1+p.step), now)
	p.step, p.next = 2*p.step, now.Add(stepLasts)
	if l.terms.PerHour >= l.configured.PerHour {
		l.terms.Burst = l.configured.Burst
	}
}

// stepBack goes back to what is proven. A step that is a little too high may have lasted on a bucket's burst: what was
// accepted in the last two hours without that is proven, however far the steps had gone.
func (l *Learner) stepBack(now time.Time) {
	from := now.Add(-stepLasts).Unix()
	accepted := float64(l.past.count(from, now.Unix()+1) - l.configured.Burst)
	l.search = search{}
	l.keepTo(max(l.probe.base, doubt*min(l.probe.proven, accepted/stepLasts.Hours())), now)
}
