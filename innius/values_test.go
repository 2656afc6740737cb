package innius_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// minutes is a sensor with a reading each minute, at most the given history of them; each value is its own time.
func minutes(o simulator.Order, history time.Duration) (simulator.Plant, simulator.Options) {
	format := simulator.Format{Order: o, History: history}
	return plantOf(simulator.Sensor{ID: "oil", Period: time.Minute}), simulator.Options{Format: format}
}

// newestOf returns the last reading, which must be the greatest.
func newestOf(t *testing.T, n innius.Newest) innius.Reading {
	t.Helper()
	if len(n.Readings) == 0 {
		t.Fatal("no readings")
	}
	last := n.Readings[len(n.Readings)-1]
	for i, r := range n.Readings {
		if r.Time.After(last.Time) || i > 0 && r.Time.Before(n.Readings[i-1].Time) {
			t.Fatalf("readings are not oldest first: %v", n.Readings)
		}
	}
	return last
}

func send(t *testing.T, c *innius.Client, since time.Time, cursor innius.Cursor) innius.Newest {
	t.Helper()
	got, err := c.Newest(t.Context(), refTo("oil"), since, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNewestIsFoundInEitherOrder(t *testing.T) {
	for _, row := range []struct {
		name               string
		order              simulator.Order
		history            time.Duration
		page               int
		requests, readings int
	}{
		{"ascending on one page", simulator.Ascending, 30 * time.Minute, 100, 1, 31},
		{"descending on one page", simulator.Descending, 30 * time.Minute, 100, 1, 31},
		{"ascending on one full page", simulator.Ascending, 29 * time.Minute, 30, 1, 30},
		{"ascending on four pages", simulator.Ascending, 30 * time.Minute, 10, 4, 31},
		{"ascending on five pages", simulator.Ascending, 49 * time.Minute, 10, 5, 50},
		{"descending on many pages", simulator.Descending, 30 * 24 * time.Hour, 10, 1, 10},
		{"ascending, one value a page", simulator.Ascending, 2 * time.Minute, 1, 3, 3},
		{"descending, one value a page", simulator.Descending, 30 * 24 * time.Hour, 1, 2, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p, o := minutes(row.order, row.history)
				c, server := simulated(t, p, o, pageSize(row.page))
				got := send(t, c, time.Time{}, innius.Cursor{})
				want(t, "newest", newestOf(t, got), innius.Reading{Time: noon(), Value: float64(noon().Unix())})
				want(t, "readings", len(got.Readings), row.readings)
				want(t, "requests", server.Stats().Requests, row.requests)
				want(t, "remarks", got.Remarks, []innius.Remark(nil))
			})
		})
	}
}

func TestKnownDescendingOrderSavesARequest(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Descending, 24*time.Hour)
		c, server := simulated(t, p, o, pageSize(1))
		first := send(t, c, time.Time{}, innius.Cursor{})
		want(t, "cursor", first.Cursor, innius.Cursor{Order: innius.Descending})
		time.Sleep(time.Minute)
		second := send(t, c, noon(), first.Cursor)
		want(t, "newest", newestOf(t, second).Time, noon().Add(time.Minute))
		want(t, "requests", server.Stats().Requests, 3)
	})
}

func TestNewestOfNoValuesIsNoError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, plantOf(simulator.Sensor{ID: "oil"}), simulator.Options{})
		got := send(t, c, time.Time{}, innius.Cursor{})
		want(t, "result", got, innius.Newest{Clock: noon()})
		want(t, "requests", server.Stats().Requests, 1)
	})
}

func TestLaterReadingOfOneTimeWinsInEitherOrder(t *testing.T) {
	for name, body := range map[string]string{
		"ascending":  `{"data":[{"t":1772445600000,"v":1},{"t":1772449200000,"v":2},{"t":1772449200000,"v":3}]}`,
		"descending": `{"data":[{"t":1772449200000,"v":3},{"t":1772449200000,"v":2},{"t":1772445600000,"v":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got := send(t, dial(t, respondWith(200, body)), time.Time{}, innius.Cursor{})
				want(t, "newest", newestOf(t, got).Value, 3)
			})
		})
	}
}

func TestNewestOfUnorderedValuesIsTheGreatestTime(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := respondWith(200, `{"data":[{"t":1772445600000,"v":1},{"t":1772452800000,"v":3},{"t":1772449200000,"v":2}]}`)
		want(t, "newest", newestOf(t, send(t, dial(t, h), time.Time{}, innius.Cursor{})), innius.Reading{Time: noon(), Value: 3})
	})
}

func TestPagesWithoutAnOrderAreReadToTheEnd(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := pagesOf(map[string]string{
			"":  `{"data":[{"t":1772449200000,"v":1}],"next_key":1}`,
			"1": `{"data":[{"t":1772449200000,"v":2}],"next_key":2}`,
			"2": `{"data":[],"next_key":3}`,
			"3": `{"data":[{"t":1772449200000,"v":3}]}`,
		})
		got := send(t, dial(t, h), time.Time{}, innius.Cursor{})
		want(t, "readings", len(got.Readings), 3)
		want(t, "cursor", got.Cursor, innius.Cursor{Key: "3"})
	})
}

func TestPagesInACircleAreBounded(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := recording(`{"data":[{"t":1772445600000,"v":1},{"t":1772449200000,"v":2}],"next_key":1}`)
		got := send(t, dial(t, h), time.Time{}, innius.Cursor{})
		want(t, "newest", newestOf(t, got).Value, 2)
		want(t, "requests", len(h.uris()), 2)
	})
}

func TestNewestReturnsReadingsWithAnError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			if n > 1 {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = io.WriteString(w, `{"data":[{"t":1772445600000,"v":1},{"t":1772449200000,"v":2}],"next_key":7,"message":"not yours"}`)
		}}
		got, err := dial(t, h).Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, `get the values of sensor "oil" of machine "press": status 403 (Forbidden): not yours`)
		want(t, "newest", newestOf(t, got).Value, 2)
		want(t, "clock", got.Clock, noon())
		want(t, "order", got.Cursor.Order, innius.Ascending)
	})
}
