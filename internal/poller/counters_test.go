package poller

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

func TestRequestsAreByCodeThenOperation(t *testing.T) {
	c := newAccountCounters()
	for _, op := range []innius.Operation{innius.OpValues, innius.OpSensors, innius.OpCompany} {
		c.request(op, "200")
		c.request(op, "500")
	}
	want := []RequestKind{
		{innius.OpCompany, "200"},
		{innius.OpSensors, "200"},
		{innius.OpValues, "200"},
		{innius.OpValues, "429"},
		{innius.OpCompany, "500"},
		{innius.OpSensors, "500"},
		{innius.OpValues, "500"},
		{innius.OpValues, "error"},
	}
	var got []RequestKind
	for kind := range c.Requests() {
		got = append(got, kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGapSecondsOfManySensorsDoNotOverflow(t *testing.T) {
	c, gap := newAccountCounters(), innius.Span{From: time.Unix(0, 0), To: time.Unix(0, 0).AddDate(100, 0, 0)}
	for range 10 {
		c.count(reading.PollResult{Missed: []innius.Span{gap}})
	}
	if got, want := c.GapSeconds(), 10*gap.To.Sub(gap.From).Seconds(); got != want {
		t.Errorf("%v s, want %v", got, want)
	}
}
