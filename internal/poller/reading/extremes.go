package reading

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"
)

const (
	extremesFor = 10 * time.Minute // after their arrival, readings count for minimum and maximum; those of the latest poll, longer
	maxExtremes = 8                // readings of a sensor that are kept for them
)

// Extremes are the newest number of a sensor, and after it the others that are or may become its minimum or maximum, packed:
// arrival and source time, varints of milliseconds before those of the one before, and value. Those of the first are before
// LastSuccess, which a change of this machine's clock does not affect, and before the newest number or state.
type Extremes string

// extreme is one of them.
type extreme struct {
	arrived int64 // by this machine's clock, in milliseconds after LastSuccess
	at      int64 // source time, in milliseconds since the epoch
	value   float64
}

// append appends what is packed; newest is the source time of the newest number or state. Nothing follows bytes that no version
// of this program has written.
func (x *Extremes) append(to []extreme, newest time.Time) []extreme {
	if x == nil {
		return to
	}
	packed, last := []byte(*x), extreme{at: newest.UnixMilli()}
	for len(packed) > 0 && len(to) < maxExtremes {
		before, n := binary.Varint(packed)
		older, m := binary.Varint(packed[max(0, n):])
		if n <= 0 || m <= 0 || len(packed) < n+m+8 {
			break
		}
		last.arrived, last.at = last.arrived-before, last.at-older
		last.value = math.Float64frombits(binary.LittleEndian.Uint64(packed[n+m:]))
		to, packed = append(to, last), packed[n+m+8:]
	}
	return to
}

// MinMax returns the minimum and the maximum of the newest number, the new readings of the latest poll that brought any, and
// those that arrived in the 10 min before now; none older than staleAfter. now is by this machine's clock, apiNow by the API's.
// Both are the newest number if the record holds no others.
func (s *Saved) MinMax(staleAfter time.Duration, now, apiNow time.Time) (lowest, highest float64) {
	lowest, highest = s.Value, s.Value
	var room [maxExtremes]extreme
	all := s.Extremes.append(room[:0], s.Time)
	oldest, latest := apiNow.UnixMilli()-staleAfter.Milliseconds(), latestArrival(all)
	for _, one := range all {
		if one.at >= oldest && one.counts(latest, now.Sub(s.LastSuccess).Milliseconds()) {
			lowest, highest = min(lowest, one.value), max(highest, one.value)
		}
	}
	return lowest, highest
}

// counts reports whether it is of the latest poll that brought any, or arrived no longer than 10 min before now.
func (e *extreme) counts(latest, now int64) bool {
	return e.arrived == latest || now-e.arrived <= extremesFor.Milliseconds()
}

func latestArrival(list []extreme) int64 {
	latest := int64(math.MinInt64)
	for _, one := range list {
		latest = max(latest, one.arrived)
	}
	return latest
}

// extremes computes the Extremes of a record from those of the one before; nil: they are not wanted.
type extremes struct {
	list []extreme // the first is the newest number
	now  int64     // in milliseconds after the new LastSuccess
	seen time.Time // of the record before
}

// newExtremes prepares for the readings of a poll. Those that arrived before the first successful poll count as arrived with it.
func newExtremes(held *Record, success, now time.Time) *extremes {
	x, shift := &extremes{list: held.Extremes.append(nil, held.Time), seen: held.Seen}, int64(0)
	if !held.LastSuccess.IsZero() {
		shift = success.Sub(held.LastSuccess).Milliseconds()
		x.now = now.Sub(success).Milliseconds()
	}
	for i := range x.list {
		x.list[i].arrived = min(x.list[i].arrived-shift, x.now-1) // in another poll than what follows
	}
	return x
}

// add adds a number that is the newest, or late; newest is the source time of the newest number or state before it. One with the
// time of the newest corrects it. A state without a number is no extreme.
func (x *extremes) add(at time.Time, value float64, newest time.Time) {
	if x == nil || math.IsNaN(value) {
		return
	}
	one := extreme{arrived: x.now, at: at.UnixMilli(), value: value}
	switch held := len(x.list); {
	case held > 0 && one.at == x.list[0].at:
		x.list[0].value = value
	case !at.After(x.seen) && !at.Before(newest): // it is not new
	case x.seen.IsZero(): // the others are history
		x.list = append(x.list[:0], one)
	default:
		if x.list = append(x.list, one); one.at > x.list[0].at {
			x.list[0], x.list[held] = one, x.list[0]
		}
		if held >= 4*maxExtremes {
			x.thin()
		}
	}
}

// save packs those that are needed; newest is the source time of the newest number or state.
func (x *extremes) save(newest time.Time) *Extremes {
	if x == nil || len(x.list) == 0 {
		return nil
	}
	x.thin()
	packed, last := make([]byte, 0, maxExtremes*(2*binary.MaxVarintLen64+8)), extreme{at: newest.UnixMilli()}
	for _, one := range x.list {
		packed = binary.AppendVarint(packed, last.arrived-one.arrived)
		packed = binary.AppendVarint(packed, last.at-one.at)
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(one.value))
		last = one
	}
	return new(Extremes(packed))
}

// thin drops what does not count any more or what others replace, and then, while there are too many, the one least needed. The
// newest stays and replaces none, as it may still be corrected.
func (x *extremes) thin() {
	latest := latestArrival(x.list)
	rest := slices.DeleteFunc(x.list[1:], func(one extreme) bool { return !one.counts(latest, x.now) })
	slices.SortFunc(rest, func(a, b extreme) int { return cmp.Or(cmp.Compare(a.arrived, b.arrived), cmp.Compare(a.at, b.at)) })
	x.list = x.list[:1]
	for i, one := range rest {
		if !one.replaced(rest[i+1:]) {
			x.list = append(x.list, one)
		}
	}
	for len(x.list) > maxExtremes {
		drop := 1 + leastNeeded(x.list[1:])
		x.list = slices.Delete(x.list, drop, drop+1)
	}
}

// replaced reports whether one at least as low, and one at least as high, have the same time or a later one, and arrived later.
func (e *extreme) replaced(later []extreme) bool {
	low, high := false, false
	for _, other := range later {
		low = low || other.at >= e.at && other.value <= e.value
		high = high || other.at >= e.at && other.value >= e.value
	}
	return low && high
}

// leastNeeded returns the place of the one that follows the one before it most closely: first within a poll, where only their age
// can end them. It is neither the first, nor the minimum or the maximum of all or of the last poll among them.
func leastNeeded(list []extreme) (place int) {
	last := slices.IndexFunc(list, func(one extreme) bool { return one.arrived == list[len(list)-1].arrived })
	needed := [...]int{0, 0, last, last}
	for i, one := range list {
		for j := 0; j < len(needed) && needed[j] <= i; j += 2 {
			if one.value < list[needed[j]].value {
				needed[j] = i
			}
			if one.value > list[needed[j+1]].value {
				needed[j+1] = i
			}
		}
	}
	shortest := [2]int64{math.MaxInt64}
	for i := 1; i < len(list); i++ {
		gap := [2]int64{list[i].arrived - list[i-1].arrived, list[i].at - list[i-1].at}
		if !slices.Contains(needed[:], i) && slices.Compare(gap[:], shortest[:]) < 0 {
			place, shortest = i, gap
		}
	}
	return place
}
