package innius

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// MaxValuePages bounds the pages that one call of Newest reads. A refused request is no page: it is followed by one with an
// earlier start or a shorter window, or by none.
const MaxValuePages = 5

// farBehind is the age at which a reading found after the last permitted page is no longer simply the newest.
const farBehind = 24 * time.Hour

// Order is the order of the values in a page and from page to page. The API does not document it.
type Order string

// The orders. Unknown: no page held two different times.
const (
	Unknown    Order = ""
	Ascending  Order = "ascending"  // oldest first: where pages go on, the newest is further on
	Descending Order = "descending" // newest first: the first page is enough
	Blocks     Order = "blocks"     // each page ascends and the next page is older: the first page is enough
)

// newestFirst reports whether the newest reading is on the first page.
func (o Order) newestFirst() bool { return o == Descending || o == Blocks }

// Cursor is what a caller holds per sensor between two calls of Newest; the zero value starts at the beginning.
type Cursor struct {
	// Key is the start_key to begin with: of the last page that held readings, where pages ascend without a window of time;
	// where the bound on pages ended the call there or in a row of empty pages, of the page after them.
	Key     string
	Order   Order
	Ignored bool // the API ignored the window, which is moved no more
}

// Remark is a fact about the API that a call of Newest revealed and that a user can act on: one sentence, and the cure.
type Remark string

// The remarks.
const (
	FarBehind Remark = "the newest reading found is more than a day old, and the pages of values go on: reading all of them " +
		"costs many requests; set endpoints.values to a template with {from_ms}"
	WindowIgnored Remark = "the API ignores the time window of endpoints.values, so polls follow next_key; correct the names and " +
		"units of its parameters, or remove them"
	WindowShortened Remark = "the API refused a time window and accepted a shorter one, which polls use from now on; " +
		"set a shorter lookback"
	CursorExpired Remark = "the API no longer knows the page of values that was read last, so polls start from the first page " +
		"again; set endpoints.values to a template with {from_ms}"
	OtherSensor Remark = "responses for one sensor hold the readings of another, and are not used: a cache or proxy on the way to " +
		"innius may ignore the path; have it pass these requests on, and correct endpoints.values"
)

// Newest is what one call learned about a sensor.
type Newest struct {
	Readings []Reading // all that was read, oldest first; those with Skip too
	Missed   []Span    // since the newest reading held, or the oldest read, up to the newest read; ascending, not overlapping
	Cursor   Cursor    // for the next call
	Clock    time.Time // the API's
	Remarks  []Remark
}

// refusals are the statuses with which an API does not accept a parameter. Assumed: the response to an expired start_key is
// that to a malformed parameter, or that to an object that is gone.
var refusals = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity}

// walk is the way through the pages of one sensor's values.
type walk struct {
	client  *Client
	request request
	since   time.Time     // of the newest reading held, usable or not; zero: none
	resumed bool          // began with the caller's start_key
	longest time.Duration // of the window that is requested
	oldest  time.Time     // of the page before
	empty   time.Time     // with a window: the earliest from that led to nothing
	span    time.Duration // the time that the readings of the latest page cover
	filled  int           // pages with readings since the list's first page
	ascends bool          // from page to page: one page alone need not be where readings are added
	runs    []run
	found   Newest
}

// moves reports whether the window is moved; otherwise pages are followed by next_key.
func (w *walk) moves() bool { return w.client.Windowed() && !w.found.Cursor.Ignored }

// read reads pages until the newest reading is among them, or the bound is reached.
func (w *walk) read(ctx context.Context) error {
	cursor := &w.found.Cursor
	for pages := 0; pages < MaxValuePages; {
		page, next, err := w.fetch(ctx)
		status, more := StatusOf(err), false
		if status == http.StatusNotFound && w.nothingIn() {
			err = nil
		}
		if err == nil {
			pages++
			more = w.step(page, next)
			w.ascends = (w.ascends && w.resumed || w.filled > 1) && !w.moves() && !cursor.Order.newestFirst()
		}
		switch {
		case more:
		case w.resumed && len(w.found.Readings) == 0 && (err == nil || slices.Contains(refusals, status)):
			w.restart()
		case err == nil:
			if !w.ascends {
				cursor.Key = ""
			}
			return nil
		case !w.goAround(status):
			return err
		}
	}
	if w.ascends || w.filled == 0 {
		cursor.Key = w.request.startKey
	}
	if !w.ascends && !cursor.Order.newestFirst() {
		cursor.Order = Unknown
	}
	if _, reached := bounds(w.found.Readings); !reached.IsZero() && w.found.Clock.Sub(reached) > farBehind {
		w.remark(FarBehind)
	}
	return nil
}

// remark notes a remark once. One whose cure is a window is none where the template has a window.
func (w *walk) remark(r Remark) {
	needless := w.client.Windowed() && (r == FarBehind || r == CursorExpired)
	if !needless && !slices.Contains(w.found.Remarks, r) {
		w.found.Remarks = append(w.found.Remarks, r)
	}
}

// restart drops the caller's start_key.
func (w *walk) restart() {
	w.remark(CursorExpired)
	w.resumed = false
	w.request.startKey, w.found.Cursor.Key, w.found.Cursor.Ignored = "", "", false
}

// fetch reads one page.
func (w *walk) fetch(ctx context.Context) (page []Reading, next string, err error) {
	if w.request.startKey == "" || w.request.to.IsZero() { // the pages of one list have one window
		w.request.from, w.request.to = window(w.request.from, w.client.apiTime(), w.longest)
	}
	resp, err := w.client.get(ctx, w.request)
	if resp != nil {
		w.found.Clock = resp.clock
	}
	var l list
	if err == nil {
		l, err = readList(resp)
		resp.body = nil // may be large
	}
	if failure, ok := errors.AsType[*ResponseError](err); ok && failure.OfAnother {
		w.remark(OtherSensor)
	}
	if err == nil {
		page, err = l.readings()
	}
	return page, l.next, err
}

