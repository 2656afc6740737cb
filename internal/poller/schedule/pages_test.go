package schedule

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// forecastOf returns a scheduler of sensors with reporting intervals, 100 each, after a forecast of theirs.
func forecastOf(perHour float64, page int, complete bool, intervals ...time.Duration) (
	*Scheduler[int], map[time.Duration][]Outlook,
) {
	s := New[int](Options{
		MinInterval: 10 * time.Second, MaxInterval: time.Hour, PerHour: func() float64 { return perHour },
		PageSize: func() int { return page }, Complete: complete,
	})
	var specs []Spec[int]
	for i, every := range intervals {
		for n := range 100 {
			specs = append(specs, Spec[int]{ID: fmt.Sprint(i, n), Sensor: i, State: State{Interval: Regular(every, at(0)), Polled: at(0)}})
		}
	}
	s.Set("m", specs)
	_, all := s.Forecast(at(0))
	outlooks := map[time.Duration][]Outlook{}
	for t, o := range all {
		outlooks[intervals[t.Sensor]] = append(outlooks[intervals[t.Sensor]], o)
	}
	return s, outlooks
}

func TestPageTargetsGoToTheSlowestFirst(t *testing.T) {
	const fast, middle, slow = time.Second, 8 * time.Second, 20 * time.Second
	intervals := []time.Duration{fast, middle, slow}
	// Without targets each is polled every 30 min (of 600 requests per hour). A page of 100 lasts 100 s, 13 min and 33 min. With the
	// margin of 0.9 they need 4000, 500 and 200 requests per hour.
	for _, row := range []struct {
		perHour  float64
		page     int
		complete bool
		overflow map[time.Duration]bool
	}{
		{600, 100, false, map[time.Duration]bool{fast: true, middle: true}},
		{600, 100, true, map[time.Duration]bool{fast: true, middle: true}}, // 500 for middle leave the others too little
		{850, 100, true, map[time.Duration]bool{fast: true}},
		{6000, 100, true, map[time.Duration]bool{}},
		{600, 1000, true, map[time.Duration]bool{}},
		{600, 5, true, map[time.Duration]bool{fast: true, middle: true, slow: true}},
		{6000, 5, true, map[time.Duration]bool{fast: true, middle: true}}, // a page of the fast lasts less than min_interval
	} {
		s, outlooks := forecastOf(row.perHour, row.page, row.complete, intervals...)
		sum, overflowing := 0.0, 0
		for _, every := range intervals {
			for _, o := range outlooks[every] {
				sum += o.PerHour
				if o.Overflows {
					overflowing++
				}
				if o.Overflows != row.overflow[every] || o.Overflows != (o.Read < .95) {
					t.Fatalf("%+v: each %s: %+v", row, every, o)
				}
				most := 3600 / (float64(row.page) * every.Seconds())
				if !o.Overflows && o.PerHour < most {
					t.Errorf("%+v: each %s is polled %g times an hour, less than %g", row, every, o.PerHour, most)
				}
			}
		}
		if sum > row.perHour*1.001 {
			t.Errorf("%+v: %.1f requests per hour are planned", row, sum)
		}
		if got := s.Overflowing(row.page, row.perHour, at(0)); row.complete && got != overflowing {
			t.Errorf("%+v: %d sensors would overflow, %d do", row, got, overflowing)
		}
	}
}

// However many targets there are, the others keep 40 % of their requests.
func TestPageTargetsLeaveOthersTheirShare(t *testing.T) {
	const fast, slow = time.Second, 5 * time.Second
	for perHour := 100.0; perHour < 12_000; perHour *= 1.4 {
		_, without := forecastOf(perHour, 100, false, fast, slow)
		_, with := forecastOf(perHour, 100, true, fast, slow)
		for _, every := range []time.Duration{fast, slow} {
			if a, b := without[every][0].PerHour, with[every][0].PerHour; b < .99*(1-MaxAgeShare)*a {
				t.Errorf("%.0f requests per hour: each %s is polled %.2f times an hour instead of %.2f", perHour, every, b, a)
			}
		}
	}
}

