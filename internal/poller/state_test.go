package poller

import (
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// at is a moment, in seconds after the start of a test.
func at(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }

func recordOf(s reading.Saved) reading.Record { return reading.Record{Saved: s} }

func skipped(seconds int, why innius.SkipReason, text string) innius.Reading {
	return innius.Reading{Time: at(seconds), Skip: why, Text: text}
}

func TestEachSensorIsInOneStateAndSaysWhy(t *testing.T) {
	now, hour := at(10*3600), time.Hour
	polled := &sensor{rule: noRule, entry: reading.New()}
	paced := &sensor{rule: noRule, entry: reading.New()}
	paced.entry.SetInterval(published(schedule.Regular(10*time.Minute, at(0))))
	old := recordOf(reading.Saved{Time: at(0), LastSuccess: at(9)})
	for name, c := range map[string]struct {
		sensor *sensor
		seen   reading.Record
		state  State
		why    string
	}{
		"not asked":     {polled, reading.Record{}, StateWaiting, "waiting for allowance"},
		"fresh":         {polled, recordOf(reading.Saved{Time: now.Add(-hour), LastSuccess: now}), StateFresh, ""},
		"late":          {paced, recordOf(reading.Saved{Time: now.Add(-hour), LastSuccess: now}), StateLate, "silent for more than three"},
		"not asked yet": {paced, recordOf(reading.Saved{Time: now.Add(-hour), LastSuccess: now.Add(-hour)}), StateFresh, ""},
		"stale":         {polled, old, StateStale, "is older than 1 h (stale_after)"},
		"never":         {polled, recordOf(reading.Saved{LastSuccess: now}), StateStale, "never reported"},
		"failing":       {polled, recordOf(reading.Saved{Time: now, LastSuccess: now, Failure: "status 500"}), StateFailing, "status 500"},
		"only failed":   {polled, recordOf(reading.Saved{Failure: "status 404"}), StateFailing, "status 404"},
		"text":          {polled, recordOf(reading.Saved{LastSuccess: now, Unusable: skipped(1, innius.SkipText, "RUN")}), StateUnreadable, `the text "RUN"`},
		"null":          {polled, recordOf(reading.Saved{LastSuccess: now, Unusable: skipped(1, innius.SkipNumber, "null")}), StateUnreadable, "null"},
		"fresh, text":   {polled, recordOf(reading.Saved{Time: now, LastSuccess: now, Unusable: skipped(1, innius.SkipText, "R")}), StateFresh, ""},
		"filtered":      {&sensor{filtered: "not in include"}, old, StateFiltered, "filtered: not in include"},
		"another's":     {&sensor{twinOf: "a2"}, old, StateFiltered, "asked for by account a2"},
		"future, early": {polled, recordOf(reading.Saved{Time: now.Add(4 * time.Minute), LastSuccess: now}), StateFresh, ""},
	} {
		if got := c.sensor.state(&c.seen, hour, now); got != c.state {
			t.Errorf("%s: %s, want %s", name, got, c.state)
		}
		if got := c.sensor.why(&c.seen, &look{now: now, machine: &machine{}, staleAfter: hour}); !strings.Contains(got, c.why) || c.why == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
	}
}
