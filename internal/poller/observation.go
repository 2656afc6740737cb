package poller

import (
	"time"

	"innius_exporter/innius"
)

// observation is all that is known of one sensor's readings. Immutable; each answer puts a new one in its place.
type observation struct {
	at       time.Time // of the newest number, at the source; zero: none yet
	value    float64
	answered time.Time     // when the API last answered for this sensor; zero: never
	seen     time.Time     // greatest time of a reading that has been counted, not in the future
	cursor   innius.Cursor // where the next request goes on
	recent   *recent       // the newest numbers, for the status page; nil: none
	*trouble               // never nil; see noTrouble
}

// trouble is what most sensors never have, and so need no memory for. Immutable as soon as its observation is stored.
type trouble struct {
	failure  string         // why the last request about it failed; empty where it did not
	failedAt time.Time      // when it began to fail
	tried    time.Time      // when it failed last
	failures int            // in a row
	logged   bool           // that it fails
	unusable innius.Reading // the newest reading that is no number, where it is newer than the newest number

	// What has been counted beside observation.seen, so that a reading on overlapping pages counts once.
	future time.Time       // greatest time in the future
	older  time.Time       // greatest time of an answer that was older than the reading held
	faulty map[string]bool // unreadable times on the latest page
}

// noTrouble is that of all who have none.
var noTrouble = &trouble{}

// none reports whether there is nothing to tell.
func (t *trouble) none() bool {
	return t.failures == 0 && t.failure == "" && t.failedAt.IsZero() && t.tried.IsZero() && t.unusable == innius.Reading{} &&
		t.future.IsZero() && t.older.IsZero() && len(t.faulty) == 0
}

// changing returns a copy that may be changed until settle.
func (o *observation) changing() observation {
	next, trouble := *o, *o.trouble
	next.trouble = &trouble
	return next
}

// settle ends what changing began.
func (o *observation) settle() {
	if o.none() {
		o.trouble = noTrouble
	}
}

// news is what an answer brought, for counting.
type news struct {
	fresh   bool          // a newer reading than the one held
	first   bool          // the first reading ever
	age     time.Duration // of the newer reading when it came, by our clock; negative: it was ahead
	skipped map[innius.SkipReason]int
	back    bool           // the sensor had been failing, as logged
	odd     innius.Reading // a newest reading that a setting, or the source, must cure: its time, or a text that looks like a number
}

// skipOrder counts an answer that is older than what an earlier one gave. The client's reasons come beside it.
const skipOrder innius.SkipReason = "order"

// withoutReading forgets the readings, and until when they were counted.
func (o *observation) withoutReading() *observation {
	next := &observation{answered: o.answered, cursor: o.cursor, trouble: &trouble{
		failure: o.failure, failedAt: o.failedAt, tried: o.tried, failures: o.failures, logged: o.logged,
	}}
	next.settle()
	return next
}

// with returns what is known after an answer, and what is new in it.
func (o *observation) with(readings []innius.Reading, rule *Rule, whole bool, now time.Time) (observation, news) {
	held, next := *o, o.changing()
	n := news{skipped: map[innius.SkipReason]int{}}
	if whole {
		n.back, next.logged = held.logged, false
		next.answered, next.failure, next.failedAt, next.tried, next.failures = now, "", time.Time{}, time.Time{}, 0
	}
	faulty, readable, line := map[string]bool{}, false, held.trace()
	var odd innius.Reading // the last one without a time that can be used
	for _, r := range readings {
		r = rule.mapped(r)
		switch {
		case r.Skip == innius.SkipTime:
			faulty[r.Text], odd = true, r
		case r.Skip == innius.SkipFuture:
			next.takeFuture(r, held, &n)
			odd = r
		case r.Skip != "":
			next.takeUnusable(r, held, &n)
		case !r.Time.Before(next.at):
			next.at, next.value = r.Time, r.Value
			line.add(r.Time, r.Value)
		}
		if r.Skip == "" || r.Skip == innius.SkipNumber || r.Skip == innius.SkipText {
			next.seen, readable = later(next.seen, r.Time), true
		}
	}
	next.recent = line.kept(held.recent)
	next.countFaulty(faulty, &n)
	if whole {
		next.countOrder(readings, held, &n) // a walk through ascending pages that broke off says nothing of the newest
	}
	switch {
	case !readable && odd.Skip != "":
		next.unusable, n.odd = odd, odd
	case !next.unusable.Time.After(next.at):
		next.unusable = innius.Reading{}
	case next.unusable.Hint() != "":
		n.odd = next.unusable
	}
	next.settle()
	n.fresh, n.first, n.age = next.at.After(held.at), held.at.IsZero(), now.Sub(next.at)
	return next, n
}

// mapped replaces a text value by the number that the user's rule gives it.
func (r *Rule) mapped(reading innius.Reading) innius.Reading {
	if number, ok := r.Values[reading.Text]; ok && reading.Skip == innius.SkipText {
		reading.Value, reading.Skip = number, ""
	}
	return reading
}

func (o *observation) takeFuture(r innius.Reading, held observation, n *news) {
	if r.Time.After(held.future) {
		n.skipped[r.Skip]++
	}
	o.future = later(o.future, r.Time)
}

func (o *observation) takeUnusable(r innius.Reading, held observation, n *news) {
	if r.Time.After(held.seen) {
		n.skipped[r.Skip]++
	}
	if !r.Time.Before(o.unusable.Time) {
		o.unusable = r
	}
}

// countFaulty counts readings without a time: told from those on the page before by their text alone.
func (o *observation) countFaulty(faulty map[string]bool, n *news) {
	for text := range faulty {
		if !o.faulty[text] {
			n.skipped[innius.SkipTime]++
		}
	}
	o.faulty = nil
	if len(faulty) > 0 {
		o.faulty = faulty
	}
}

// countOrder counts an answer whose newest reading is older than the one held: the API went backwards.
func (o *observation) countOrder(readings []innius.Reading, held observation, n *news) {
	var newest time.Time
	for _, r := range readings {
		newest = later(newest, r.Time)
	}
	if !newest.IsZero() && newest.Before(held.seen) && !newest.Equal(held.older) {
		n.skipped[skipOrder]++
		o.older = newest
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
