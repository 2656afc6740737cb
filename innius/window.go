package innius

import (
	"cmp"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// No shorter window is tried where a longer one is refused; of a short lookback, an eighth.
	minWindow = time.Hour
	// A reading so much older than from does not prove that the window is ignored: an API may round from.
	windowSlack = time.Minute
	// From is so much before to: in whole seconds, and with clocks nearly equal, still not after it.
	latestFrom = clockNoise + time.Second
	// A from so much before the time of a reading surely includes it.
	fromSlack = time.Second
)

// windows is what the responses have shown of windows of time. It lasts as long as a client, so that a corrected template
// begins without it.
type windows struct {
	accepted, bound atomic.Int64 // lengths: the longest accepted; the longest to request, 0: lookback
	notFound        atomic.Bool  // an empty one is a 404
}

// longest returns the length of the longest window to request.
func (w *windows) longest(lookback time.Duration) time.Duration {
	return cmp.Or(time.Duration(w.bound.Load()), lookback)
}

// window ends now, by the API's clock, and begins at from, but no earlier than permitted and surely before its end.
func window(from time.Time, longest, ahead time.Duration) (start, end time.Time) {
	end = time.Now().Add(ahead)
	start = slices.MaxFunc([]time.Time{from, end.Add(-longest)}, time.Time.Compare)
	return slices.MinFunc([]time.Time{start, end.Add(-latestFrom)}, time.Time.Compare), end
}

// including is the start of a window that holds the newest reading held, whether or not the API includes from.
func (w *walk) including() time.Time { return w.since.Add(-fromSlack) }

// nothingIn reports whether a 404 means an empty window: no reading in it is known to exist, though the sensor is, or at first
// sight at least the path is right, for it has led to another sensor.
func (w *walk) nothingIn() bool {
	switch {
	case !w.moves(), w.resumed && len(w.found.Readings) == 0:
		return false
	case len(w.found.Readings) > 0:
		return true
	case w.since.IsZero():
		return w.client.windows.accepted.Load() > 0
	}
	return w.including().Before(w.request.to.Add(-w.longest)) || w.since.After(w.request.to)
}

// goAround changes the window of a request that was refused so that it is worth sending again. It returns false where
// nothing suggests that the window is to blame.
func (w *walk) goAround(status int) bool {
	length, shortest := w.request.to.Sub(w.request.from), min(minWindow, w.client.opts.Lookback/8)
	switch {
	case !w.moves():
		return false
	case status == http.StatusNotFound && !w.since.IsZero() && w.request.from.After(w.including()):
		w.request.from, w.request.startKey = w.including(), ""
		return true
	case w.request.startKey != "", status != http.StatusBadRequest && status != http.StatusUnprocessableEntity,
		length <= max(shortest, time.Duration(w.client.windows.accepted.Load())):
		return false
	}
	w.longest = max(shortest, length/8)
	return true
}

// learn notes what a page shows of the window that was requested.
func (w *walk) learn(page []Reading, next string) {
	w.client.mu.Lock() // two sensors may be polled at the same time
	defer w.client.mu.Unlock()
	if w.longest < w.client.windows.longest(w.client.opts.Lookback) {
		w.client.windows.bound.Store(int64(w.longest))
		w.remark(WindowShortened)
	}
	if w.request.from.Equal(w.including()) {
		w.client.windows.notFound.Store(true)
	}
	w.client.windows.accepted.Store(max(int64(w.request.to.Sub(w.request.from)), w.client.windows.accepted.Load()))
	if windowIgnored(page, w.request.from, next) {
		w.found.Cursor.Ignored = true
		w.remark(WindowIgnored)
	}
}

// windowIgnored reports whether the readings of a page show that the API ignored the start of its window: several are older,
// or all of them while more pages follow. A single one may be the value at from, which some APIs put before the others.
func windowIgnored(page []Reading, from time.Time, next string) bool {
	older := slices.DeleteFunc(timesOf(page), func(at time.Time) bool { return !at.Before(from.Add(-windowSlack)) })
	return len(older) > 1 || len(older) == 1 && len(page) == 1 && next != ""
}

// narrow moves the start of the window towards the end, where the newest reading is: one page's span before now, or,
// after a jump beyond the end, halfway back. It returns false when there is nothing newer.
func (w *walk) narrow(page []Reading, next string) bool {
	reached := newest(w.found.Readings)
	if next == "" {
		w.empty = w.request.from
		if len(page) > 0 || reached.IsZero() || !w.empty.After(reached) {
			return false
		}
	}
	target := w.target(reached)
	moves := target.After(reached) && target.After(w.request.from) && w.request.from.Before(w.request.to.Add(-latestFrom))
	if next != "" && (w.found.Cursor.Order == Unknown || !moves) {
		w.request.startKey = next // the order is still to be learned, the end is close by, or the window would stay: the next page
		return true
	}
	w.request.from, w.request.startKey = target, ""
	return true
}

// target is where the window should start next.
func (w *walk) target(newest time.Time) time.Time {
	target := w.found.Clock.Add(-w.span)
	if w.empty.IsZero() {
		return target
	}
	gap := w.empty.Sub(newest)
	if gap <= w.span {
		return newest // one page holds all that is left
	}
	if half := newest.Add(gap / 2); half.Before(target) {
		return half
	}
	return target
}
