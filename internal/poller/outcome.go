package poller

import "time"

// outcome is what an answer about a sensor tells a schedule.
type outcome struct {
	at    time.Time     // when the request was sent
	now   time.Time     // when the response arrived
	ahead time.Duration // how far the API's clock is ahead of ours
	whole bool          // no reading between what was held and the first of times can have been missed
	times []time.Time   // of all readings newer than what was held, unusable ones too, ascending, each once; empty: no news
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
