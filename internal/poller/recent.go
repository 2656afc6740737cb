package poller

import (
	"math"
	"time"
)

// RecentKept is how many of a sensor's readings are remembered for the status page: enough to see a shape in a line as
// wide as a word, and what fits into 256 bytes, for there may be a hundred thousand sensors.
const RecentKept = 20

// recent is the newest numbers of a sensor, ascending in time. Immutable once published: each answer with something new
// puts another in its place, so that no reader waits and none sees half of it. It is bounded, takes 12 bytes a reading,
// and is made with the first one: a sensor that never reports has none.
type recent struct {
	values [RecentKept]float64
	after  [RecentKept]uint32 // in tenths of a second since start
	start  int64              // Unix milliseconds
	count  int32
}

// tenth is what the times of recent readings are kept to.
const tenth = 100 * time.Millisecond

// add puts a reading at the end, in place of the oldest where there is no room. A reading of the same time corrects the
// one before. It reports whether anything changed.
func (r *recent) add(at time.Time, value float64) bool {
	tenths := (at.UnixMilli() - r.start) / tenth.Milliseconds()
	if r.count == 0 || tenths < 0 || tenths > math.MaxUint32 { // 13 years
		*r, tenths = recent{start: at.UnixMilli()}, 0
	}
	last := r.count - 1
	switch {
	case last >= 0 && uint32(tenths) == r.after[last]:
		changed := r.values[last] != value
		r.values[last] = value
		return changed
	case r.count == RecentKept:
		copy(r.values[:], r.values[1:])
		copy(r.after[:], r.after[1:])
	default:
		r.count++
	}
	r.values[r.count-1], r.after[r.count-1] = value, uint32(tenths)
	return true
}

// trace is a copy of the readings remembered, to which an answer adds.
type trace struct {
	line    recent
	changed bool
}

// trace begins with what is remembered; after a restart that is the reading held.
func (o *observation) trace() trace {
	var t trace
	if o.recent != nil {
		t.line = *o.recent
	} else if !o.at.IsZero() {
		t.line.add(o.at, o.value)
	}
	return t
}

func (t *trace) add(at time.Time, value float64) { t.changed = t.line.add(at, value) || t.changed }

// kept returns what is to be remembered: what was, where nothing changed.
func (t *trace) kept(before *recent) *recent {
	if !t.changed {
		return before
	}
	line := t.line // the copy on the heap, which most answers can do without
	return &line
}

// pairs returns Unix seconds, to a tenth, and value of each reading, oldest first.
func (r *recent) pairs() [][2]float64 {
	if r == nil {
		return nil
	}
	pairs := make([][2]float64, r.count)
	for i := range pairs {
		pairs[i] = [2]float64{float64(r.start+int64(r.after[i])*tenth.Milliseconds()) / 1e3, r.values[i]}
	}
	return pairs
}
