package schedule

import "math"

// Within returns how long after its last request a sensor must be asked again, in seconds, so that the reading held is
// never older than age while a newer one can be had. A sensor that reports more seldom is asked when its next reading
// is expected; one that is silent every age. One that never reported is promised nothing: it would cost the full price.
func (s *Sensor) Within(age float64) float64 {
	if !s.reported {
		return math.Inf(1)
	}
	wait := age - (s.asked - s.newest)
	if s.rhythmic() && s.fruitful {
		wait = max(wait, s.low+s.visibleAfter()+slack-(s.asked-s.newest))
	}
	if wait <= 0 {
		return age
	}
	return wait
}

// PromiseRate returns the requests per second that it takes to keep a reading no older than age. A reading is half a period
// old, on average, when it is fetched.
func (s *Sensor) PromiseRate(age float64) float64 {
	switch {
	case !s.reported:
		return 0
	case s.period == 0:
		return 1 / age
	}
	fetched := min(age/2, s.period/2+max(0, s.visibleAfter()))
	return 1 / max(age-fetched, s.stride())
}
