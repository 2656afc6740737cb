package poller

import (
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// at is a moment, in seconds after the start of a test.
func at(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }

func skipped(seconds int, why innius.SkipReason, text string) innius.Reading {
	return innius.Reading{Time: at(seconds), Skip: why, Text: text}
}

func TestEachSensorIsInOneStateAndSaysWhy(t *testing.T) {
	now, hour := at(10*3600), time.Hour
	polled := &sensor{rule: noRule, entry: reading.New()}
	paced := &sensor{rule: noRule, entry: reading.New()}
	paced.entry.SetInterval(published(regular(10*time.Minute, at(0))))
	old := reading.Record{Time: at(0), LastSuccess: at(9)}
	for name, c := range map[string]struct {
		sensor *sensor
		seen   reading.Record
		state  State
		why    string
	}{
		"not asked":     {polled, reading.Record{}, StateWaiting, "waiting for allowance"},
		"fresh":         {polled, reading.Record{Time: now.Add(-hour), LastSuccess: now}, StateFresh, ""},
		"late":          {paced, reading.Record{Time: now.Add(-hour), LastSuccess: now}, StateLate, "silent for more than three"},
		"not asked yet": {paced, reading.Record{Time: now.Add(-hour), LastSuccess: now.Add(-hour)}, StateFresh, ""},
		"stale":         {polled, old, StateStale, "is older than 1 h (stale_after)"},
		"never":         {polled, reading.Record{LastSuccess: now}, StateStale, "never reported"},
		"failing":       {polled, reading.Record{Time: now, LastSuccess: now, Failure: "status 500"}, StateFailing, "status 500"},
		"only failed":   {polled, reading.Record{Failure: "status 404"}, StateFailing, "status 404"},
		"text":          {polled, reading.Record{LastSuccess: now, Unusable: skipped(1, innius.SkipText, "RUN")}, StateUnreadable, `the text "RUN"`},
		"null":          {polled, reading.Record{LastSuccess: now, Unusable: skipped(1, innius.SkipNumber, "null")}, StateUnreadable, "null"},
		"fresh, text":   {polled, reading.Record{Time: now, LastSuccess: now, Unusable: skipped(1, innius.SkipText, "R")}, StateFresh, ""},
		"filtered":      {&sensor{filtered: "not in include"}, old, StateFiltered, "filtered: not in include"},
		"another's":     {&sensor{twinOf: "a2"}, old, StateFiltered, "asked for by account a2"},
		"future, early": {polled, reading.Record{Time: now.Add(4 * time.Minute), LastSuccess: now}, StateFresh, ""},
	} {
		if got := c.sensor.state(&c.seen, hour, now); got != c.state {
			t.Errorf("%s: %s, want %s", name, got, c.state)
		}
		if got := c.sensor.why(&c.seen, &look{now: now, machine: &machine{}, staleAfter: hour}); !strings.Contains(got, c.why) || c.why == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
	}
}
