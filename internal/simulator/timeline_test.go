package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// Clients are measured against the timeline: at every moment it must agree with what the API returns.
func TestTimelineIsWhatTheAPIShows(t *testing.T) {
	var sensors []Sensor
	for i, s := range []Sensor{
		{Period: 10 * time.Second},
		{Period: time.Minute, Phase: 17 * time.Second, Jitter: 20 * time.Second, Delay: 700 * time.Millisecond},
		{Period: 10 * time.Second, Batch: 5 * time.Minute, BatchPhase: 77 * time.Second, Delay: 3 * time.Second, Jitter: time.Second},
		{Period: time.Minute, Skew: -5 * time.Minute, Delay: 300 * time.Millisecond},
		{Period: 10 * time.Second, Skew: 4 * time.Minute, Jitter: 10 * time.Second},
		{Period: 10 * time.Second, Exists: func(at time.Time) bool { return at.Minute() < 10 || at.Minute() > 50 }},
		{Period: 10 * time.Second, Exists: func(at time.Time) bool { return at.Hour() > 0 }},
		{},
	} {
		s.ID = fmt.Sprint(i)
		sensors = append(sensors, s)
	}
	p := Plant{Company: Company{ID: "acme", Machines: []Machine{{ID: "m1", Sensors: sensors}}}}
	visit(t, p, Options{}, func(t *testing.T, v *visitor) {
		begin := time.Now()
		timelines, newest, next := make([]*Timeline, len(sensors)), make([]Reading, len(sensors)), make([]Reading, len(sensors))
		for i, s := range sensors {
			timelines[i] = s.Timeline(begin, begin.Add(3*time.Hour))
			next[i], _ = timelines[i].Next()
		}
		r := rand.New(rand.NewPCG(1, 1))
		for time.Since(begin) < 2*time.Hour {
			for i := range sensors {
				for !next[i].Visible.IsZero() && !next[i].Visible.After(time.Now()) {
					newest[i] = next[i]
					next[i], _ = timelines[i].Next()
				}
				v.newestIs(fmt.Sprintf("%s/%d/values?limit=1", sensorsPath, i), newest[i].Stamp)
			}
			time.Sleep(time.Duration(r.Int64N(int64(time.Minute))))
		}
	})
}

func (v *visitor) newestIs(path string, want time.Time) {
	v.t.Helper()
	g := v.get(path)
	v.is(g, http.StatusOK)
	var page valuesPage
	v.decode(g, &page)
	switch {
	case want.IsZero() && len(page.Data) > 0, !want.IsZero() && len(page.Data) == 0:
		v.t.Fatalf("%s at %s: %d readings, want newest %s", path, time.Now(), len(page.Data), want)
	case !want.IsZero() && page.Data[0].T != want.UnixMilli():
		v.t.Fatalf("%s at %s: newest %d, want %d", path, time.Now(), page.Data[0].T, want.UnixMilli())
	}
}

func TestTimelineEnds(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	line := Sensor{ID: "a", Period: time.Minute}.Timeline(begin, begin.Add(10*time.Minute))
	n := 0
	for _, ok := line.Next(); ok; _, ok = line.Next() {
		n++
	}
	if n != 10 {
		t.Errorf("%d readings in ten minutes, want the one at the start and nine before the end", n)
	}
	if _, ok := line.Next(); ok {
		t.Error("continues after its end")
	}
}
