package schedule

import (
	"encoding/binary"
	"errors"
	"math"
)

// savedVersion is that of the bytes of Save.
const savedVersion = 2

// Save returns what has been learned as bytes for Restore.
func (i *Interval) Save() []byte {
	encoded, err := binary.Append([]byte{savedVersion}, binary.LittleEndian, &i.learned)
	if err != nil {
		return nil // the size is fixed: it cannot happen
	}
	return encoded
}

var errForeign = errors.New("restore a learned interval: the bytes are not from this version's Save")

// Restore replaces what has been learned by what Save returned. After an error nothing has changed.
func (i *Interval) Restore(encoded []byte) error {
	var l learned
	if len(encoded) != 1+binary.Size(l) || encoded[0] != savedVersion {
		return errForeign
	}
	if _, err := binary.Decode(encoded[1:], binary.LittleEndian, &l); err != nil || !l.valid() {
		return errForeign
	}
	*i = Interval{learned: l}
	i.fit()
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
