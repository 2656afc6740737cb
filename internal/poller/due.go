package poller

import (
	"math"
	"sync/atomic"
	"time"
)

// turnOf is where a sensor stands in its account's schedule, as the loop noted it last, for the status page. One word,
// so that noting it costs a decision nothing and reading it waits for nobody: Unix milliseconds of the moment it is due;
// below 0, due at once, the smaller the number the later its turn; 0, in no schedule.
type turnOf struct{ word atomic.Int64 }

// underWay says that the sensor is being asked now.
const underWay = math.MaxInt64

// asking notes that a request about the sensor is under way.
func (t *turnOf) asking() { t.word.Store(underWay) }

// wait notes when the sensor is due, and with which number it entered the queue.
func (t *turnOf) wait(due time.Time, seq uint64) {
	if due.IsZero() {
		t.word.Store(-int64(seq))
		return
	}
	t.word.Store(due.UnixMilli())
}

// position orders sensors as they will be asked: those due at once first.
func position(word int64) int64 {
	if word < 0 {
		return math.MinInt64 - word // of two due at once the one that entered first
	}
	return word
}
