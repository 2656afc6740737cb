package poller

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	sampled        = 1000 // sensors that the level is computed from at most: it bounds the stall
	promisedShare  = 0.6  // part of the allowance that promises may take
	lateCorrection = 0.25 // part of the allowance left free for each cycle of being late
	mostSpare      = 0.08 // and at most
	boundShare     = 0.9  // part of the allowance that max_interval alone may take; beyond that it does not hold
	highest        = 1e8  // seconds: of levels, and of waits where nothing else bounds them
)

// level computes the level anew, 20 times a cycle: the planned requests shall just use the allowance, but for a little
// that grows with how late requests come. It is computed, never integrated: feeding back what was spent would lock in.
//
// At least one sensor must be waiting.
func (w *waterLevel) level(now time.Time) {
	perSecond := w.perHour() / 3600
	cycle := float64(w.count) / perSecond
	if w.turn == 0 {
		w.turn = min(highest, cycle)
	}
	if now.Sub(w.leveledAt).Seconds() < max(2, cycle/20) {
		return
	}
	w.leveledAt = now
	turns, share := w.sample()
	promised := w.promises(turns, share*perSecond) / share
	w.bound(perSecond - promised)
	target := share * perSecond * (1 - min(mostSpare, lateCorrection*w.late/cycle))
	w.turn = w.solve(turns, target)
}

// bound decides whether max_interval can be held: whether the requests that it alone demands, of sensors that could be
// left for ever, leave enough of the allowance for those that could not.
func (w *waterLevel) bound(perSecond float64) {
	w.longest = w.maxInterval.Seconds()
	if float64(w.count)/w.longest > boundShare*perSecond {
		w.longest = highest
	}
}

// sample returns sensors that are waiting, and the part of all that they are.
func (w *waterLevel) sample() ([]*entry[*turn], float64) {
	all := w.waiting.items
	if len(all) <= sampled {
		return all, float64(len(all)) / float64(max(1, w.count))
	}
	some := make([]*entry[*turn], sampled)
	for i := range some {
		some[i] = all[rand.IntN(len(all))]
	}
	return some, float64(sampled) / float64(w.count)
}

// solve finds the level by bisection, on a scale of ratios, to a thousandth.
func (w *waterLevel) solve(turns []*entry[*turn], target float64) float64 {
	low, high := 1e-3, highest
	for high/low > 1.001 {
		middle := math.Sqrt(low * high)
		var sum float64
		for _, e := range turns {
			sum += w.rate(e.value, middle)
		}
		if sum > target {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// promises stretches all promises alike where they would take more than their share, adds up the demand, and returns the
// requests per second that promises take.
func (w *waterLevel) promises(turns []*entry[*turn], perSecond float64) float64 {
	var asked, demand float64
	w.stretch = 1
	for _, e := range turns {
		if e.value.sensor.rule.MaxAge > 0 {
			asked += e.value.pace().PromiseRate(w.promisedAge(e.value))
		}
		if period := e.value.pace().Period(); period > 0 {
			demand += 1 / max(w.interval.Seconds(), period)
		}
	}
	most := promisedShare * perSecond
	w.stretch = max(1, asked/most)
	w.demand = math.Round(demand/perSecond*w.perHour()*1e3) / 1e3 // or it would show in which order it was added up
	return min(asked, most)
}
