package ratelimit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// keptVersion is that of the bytes below. Bytes of another version are taken for none.
const keptVersion = 1

// kept is what outlives a restart, before the tallies. Moments are nanoseconds of Unix time, 0 where there is none.
type kept struct {
	Version                 uint8
	Unstated, LastStated    bool
	ConfiguredBurst, Burst  uint32
	Configured, Rate        float64
	Born, LastAt, LastUntil int64
	LastRate                float64
	Refusals                uint32
	Hour                    int64
	InHour, Best            uint32
	SinceBase, SinceAlready uint32 // accepted since
	PerHour, Low, High      float64
	Since                   int64
	Base, Proven, Step      float64
	Next                    int64
	Estimate, Peak          float64
	Watched, Seen           int64
	Tallies                 uint32
}

// Keep returns what has been learned as bytes, for Restore.
func (l *Learner) Keep() []byte {
	k := kept{
		Version: keptVersion, Unstated: l.search.unstated, LastStated: l.last.stated,
		ConfiguredBurst: count32(l.configured.Burst), Burst: count32(l.terms.Burst),
		Configured: l.configured.PerHour, Rate: l.terms.PerHour,
		Born: nanos(l.born), LastAt: nanos(l.last.at), LastUntil: nanos(l.last.until), LastRate: l.last.rate,
		Refusals: count32(l.search.refusals), Hour: l.past.hour, InHour: count32(l.past.inHour), Best: count32(l.past.best),
		SinceBase: count32(l.past.total - l.base), SinceAlready: count32(l.past.total - l.search.already),
		PerHour: l.perHour, Low: l.search.low, High: l.search.high, Since: nanos(l.search.since),
		Base: l.probe.base, Proven: l.probe.proven, Step: l.probe.step, Next: nanos(l.probe.next),
		Estimate: l.witness.estimate, Peak: l.witness.peak, Watched: nanos(l.witness.watched), Seen: nanos(l.witness.seen),
		Tallies: count32(len(l.past.tallies)),
	}
	encoded, err := binary.Append(nil, binary.LittleEndian, &k)
	if err != nil {
		return nil // a fixed size: it cannot happen
	}
	return l.past.keep(encoded)
}

var errForeign = errors.New("not what Keep returned")

// Restore takes back what Keep returned, as of now. An error means that the bytes are none of its own, and changes
// nothing. It is meant for a learner that has not been used yet.
//
// A configured rate that was lowered meanwhile is kept to where it is lower than what was learned. One that was raised is
// its user's word that the API permits more: only what was accepted is then taken back.
func (l *Learner) Restore(encoded []byte, now time.Time) error {
	var k kept
	reader := bytes.NewReader(encoded)
	if binary.Read(reader, binary.LittleEndian, &k) != nil || k.Version != keptVersion || !k.sound() {
		return errForeign
	}
	past, ok := recallHistory(reader, int(k.Tallies), now)
	if !ok {
		return errForeign
	}
	l.past, l.born = past, moment(k.Born, now)
	if l.configured.PerHour <= k.Configured && l.configured.Burst <= int(k.ConfiguredBurst) {
		l.recall(&k, now)
	}
	return nil
}

// recall takes back all but what was accepted. No moment is later than it could be: clocks are set back, too.
func (l *Learner) recall(k *kept, now time.Time) {
	l.past.hour, l.past.inHour, l.past.best = k.Hour, int(k.InHour), int(k.Best)
	l.past.total = max(l.past.total, int(k.SinceBase), int(k.SinceAlready))
	l.base = l.past.total - int(k.SinceBase)
	l.last = refused{at: moment(k.LastAt, now), until: moment(k.LastUntil, now.Add(banned)), rate: k.LastRate, stated: k.LastStated}
	l.perHour = k.PerHour
	l.search = search{
		low: k.Low, high: k.High, refusals: int(k.Refusals), unstated: k.Unstated,
		since: moment(k.Since, now), already: l.past.total - int(k.SinceAlready),
	}
	l.probe = probe{base: k.Base, proven: k.Proven, step: k.Step, next: moment(k.Next, now.Add(failHolds))}
	l.witness = witness{estimate: k.Estimate, peak: k.Peak, watched: moment(k.Watched, now), seen: moment(k.Seen, now)}
	if k.Rate < l.configured.PerHour {
		l.terms = Terms{PerHour: k.Rate, Burst: min(int(k.Burst), l.configured.Burst)}
	}
}

// most is the largest rate that can be meant.
const most = 1e9

// sound reports whether all numbers are numbers, and in their bounds.
func (k *kept) sound() bool {
	for _, f := range []float64{k.LastRate, k.PerHour, k.Low, k.High, k.Base, k.Proven, k.Step, k.Estimate, k.Peak} {
		if !(math.Abs(f) <= most) {
			return false
		}
	}
	return k.Configured > 0 && k.Configured <= most && k.Rate >= least*k.Configured*(1-1e-9) && k.Rate <= k.Configured &&
		k.Burst >= 1 && k.Burst <= k.ConfiguredBurst && k.Step >= firstStep &&
		k.LastRate >= 0 && (k.PerHour == 0 || k.PerHour >= 2) && k.Low >= 0 && k.High >= 0 && k.Base >= 0 && k.Tallies <= uint32(remembered/time.Second)+1
}

// keep appends the tallies, each as the seconds since the one before and its count.
func (h *history) keep(encoded []byte) []byte {
	before := int64(0)
	for _, t := range h.tallies {
		encoded = binary.AppendUvarint(encoded, uint64(t.second-before))
		encoded = binary.AppendUvarint(encoded, uint64(t.count))
		before = t.second
	}
	return encoded
}

// recallHistory reads so many tallies, which must be all that is left. Those of the future, of a clock that was set back
// since, are dropped.
func recallHistory(reader *bytes.Reader, tallies int, now time.Time) (h history, ok bool) {
	second := uint64(0)
	for range tallies {
		later, err := binary.ReadUvarint(reader)
		n, errCount := binary.ReadUvarint(reader)
		if err != nil || errCount != nil || later == 0 || later > math.MaxInt32*4 || n > most {
			return history{}, false
		}
		if second += later; second <= uint64(now.Unix()) {
			h.tallies = append(h.tallies, tally{int64(second), int(n)})
			h.total += int(n)
			h.recent += int(n)
		}
	}
	return h, reader.Len() == 0
}

func count32(n int) uint32 { return uint32(max(0, min(n, most))) }

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment is the opposite of nanos, but never after latest.
func moment(nanos int64, latest time.Time) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	if t := time.Unix(0, nanos); t.Before(latest) {
		return t
	}
	return latest
}
