package schedule

import "math"

// Kind says how a sensor is treated.
type Kind string

// The kinds.
const (
	Unreported Kind = "never"     // has never reported; its requests grow rare
	Silent     Kind = "silent"    // has reported, but is overdue: off for the night, or dead
	Irregular  Kind = "irregular" // reports at random: asked every turn, its phase being of no use
	Fast       Kind = "fast"      // reports more often than it is asked
	Slow       Kind = "slow"      // asked just after each of its readings
)

// Kind returns how the sensor is treated at a level, as of its last answer.
func (s *Sensor) Kind(turn float64) Kind {
	switch {
	case !s.reported:
		return Unreported
	case s.silent(s.asked):
		return Silent
	case turn > s.stride():
		return Fast
	case !s.rhythmic():
		return Irregular
	}
	return Slow
}

// Age returns between which bounds the age of the reading held rises and falls at a level, in seconds: it is least when
// a reading has just been fetched, and most just before the next one is. Age counts from the reading's timestamp; lag
// would count from that of the newest one there is.
func (s *Sensor) Age(turn float64) (least, most float64) {
	least = max(0, s.visibleAfter()-(s.stride()-s.period)) + slack // of a batch the newest reading is exposed
	if !s.rhythmic() {
		least += s.period // what is found is on average one gap old, where gaps are random
		return least, least + turn
	}
	if s.readings(turn) < 2 {
		least += s.pickedUp(turn)
	}
	return least, least + s.tooth(turn)
}

// tooth is the time from one reading held to the next. Where a turn spans 2.5 readings, it is two and three by turns,
// and the longer ones last longer.
func (s *Sensor) tooth(turn float64) float64 {
	k, part := math.Modf(s.readings(turn))
	return s.stride() * (k*k + part*(2*k+1)) / (k + part)
}

// pickedUp is how long after it became visible a reading is fetched on average, where each one is asked for: it comes
// anywhere in its window, and requests go through the window in steps.
func (s *Sensor) pickedUp(turn float64) float64 {
	window := s.up - s.low
	into := s.into(turn)
	return max(min(into, window)/2, into-window/2)
}

// Tries returns how many requests a reading takes on average where each one is asked for: those that come too early, at
// least step seconds apart, and the one that gets it. What was wasted so far tells the same, but only after many readings.
func (s *Sensor) Tries(turn, step float64) float64 {
	again := turn * math.Sqrt(min(1, ((s.up-s.low)/2+1)/(s.period+1)))
	return s.tries(s.into(turn), max(step, again))
}

// TriesWithin is Tries for a sensor that reports more seldom than every age, which a promise asks for: from the first
// moment at which its reading can be there, every age.
func (s *Sensor) TriesWithin(age float64) float64 {
	if !s.rhythmic() {
		return 1
	}
	return s.tries(slack, age)
}

// tries is for a reading that comes anywhere in its window, and is asked for so far into it, and then in steps.
func (s *Sensor) tries(into, step float64) float64 {
	window := s.up - s.low
	left := window - into
	if left <= 0 {
		return 1
	}
	return 1 + left/window*(left/step+1)/2
}
