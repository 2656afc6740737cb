package reading

import (
	"encoding/binary"
	"slices"
	"time"

	"innius_exporter/innius"
)

// MaxSpans is how many spans of a sensor are kept.
const MaxSpans = 8

// Spans are the latest spans of a sensor in which readings may exist that no page showed, packed: a varint for each end, in
// milliseconds since the one before. Each span is exclusive: its ends are the times of readings that are known.
type Spans string

func (s Spans) add(more []innius.Span) Spans {
	if len(more) == 0 {
		return s
	}
	all := slices.Concat(s.All(), more)
	var packed []byte
	before := int64(0)
	for _, one := range all[max(0, len(all)-MaxSpans):] {
		for _, at := range []int64{one.From.UnixMilli(), one.To.UnixMilli()} {
			packed = binary.AppendVarint(packed, at-before)
			before = at
		}
	}
	return Spans(packed)
}

// All returns the spans, oldest first, to a millisecond; nothing after bytes that no version of this program has written.
func (s Spans) All() (all []innius.Span) {
	packed, at := []byte(s), int64(0)
	next := func() time.Time {
		since, n := binary.Varint(packed)
		packed, at = packed[max(0, n):], at+since
		if n <= 0 {
			packed = nil
		}
		return time.UnixMilli(at).UTC()
	}
	for len(packed) > 0 && len(all) < MaxSpans {
		all = append(all, innius.Span{From: next(), To: next()})
	}
	return all
}

func (s Spans) contain(at time.Time) bool {
	return slices.ContainsFunc(s.All(), func(one innius.Span) bool { return at.After(one.From) && at.Before(one.To) })
}
