package poller

import (
	"log/slog"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
)

// accountLog is the log of an account, with what it contains already. The account's loop owns it.
type accountLog struct {
	*slog.Logger
	others   map[string]string // machine id -> account that polls its sensors
	unusable map[string]bool   // why readings cannot be used
	limit    time.Time         // when a pause for a 429 was last logged

	relaxed   float64   // factor of max-age targets; 0: they are met
	relaxedAt time.Time // when they were last relaxed
}

// sensor returns a logger that names a sensor and its machine.
func (l *accountLog) sensor(s *inventory.Sensor) *slog.Logger {
	return l.With("machine", s.Machine.Label, "sensor", s.Label)
}

// problem logs the begin and the end of a problem.
func (l *accountLog) problem(before, now bool, begins, ends string, attrs ...any) {
	switch {
	case now && !before:
		l.Warn(begins, attrs...)
	case before && !now:
		l.Info(ends)
	}
}

// pauseLogInterval is the shortest time between two log lines about 429s: without a usable wait there are many short pauses.
const pauseLogInterval = 10 * time.Minute

// breaker logs a change of the circuit breaker.
func (l *accountLog) breaker(before *breakerStatus, after *circuitBreaker, err error, now time.Time) {
	until := after.pausedUntil.UTC().Format(time.RFC3339)
	switch {
	case after.pause == notPaused && before.pause != notPaused:
		l.recovery(before, now)
	case after.pause == pausedLimit && before.pause != pausedLimit:
		warn := l.Debug
		if now.Sub(l.limit) >= pauseLogInterval {
			l.limit, warn = now, l.Warn
		}
		warn("Rate limited, pausing requests", "until", until, "err", err)
	case after.pause == pausedBusy && before.pause != pausedBusy:
		l.Warn("innius is unavailable, pausing requests", "until", until, "err", err)
	case after.failing == before.failing:
	case after.failing == resultKey && is[*innius.KeyError](err):
		l.Error("Key cannot be read, retrying with back-off", "err", err)
	case after.failing == resultKey:
		l.Error("Key is refused, retrying with back-off. Check or create it in the innius Admin app", "err", err)
	case before.failing == resultOK && after.byValues:
		l.Error("Account is failing: no poll succeeds, probing once a minute", "reason", after.failing.reason(), "err", err)
	case before.failing == resultOK:
		l.Error("Account is failing, retrying with back-off", "reason", after.failing.reason(), "err", err)
	}
}

func (l *accountLog) recovery(before *breakerStatus, now time.Time) {
	info, since := l.Info, before.pausedSince
	if before.failing != resultOK {
		since = before.failingSince
	}
	if before.pause == pausedLimit && l.limit.Before(before.pausedSince) {
		info = l.Debug // its begin was not logged
	}
	info("Requests succeed again", "after", before.pause, "lasted", now.Sub(since).Round(time.Second))
}

// relax logs when max-age targets are relaxed (factor above 0), again when it has doubled, and when they have been met for an
// hour, so that a plant at the border does not fill the log.
func (l *accountLog) relax(factor float64, now time.Time) {
	switch {
	case factor > 2*l.relaxed:
		l.Warn("Max-age targets exceed their share of the rate limit, relaxing all. `plan` shows what fits",
			"factor", round(factor))
		l.relaxed, l.relaxedAt = factor, now
	case factor > 0:
		l.relaxedAt = now
	case l.relaxed > 0 && now.Sub(l.relaxedAt) > time.Hour:
		l.Info("Max-age targets fit into their share of the rate limit again")
		l.relaxed = 0
	}
}
