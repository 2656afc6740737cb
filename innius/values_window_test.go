package innius_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

const (
	month    = 30 * 24 * time.Hour
	windowed = "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}"
)

// inWindows is a simulated API that demands a window, and a client that gives one.
func inWindows(
	t *testing.T, s simulator.Sensor, o simulator.Order, change ...func(*innius.Options),
) (*innius.Client, *simulator.Server) {
	t.Helper()
	opts := simulator.Options{Format: simulator.Format{Order: o, NeedWindow: true, History: month}}
	return simulated(t, plantOf(s), opts, append([]func(*innius.Options){valuesAt(windowed)}, change...)...)
}

func TestWindowJumpsOverALongHistory(t *testing.T) {
	for order, o := range orders() {
		for _, lookback := range []time.Duration{time.Hour, 24 * time.Hour, month} {
			for _, page := range []int{10, 100, 1000} {
				t.Run(fmt.Sprintf("%s/%s/%d a page", order, lookback, page), func(t *testing.T) {
					atNoon(t, func(t *testing.T) {
						s := simulator.Sensor{ID: "oil", Period: time.Second}
						c, server := inWindows(t, s, o, pageSize(page), func(o *innius.Options) { o.Lookback = lookback })
						spent := requestCounter(server)
						first := send(t, c, time.Time{}, innius.Cursor{})
						want(t, "newest", newestOf(t, first).Time, noon())
						atMost(t, "requests at first sight", spent(), 3)
						time.Sleep(10 * time.Second)
						second := send(t, c, noon(), first.Cursor)
						want(t, "newest ten seconds later", newestOf(t, second).Time, noon().Add(10*time.Second))
						atMost(t, "requests from then on", spent(), 2)
						time.Sleep(12 * time.Hour)
						third := send(t, c, noon(), second.Cursor)
						want(t, "newest after an outage", newestOf(t, third).Time, noon().Add(12*time.Hour+10*time.Second))
						atMost(t, "requests after an outage", spent(), 3)
					})
				})
			}
		}
	}
}

func atMost(t *testing.T, what string, got, bound int) {
	t.Helper()
	if got > bound {
		t.Errorf("%s: %d, more than %d", what, got, bound)
	}
}

// follow calls again and again, with what was learned, until nothing newer comes; it returns the newest reading's time
// and how many calls found something new.
func follow(t *testing.T, c *innius.Client, server *simulator.Server) (newest time.Time, rounds int) {
	t.Helper()
	spent := requestCounter(server)
	var cursor innius.Cursor
	for range 20 {
		got := send(t, c, newest, cursor)
		atMost(t, "requests of one call", spent(), 5)
		if len(got.Readings) == 0 || !newestOf(t, got).Time.After(newest) {
			return newest, rounds
		}
		newest, cursor, rounds = newestOf(t, got).Time, got.Cursor, rounds+1
	}
	t.Fatal("never came to an end")
	return newest, rounds
}

func TestLastReadingOfASilentSensorIsFoundByHalving(t *testing.T) {
	for _, row := range []struct {
		name   string
		period time.Duration
		silent time.Duration

		rounds, requests int // requests: with those of a last call that brings nothing new
	}{
		{"each minute, silent for an hour", time.Minute, time.Hour, 1, 3},
		{"each minute, silent for six hours", time.Minute, 6 * time.Hour, 1, 5},
		{"each minute, silent for all but the first hour", time.Minute, 23 * time.Hour, 1, 2},
		{"each second, silent for ten minutes", time.Second, 10 * time.Minute, 3, 14},
		{"each second, silent for twelve hours", time.Second, 12 * time.Hour, 1, 4},
		{"each hour, silent for half a day", time.Hour, 12 * time.Hour, 1, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				last := noon().Add(-row.silent)
				s := simulator.Sensor{ID: "oil", Period: row.period, Exists: func(at time.Time) bool { return !at.After(last) }}
				c, server := inWindows(t, s, simulator.Ascending)
				newest, rounds := follow(t, c, server)
				want(t, "newest", newest, last)
				want(t, "calls that found something", rounds, row.rounds)
				want(t, "requests", server.Stats().Requests, row.requests)
			})
		})
	}
}

