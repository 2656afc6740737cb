package reading

import (
	"encoding/binary"
	"math"
)

// Point is a reading for the status page: Unix seconds, to a millisecond, and value.
type Point = [2]float64

// MaxRecent is how many readings of a sensor are kept for the status page.
const MaxRecent = 20

// Recent are the newest numbers of a sensor, packed: they are most of what a sensor takes in memory. Each is the time since the one
// before, a varint of milliseconds, and the value.
type Recent string

// NewRecent packs the last MaxRecent of some points, which are oldest first.
func NewRecent(points []Point) Recent {
	var room [MaxRecent * (binary.MaxVarintLen64 + 8)]byte
	packed, before := room[:0], int64(0)
	for _, p := range points[max(0, len(points)-MaxRecent):] {
		at := int64(math.Round(1e3 * p[0]))
		packed = binary.AppendUvarint(packed, uint64(at-before))
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(p[1]))
		before = at
	}
	return Recent(packed)
}

// Points returns the readings, oldest first.
func (r Recent) Points() []Point {
	points, packed, at := make([]Point, 0, MaxRecent), []byte(r), int64(0)
	for len(packed) > 0 {
		since, n := binary.Uvarint(packed)
		at += int64(since)
		points = append(points, Point{float64(at) / 1e3, math.Float64frombits(binary.LittleEndian.Uint64(packed[n:]))})
		packed = packed[n+8:]
	}
	return points
}
