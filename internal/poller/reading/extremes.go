package reading

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

const (
	extremesFor = 10 * time.Minute // after their arrival, readings count for minimum and maximum; those of the latest poll, longer
	maxExtremes = 8                // readings of a sensor that are kept for them
)

// Extremes are the readings of a sensor that are or may become its minimum or maximum, packed, latest arrival first: arrival and
// source time, varints of milliseconds before those of the one before, and value. Those of the first are before LastSuccess,
// which a change of this machine's clock does not affect, and before the newest number.
type Extremes string

// extreme is one of them.
type extreme struct {
	arrived int64 // by this machine's clock, in milliseconds after LastSuccess
	at      int64 // source time, in milliseconds since the epoch
	value   float64

	newest    bool // of all by source time
	high, low bool // it can be the maximum, the minimum
	needed    bool
}

// append appends what is packed, latest arrival first; newest is the source time of the newest number. Nothing follows bytes that
// no version of this program has written.
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
	elapsed, oldest := now.Sub(s.LastSuccess).Milliseconds(), apiNow.UnixMilli()-staleAfter.Milliseconds()
	for _, one := range all {
		if one.at >= oldest && (one.arrived == all[0].arrived || elapsed-one.arrived <= extremesFor.Milliseconds()) {
			lowest, highest = min(lowest, one.value), max(highest, one.value)
		}
	}
	return lowest, highest
}

// extremes computes the Extremes of a record from those of the one before; nil: they are not wanted.
type extremes struct {
	list []extreme // by arrival, then oldest first
	now  int64     // in milliseconds after the new LastSuccess
}

// newExtremes prepares for the readings of a poll. Those that arrived before the first successful poll count as arrived with it.
func (u *update) newExtremes(now time.Time) *extremes {
	x, shift := &extremes{list: u.held.Extremes.append(nil, u.held.Time)}, int64(0)
	if !u.held.LastSuccess.IsZero() {
		shift = u.next.LastSuccess.Sub(u.held.LastSuccess).Milliseconds()
		x.now = now.Sub(u.next.LastSuccess).Milliseconds()
	}
	slices.Reverse(x.list)
	for i := range x.list {
		x.list[i].arrived = min(x.list[i].arrived-shift, x.now-1) // in another poll than what follows
	}
	return x
}

// addExtreme adds a number that is the newest, or late. One with the time of the newest corrects it. A state without a number is
// no extreme.
func (u *update) addExtreme(at time.Time, value float64) {
	x := u.extremes
	if x == nil || math.IsNaN(value) {
		return
	}
	one := extreme{arrived: x.now, at: at.UnixMilli(), value: value}
	switch first := u.held.Seen.IsZero(); {
	case at.Equal(u.next.Time):
		for i, other := range slices.Backward(x.list) {
			if other.at == one.at {
				x.list[i].value = value
				return
			}
		}
	case first: // the others are history
		x.list = append(x.list[:0], one)
	case at.After(u.held.Seen) || at.Before(u.next.Time):
		x.list = append(x.list, one)
	}
}

// save packs those that are needed; newest is the source time of the newest number.
func (x *extremes) save(newest time.Time) *Extremes {
	if x == nil || len(x.list) == 0 {
		return nil
	}
	latest := x.list[len(x.list)-1].arrived
	list := slices.DeleteFunc(x.list, func(one extreme) bool {
		return one.arrived != latest && x.now-one.arrived > extremesFor.Milliseconds()
	})
	packed, last := make([]byte, 0, maxExtremes*(2*binary.MaxVarintLen64+8)), extreme{at: newest.UnixMilli()}
	for _, one := range slices.Backward(thin(candidates(list))) {
		packed = binary.AppendVarint(packed, last.arrived-one.arrived)
		packed = binary.AppendVarint(packed, last.at-one.at)
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(one.value))
		last = one
	}
	return new(Extremes(packed))
}

// candidates drops each reading that others replace: one at least as low, and one at least as high, both of the same time or
// later, and arrived with it or later. The newest replaces none, as it may still be corrected.
func candidates(list []extreme) []extreme {
	newest := 0
	for i, one := range list {
		if one.at >= list[newest].at {
			newest = i
		}
	}
	list[newest].newest = true
	kept := make([]extreme, 0, len(list))
	earliest, lowest, highest := int64(math.MaxInt64), math.Inf(1), math.Inf(-1) // of those kept
	for _, one := range slices.Backward(list) {
		if one.high, one.low = one.value > highest, one.value < lowest; one.at > earliest { // some that arrived later is older: late
			one.high, one.low = true, true
			for _, later := range kept {
				if !later.newest && later.at >= one.at {
					one.high, one.low = one.high && one.value > later.value, one.low && one.value < later.value
				}
			}
		}
		if !one.high && !one.low {
			continue
		}
		if kept = append(kept, one); !one.newest {
			earliest, lowest, highest = min(earliest, one.at), min(lowest, one.value), max(highest, one.value)
		}
	}
	slices.Reverse(kept)
	return kept
}

// thin drops candidates if there are too many: never the newest, nor the minimum and the maximum of the others, of all and of the
// latest poll. Of the rest it drops those that would be the extreme for the shortest time, from the end of the candidate before
// them to their own: first within a poll, where only their age can end them.
func thin(list []extreme) []extreme {
	if len(list) > maxExtremes {
		markNeeded(list)
	}
	for step := int64(1); len(list) > 4*maxExtremes; step *= 2 { // a page of a signal that rises: one by one would take too long
		var last chains
		list = slices.DeleteFunc(list, func(one extreme) bool {
			gap := last.gap(one)
			drop := !one.needed && gap[0] == 0 && gap[1] < step
			if !drop {
				last.add(one)
			}
			return drop
		})
	}
	for len(list) > maxExtremes {
		var last chains
		drop, shortest := -1, gap{}
		for i, one := range list {
			gap := last.gap(one)
			last.add(one)
			if !one.needed && (drop < 0 || slices.Compare(gap[:], shortest[:]) < 0) {
				drop, shortest = i, gap
			}
		}
		list = slices.Delete(list, drop, drop+1)
	}
	return list
}

// chains are the latest candidates for the maximum and the minimum; zero: there are none.
type chains struct{ high, low extreme }

// gap is how long a candidate remains when the one before it no longer counts, by arrival and by source time, in milliseconds.
type gap [2]int64

// gap returns that of the next candidate.
func (c *chains) gap(one extreme) (longest gap) {
	since := func(last extreme, exists bool) {
		between := gap{math.MaxInt64}
		if exists {
			between = gap{one.arrived - last.arrived, one.at - last.at}
		}
		if slices.Compare(between[:], longest[:]) > 0 {
			longest = between
		}
	}
	if one.high {
		since(c.high, c.high.high)
	}
	if one.low {
		since(c.low, c.low.low)
	}
	return longest
}

func (c *chains) add(one extreme) {
	if one.high {
		c.high = one
	}
	if one.low {
		c.low = one
	}
}

func markNeeded(list []extreme) {
	latest := slices.IndexFunc(list, func(one extreme) bool { return one.arrived == list[len(list)-1].arrived })
	newest := slices.IndexFunc(list, func(one extreme) bool { return one.newest })
	list[newest].needed = true
	for _, from := range []int{0, latest} {
		lowest, highest := newest, newest
		for i := from; i < len(list); i++ {
			if i != newest && (lowest == newest || list[i].value < list[lowest].value) {
				lowest = i
			}
			if i != newest && (highest == newest || list[i].value > list[highest].value) {
				highest = i
			}
		}
		list[lowest].needed, list[highest].needed = true, true
	}
}
