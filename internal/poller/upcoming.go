package poller

import (
	"cmp"
	"slices"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller/schedule"
)

// WaitsFor is why a sensor is not polled now; empty if it is in no schedule.
type WaitsFor string

// What the next poll of a sensor waits for.
const (
	WaitsForInterval  WaitsFor = "interval"   // it is not due yet
	WaitsForRateLimit WaitsFor = "rate limit" // it is due, and others are first
	WaitsForPause     WaitsFor = "pause"      // its account is paused
	WaitsForResponse  WaitsFor = "response"   // the request is running
)

// Upcoming is an estimate of the next poll of a sensor; zero if there is none.
type Upcoming struct {
	At       time.Time
	WaitsFor WaitsFor
	Ahead    int // sensors polled before
}

// Upcoming estimates the next poll of each sensor of an account's machines, in their order: when it is due, or as soon as the
// rate limit permits. Polls that become due again meanwhile are not counted, so distant ones may come later.
func (v *View) Upcoming(account int) []Upcoming {
	type queued struct {
		index int
		place schedule.Place
	}
	n := v.Accounts[account].Sensors
	all, queue := make([]Upcoming, 0, n), make([]queued, 0, n) // more only if some are excluded
	for _, m := range v.Inventory.Accounts[account].Machines {
		for _, s := range m.Sensors {
			if place := s.Entry.Position.Load(); place != 0 && s.Polled() {
				queue = append(queue, queued{len(all), place})
			}
			all = append(all, Upcoming{})
		}
	}
	slices.SortFunc(queue, func(a, b queued) int { return cmp.Compare(a.place, b.place) })
	slots := v.newSlots(v.Accounts[account])
	for i, q := range queue {
		u, due := &all[q.index], q.place.Due()
		if due.IsZero() {
			due = v.At
		}
		switch u.Ahead = i; {
		case q.place == schedule.Polling:
			u.At, u.WaitsFor = v.At, WaitsForResponse
			continue
		case due.After(slots.next):
			u.At, u.WaitsFor = due, WaitsForInterval
		case slots.pausedUntil.After(due):
			u.At, u.WaitsFor = slots.next, WaitsForPause
		default:
			u.At, u.WaitsFor = slots.next, WaitsForRateLimit
		}
		slots.take(u.At)
	}
	return all
}

// slots are the times at which the rate limit permits polls.
type slots struct {
	next        time.Time
	gap         time.Duration // between two
	remaining   float64       // requests that may be sent at once
	lists       int           // to read, alternating with polls
	pausedUntil time.Time     // zero: not paused
}

func (v *View) newSlots(a *AccountView) slots {
	s := slots{
		next: later(v.At, a.PausedUntil), pausedUntil: a.PausedUntil, gap: humanize.Seconds(3600 / max(1e-6, a.ForPolls)),
		remaining: a.Remaining, lists: a.Lists - a.ListsRead,
	}
	if s.remaining < 1 {
		s.next = s.next.Add(time.Duration((1 - s.remaining) * float64(s.gap)))
	}
	return s
}

// take uses a slot.
func (s *slots) take(at time.Time) {
	if s.remaining--; s.remaining >= 1 {
		s.next = at
		return
	}
	s.next = at.Add(s.gap)
	if s.lists > 0 {
		s.lists--
		s.next = s.next.Add(s.gap)
	}
}
