package poller

import (
	"math"
	"time"
)

// Where a sensor stands in its account's schedule is published in reading.Entry.Queue, for the status page. One word, so that
// publishing it costs a decision nothing: Unix milliseconds of the moment it is due; below 0, due at once, the smaller the number the
// later; 0, in no schedule.

// underWay says that a request about the sensor is under way.
const underWay = math.MaxInt64

// queuePosition is the word of a sensor that is due at a moment and entered the queue with a number.
func queuePosition(due time.Time, seq uint64) int64 {
	if due.IsZero() {
		return -int64(seq)
	}
	return due.UnixMilli()
}

// position orders sensors as they will be asked: those due at once first.
func position(word int64) int64 {
	if word < 0 {
		return math.MinInt64 - word // of two due at once the one that entered first
	}
	return word
}
