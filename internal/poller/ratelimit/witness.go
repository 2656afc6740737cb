package ratelimit

import "time"

const (
	differs      = 1.1 // ratio of two estimates that are clearly different
	watchEach    = 10 * time.Minute
	sharedStands = 72 * time.Hour // after it was last seen: a tool that runs by day rests over a weekend
)

// witness tells a key that is shared from a limit that is lower than configured: a limit that was changed once goes
// one way, up or down; others who come and go let it go up and then down again.
type witness struct {
	estimate float64   // of the latest that was believed; 0: none
	peak     float64   // most that was accepted in an hour since, beyond a burst
	watched  time.Time // when the peak was last looked at
	seen     time.Time // when it last went up and then down
}

// watch looks at what was accepted in the last hour, now and then.
func (w *witness) watch(l *Learner, now time.Time) {
	if w.estimate == 0 || now.Sub(w.watched) < watchEach {
		return
	}
	w.watched = now
	if now.Sub(l.last.at) > time.Hour { // an hour of the time since
		w.peak = max(w.peak, float64(l.past.count(now.Unix()-3600, now.Unix())-l.terms.Burst))
	}
}

// testify takes an estimate of the limit in.
func (w *witness) testify(limit float64, now time.Time) {
	if w.estimate > 0 && w.peak > differs*w.estimate && limit < w.peak/differs {
		w.seen = now
	}
	w.estimate, w.peak, w.watched = limit, 0, now
}

// shared reports whether the key is shared for all that is known.
func (w *witness) shared(now time.Time) bool {
	return !w.seen.IsZero() && now.Sub(w.seen) < sharedStands
}
