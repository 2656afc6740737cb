package innius_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestCursorResumesAtTheLastPage(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Ascending, 24*time.Minute)
		c, server := simulated(t, p, o, pageSize(10))
		spent := requestCounter(server)
		first := send(t, c, time.Time{}, innius.Cursor{})
		want(t, "requests from the start", spent(), 3)
		time.Sleep(2 * time.Minute)
		second := send(t, c, noon(), first.Cursor)
		want(t, "newest two minutes later", newestOf(t, second).Time, noon().Add(2*time.Minute))
		want(t, "requests from the remembered page", spent(), 1)
		time.Sleep(8 * time.Minute)
		third := send(t, c, noon(), second.Cursor)
		want(t, "newest ten minutes later", newestOf(t, third).Time, noon().Add(10*time.Minute))
		want(t, "requests where the page has filled", spent(), 2)
		time.Sleep(time.Minute)
		fourth := send(t, c, noon(), third.Cursor)
		want(t, "newest eleven minutes later", newestOf(t, fourth).Time, noon().Add(11*time.Minute))
		want(t, "requests from the next page", spent(), 1)
	})
}

// requestCounter returns a function that returns how many requests came since its last call.
func requestCounter(server *simulator.Server) func() int {
	before := 0
	return func() int {
		now := server.Stats().Requests
		defer func() { before = now }()
		return now - before
	}
}

func TestExpiredCursorRestartsOnce(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Ascending, 24*time.Minute)
		o.Format.CursorTTL = time.Minute
		c, server := simulated(t, p, o, pageSize(10))
		spent := requestCounter(server)
		first := send(t, c, time.Time{}, innius.Cursor{})
		spent()
		time.Sleep(5 * time.Minute)
		second := send(t, c, noon(), first.Cursor)
		want(t, "newest", newestOf(t, second).Time, noon().Add(5*time.Minute))
		want(t, "requests", spent(), 1+3)
		want(t, "refusals", server.Stats().Of("values", 400), 1)
		if second.Cursor.Key == first.Cursor.Key || second.Cursor.Key == "" {
			t.Errorf("cursor %+v after %+v", second.Cursor, first.Cursor)
		}
	})
}

func TestOnlyARefusedCursorRestarts(t *testing.T) {
	for _, row := range []struct{ status, requests int }{
		{400, 2}, {404, 2}, {410, 2}, {422, 2}, {401, 1}, {403, 1}, {429, 1}, {500, 1}, {503, 3},
	} {
		t.Run(fmt.Sprint(row.status), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(row.status) }}
				_, err := dial(t, h).Newest(t.Context(), refTo("oil"), noon(), innius.Cursor{Key: "7"})
				want(t, "status", innius.StatusOf(err), row.status)
				want(t, "requests", len(h.uris()), row.requests)
			})
		})
	}
}

func TestRefusalWithoutACursorIsFinal(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, plantOf(), simulator.Options{})
		_, err := c.Newest(t.Context(), refTo("gone"), noon(), innius.Cursor{Order: innius.Ascending})
		want(t, "status", innius.StatusOf(err), 404)
		want(t, "requests", server.Stats().Requests, 1)
	})
}

func TestCursorThatLeadsToNothingIsDropped(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := pagesOf(map[string]string{
			"":  `{"data":[{"t":1772445600000,"v":1},{"t":1772449200000,"v":2}]}`,
			"7": `{"data":[],"next_key":null}`,
		})
		got := send(t, dial(t, h), noon(), innius.Cursor{Key: "7", Order: innius.Ascending})
		want(t, "newest", newestOf(t, got).Value, 2)
		want(t, "cursor", got.Cursor, innius.Cursor{Order: innius.Ascending})
		want(t, "requests", len(h.uris()), 2)
	})
}

func TestLongHistoryIsReportedAndContinued(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Ascending, 30*24*time.Hour)
		c, server := simulated(t, p, o)
		first := send(t, c, time.Time{}, innius.Cursor{})
		want(t, "remarks", first.Remarks, []innius.Remark{innius.FarBehind})
		want(t, "newest", newestOf(t, first).Time, noon().Add(-30*24*time.Hour+499*time.Minute))
		want(t, "requests", server.Stats().Requests, 5)
		second := send(t, c, noon(), first.Cursor)
		want(t, "remarks", second.Remarks, []innius.Remark{innius.FarBehind})
		want(t, "newest", newestOf(t, second).Time, noon().Add(-30*24*time.Hour+999*time.Minute))
		want(t, "requests", server.Stats().Requests, 10)
	})
}

func TestHistoryOfLessThanADayIsNotReported(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Ascending, 24*time.Hour)
		c, server := simulated(t, p, o)
		got := send(t, c, time.Time{}, innius.Cursor{})
		want(t, "remarks", got.Remarks, []innius.Remark(nil))
		want(t, "requests", server.Stats().Requests, 5)
	})
}

func TestReadingWithAWrongClockDoesNotHideALongHistory(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			at := noon().AddDate(0, -1, n).UnixMilli()
			ahead := noon().AddDate(1, 0, 0).UnixMilli()
			_, _ = fmt.Fprintf(w, `{"data":[{"t":%d,"v":1},{"t":%d,"v":2},{"t":%d,"v":3}],"next_key":%d}`, at, ahead, at+1, n)
		}}
		got := send(t, dial(t, h), time.Time{}, innius.Cursor{})
		want(t, "requests", len(h.uris()), 5)
		want(t, "remarks", got.Remarks, []innius.Remark{innius.FarBehind})
	})
}
