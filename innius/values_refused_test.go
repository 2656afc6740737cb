package innius_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// silentFor is a sensor with a reading each minute until noon, and again after a while.
func silentFor(d time.Duration) simulator.Sensor {
	return simulator.Sensor{ID: "oil", Period: time.Minute, Exists: func(at time.Time) bool {
		return !at.After(noon()) || !at.Before(noon().Add(d))
	}}
}

func TestNewestKeepsToTheWindowThatTheAPIPermits(t *testing.T) {
	for _, row := range []struct {
		name       string
		lookback   time.Duration
		max        time.Duration
		refused    int // requests, at first sight
		requests   int // of the poll after ten days of silence
		afterwards int // refused from then on
		remarks    []innius.Remark
	}{
		{"as long as lookback", 24 * time.Hour, 24 * time.Hour, 0, 1, 0, nil},
		{"an eighth", 24 * time.Hour, 3 * time.Hour, 1, 1, 0, []innius.Remark{innius.WindowShortened}},
		{"an hour", 24 * time.Hour, time.Hour, 2, 1, 0, []innius.Remark{innius.WindowShortened}},
		{"a month for a day", month, 24 * time.Hour, 2, 1, 0, []innius.Remark{innius.WindowShortened}},
		{"short lookback", time.Hour, 59 * time.Minute, 1, 1, 0, []innius.Remark{innius.WindowShortened}},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				format := simulator.Format{NeedWindow: true, Window: simulator.Window{Max: row.max}}
				c, server := simulated(t, plantOf(silentFor(10*24*time.Hour)), simulator.Options{Format: format},
					valuesAt(windowed), func(o *innius.Options) { o.Lookback = row.lookback })
				p := &polling{client: c, server: server}
				p.poll(t)
				want(t, "newest", p.since.Equal(noon()), true)
				want(t, "refused at first sight", server.Stats().Of("values", 400), row.refused)
				want(t, "remarks", p.remarks, row.remarks)
				time.Sleep(10*24*time.Hour - time.Minute)
				want(t, "requests after a long silence", p.poll(t), row.requests)
				time.Sleep(time.Minute)
				want(t, "requests when it reports again", p.poll(t), 1)
				want(t, "newest", p.since.Equal(noon().Add(10*24*time.Hour)), true)
				another := &polling{client: c, server: server}
				another.poll(t)
				want(t, "refused in all", server.Stats().Of("values", 400), row.refused)
			})
		})
	}
}

// refusing serves sensor values, and refuses those of the sensor named bad.
func refusing(status int) *recorder {
	return &recorder{respond: func(w http.ResponseWriter, r *http.Request, _ int) {
		if strings.Contains(r.URL.Path, "bad") {
			w.WriteHeader(status)
			return
		}
		_, _ = fmt.Fprintf(w, `{"data":[{"t":%d,"v":1}]}`, time.Now().UnixMilli())
	}}
}

func TestNewestTriesAShorterWindowOnlyWhereNoneSoLongWasAccepted(t *testing.T) {
	for _, row := range []struct {
		status        int
		accepted      bool // the same window, of another sensor
		held          time.Duration
		requests, all int
	}{
		{400, false, 0, 3, 6},
		{422, false, 0, 3, 6},
		{400, true, 0, 1, 2},
		{400, false, 30 * time.Minute, 1, 2},
		{403, false, 0, 1, 2},
		{404, false, 0, 1, 2},
		{404, true, 0, 1, 2},
		{404, false, 30 * time.Minute, 2, 4},
		{404, false, 48 * time.Hour, 1, 2},
		{404, false, -3 * time.Minute, 1, 2},
		{500, false, 0, 1, 2},
	} {
		t.Run(fmt.Sprintf("%d accepted %t held %s", row.status, row.accepted, row.held), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := refusing(row.status)
				c := dial(t, h, valuesAt(windowed))
				if row.accepted {
					send(t, c, time.Time{}, innius.Cursor{})
				}
				var since time.Time
				if row.held != 0 {
					since = noon().Add(-row.held)
				}
				before := len(h.uris())
				for i, requests := range []int{row.requests, row.all} {
					_, err := c.Newest(t.Context(), refTo("bad"), since, innius.Cursor{})
					want(t, "requests", len(h.uris())-before, requests)
					if quiet := row.status == 404 && (row.held > 24*time.Hour || row.held < 0 || row.accepted); (err == nil) != quiet {
						t.Errorf("poll %d: %v", i+1, err)
					}
				}
			})
		})
	}
}

