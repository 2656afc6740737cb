package poller

import (
	"slices"
	"testing"

	"innius_exporter/innius"
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
