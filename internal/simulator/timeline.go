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
