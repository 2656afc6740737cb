package simulator

import "time"

// Reading is one reading as an omniscient observer sees it.
type Reading struct {
	Stamp   time.Time // by the sensor's own clock
	Visible time.Time // from when the API shows it
}

// Timeline goes through a sensor's readings, oldest first, without any request: the truth that a client's knowledge can
// be measured against. Not safe for concurrent use.
type Timeline struct {
	series *series
	next   int64 // index
	last   int64
}

// Timeline begins with the newest reading that is visible at a moment and ends with the last one measured before another.
// Where no reading of the 30 days before the first moment exists it begins with the first one after it.
func (s Sensor) Timeline(from, until time.Time) *Timeline {
	if s.Period <= 0 {
		return &Timeline{next: 0, last: -1}
	}
	own := newSeries(s)
	t := &Timeline{series: own, next: own.newest(from), last: own.first(until.UnixNano()+int64(s.Skew)) - 1}
	if i, ok := own.next(t.next, -1, own.first(from.Add(-defaultHistory).UnixNano()), t.next); ok {
		t.next = i
	}
	return t
}

// Next returns the next reading; false where there is none any more.
func (t *Timeline) Next() (Reading, bool) {
	if t.next > t.last {
		return Reading{}, false
	}
	i, ok := t.series.next(t.next, 1, t.next, t.last)
	if !ok {
		t.next = t.last + 1
		return Reading{}, false
	}
	t.next = i + 1
	return Reading{Stamp: time.Unix(0, t.series.stamp(i)).UTC(), Visible: time.Unix(0, t.series.visible(i)).UTC()}, true
}

// Newest is the newest reading of a sensor that the API shows at this moment: its time as the format writes it, and its
// value. ok is false where there is none within Format.History. It sends no request.
func (s *Server) Newest(machineID, sensorID string) (at time.Time, value any, ok bool) {
	s.mu.Lock()
	m := s.plant.machine(machineID)
	s.mu.Unlock()
	if m == nil {
		return time.Time{}, nil, false
	}
	for _, own := range m.sensors {
		if own.ID != sensorID || own.Period <= 0 {
			continue
		}
		f, now := &s.opts.Format, time.Now()
		last := own.newest(now)
		i, ok := own.next(last, -1, own.first(now.Add(-f.History).UnixNano()), last)
		if !ok {
			break
		}
		return time.Unix(0, own.stamp(i)).UTC().Truncate(f.resolution()), own.value(i), true
	}
	return time.Time{}, nil, false
}