func TestNewestTakesNotFoundForAnEmptyWindow(t *testing.T) {
	for _, exclusive := range []bool{true, false} {
		t.Run(fmt.Sprintf("exclusive %t", exclusive), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				format := simulator.Format{NeedWindow: true, Window: simulator.Window{NotFound: true, Exclusive: exclusive}}
				c, server := simulated(t, plantOf(silentFor(72*time.Hour)), simulator.Options{Format: format}, valuesAt(windowed))
				p := &polling{client: c, server: server}
				var requests []int
				for range 72 {
					requests = append(requests, p.poll(t))
					time.Sleep(time.Hour)
				}
				total := 0
				for _, n := range requests {
					total += n
				}
				atMost(t, "requests of 72 polls", total, 73)
				p.poll(t)
				want(t, "newest when it reports again", p.since.Equal(noon().Add(72*time.Hour)), true)
				server.Inject(simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpValues, Object: "oil"})
				time.Sleep(time.Minute)
				_, err := c.Newest(t.Context(), refTo("oil"), p.since, p.cursor)
				want(t, "status of a sensor that is gone", innius.StatusOf(err), 404)
			})
		})
	}
}

func TestNewestStatesWindowsByTheClockOfTheAPI(t *testing.T) {
	for _, off := range []time.Duration{0, -20 * time.Minute, 20 * time.Minute} {
		for _, ahead := range []time.Duration{-time.Hour, -time.Second, 0, 5 * time.Minute} {
			t.Run(fmt.Sprintf("clock off by %s, reading ahead by %s", off, ahead), func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					h := recorded(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
						respondWith(200, `{"data":[]}`)(w, r)
					})
					c := dial(t, h, valuesAt(windowed))
					_, _ = c.Company(t.Context())
					_, err := c.Newest(t.Context(), refTo("oil"), noon().Add(off+ahead), innius.Cursor{})
					want(t, "error", err, nil)
					query := h.requests[1].URL.Query()
					from, _ := strconv.ParseInt(query.Get("from"), 10, 64)
					to, _ := strconv.ParseInt(query.Get("to"), 10, 64)
					want(t, "to", time.UnixMilli(to).UTC(), noon().Add(off))
					want(t, "from", time.UnixMilli(from).UTC(), noon().Add(off+min(ahead, -3*time.Second)))
				})
			})
		}
	}
}

func TestNewestTakesNotFoundBehindAJumpForTheEnd(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		last := noon().Add(-130 * time.Minute)
		s := simulator.Sensor{ID: "oil", Period: time.Minute, Exists: func(at time.Time) bool { return !at.After(last) }}
		format := simulator.Format{Order: simulator.Ascending, Window: simulator.Window{NotFound: true}}
		c, server := simulated(t, plantOf(s), simulator.Options{Format: format}, valuesAt(windowed))
		want(t, "newest", newestOf(t, send(t, c, noon().Add(-4*time.Hour), innius.Cursor{})).Time, last)
		want(t, "requests: the start, one jump too far, the rest", server.Stats().Requests, 3)
	})
}

// A resumed list leads into a window, and the window to status 404: a jump beyond the last reading, not an expired key.
func TestNewestTakesNotFoundBehindAResumedListForTheEnd(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		day := noon().Add(-23 * time.Hour).UnixMilli()
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			switch {
			case n == 1:
				_, _ = fmt.Fprintf(w, `{"data":[{"t":%d,"v":1},{"t":%d,"v":2}],"next_key":"b"}`, day, day+60_000)
			case n < 20:
				w.WriteHeader(http.StatusNotFound)
			default:
				w.WriteHeader(http.StatusInternalServerError)
			}
		}}
		got, err := dial(t, h, valuesAt(windowed)).Newest(t.Context(), refTo("oil"), noon().Add(-48*time.Hour), innius.Cursor{Key: "a"})
		want(t, "error", err, nil)
		want(t, "readings", len(got.Readings), 2)
		atMost(t, "requests", len(h.uris()), 5)
	})
}

func TestNewestAdvisesAWindowOnlyWhereThereIsNone(t *testing.T) {
	ignored := []innius.Remark{innius.WindowIgnored}
	for _, row := range []struct {
		name     string
		template func(*innius.Options)
		cursor   innius.Cursor
		remarks  []innius.Remark
	}{
		{"far behind", func(*innius.Options) {}, innius.Cursor{}, []innius.Remark{innius.FarBehind}},
		{"far behind, window ignored", valuesAt(windowed), innius.Cursor{}, ignored},
		{"expired key", func(*innius.Options) {}, innius.Cursor{Key: "old"}, []innius.Remark{innius.CursorExpired, innius.FarBehind}},
		{"expired key, window ignored", valuesAt(windowed), innius.Cursor{Key: "old", Ignored: true}, ignored},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recorded(func(w http.ResponseWriter, r *http.Request) {
					key := r.URL.Query().Get("start_key")
					if key == "old" {
						w.WriteHeader(http.StatusBadRequest)
						return
					}
					n, _ := strconv.Atoi(key)
					at := noon().Add(-47*time.Hour + time.Duration(n)*time.Hour).UnixMilli()
					_, _ = fmt.Fprintf(w, `{"data":[{"t":%d,"v":1},{"t":%d,"v":2}],"next_key":%d}`, at, at+60_000, n+1)
				})
				c := dial(t, h, row.template, func(o *innius.Options) { o.Lookback = 48 * time.Hour })
				want(t, "remarks", send(t, c, time.Time{}, row.cursor).Remarks, row.remarks)
			})
		})
	}
}
