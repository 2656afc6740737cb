package simulator

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// span is a closed range of a sensor's readings, by index.
type span struct{ lo, hi int64 }

// readingsPage finds one page of a sensor's readings by arithmetic.
func readingsPage(c *call, q listQuery) (pageOf, error) {
	f := c.format
	w, err := parseWindow(f, q.query, c.now())
	if err != nil || c.series.Period <= 0 {
		return pageOf{}, err
	}
	now := time.Now()
	within := span{lo: c.series.first(max(w.from, now.Add(-f.History).UnixNano())), hi: c.series.newest(now)}
	if w.bounded {
		within.hi = min(within.hi, c.series.first(w.to+1)-1)
	}
	return walk(f, c.series, within, q), nil
}

// walk collects readings from where the page starts, and looks for one more, which is where the next page starts.
func walk(f *Format, s *series, within span, q listQuery) (p pageOf) {
	at, step := within.hi, int64(-1)
	if f.Order == Ascending {
		at, step = within.lo, 1
	}
	if q.continued && step > 0 {
		at = max(at, q.position)
	} else if q.continued {
		at = min(at, q.position)
	}
	if q.empty < f.Sparse {
		return pageOf{next: cursor{at, q.empty + 1}.key(f)}
	}
	if f.Order == Blocks {
		defer func() { slices.Reverse(p.items) }()
	}
	for {
		i, ok := s.next(at, step, within.lo, within.hi)
		if !ok {
			return p
		}
		if len(p.items) == q.limit {
			p.next = cursor{position: i}.key(f)
			return p
		}
		p.items = append(p.items, f.reading(s, i))
		at = i + step
	}
}

// window is what the parameters from and to select, both included, in nanoseconds since 1970.
type window struct {
	from, to int64
	bounded  bool // to was given
}

// windowed reports whether a request states a window.
func windowed(f *Format, query url.Values) bool {
	return !f.Window.Ignored && (query.Has(f.Parameters.From) || query.Has(f.Parameters.To))
}

// parseWindow reads the window. Its errors become the message of a 400.
func parseWindow(f *Format, query url.Values, now time.Time) (window, error) {
	w := window{}
	from, to := f.Parameters.From, f.Parameters.To
	if f.NeedWindow && (!query.Has(from) || !query.Has(to)) {
		return w, fmt.Errorf("the parameters %s and %s are required (%s)", from, to, f.Window.Unit)
	}
	if !windowed(f, query) {
		return w, nil
	}
	var err error
	if query.Has(from) {
		if w.from, err = f.Window.Unit.parse(query, from); err != nil {
			return w, err
		}
	}
	if w.bounded = query.Has(to); w.bounded {
		if w.to, err = f.Window.Unit.parse(query, to); err != nil {
			return w, err
		}
	}
	if query.Has(from) {
		err = w.check(f, now.UnixNano())
		if f.Window.Exclusive {
			w.from++
		}
	}
	return w, err
}

// check refuses what the API does not permit of a window that has a from.
func (w window) check(f *Format, now int64) error {
	end := now
	if w.bounded {
		end = w.to
	}
	switch own := f.Window; {
	case own.RefuseFuture && w.from > now:
		return fmt.Errorf("%s must not be in the future", f.Parameters.From)
	case own.RefuseFuture && w.from > end:
		return fmt.Errorf("%s must not be later than %s", f.Parameters.From, f.Parameters.To)
	case own.Max > 0 && end-w.from > int64(own.Max):
		return fmt.Errorf("the range from %s to %s must be at most %v", f.Parameters.From, f.Parameters.To, own.Max)
	}
	return nil
}

// String is the unit in the words of the API's messages.
func (u WindowUnit) String() string {
	return map[WindowUnit]string{
		EpochMilliseconds: "epoch milliseconds", EpochSeconds: "epoch seconds", EpochNanoseconds: "epoch nanoseconds",
		TimeText: "RFC 3339",
	}[u]
}

// parse reads a parameter, in nanoseconds since 1970.
func (u WindowUnit) parse(query url.Values, name string) (int64, error) {
	malformed := fmt.Errorf("%s must be %s", name, u)
	if u == TimeText {
		t, err := time.Parse(time.RFC3339, query.Get(name))
		if err != nil {
			return 0, malformed
		}
		return t.UnixNano(), nil
	}
	each := map[WindowUnit]time.Duration{EpochMilliseconds: time.Millisecond, EpochSeconds: time.Second, EpochNanoseconds: 1}[u]
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil || n < 0 || n > int64(1<<62)/int64(each) {
		return 0, malformed
	}
	return n * int64(each), nil
}
