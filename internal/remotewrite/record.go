package remotewrite

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"time"
)

// series names a sensor by the labels of its gauges.
type series struct{ company, machine, sensor string }

// sample is one reading; its time is in milliseconds since the epoch.
type sample struct {
	series
	time  int64
	value float64
}

// A record holds some readings of one series, oldest first: its length and its CRC-32C, of four bytes each, little-endian, then
// the time when it was written and the three labels, then the time since the reading before and the value of each.
const (
	recordHeader = 8
	maxReadings  = 16 // in a record, and so in the smallest batch
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func byTime(a, b sample) int { return cmp.Compare(a.time, b.time) }

// appendRecord appends a record of samples of one series to b.
func appendRecord(b []byte, now time.Time, samples []sample) []byte {
	start := len(b)
	at := now.UnixMilli()
	b = binary.AppendVarint(append(b, make([]byte, recordHeader)...), at)
	for _, label := range []string{samples[0].company, samples[0].machine, samples[0].sensor} {
		b = append(binary.AppendUvarint(b, uint64(len(label))), label...)
	}
	for _, s := range samples {
		b = binary.AppendVarint(b, s.time-at)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.value))
		at = s.time
	}
	content := b[start+recordHeader:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(content)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(content, castagnoli))
	return b
}

// appendRecords returns the records of samples of one series.
func appendRecords(now time.Time, samples []sample) (b []byte) {
	for some := range slices.Chunk(samples, maxReadings) {
		b = appendRecord(b, now, some)
	}
	return b
}

// MaxReadingBytes is what one reading takes in a spool, at most, with labels of 128 bytes each. Those of one poll take less.
const MaxReadingBytes = 440

// decodeRecord appends the readings of a record to samples, which is empty, and returns the time when it was written; no readings
// if no version of this program has written it.
func decodeRecord(content []byte, samples []sample) (written int64, _ []sample) {
	text, intact := string(content), true // the labels share it
	varint := func() int64 {
		v, n := binary.Varint(content)
		intact = intact && n > 0
		content = content[max(0, n):]
		return v
	}
	label := func() string {
		length, n := binary.Uvarint(content)
		if intact = intact && n > 0 && length <= uint64(len(content)-n); !intact {
			return ""
		}
		content = content[n+int(length):]
		end := len(text) - len(content)
		return text[end-int(length) : end]
	}
	written = varint()
	s := series{label(), label(), label()}
	for at := written; intact && len(content) > 0; {
		at += varint()
		if intact = intact && len(content) >= 8 && len(samples) < maxReadings; intact {
			samples = append(samples, sample{s, at, math.Float64frombits(binary.LittleEndian.Uint64(content))})
			content = content[8:]
		}
	}
	if !intact {
		return 0, nil
	}
	return written, samples
}