// step takes a page and decides where the next one is. It returns false when the newest reading has been read.
func (w *walk) step(page []Reading, next string) bool {
	w.learn(page, next)
	if w.request.startKey == "" || len(w.runs) == 0 {
		w.filled, w.runs = 0, append(w.runs, run{})
	}
	if len(page) > 0 {
		w.filled++
	}
	order := w.add(page)
	w.extend(&w.runs[len(w.runs)-1], page, next)
	if next == w.request.startKey {
		next = "" // it would lead in a circle
	}
	switch {
	case len(page) == 0 && next != "": // legal: nothing in what was looked at for this page
		w.request.startKey = next
		return true
	case order.newestFirst():
		return false
	case w.moves():
		w.found.Cursor.Key = ""
		return w.narrow(page, next)
	default:
		if len(page) > 0 {
			w.found.Cursor.Key = w.request.startKey
		}
		w.request.startKey = next
		return next != ""
	}
}

// add adds a page and returns the order known by now: from this page, from page to page, or from earlier calls.
func (w *walk) add(page []Reading) Order {
	all := slices.Concat(w.found.Readings, page)
	if covered := covers(page); covered != 0 {
		w.span = covered.Abs()
	}
	known, order, continues := w.found.Cursor.Order, orderOf(page), w.request.startKey != ""
	oldest, latest := bounds(page)
	if known == Blocks && !continues && len(page) > 0 && latest.Before(w.since) {
		known = Unknown // a newer one is held: it is not on the first page after all
	}
	switch back := continues && latest.Before(w.oldest) && !latest.IsZero(); {
	case order == Ascending && (back || known == Blocks):
		order = Blocks
	case order == Unknown && back:
		order = Descending
	case order == Unknown && continues:
		order = orderOf(all)
	}
	order = cmp.Or(order, known)
	if order == Descending {
		slices.Reverse(page) // of two readings with one time the later one wins, in either order
	}
	if order.newestFirst() {
		all = slices.Concat(page, w.found.Readings)
	}
	if !oldest.IsZero() {
		w.oldest = oldest
	}
	w.found.Readings, w.found.Cursor.Order = all, order
	return order
}

// orderOf derives the order from the first and the last time; a few readings out of order between them do not matter.
func orderOf(page []Reading) Order {
	switch covered := covers(page); {
	case covered > 0:
		return Ascending
	case covered < 0:
		return Descending
	}
	return Unknown
}

// covers returns the time from the first to the last reading, negative where they descend.
func covers(page []Reading) time.Duration {
	timed := timesOf(page)
	if len(timed) == 0 {
		return 0
	}
	return timed[len(timed)-1].Sub(timed[0])
}

// timesOf returns the times of readings that have one.
func timesOf(readings []Reading) (times []time.Time) {
	for _, r := range readings {
		if !r.Time.IsZero() {
			times = append(times, r.Time)
		}
	}
	return times
}

// bounds returns the least and the greatest time of readings; zero where none can be used. One that a wrong clock set must not
// steer.
func bounds(readings []Reading) (oldest, newest time.Time) {
	for _, r := range readings {
		if r.Skip == SkipFuture || r.Time.IsZero() {
			continue
		}
		if oldest.IsZero() || r.Time.Before(oldest) {
			oldest = r.Time
		}
		if r.Time.After(newest) {
			newest = r.Time
		}
	}
	return oldest, newest
}

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

// learned is what the responses have shown of windows of time and of pages of values. It lasts as long as a client, so that a
// corrected template begins without it.
type learned struct {
	accepted, bound atomic.Int64 // lengths of windows: the longest accepted; the longest to request, 0: lookback
	notFound        atomic.Bool  // an empty window is a 404
	ascends         atomic.Bool  // from page to page
	largest         atomic.Int64 // the most readings of a page
	followed, cut   atomic.Bool  // another page follows one; one does not reach back to the reading held, though its window does
}

// longest returns the length of the longest window to request.
func (l *learned) longest(lookback time.Duration) time.Duration {
	return cmp.Or(time.Duration(l.bound.Load()), lookback)
}

// window begins at from, but no earlier than permitted and surely before its end.
func window(from, end time.Time, longest time.Duration) (time.Time, time.Time) {
	start := slices.MaxFunc([]time.Time{from, end.Add(-longest)}, time.Time.Compare)
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
		return w.client.learned.accepted.Load() > 0
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
		length <= max(shortest, time.Duration(w.client.learned.accepted.Load())):
		return false
	}
	w.longest = max(shortest, length/8)
	return true
}

// learn notes what a page shows of its size and of the window that was requested.
func (w *walk) learn(page []Reading, next string) {
	w.client.mu.Lock() // two sensors may be polled at the same time
	defer w.client.mu.Unlock()
	known := &w.client.learned
	known.largest.Store(max(int64(len(page)), known.largest.Load()))
	known.followed.Store(known.followed.Load() || next != "" && len(page) > 0)
	if !w.client.Windowed() {
		return
	}
	if w.longest < known.longest(w.client.opts.Lookback) {
		known.bound.Store(int64(w.longest))
		w.remark(WindowShortened)
	}
	if w.request.from.Equal(w.including()) {
		known.notFound.Store(true)
	}
	known.accepted.Store(max(int64(w.request.to.Sub(w.request.from)), known.accepted.Load()))
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
	_, reached := bounds(w.found.Readings)
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
