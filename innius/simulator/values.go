package simulator

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// span is a closed range of a sensor's readings, by index.
type span struct{ lo, hi int64 }

// valuesPage finds one page of a sensor's readings by arithmetic.
func (f *Format) valuesPage(c *call, a asked) (pageOf, error) {
	w, err := f.window(a.query)
	if err != nil || c.series.Period <= 0 {
		return pageOf{}, err
	}
	now := time.Now()
	within := span{lo: c.series.first(max(w.from, now.Add(-f.History).UnixNano())), hi: c.series.newest(now)}
	if w.bounded {
		within.hi = min(within.hi, c.series.first(w.to+1)-1)
	}
	return f.walk(c.series, within, a), nil
}

// walk collects readings from where the page starts, and looks for one more, which is where the next page starts.
func (f *Format) walk(s *series, within span, a asked) pageOf {
	at, step := within.hi, int64(-1)
	if f.Order == Ascending {
		at, step = within.lo, 1
	}
	if a.continued && step > 0 {
		at = max(at, a.position)
	} else if a.continued {
		at = min(at, a.position)
	}
	var p pageOf
	for {
		i, ok := s.next(at, step, within.lo, within.hi)
		if !ok {
			return p
		}
		if len(p.items) == a.limit {
			p.next = f.nextKey(i)
			return p
		}
		p.items = append(p.items, f.reading(s, i))
		at = i + step
	}
}

// window is what the parameters from and to ask for, both included, in nanoseconds since 1970.
type window struct {
	from, to int64
	bounded  bool // to was given
}

func (f *Format) window(query url.Values) (window, error) {
	w := window{}
	if f.NeedWindow && (!query.Has("from") || !query.Has("to")) {
		return w, errors.New("the parameters from and to are required (epoch milliseconds)")
	}
	var err error
	if query.Has("from") {
		if w.from, err = milliseconds(query, "from"); err != nil {
			return w, err
		}
	}
	if w.bounded = query.Has("to"); w.bounded {
		w.to, err = milliseconds(query, "to")
	}
	return w, err
}

func milliseconds(query url.Values, name string) (int64, error) {
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil || n < 0 || n > 1<<42 {
		return 0, fmt.Errorf("%s must be epoch milliseconds", name)
	}
	return n * int64(time.Millisecond), nil
}
