package innius

import "time"

// Span is the time between two known readings, exclusive at both ends, in which there may be readings that no page showed. From
// is the newest reading held or one that was read, To the oldest of those read after it.
type Span struct{ From, To time.Time }

// run is what the pages of one list show: every reading after begin, up to last.
type run struct{ begin, first, last time.Time }

// extend adds a page to the run of its list. Where the list has no window, its pages show what is between their readings: an API
// may not keep what is older. A window is shown from its start on by a list that was read to its end, or in ascending order,
// which one page does not prove: in blocks it is the newest. The pages after those of the caller's start_key continue them, but
// in which window these were is not known.
func (w *walk) extend(r *run, page []Reading, next string) {
	oldest, latest := bounds(page)
	known, ascends := &w.client.learned, w.found.Cursor.Order == Ascending
	if ascends && !r.last.IsZero() && latest.After(r.last) {
		known.ascends.Store(true)
	}
	if r.first.IsZero() || !oldest.IsZero() && oldest.Before(r.first) {
		r.first = oldest
	}
	if latest.After(r.last) {
		r.last = latest
	}
	ascends = ascends && (w.ascends && w.resumed || known.ascends.Load())
	ends := next == "" && (len(page) < w.request.limit || known.followed.Load()) // some APIs only return the newest
	switch resumed := w.resumed && len(w.runs) == 1; {
	case resumed && ascends && !w.moves():
		r.begin = time.Time{}
	case !resumed && w.moves() && (ends || ascends):
		r.begin = w.request.from
	default:
		r.begin = r.first
	}
}

// missed returns the spans that no run shows. Whether a window includes its start is not known, so each ends at a reading.
func (w *walk) missed() (spans []Span) {
	shown := w.since
	for _, r := range w.runs {
		if !shown.IsZero() && r.begin.After(shown) && r.first.After(shown) {
			spans = append(spans, Span{From: shown, To: r.first})
		}
		if r.last.After(shown) {
			shown = r.last
		}
	}
	return spans
}
