package innius_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// polling polls one sensor as the poller does: what a poll returned is handed to the next one.
type polling struct {
	client  *innius.Client
	server  *simulator.Server
	since   time.Time
	cursor  innius.Cursor
	remarks []innius.Remark // each once
}

// poll polls once and returns how many requests that took.
func (p *polling) poll(t *testing.T) (requests int) {
	t.Helper()
	before := p.server.Stats().Requests
	got, err := p.client.Newest(t.Context(), refTo("oil"), p.since, p.cursor)
	if err != nil {
		t.Errorf("%s: %v", time.Since(noon()), err)
	}
	p.cursor = got.Cursor
	for _, r := range got.Readings {
		if r.Time.After(p.since) {
			p.since = r.Time
		}
	}
	for _, r := range got.Remarks {
		if !slices.Contains(p.remarks, r) {
			p.remarks = append(p.remarks, r)
		}
	}
	return p.server.Stats().Requests - before
}

// polls polls a sensor with a reading each minute every two minutes, and returns the requests of each poll. From the third
// poll on, no newer reading than the one held may be older than lag.
func (p *polling) polls(t *testing.T, n int, lag time.Duration) (requests []int) {
	t.Helper()
	for i := range n {
		requests = append(requests, p.poll(t))
		if newest := time.Now().Truncate(time.Minute).Add(-lag); i >= 2 && p.since.Before(newest) {
			t.Errorf("poll %d: the newest reading held is of %s, want %s", i+1, p.since, newest)
		}
		time.Sleep(2 * time.Minute)
	}
	return requests
}

func TestNewestReadsPagesOfEveryKind(t *testing.T) {
	minute := simulator.Sensor{ID: "oil", Period: time.Minute}
	ignored := simulator.Window{Ignored: true}
	asc, desc, blocks := simulator.Ascending, simulator.Descending, simulator.Blocks
	for _, row := range []struct {
		name     string
		format   simulator.Format
		template string // "": without a window
		lag      time.Duration
		requests string // of six polls, one in two minutes
		remarks  []innius.Remark
	}{
		{
			"ignored window, ascending",
			simulator.Format{Order: asc, Window: ignored, History: 24 * time.Minute},
			windowed, 0,
			"[4 1 1 2 1 1]",
			[]innius.Remark{innius.WindowIgnored},
		},
		{
			"ignored window, ascending, ten pages",
			simulator.Format{Order: asc, Window: ignored, History: 95 * time.Minute},
			windowed, 0,
			"[5 5 1 2 1 1]",
			[]innius.Remark{innius.WindowIgnored},
		},
		{
			"ignored window, descending",
			simulator.Format{Order: desc, Window: ignored},
			windowed, 0,
			"[1 1 1 1 1 1]",
			[]innius.Remark{innius.WindowIgnored},
		},
		{
			"ignored window, ascending, one page",
			simulator.Format{Order: asc, Window: ignored, History: 8 * time.Minute},
			windowed, 0,
			"[1 1 1 1 1 1]",
			[]innius.Remark{innius.WindowIgnored},
		},
		{
			"ignored window, going back",
			simulator.Format{Order: blocks, Window: ignored},
			windowed, 0,
			"[2 1 1 1 1 1]",
			[]innius.Remark{innius.WindowIgnored},
		},
		{"going back", simulator.Format{Order: blocks}, "", 0, "[2 1 1 1 1 1]", nil},
		{"going back, window", simulator.Format{Order: blocks}, windowed, 0, "[2 1 1 1 1 1]", nil},
		{"empty pages, descending", simulator.Format{Order: desc, Sparse: 2}, "", 0, "[3 3 3 3 3 3]", nil},
		{"many empty pages, descending", simulator.Format{Order: desc, Sparse: 9}, "", 4 * time.Minute, "[5 5 5 5 5 5]", nil},
		{"empty pages, descending, window", simulator.Format{Order: desc, Sparse: 2}, windowed, 0, "[3 3 3 3 3 3]", nil},
		{"empty pages, ascending", simulator.Format{Order: asc, Sparse: 2, History: 24 * time.Minute}, "", 0, "[5 5 2 1 4 1]", nil},
		{"empty pages, ascending, window", simulator.Format{Order: asc, Sparse: 2}, windowed, 0, "[5 4 3 3 3 3]", nil},
		{"empty pages, going back", simulator.Format{Order: blocks, Sparse: 1}, "", 0, "[4 2 2 2 2 2]", nil},
		{
			"expiring keys, ascending",
			simulator.Format{Order: asc, CursorTTL: time.Minute, History: 24 * time.Minute},
			"", 0,
			"[3 4 4 4 4 4]",
			[]innius.Remark{innius.CursorExpired},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				change := []func(*innius.Options){pageSize(10)}
				if row.template != "" {
					change = append(change, valuesAt(row.template))
				}
				c, server := simulated(t, plantOf(minute), simulator.Options{Format: row.format}, change...)
				p := &polling{client: c, server: server}
				want(t, "requests", fmt.Sprint(p.polls(t, 6, row.lag)), row.requests)
				want(t, "remarks", p.remarks, row.remarks)
			})
		})
	}
}

func TestNewestForgetsThatPagesGoBackWhereTheFirstIsOld(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		p, o := minutes(simulator.Ascending, 24*time.Minute)
		c, _ := simulated(t, p, o, pageSize(10))
		got := send(t, c, noon().Add(-time.Minute), innius.Cursor{Order: innius.Blocks})
		want(t, "newest", newestOf(t, got).Time, noon())
		want(t, "order", got.Cursor.Order, innius.Ascending)
	})
}

func TestNewestDoesNotRequestTheShortestWindowTwice(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := inWindows(t, simulator.Sensor{ID: "oil", Period: 100 * time.Millisecond}, simulator.Ascending, pageSize(10))
		got := send(t, c, noon().Add(-10*time.Second), innius.Cursor{Order: innius.Ascending})
		want(t, "requests", server.Stats().Requests, 5)
		want(t, "newest is found", noon().Sub(newestOf(t, got).Time) < 100*time.Millisecond, true)
	})
}

func TestNewestReadsThePagesOfAListInOneWindow(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			time.Sleep(time.Second)
			_, _ = fmt.Fprintf(w, `{"data":[],"next_key":%d}`, n)
		}}
		send(t, dial(t, h, valuesAt(windowed)), noon().Add(-time.Minute), innius.Cursor{})
		for i, uri := range h.uris() {
			if !strings.Contains(uri, fmt.Sprintf("from=%d&to=%d", noon().Add(-time.Minute).UnixMilli(), noon().UnixMilli())) {
				t.Errorf("request %d: %s", i+1, uri)
			}
		}
	})
}