func TestPageTargetsKeepEqualSensorsEqual(t *testing.T) {
	var intervals []time.Duration
	for i := range 10 { // learned intervals differ a little
		intervals = append(intervals, 10*time.Second+time.Duration(i)*80*time.Millisecond)
	}
	runs := map[Kind]int{}
	for perHour := 5000.0; perHour < 40_000; perHour *= 1.03 {
		_, outlooks := forecastOf(perHour, 20, true, intervals...)
		least, most := math.Inf(1), 0.0
		for _, every := range intervals {
			one := outlooks[every][0]
			least, most = min(least, one.PerHour), max(most, one.PerHour)
			runs[one.Kind]++
		}
		if most > 1.1*least {
			t.Errorf("%.0f requests per hour: %.1f to %.1f for a sensor", perHour, least, most)
		}
	}
	if runs[KindPage] == 0 || runs[KindFast] == 0 {
		t.Errorf("with a page target, or without: %v", runs)
	}
}

func TestPageTargetsCountUploads(t *testing.T) {
	i := Regular(10*time.Second, at(0))
	if got := i.Covers(100); math.Abs(got-1000) > 1 {
		t.Errorf("a page of 100 lasts %g s", got)
	}
	i.Batch = 30
	for page, want := range map[int]float64{100: 900, 30: 300, 29: 0} {
		if got := i.Covers(page); math.Abs(got-want) > 1 {
			t.Errorf("a page of %d with uploads of 30 lasts %g s, want %g", page, got, want)
		}
	}
	if none := (*Interval)(nil); none.Covers(100) != 0 || new(Interval).Covers(100) != 0 {
		t.Error("nothing is known")
	}
}

// With polls every 10 s (min_interval), a page that lasts 10 s overflows as soon as one of them is late.
func TestPageTargetsNeedRoomAboveMinInterval(t *testing.T) {
	for page, want := range map[int]bool{9: true, 10: true, 12: false, 100: false} {
		_, all := forecastOf(1e6, page, true, time.Second)
		if o := all[time.Second][0]; o.Overflows != want {
			t.Errorf("a page of %d, one reading per second: %+v", page, o)
		}
	}
}

// A poll for each reading is enough for pages of 1: targets add none.
func TestPageTargetsAddNoPollBetweenReadings(t *testing.T) {
	_, without := forecastOf(1000, 1, false, 10*time.Minute)
	_, with := forecastOf(1000, 1, true, 10*time.Minute)
	if a, b := without[10*time.Minute][0], with[10*time.Minute][0]; b.Overflows || math.Abs(a.PerHour-b.PerHour) > .01 {
		t.Errorf("%+v, without %+v", b, a)
	}
}

func TestSchedulerTakesOverWithAndWithoutPageTargets(t *testing.T) {
	before, _ := forecastOf(800, 100, true, time.Second, 8*time.Second)
	before.Next(at(4000))
	if before.fill.fits > 1e6 {
		t.Fatal("no target fits")
	}
	after := New[int](Options{MinInterval: 10 * time.Second, MaxInterval: time.Hour, PerHour: before.opts.PerHour})
	if after.TakeOver(before); after.fill.complete || !math.IsInf(after.fill.fits, 1) {
		t.Errorf("targets go on: %+v", after.fill)
	}
}

// Sensors that cannot be polled take no room from those that can, although their pages last longer.
func TestPageTargetsIgnoreFailingSensors(t *testing.T) {
	const middle, slow = 8 * time.Second, 20 * time.Second
	fits := func(failures int) bool {
		s, _ := forecastOf(775, 100, true, time.Second, middle, slow)
		for _, one := range s.All() {
			if one.Sensor == 2 {
				one.Failures = failures
			}
		}
		_, all := s.Forecast(at(0))
		for one, o := range all {
			if one.Sensor == 1 {
				return !o.Overflows
			}
		}
		return false
	}
	if fits(0) || !fits(10) {
		t.Errorf("page targets of %s: %t with healthy sensors, %t with failing ones, want false and true", middle, fits(0), fits(10))
	}
}
