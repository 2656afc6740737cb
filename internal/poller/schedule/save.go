package schedule

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// savedVersion is that of the bytes below.
const savedVersion = 1

// saved is what is saved of an Interval, without the gaps, which follow it.
type saved struct {
	Version            uint8
	Found, Reported    bool
	Measured           bool
	Newest, Polled     float64
	Least, Most, Batch float64
	Wasted             float64
	Empty, Gaps        uint16
}

// Save returns what has been learned as bytes for Restore.
func (i *Interval) Save() []byte {
	s := saved{
		Version: savedVersion, Found: i.found, Reported: i.reported, Measured: i.delay.measured, Newest: i.newest, Polled: i.polled,
		Least: i.delay.least, Most: i.delay.most, Batch: i.batch, Wasted: i.wasted,
		Empty: uint16(min(i.empty, math.MaxUint16)), Gaps: uint16(i.gapCount),
	}
	encoded, err := binary.Append(nil, binary.LittleEndian, &s)
	if err == nil {
		encoded, err = binary.Append(encoded, binary.LittleEndian, i.gaps())
	}
	if err != nil {
		return nil // the sizes are fixed: it cannot happen
	}
	return encoded
}

var errForeign = errors.New("restore a learned interval: the bytes are not from this version's Save")

// Restore replaces what has been learned by what Save returned. After an error nothing has changed.
func (i *Interval) Restore(encoded []byte) error {
	var s saved
	reader := bytes.NewReader(encoded)
	if binary.Read(reader, binary.LittleEndian, &s) != nil || s.Version != savedVersion || s.Gaps > maxGaps {
		return errForeign
	}
	gaps := make([]float32, s.Gaps)
	if binary.Read(reader, binary.LittleEndian, gaps) != nil || reader.Len() > 0 || !s.valid(gaps) {
		return errForeign
	}
	*i = Interval{
		newest: s.Newest, polled: s.Polled, found: s.Found, reported: s.Reported, empty: uint32(s.Empty),
		delay: bounds{least: s.Least, most: s.Most, measured: s.Measured}, batch: s.Batch, wasted: s.Wasted,
		gapCount: uint8(s.Gaps),
	}
	copy(i.gapRoom[:], gaps)
	i.fit()
	return nil
}

// valid reports whether all numbers are finite and within their bounds.
func (s *saved) valid(gaps []float32) bool {
	for _, gap := range gaps {
		if !(gap >= 0 && gap < math.MaxFloat32) {
			return false
		}
	}
	for _, f := range []float64{s.Newest, s.Polled, s.Least, s.Most, s.Batch} {
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return false
		}
	}
	return s.Wasted >= 0 && s.Wasted <= 1
}
