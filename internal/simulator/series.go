package simulator

import (
	"sync"
	"time"
)

// series is the arithmetic of one sensor's readings. A reading is known by its index: how many periods since 1970.
// Finding a page is a division, whatever the length of the history; only Exists must be called for each reading.
type series struct {
	Sensor
	seed uint64 // of the jitter
	mu   sync.Mutex
	gap  gap // the longest run without readings met so far, so that a silent sensor's month is not walked at each request
}

// gap is a closed range of indices without a reading; none where lo > hi.
type gap struct{ lo, hi int64 }

func newSeries(s Sensor) *series {
	s.Jitter = max(0, min(s.Jitter, s.Period-1)) // or readings could overtake each other
	return &series{Sensor: s, seed: textHash(s.ID), gap: gap{lo: 0, hi: -1}}
}

// measured is the true time of a reading, in nanoseconds since 1970.
func (s *series) measured(i int64) int64 {
	at := i*int64(s.Period) + int64(s.Phase)
	if s.Jitter > 0 {
		at += int64(float64(s.Jitter) * ratio(mix(s.seed, uint64(i))))
	}
	return at
}

// stamp is the time that the sensor's own clock puts on a reading, in nanoseconds since 1970.
func (s *series) stamp(i int64) int64 { return s.measured(i) + int64(s.Skew) }

// visible is from when the API shows a reading, in nanoseconds since 1970.
func (s *series) visible(i int64) int64 {
	at := s.measured(i) + int64(s.Delay)
	if s.Batch > 0 {
		at = -floorDiv(int64(s.BatchPhase)-at, int64(s.Batch))*int64(s.Batch) + int64(s.BatchPhase)
	}
	return at
}

func (s *series) exists(i int64) bool {
	return s.Exists == nil || s.Exists(time.Unix(0, s.measured(i)).UTC())
}

func (s *series) value(i int64) any {
	at := time.Unix(0, s.measured(i)).UTC()
	if s.Value == nil {
		return at.Unix()
	}
	return s.Value(at)
}

// newest is the index of the last reading that may be visible at a time.
func (s *series) newest(now time.Time) int64 {
	seen := now.UnixNano()
	if s.Batch > 0 {
		seen = floorDiv(seen-int64(s.BatchPhase), int64(s.Batch))*int64(s.Batch) + int64(s.BatchPhase)
	}
	seen -= int64(s.Delay)
	i := floorDiv(seen-int64(s.Phase), int64(s.Period))
	for s.measured(i) > seen {
		i--
	}
	return i
}

// first is the index of the first reading stamped at or after a time, in nanoseconds since 1970.
func (s *series) first(stamp int64) int64 {
	i := floorDiv(stamp-int64(s.Skew)-int64(s.Phase), int64(s.Period)) - 1
	for s.stamp(i) < stamp {
		i++
	}
	return i
}

// next finds the first existing reading from index i on, in steps of +1 or -1, within lo..hi.
func (s *series) next(i, step, lo, hi int64) (index int64, ok bool) {
	if s.Exists == nil {
		return i, lo <= i && i <= hi
	}
	start := i
	for known := s.known(); lo <= i && i <= hi; i += step {
		if known.lo <= i && i <= known.hi {
			i = known.end(step)
			continue
		}
		if s.exists(i) {
			s.learn(start, i, step)
			return i, true
		}
	}
	s.learn(start, i, step)
	return 0, false
}

// end is the last index of the gap in a direction.
func (g gap) end(step int64) int64 {
	if step > 0 {
		return g.hi
	}
	return g.lo
}

func (s *series) known() gap {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gap
}

// learn keeps a run without readings, from one index to just before another, joined with the known one where they touch.
func (s *series) learn(from, before, step int64) {
	if from == before {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	run, old := gap{lo: min(from, before-step), hi: max(from, before-step)}, s.gap
	switch {
	case old.lo <= run.hi+1 && run.lo <= old.hi+1 && old.lo <= old.hi:
		s.gap = gap{lo: min(run.lo, old.lo), hi: max(run.hi, old.hi)}
	case run.hi-run.lo > old.hi-old.lo:
		s.gap = run
	}
}

// floorDiv divides and rounds down, before 1970 too.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
