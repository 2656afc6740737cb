package poller

import (
	"log/slog"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
)

// smallStep is the step of the wall clock from which on it counts: smaller ones would change exposed times for nothing.
const smallStep = time.Second

// wallClock converts times of innius.Now, by which the pollers work, to those of the wall clock, which users, the state file and
// APIs without a header Date go by. Safe for concurrent use.
type wallClock struct {
	read  func() time.Time
	ahead atomic.Int64 // of innius.Now, in nanoseconds
}

func newWallClock(read func() time.Time) *wallClock {
	w := &wallClock{read: read}
	w.ahead.Store(int64(w.measure().Round(smallStep)))
	return w
}

func (w *wallClock) measure() time.Duration { return w.read().Sub(innius.Now()) }

// update takes in a step of the wall clock. One that may concern users is logged, once for all accounts.
func (w *wallClock) update(log *slog.Logger) {
	held, now := w.ahead.Load(), w.measure()
	step := now - time.Duration(held)
	if step.Abs() < smallStep || !w.ahead.CompareAndSwap(held, int64(now.Round(smallStep))) {
		return
	}
	if step.Abs() >= clockTolerance {
		log.Warn("Local clock was set, continuing by the time that has really passed", "seconds", step.Round(time.Second).Seconds())
	}
}

// difference returns how far the wall clock is ahead of innius.Now.
func (w *wallClock) difference() time.Duration { return time.Duration(w.ahead.Load()) }

// moved returns a time moved by a duration; zero stays so.
func moved(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}
