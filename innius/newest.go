package innius

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxValuePages bounds the requests that one call of Newest spends on pages.
const maxValuePages = 5

// farBehind is the age at which a reading found after the last permitted page is no longer simply the newest.
const farBehind = 24 * time.Hour

// Order is the order of the values in a page and from page to page. The API does not document it.
type Order string

// The orders. Unknown: no page held two different times.
const (
	Unknown    Order = ""
	Ascending  Order = "ascending"  // oldest first: where pages go on, the newest is further on
	Descending Order = "descending" // newest first: the first page is enough
)

// Cursor is what a caller keeps per sensor between two calls of Newest; the zero value starts anew.
type Cursor struct {
	Key   string // start_key of the last page that held readings, in an ascending list
	Order Order
}

// Newest is what one call learned about a sensor.
type Newest struct {
	Readings []Reading // all that was read, oldest first; those with Skip too
	Cursor   Cursor    // for the next call
	Clock    time.Time // the API's
	// Behind: pages go on, yet the newest reading is more than a day old. The next calls go on from here, at the
	// price of many requests; a values template with {from_ms} is the cure.
	Behind bool
}

// Newest reads the newest readings of a sensor. since is the time of the newest reading held, zero at first sight.
// Where pages ascend and go on it follows at most five, with a window ({from_...} in the template) by jumping close to
// the end, without one by next_key, and returns in Cursor where to go on. A remembered key that the API refuses, or
// that leads to nothing, is dropped and the start is made once anew. Beside an error the result holds what was read
// before it.
func (c *Client) Newest(ctx context.Context, ref SensorRef, since time.Time, cursor Cursor) (Newest, error) {
	n, err := c.walkValues(ctx, ref, since, cursor)
	if cursor.Key != "" && (refused(err) || err == nil) && len(n.Readings) == 0 {
		n, err = c.walkValues(ctx, ref, since, Cursor{Order: cursor.Order})
	}
	slices.SortStableFunc(n.Readings, func(a, b Reading) int { return a.Time.Compare(b.Time) })
	if err != nil {
		err = fmt.Errorf("get the values of sensor %s of machine %s: %w", quotedID(ref.Sensor), quotedID(ref.Machine), err)
	}
	return n, err
}

// refused reports whether the API does not accept a parameter. Assumed: an expired start_key is answered like any
// other malformed parameter, or as an object that is gone.
func refused(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return slices.Contains([]int{
		http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity,
	}, failure.Status)
}

func (c *Client) walkValues(ctx context.Context, ref SensorRef, since time.Time, cursor Cursor) (Newest, error) {
	w := c.newWalk(ref, since, cursor)
	for range maxValuePages {
		more, err := w.step(ctx, c)
		if err != nil || !more {
			return w.found, err
		}
	}
	w.found.Behind = w.found.Clock.Sub(w.newest()) > farBehind
	return w.found, nil
}

// walk is the way through the pages of one sensor's values.
type walk struct {
	ask      request
	windowed bool
	known    Order         // what earlier calls learned
	empty    time.Time     // with a window: the earliest from that led to nothing
	span     time.Duration // the time that the readings of the latest page cover
	found    Newest
}

func (c *Client) newWalk(ref SensorRef, since time.Time, cursor Cursor) *walk {
	now := time.Now()
	if since.IsZero() {
		since = now.Add(-c.opts.Lookback)
	}
	return &walk{
		ask: request{
			op: OpValues, company: ref.Company, machine: ref.Machine, sensor: ref.Sensor,
			limit: c.opts.PageSize, startKey: cursor.Key, from: since, to: now,
		},
		windowed: c.opts.Endpoints.windowed(),
		known:    cursor.Order,
		found:    Newest{Cursor: cursor},
	}
}

// step reads one page and decides where the next one is. It returns false when the newest reading has been read.
func (w *walk) step(ctx context.Context, c *Client) (bool, error) {
	a, err := c.get(ctx, w.ask)
	if err != nil {
		return false, err
	}
	l, err := a.list(OpValues)
	if err != nil {
		return false, err
	}
	page, err := a.readings(l.objects)
	if err != nil {
		return false, err
	}
	order := w.take(page, a.clock)
	switch {
	case order == Descending:
		w.found.Cursor.Key = ""
		return false, nil
	case w.windowed:
		w.found.Cursor.Key = ""
		return w.narrow(page, l.next), nil
	}
	if len(page) > 0 {
		w.found.Cursor.Key = w.ask.startKey
	}
	more := l.next != "" && l.next != w.ask.startKey
	w.ask.startKey = l.next
	return more, nil
}

// take adds a page and returns the order known by now: from this page, from page to page, or from earlier calls.
func (w *walk) take(page []Reading, clock time.Time) Order {
	all := slices.Concat(w.found.Readings, page)
	if covered := covers(page); covered != 0 {
		w.span = covered.Abs()
	}
	order := orderOf(page)
	if order == Unknown && w.ask.startKey != "" {
		order = orderOf(all)
	}
	if order == Unknown {
		order = w.known
	}
	if order == Descending {
		slices.Reverse(page) // of two readings with one time the later one wins, in either order
		all = slices.Concat(page, w.found.Readings)
	}
	w.found.Readings, w.found.Clock, w.found.Cursor.Order, w.known = all, clock, order, order
	return order
}

// orderOf tells the order from the first and the last time; a few readings out of order between do not matter.
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
	timed := slices.DeleteFunc(slices.Clone(page), func(r Reading) bool { return r.Time.IsZero() })
	if len(timed) == 0 {
		return 0
	}
	return timed[len(timed)-1].Time.Sub(timed[0].Time)
}

// narrow moves the start of the window towards the end, where the newest reading is: one page's span before now, or,
// after a jump beyond the end, halfway back. It returns false when there is nothing newer.
func (w *walk) narrow(page []Reading, next string) bool {
	newest := w.newest()
	if next == "" {
		w.empty = w.ask.from
		if len(page) > 0 || newest.IsZero() || !w.empty.After(newest) {
			return false
		}
	}
	target := w.target(newest)
	if next != "" && (w.known == Unknown || !target.After(newest)) {
		w.ask.startKey = next // the order is still to be learned, or the end is close by: simply the next page
		return true
	}
	w.ask.from, w.ask.startKey = target, ""
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

// newest returns the greatest time read so far; one that a wrong clock set must not steer.
func (w *walk) newest() time.Time {
	var newest time.Time
	for _, r := range w.found.Readings {
		if r.Skip != SkipFuture && r.Time.After(newest) {
			newest = r.Time
		}
	}
	return newest
}
