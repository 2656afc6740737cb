package ratelimit

import "time"

// remembered is how long accepted requests are remembered: the hour that a refusal concerns, and the hour before.
const remembered = 2*time.Hour + time.Minute

// tally is the number of requests accepted in one second of Unix time.
type tally struct {
	second int64
	count  int
}

// history is the record of accepted requests, oldest first, by the second: its size does not depend on the rate.
type history struct {
	tallies []tally
	total   int // since the beginning

	recent, since int // requests in tallies[since:]: the last hour, as of the latest call of last

	clockHour
}

// clockHour counts by the hour of the clock.
type clockHour struct {
	Hour   int64 // that is being counted
	InHour int
	Most   int // in one hour, since the latest refusal
}

// add records accepted requests. If the clock was set back, they count for the newest second.
func (h *history) add(at time.Time, n int) {
	second := at.Unix()
	h.total += n
	h.recent += n
	if hour := second / 3600; hour != h.Hour {
		h.Hour, h.InHour = hour, 0
	}
	h.InHour += n
	h.Most = max(h.Most, h.InHour)
	h.prune(at)
	if last := len(h.tallies) - 1; last >= 0 && h.tallies[last].second >= second {
		h.tallies[last].count += n
		return
	}
	h.tallies = append(h.tallies, tally{second, n})
}

// prune drops what is too old. From time to time append moves the rest to a new array.
func (h *history) prune(now time.Time) {
	oldest := now.Add(-remembered).Unix()
	for len(h.tallies) > 0 && h.tallies[0].second < oldest {
		if h.since == 0 {
			h.recent -= h.tallies[0].count
			h.since = 1
		}
		h.tallies, h.since = h.tallies[1:], h.since-1
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

// last returns how many were accepted from a second on, and the first second of them. The second must not decrease from call
// to call, so that a call costs almost nothing.
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

// surplus returns the burst that a bucket would have needed to accept what was accepted from a second on. The rate is in
// requests per second.
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
