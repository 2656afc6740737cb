package schedule

import (
	"encoding/binary"
	"math"
)

// savedVersion is that of the bytes of GobEncode.
const savedVersion = 2

// GobEncode implements gob.GobEncoder.
func (i *Interval) GobEncode() ([]byte, error) {
	return binary.Append([]byte{savedVersion}, binary.LittleEndian, &i.learned)
}

// GobDecode implements gob.GobDecoder. It ignores bytes of another version: to learn again is better than to refuse all state.
func (i *Interval) GobDecode(encoded []byte) error {
	var l learned
	if len(encoded) != 1+binary.Size(l) || encoded[0] != savedVersion {
		return nil
	}
	if _, err := binary.Decode(encoded[1:], binary.LittleEndian, &l); err == nil && l.valid() {
		*i = Interval{learned: l}
		i.fit()
	}
	return nil
}

// valid reports whether all numbers are finite and within their bounds.
func (l *learned) valid() bool {
	for _, gap := range l.GapRoom {
		if !(gap >= 0 && gap < math.MaxFloat32) {
			return false
		}
	}
	for _, f := range []float64{l.Newest, l.Polled, l.Delay.Least, l.Delay.Most, l.Batch} {
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return false
		}
	}
	return l.GapCount <= maxGaps && l.Wasted >= 0 && l.Wasted <= 1
}
