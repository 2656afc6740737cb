package poller

import (
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// cell holds a sensor's observation. Any number of scrapes read it; nobody waits. One loop writes, two for the moment
// in which a sensor passes from one account to another: neither may undo what the other has stored.
type cell struct {
	atomic.Pointer[observation]
	pace atomic.Pointer[schedule.Sensor] // what the schedule learned of the sensor; never nil, and never changed
	turn turnOf                          // where it stands in the schedule
}

// unpaced is the pace of all of whom nothing is known.
var unpaced = &schedule.Sensor{}

// learn takes an answer in, as schedule.Sensor.Learn does.
func (c *cell) learn(asked float64, times []float64, whole bool) {
	next := *c.pace.Load()
	next.Learn(asked, times, whole)
	c.pace.Store(&next)
}

// expected returns the pace learned, in seconds; 0: none.
func (c *cell) expected() float64 { return c.pace.Load().Period() }

func newCell() *cell {
	c := &cell{}
	c.Store(&observation{trouble: noTrouble})
	c.pace.Store(unpaced)
	return c
}

// store takes over what an answer says. Its readings are oldest first; whole is false where an error ended them. It
// never replaces a reading by an older one; see disbelieve.
func (c *cell) store(answer innius.Newest, rule *Rule, whole bool, now time.Time) news {
	for {
		held := c.Load()
		next, n := held.with(answer.Readings, rule, whole, now)
		next.cursor = answer.Cursor
		if c.CompareAndSwap(held, &next) {
			return n
		}
	}
}

// disbelieve forgets a reading, and the pace learned from its like, where both clocks, the API's and ours, say that it lies
// in the future: a wrong clock had let it in, and it would hide all that is true until its time comes.
func (c *cell) disbelieve(clock, now time.Time) {
	held := c.Load()
	if held.seen.Sub(later(clock, now)) > maxAhead && c.CompareAndSwap(held, held.withoutReading()) {
		c.pace.Store(unpaced)
	}
}

// maxAhead is how far a reading may be ahead of both clocks.
const maxAhead = 5 * time.Minute

// fail notes that a request about this sensor alone failed; what is held stays, with its age. It reports whether
// this is to be logged: once for failures in a row, and not while quiet.
func (c *cell) fail(why string, quiet bool, now time.Time) bool {
	for {
		held := c.Load()
		next := held.changing()
		if held.failure == "" {
			next.failedAt = now
		}
		next.failure, next.tried, next.logged = why, now, held.logged || !quiet
		next.failures++
		if c.CompareAndSwap(held, &next) {
			return next.logged && !held.logged
		}
	}
}
