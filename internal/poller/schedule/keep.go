package schedule

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// keptVersion is that of the bytes below. Bytes of another version are taken for none.
const keptVersion = 1

// kept is what outlives a restart, without the gaps, which follow it.
type kept struct {
	Version            uint8
	Fruitful, Reported bool
	Missed             bool
	Newest, Asked      float64
	Least, Most, Batch float64
	Wasted             float64
	Never, Gaps        uint16
}

// Keep returns what has been learned as bytes, for Restore.
func (s *Sensor) Keep() []byte {
	k := kept{
		Version: keptVersion, Fruitful: s.fruitful, Reported: s.reported, Missed: s.delay.missed, Newest: s.newest, Asked: s.asked,
		Least: s.delay.least, Most: s.delay.most, Batch: s.batch, Wasted: s.wasted,
		Never: uint16(min(s.never, math.MaxUint16)), Gaps: uint16(s.gapCount),
	}
	encoded, err := binary.Append(nil, binary.LittleEndian, &k)
	if err == nil {
		encoded, err = binary.Append(encoded, binary.LittleEndian, s.gaps())
	}
	if err != nil {
		return nil // fixed sizes: it cannot happen
	}
	return encoded
}

var errForeign = errors.New("not what Keep returned")

// Restore takes back what Keep returned. An error means that the bytes are none of its own, and changes nothing.
func (s *Sensor) Restore(encoded []byte) error {
	var k kept
	reader := bytes.NewReader(encoded)
	if binary.Read(reader, binary.LittleEndian, &k) != nil || k.Version != keptVersion || k.Gaps > remembered {
		return errForeign
	}
	gaps := make([]float32, k.Gaps)
	if binary.Read(reader, binary.LittleEndian, gaps) != nil || reader.Len() > 0 || !k.sound(gaps) {
		return errForeign
	}
	*s = Sensor{
		newest: k.Newest, asked: k.Asked, fruitful: k.Fruitful, reported: k.Reported, never: uint32(k.Never),
		delay: bounds{least: k.Least, most: k.Most, missed: k.Missed}, batch: k.Batch, wasted: k.Wasted,
		gapCount: uint8(k.Gaps),
	}
	copy(s.gapRoom[:], gaps)
	s.learnRhythm()
	return nil
}

// sound reports whether all numbers are numbers, and in their bounds.
func (k *kept) sound(gaps []float32) bool {
	for _, gap := range gaps {
		if !(gap >= 0 && gap < math.MaxFloat32) {
			return false
		}
	}
	for _, f := range []float64{k.Newest, k.Asked, k.Least, k.Most, k.Batch} {
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return false
		}
	}
	return k.Wasted >= 0 && k.Wasted <= 1
}
