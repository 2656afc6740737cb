package poller

import (
	"slices"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// WaitsFor says why a sensor is not asked now; empty where it is in no schedule.
type WaitsFor string

// What a sensor's next request waits for.
const (
	WaitsForInterval  WaitsFor = "interval"   // it is not due: its next reading is expected later, or others need the requests more
	WaitsForRateLimit WaitsFor = "rate limit" // it is due, and others are first
	WaitsForPause     WaitsFor = "pause"      // its account sends nothing for a while
	WaitsForBackOff   WaitsFor = "back-off"   // it failed
	WaitsForResponse  WaitsFor = "response"   // it is being asked
)

// upcoming is the next request about a sensor, as foreseen.
type upcoming struct {
	place schedule.Place
	known bool      // it is in the schedule
	at    time.Time // about; zero: none is foreseen
	waits WaitsFor
	ahead int // sensors that go before
}

// foresee estimates when each sensor of an account's machines will be asked next: in the order in which they are due,
// each as soon as the allowance permits. Sensors that come back meanwhile are not counted in, so what is far away may be
// later still. The loop is not asked: each sensor's own position says when it is due.
func (a *account) foresee(machines []*inventory.Machine, now time.Time) []upcoming {
	var all []upcoming
	for _, m := range machines {
		for _, s := range m.Sensors {
			var u upcoming
			if s.Polled() {
				u.place, u.known = s.Entry.Position.Load()
			}
			all = append(all, u)
		}
	}
	line := a.line(now)
	for i, index := range inOrder(all) {
		u := &all[index]
		due := now
		if !u.place.Due.IsZero() {
			due = u.place.Due
		}
		switch u.ahead = i; {
		case u.place.Polling:
			u.at, u.waits = now, WaitsForResponse
			continue
		case due.After(line.at):
			u.at, u.waits = due, WaitsForInterval
		case line.paused.After(due) && line.paused.After(now):
			u.at, u.waits = line.at, WaitsForPause
		default:
			u.at, u.waits = line.at, WaitsForRateLimit
		}
		line.take(u.at)
	}
	return all
}

// inOrder returns the indices of those in a schedule, in the order in which they will be asked; those being asked last.
func inOrder(all []upcoming) []int {
	order := make([]int, 0, len(all))
	for i := range all {
		if all[i].known {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return all[i].place.Compare(all[j].place) })
	return order
}

// line is how an account's requests for readings follow each other.
type line struct {
	at     time.Time     // of the next one
	gap    time.Duration // between two
	held   float64       // requests that could be sent at once
	lists  int           // that take turns with readings, while they last
	paused time.Time     // until then; zero: not
}

func (a *account) line(now time.Time) line {
	h := a.health.Load()
	l := line{
		paused: h.pausedUntil(now), gap: planned(3600 / max(1e-6, h.forReadings)),
		held: a.Pacer.Remaining(now), lists: h.discovery.Lists - h.discovery.Asked,
	}
	l.at = later(now, l.paused)
	if l.held < 1 {
		l.at = l.at.Add(time.Duration((1 - l.held) * float64(l.gap)))
	}
	return l
}

// take moves on by one request sent at a moment.
func (l *line) take(at time.Time) {
	if l.held--; l.held >= 1 {
		l.at = at
		return
	}
	l.at = at.Add(l.gap)
	if l.lists > 0 {
		l.lists--
		l.at = l.at.Add(l.gap)
	}
}