func TestOnePageIsNotHalved(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		last := noon().Add(-130 * time.Minute)
		s := simulator.Sensor{ID: "oil", Period: time.Minute, Exists: func(at time.Time) bool { return !at.After(last) }}
		c, server := inWindows(t, s, simulator.Ascending)
		want(t, "newest", newestOf(t, send(t, c, noon().Add(-240*time.Minute), innius.Cursor{})).Time, last)
		want(t, "requests: the start, one jump too far, the rest", server.Stats().Requests, 3)
	})
}

func TestLateReadingsAreFound(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		s := simulator.Sensor{ID: "oil", Period: 10 * time.Second, Delay: 15 * time.Minute}
		c, server := inWindows(t, s, simulator.Ascending)
		newest, rounds := follow(t, c, server)
		want(t, "newest", newest, noon().Add(-15*time.Minute))
		atMost(t, "rounds", rounds, 2)
	})
}

func TestSensorSilentBeyondTheLookbackCostsOneRequest(t *testing.T) {
	for order, o := range orders() {
		t.Run(order, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				last := noon().Add(-48 * time.Hour)
				s := simulator.Sensor{ID: "oil", Period: time.Minute, Exists: func(at time.Time) bool { return !at.After(last) }}
				c, server := inWindows(t, s, o)
				want(t, "readings", len(send(t, c, time.Time{}, innius.Cursor{}).Readings), 0)
				want(t, "requests", server.Stats().Requests, 1)
				want(t, "readings where an older one is held", len(send(t, c, last, innius.Cursor{}).Readings), 0)
				want(t, "requests", server.Stats().Requests, 2)
			})
		})
	}
}

// longWithFutureReading serves from and limit with a reading each second until noon, and one of a year ahead at the
// end of each page.
func longWithFutureReading(w http.ResponseWriter, r *http.Request, _ int) {
	from, _ := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	if key := r.URL.Query().Get("start_key"); key != "" {
		from, _ = strconv.ParseInt(key, 10, 64)
	}
	body, at := "", (from+999)/1000*1000
	for range 100 {
		if at <= noon().UnixMilli() {
			body += fmt.Sprintf(`{"t":%d,"v":1},`, at)
			at += 1000
		}
	}
	next := "null"
	if at <= noon().UnixMilli() {
		next = strconv.FormatInt(at, 10)
	}
	_, _ = fmt.Fprintf(w, `{"data":[%s{"t":%d,"v":2},{"t":%d,"v":3}],"next_key":%s}`,
		body, noon().AddDate(1, 0, 0).UnixMilli(), max(at-1000, from), next)
}

func TestReadingWithAWrongClockDoesNotStopTheJump(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: longWithFutureReading}
		got := send(t, dial(t, h, valuesAt(windowed)), time.Time{}, innius.Cursor{})
		found := false
		for _, r := range got.Readings {
			found = found || r.Time.Equal(noon())
		}
		want(t, "noon's reading found", found, true)
		atMost(t, "requests", len(h.uris()), 5)
	})
}

func TestCursorIsTriedOnceInAWindow(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := inWindows(t, simulator.Sensor{ID: "oil", Period: time.Minute}, simulator.Ascending)
		got := send(t, c, noon().Add(-time.Hour), innius.Cursor{Key: "from another template", Order: innius.Ascending})
		want(t, "newest", newestOf(t, got).Time, noon())
		want(t, "cursor", got.Cursor, innius.Cursor{Order: innius.Ascending})
		want(t, "requests", server.Stats().Requests, 2)
	})
}

// Readings of the future do not steer a window, but they show an order, and cover more time than the window.
func TestNewestRepeatsNoRequestWhenTheWindowDoesNotMove(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		page := fmt.Sprintf(`{"data":[{"t":%d,"v":1},{"t":%d,"v":2}],"next_key":7}`,
			noon().Add(2*time.Hour).UnixMilli(), noon().Add(3*time.Hour).UnixMilli())
		h := recording(page)
		c := dial(t, h, valuesAt(windowed), func(o *innius.Options) { o.Lookback = 10 * time.Minute })
		if _, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, uri := range h.uris() {
			if seen[uri] {
				t.Errorf("requested twice: %s", uri)
			}
			seen[uri] = true
		}
		if len(seen) != 2 {
			t.Errorf("%d requests, want the page and the next one", len(seen))
		}
	})
}
