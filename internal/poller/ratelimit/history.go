package ratelimit

import "time"

// remembered is how long accepted requests are remembered: the hour that a refusal speaks of, and the one before.
const remembered = 2*time.Hour + time.Minute

// tally is how many requests were accepted in one second of Unix time.
type tally struct {
	second int64
	count  int
}

// history is what was accepted, oldest first, to the second: bounded in size whatever the rate.
type history struct {
	tallies []tally
	total   int // ever

	recent, since int // accepted in the tallies from an index on: those of the last hour, as it was asked for last

	hour   int64 // of the clock, that is being counted
	inHour int
	best   int // most in one hour of the clock, since it was last forgotten
}

// add takes accepted requests in. A clock that was set back does not put them before others.
func (h *history) add(at time.Time, n int) {
	second := at.Unix()
	h.total += n
	h.recent += n
	h.countHour(second/3600, n)
	h.forget(at)
	if last := len(h.tallies) - 1; last >= 0 && h.tallies[last].second >= second {
		h.tallies[last].count += n
		return
	}
	h.tallies = append(h.tallies, tally{second, n})
}

func (h *history) countHour(hour int64, n int) {
	if hour != h.hour {
		h.hour, h.inHour = hour, 0
	}
	h.inHour += n
	h.best = max(h.best, h.inHour)
}

// forget drops what is too old. Append moves the rest to the front of a new array now and then.
func (h *history) forget(now time.Time) {
	oldest := now.Add(-remembered).Unix()
	for len(h.tallies) > 0 && h.tallies[0].second < oldest {
		h.skip()
		h.tallies, h.since = h.tallies[1:], h.since-1
	}
}

// skip takes the first of the recent tallies out of them, unless the tallies before it are there still.
func (h *history) skip() {
	if h.since == 0 {
		h.recent -= h.tallies[0].count
		h.since = 1
	}
}

// count returns how many were accepted from a second on, and before another.
func (h *history) count(from, before int64) int {
	n := 0
	for i := len(h.tallies) - 1; i >= 0 && h.tallies[i].second >= from; i-- {
		if h.tallies[i].second < before {
			n += h.tallies[i].count
		}
	}
	return n
}

// last returns how many were accepted from a second on, and the first second of them. From one call to the next that
// second only ever grows, so that a call costs next to nothing.
func (h *history) last(from int64) (accepted int, first int64) {
	for h.since < len(h.tallies) && h.tallies[h.since].second < from {
		h.recent -= h.tallies[h.since].count
		h.since++
	}
	if h.since == len(h.tallies) {
		return 0, from
	}
	return h.recent, h.tallies[h.since].second
}

// surplus returns by how many requests, at most, what was accepted from a second on ran ahead of a rate: the burst that a
// bucket of that rate, in requests per second, would have needed.
func (h *history) surplus(from int64, perSecond float64) float64 {
	most, ahead, before := 0.0, 0.0, int64(0)
	for _, t := range h.tallies {
		if t.second < from {
			continue
		}
		if ahead > 0 {
			ahead = max(0, ahead-perSecond*float64(t.second-before))
		}
		ahead += float64(t.count)
		most, before = max(most, ahead), t.second
	}
	return most
}
