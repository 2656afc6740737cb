package schedule

import "math"

// Wait returns how long after its last request the sensor should be asked again, in seconds, at the level turn: the
// interval of a sensor of this weight that reports all the time. dither, in [0, 1), spreads rounding: sensors that
// cannot have every reading then get every second one in turn, not all together.
func (s *Sensor) Wait(turn, dither float64) float64 {
	switch {
	case !s.reported:
		return turn * s.rarer()
	case !s.rhythmic():
		return turn
	case s.fruitful, s.asked < s.newest+s.low+s.visibleAfter(): // a bound from outside asked before there could be anything
		return s.untilNext(turn, dither)
	}
	return turn * s.impatience(s.asked)
}

// rarer is how many turns a sensor that never reported is left.
func (s *Sensor) rarer() float64 { return min(neverSlow, math.Exp2(float64(s.never))) }

// untilNext waits for the k-th reading from now: the first where the turn is shorter than the period.
func (s *Sensor) untilNext(turn, dither float64) float64 {
	delay, stride := s.visibleAfter(), s.stride()
	k := math.Floor(s.readings(turn) + dither)
	sinceNewest := s.asked - s.newest
	if k > 1 {
		return (k-1)*stride + max(0, s.period+delay-sinceNewest)
	}
	return s.low + s.into(turn) + delay + slack - sinceNewest
}

// into is how far into the window of the next reading it is asked for.
func (s *Sensor) into(turn float64) float64 {
	window := s.up - s.low
	return min(max(turn*math.Sqrt(window/2/s.period), min(1, window)), max(window, slack))
}

// readings is how many readings a turn should span, at least 1: the k at which k(k+1)/2 p^2, what asking after the k-th
// is worth, reaches the level T^2/2.
func (s *Sensor) readings(turn float64) float64 {
	r := turn / s.stride()
	return max(1, math.Sqrt(0.25+r*r))
}

// impatience is the part of a turn after which a sensor that gave nothing is asked again: small inside its window, 1
// where it has been overdue for most of its silence.
func (s *Sensor) impatience(now float64) float64 {
	silence := max(0, now-s.newest)
	overdue := max(0, silence-s.up-s.visibleAfter())
	return math.Sqrt(min(1, ((s.up-s.low)/2+1+overdue)/(silence+1)))
}

// Rate returns the requests per second that the sensor will take at a level, on average.
func (s *Sensor) Rate(turn float64) float64 {
	switch {
	case !s.reported:
		return 1 / (turn * s.rarer())
	case !s.rhythmic():
		return 1 / turn
	case s.silent(s.asked):
		return 1 / (turn * s.impatience(s.asked))
	}
	return 1 / (s.readings(turn) * s.stride() * (1 - min(0.9, s.wasted)))
}
