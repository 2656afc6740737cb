package status

import (
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// overflowing is a sensor with a reporting interval that missed 16 of each 32 min, and is polled every so often.
func overflowing(t *testing.T, interval, every time.Duration) *poller.SensorView {
	t.Helper()
	e := reading.Restore(&reading.Saved{Seen: ago(64)})
	for _, from := range []int{64, 32} {
		newest := innius.Newest{
			Readings: []innius.Reading{{Time: ago(from - 16), Value: 1}, {Time: ago(from - 32), Value: 1}},
			Missed:   []innius.Span{{From: ago(from), To: ago(from - 16)}},
		}
		if n := e.Store(newest, reading.Rule{}, true, now); len(n.Missed) != 1 {
			t.Fatalf("%+v", n)
		}
	}
	e.Change(func(r *reading.Record) { r.Interval, r.PlannedGap = schedule.Regular(interval, now), every })
	return &poller.SensorView{Record: e.Load()}
}

func TestMissedReadingsNameTheCure(t *testing.T) {
	const missed = "Readings missed in 50 % of the time since 2026-01-02T10:56:00Z"
	const seldom = missed + ": polled every 32m, a page covers 16m 40s; "
	large := poller.AccountView{PageSize: 1000, PageSizeSet: 1000}
	for name, c := range map[string]struct {
		account         poller.AccountView
		interval, every time.Duration
		want            string
	}{
		"a larger page": {large, time.Second, 32 * time.Minute, seldom + "set page_size: 5000"},
		"the API limits pages": {
			poller.AccountView{PageSize: 1000, PageSizeSet: 5000},
			time.Second, 32 * time.Minute,
			seldom + "set refresh.complete: true, or max_age: 15m in a rule for it",
		},
		"and page targets do not fit": {
			poller.AccountView{PageSize: 1000, PageSizeSet: 5000, Complete: true},
			time.Second, 32 * time.Minute,
			seldom + "the rate limit permits no more: exclude sensors, or set max_age: 15m in a rule for it",
		},
		"the API limits pages, and a poll was late": {
			poller.AccountView{PageSize: 1000, PageSizeSet: 5000},
			time.Second, 15 * time.Minute, missed + ": polled every 15m, a page covers 16m 40s",
		},
		"too large a page": {
			large,
			100 * time.Millisecond, 32 * time.Minute,
			missed + ": polled every 32m, a page covers 1m 40s; set refresh.complete: true, or max_age: 1m29s in a rule for it",
		},
		"often enough": {large, time.Second, 10 * time.Minute, missed + ": polled every 10m, a page covers 16m 40s"},
		"no room for a late poll": {
			large,
			time.Second, 15 * time.Minute, missed + ": polled every 15m, a page covers 16m 40s; set page_size: 2000",
		},
		"page size not known": {poller.AccountView{}, time.Second, 32 * time.Minute, missed},
	} {
		if got := missedReadings(&c.account, overflowing(t, c.interval, c.every)); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
	ended := overflowing(t, time.Second, time.Hour)
	ended.Overflow = false
	ended.Record.Overflow = false
	if got := missedReadings(&large, ended); got != missed+", none since 2026-01-02T11:44:00Z" {
		t.Errorf("got %q", got)
	}
	if got := missedReadings(&large, &poller.SensorView{Record: reading.New().Load()}); got != "" {
		t.Errorf("without gaps: %q", got)
	}
}
