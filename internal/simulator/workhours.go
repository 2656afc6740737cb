package simulator

import (
	"math"
	"slices"
	"time"
)

// plantOffset is the plant's clock against UTC. It is fixed, so that the demo needs no table of time zones.
const plantOffset = time.Hour

// epoch is where counters began and schedules are counted from: a Monday, 00:00 by the plant's clock.
var epoch = time.Date(1990, time.January, 1, 0, 0, 0, 0, time.UTC).Add(-plantOffset)

// stint is a stretch of work, as times since the day's midnight.
type stint struct{ from, to time.Duration }

// schedule is when a machine works: the stints of each day of the week, Monday first.
type schedule [7][]stint

// shifts work from 06:00 to 22:00 with breaks; at the weekend there is only the early shift.
func shifts() schedule {
	early := []stint{clock(6, 0, 9, 0), clock(9, 15, 12, 0), clock(12, 30, 14, 0)}
	late := []stint{clock(14, 10, 17, 0), clock(17, 15, 19, 30), clock(20, 0, 22, 0)}
	full := append(slices.Clip(early), late...)
	return schedule{full, full, full, full, full, early, early}
}

// daily is the same each day.
func daily(s ...stint) schedule { return schedule{s, s, s, s, s, s, s} }

// always never stops.
func always() schedule { return daily(stint{0, day}) }

func clock(fromHour, fromMinute, toHour, toMinute int) stint {
	at := func(h, m int) time.Duration { return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute }
	return stint{at(fromHour, fromMinute), at(toHour, toMinute)}
}

// local splits a time into the number of its day since epoch and the time since that day's midnight.
func local(at time.Time) (days int64, since time.Duration) {
	elapsed := int64(at.Sub(epoch))
	days = floorDiv(elapsed, int64(day))
	return days, time.Duration(elapsed - days*int64(day))
}

func (s schedule) stints(days int64) []stint { return s[days-7*floorDiv(days, 7)] }

// on reports whether the machine works at a time.
func (s schedule) on(at time.Time) bool {
	days, since := local(at)
	for _, w := range s.stints(days) {
		if w.from <= since && since < w.to {
			return true
		}
	}
	return false
}

// duty is 1 while the machine works and 0 while it rests.
func (s schedule) duty(at time.Time) float64 {
	if s.on(at) {
		return 1
	}
	return 0
}

// worked is the time worked since epoch: it never falls, so counters can be made of it.
func (s schedule) worked(at time.Time) time.Duration {
	days, since := local(at)
	week := time.Duration(0)
	before := time.Duration(0)
	for d := range int64(7) {
		week += s.workedIn(d, day)
		if d < days-7*floorDiv(days, 7) {
			before += s.workedIn(d, day)
		}
	}
	return time.Duration(floorDiv(days, 7))*week + before + s.workedIn(days, since)
}

// workedIn is the time worked on a day before a moment of it.
func (s schedule) workedIn(days int64, until time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, w := range s.stints(days) {
		sum += max(0, min(until, w.to)-w.from)
	}
	return sum
}

// heat is how a body follows the machine's work: 0 cold, 1 at the temperature of long work, approached exponentially with
// a time constant, and left again the same way. It looks back for 30 time constants: what was before has died away
// beyond every digit that is shown.
func (s schedule) heat(constant time.Duration) signal {
	return func(at time.Time) float64 {
		days, since := local(at)
		from, level := since-30*constant, 0.0
		for d := days + floorDiv(int64(from), int64(day)); d < days; d++ {
			level = s.follow(d, max(0, from+time.Duration(days-d)*day), day, level, constant)
		}
		return s.follow(days, max(0, from), since, level, constant)
	}
}

// follow carries a level from one moment of a day to another.
func (s schedule) follow(days int64, at, until time.Duration, level float64, constant time.Duration) float64 {
	approach := func(target float64, to time.Duration) {
		if to = min(to, until); to > at {
			level = target + (level-target)*math.Exp(-float64(to-at)/float64(constant))
			at = to
		}
	}
	for _, w := range s.stints(days) {
		approach(0, w.from)
		approach(1, w.to)
	}
	approach(0, until)
	return level
}
