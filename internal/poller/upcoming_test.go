package poller

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

func (one *sensorNow) lastPoll() time.Time { return schedule.Later(one.LastSuccess, one.LastFailure) }

// estimated compares the estimated next polls of the sensors with some statuses with the actual ones: the mean and the greatest
// difference.
func (s *scenario) estimated(during time.Duration, statuses ...SensorStatus) (mean, most time.Duration) {
	s.Helper()
	before := map[string]sensorNow{}
	for _, one := range s.sensorsOf(1) {
		switch {
		case !slices.Contains(statuses, one.Status):
		case one.next.At.IsZero():
			s.Errorf("no estimate of %s", one.ID)
		default:
			before[one.ID] = one
		}
	}
	if len(before) == 0 {
		s.Fatal("no sensor has such a status")
	}
	count, sum := len(before), time.Duration(0)
	for end := time.Now().Add(during); len(before) > 0 && time.Now().Before(end); {
		s.advance(time.Second)
		for _, one := range s.sensorsOf(1) {
			was, open := before[one.ID]
			if !open || !one.lastPoll().After(was.lastPoll()) {
				continue
			}
			off := one.lastPoll().Sub(was.next.At).Abs()
			sum, most = sum+off, max(most, off)
			delete(before, one.ID)
		}
	}
	if len(before) > 0 {
		s.Fatalf("%d of the sensors were not polled within %s", len(before), during)
	}
	return sum / time.Duration(count), most
}

func TestUpcomingEstimatesFirstPolls(t *testing.T) {
	long(t)
	t.Parallel()
	runScenario(t, setup{plant: testPlant(3, 40), perHour: 120, burst: 2, client: innius.Options{PageSize: 50}}, func(s *scenario) {
		s.advance(10 * time.Minute) // all lists are read
		all := s.sensorsOf(1)
		if one := all[len(all)-1]; one.Status != SensorPending || one.next.WaitsFor != WaitsForRateLimit || one.next.Ahead < 90 {
			t.Errorf("the last sensor: %s, %+v", one.Status, one.next)
		}
		if mean, most := s.estimated(3*time.Hour, SensorPending); mean > 2*time.Minute || most > 10*time.Minute {
			t.Errorf("the first polls, which take an hour, were estimated to %s, at worst %s", mean, most)
		}
	})
}

// While the first lists are read, they alternate with polls.
func TestUpcomingIncludesLists(t *testing.T) {
	runScenario(t, setup{plant: testPlant(40, 2), perHour: 240, burst: 1}, func(s *scenario) {
		s.advance(5 * time.Minute)
		if mean, most := s.estimated(2*time.Hour, SensorPending); mean > time.Minute || most > 3*time.Minute {
			t.Errorf("estimated to %s, at worst %s", mean, most)
		}
	})
}

func TestUpcomingEstimatesPollsOfACycle(t *testing.T) {
	t.Parallel()
	long(t)
	for name, begin := range map[string]setup{
		"the rate limit suffices":   {plant: testPlant(2, 5), perHour: 3600},
		"the rate limit is too low": {plant: testPlant(4, 20), perHour: 240},
		"one request every 3 min":   {plant: testPlant(1, 4), perHour: 20, burst: 1},
		"some are refused":          {plant: testPlant(2, 10), perHour: 600, faults: []simulator.Fault{{Kind: simulator.NotFound, Object: "m1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			runScenario(t, begin, func(s *scenario) {
				s.advance(min(3*time.Hour, time.Duration(1800/begin.perHour*float64(time.Hour))))
				cycle := s.view(1).Cycle
				if mean, most := s.estimated(3*time.Hour, SensorStatuses[:]...); mean > max(5*time.Second, cycle/3) {
					t.Errorf("estimated to %s, at worst %s; a cycle takes %s", mean, most, cycle)
				}
			})
		})
	}
}

func TestUpcomingIncludesPause(t *testing.T) {
	limited := simulator.Fault{Kind: simulator.TooMany, From: dawn.Add(10 * time.Minute), Times: 1, Delay: 30 * time.Minute}
	runScenario(t, setup{plant: testPlant(1, 3), perHour: 600, faults: []simulator.Fault{limited}}, func(s *scenario) {
		s.advance(12 * time.Minute)
		until := s.view(1).PausedUntil
		if until.IsZero() {
			t.Fatal("the account is not paused")
		}
		for _, one := range s.sensorsOf(1) {
			if one.next.At.Before(until) || one.next.At.Sub(until) > time.Minute || one.next.WaitsFor != WaitsForPause {
				t.Errorf("%s: %+v, in a pause until %v", one.ID, one.next, until)
			}
		}
	})
}

func TestUpcomingShowsRunningRequest(t *testing.T) {
	runScenario(t, setup{plant: testPlant(1, 1), faults: []simulator.Fault{slow(8 * time.Second)}}, func(s *scenario) {
		for range 300 {
			s.advance(time.Second)
			if all := s.sensorsOf(1); len(all) > 0 && all[0].next.WaitsFor == WaitsForResponse {
				return
			}
		}
		t.Error("never seen")
	})
}
