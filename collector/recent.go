package collector

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
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

// Recent is the newest numbers of a sensor, as far as they are remembered: oldest first, to a tenth of a second. It does
// not change.
type Recent struct{ line *recent }

// RecentOf makes a Recent of readings that ascend in time, for tests of who shows them.
func RecentOf(readings iter.Seq2[time.Time, float64]) Recent {
	var t trace
	for at, value := range readings {
		t.add(at, value)
	}
	return Recent{t.kept(nil)}
}

// Len returns how many there are.
func (r Recent) Len() int {
	if r.line == nil {
		return 0
	}
	return int(r.line.count)
}

// All yields each reading.
func (r Recent) All() iter.Seq2[time.Time, float64] {
	return func(yield func(time.Time, float64) bool) {
		for i := range r.Len() {
			at := time.UnixMilli(r.line.start).Add(time.Duration(r.line.after[i]) * tenth)
			if !yield(at.UTC(), r.line.values[i]) {
				return
			}
		}
	}
}

// IsZero lets an encoder leave it out.
func (r Recent) IsZero() bool { return r.Len() == 0 }

// MarshalJSON writes pairs of Unix seconds and value, as Prometheus does.
func (r Recent) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for at, value := range r.All() {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, '[')
		text = strconv.AppendFloat(text, float64(at.UnixMilli())/1e3, 'f', -1, 64)
		text = append(text, ',')
		text = strconv.AppendFloat(text, value, 'g', -1, 64)
		text = append(text, ']')
	}
	return append(text, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Recent) UnmarshalJSON(text []byte) error {
	var pairs [][2]float64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return err
	}
	*r = RecentOf(func(yield func(time.Time, float64) bool) {
		for _, pair := range pairs {
			if !yield(time.UnixMilli(int64(math.Round(pair[0]*1e3))), pair[1]) {
				return
			}
		}
	})
	return nil
}
