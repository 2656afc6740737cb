package reading

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestNewTimesReturnsEachNewTimeOnce(t *testing.T) {
	held := &Record{Saved: Saved{Seen: at(20), Time: at(10)}}
	readings := []innius.Reading{
		{Skip: innius.SkipTime},
		{Time: at(10)},
		{Time: at(20), Skip: innius.SkipText},
		{Time: at(30)},
		{Time: at(30)},
		{Time: at(40), Skip: innius.SkipNumber},
		{Time: at(50)},
		{Time: at(900), Skip: innius.SkipFuture},
	}
	if got, whole := held.newTimes(readings); !whole || !slices.Equal(got, []time.Time{at(30), at(40), at(50)}) {
		t.Errorf("%v, whole %t", got, whole)
	}
	if got, whole := (&Record{}).newTimes(readings[:2]); whole || !slices.Equal(got, []time.Time{at(10)}) {
		t.Errorf("at first sight: %v, whole %t", got, whole)
	}
	if got, whole := held.newTimes(readings[3:]); whole || len(got) != 3 {
		t.Errorf("on a page that does not reach back: %v, whole %t", got, whole)
	}
}
