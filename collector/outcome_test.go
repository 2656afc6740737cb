package collector

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestTimesThatTeachAreThoseNewerThanWhatWasSeenEachOnce(t *testing.T) {
	held := &observation{seen: at(20), at: at(10)}
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
	if got, want := held.newTimes(readings), []time.Time{at(30), at(40), at(50)}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := (&observation{}).newTimes(readings[:2]); !slices.Equal(got, []time.Time{at(10)}) {
		t.Errorf("at first sight: %v", got)
	}
}
