package poller

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// foreseen compares when sensors in some states were foreseen to be asked with when they were: the mean and the greatest
// difference.
func (s *story) foreseen(during time.Duration, states ...SensorStatus) (mean, most time.Duration) {
	s.Helper()
	before, left := map[string]SensorReport{}, 0
	each := func(visit func(SensorReport)) {
		for _, m := range s.poller.Status().Accounts[0].Machines {
			for _, one := range m.Sensors {
				visit(one)
			}
		}
	}
	each(func(one SensorReport) {
		switch {
		case !slices.Contains(states, one.Status):
		case one.NextRequest == nil:
			s.Errorf("nothing is foreseen of %s", one.ID)
		default:
			before[one.ID] = one
		}
	})
	if left = len(before); left == 0 {
		s.Fatal("no sensor is in such a state")
	}
	count, sum := left, time.Duration(0)
	for end := time.Now().Add(during); left > 0 && time.Now().Before(end); {
		s.pass(time.Second)
		each(func(one SensorReport) {
			was, open := before[one.ID]
			if !open || one.LastRequest == nil || was.LastRequest != nil && !one.LastRequest.After(*was.LastRequest) {
				return
			}
			off := one.LastRequest.Sub(*was.NextRequest).Abs()
			sum, most = sum+off, max(most, off)
			delete(before, one.ID)
			left--
		})
	}
	if left > 0 {
		s.Fatalf("%d of the sensors were not asked within %s", left, during)
	}
	return sum / time.Duration(count), most
}

// In a cold start, a sensor that waits for its first turn is told when that comes.
func TestTheTurnOfAWaitingSensorIsForeseen(t *testing.T) {
	play(t, setting{plant: works(3, 40), perHour: 120, burst: 2, client: innius.Options{PageSize: 50}}, func(s *story) {
		s.pass(10 * time.Minute) // all lists are read
		one := s.sensorOn(1, 3, 40)
		if one.Status != SensorPending || one.WaitsFor != WaitsForRateLimit || one.Ahead < 90 {
			t.Errorf("the last sensor: %+v", one)
		}
		if mean, most := s.foreseen(3*time.Hour, SensorPending); mean > 2*time.Minute || most > 10*time.Minute {
			t.Errorf("the first turns, which take an hour, were foreseen to %s, at worst %s", mean, most)
		}
	})
}

// While the first lists are read, they take turns with readings, and the forecast knows.
func TestTheTurnIsForeseenWhileListsAreRead(t *testing.T) {
	play(t, setting{plant: works(40, 2), perHour: 240, burst: 1}, func(s *story) {
		s.pass(5 * time.Minute)
		if mean, most := s.foreseen(2*time.Hour, SensorPending); mean > time.Minute || most > 3*time.Minute {
			t.Errorf("foreseen to %s, at worst %s", mean, most)
		}
	})
}

func TestTheTurnIsForeseenInARoundThatGoesOn(t *testing.T) {
	for name, begin := range map[string]setting{
		"the allowance suffices":    {plant: works(2, 5), perHour: 3600},
		"the allowance is too low":  {plant: works(4, 20), perHour: 240},
		"one request every 3 min":   {plant: works(1, 4), perHour: 20, burst: 1},
		"a part of them is refused": {plant: works(2, 10), perHour: 600, faults: []simulator.Fault{{Kind: simulator.NotFound, Object: "m1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, begin, func(s *story) {
				s.pass(3 * time.Hour)
				cycle := s.poller.accounts[0].cycle()
				mean, most := s.foreseen(3*time.Hour, SensorStatuses[:]...)
				t.Logf("a round takes %s; foreseen to %s, at worst %s", cycle, mean.Round(time.Second), most.Round(time.Second))
				if mean > max(5*time.Second, cycle/3) {
					t.Errorf("foreseen to %s, at worst %s; a round takes %s", mean, most, cycle)
				}
			})
		})
	}
}

func TestAPauseIsInTheForecast(t *testing.T) {
	limited := simulator.Fault{Kind: simulator.TooMany, From: dawn.Add(10 * time.Minute), Times: 1, Delay: 30 * time.Minute}
	play(t, setting{plant: works(1, 3), perHour: 600, faults: []simulator.Fault{limited}}, func(s *story) {
		s.pass(12 * time.Minute)
		account := s.poller.Status().Accounts[0]
		if account.PausedUntil == nil {
			t.Fatal("the account is not paused")
		}
		for _, one := range account.Machines[0].Sensors {
			if one.NextRequest == nil || one.NextRequest.Before(*account.PausedUntil) || one.NextRequest.Sub(*account.PausedUntil) > time.Minute {
				t.Errorf("%s is foreseen to be asked at %v, in a pause until %v", one.ID, one.NextRequest, account.PausedUntil)
			}
			if one.WaitsFor != WaitsForPause {
				t.Errorf("%s waits for %q", one.ID, one.WaitsFor)
			}
		}
	})
}

func TestASensorThatIsBeingAskedSaysSo(t *testing.T) {
	play(t, setting{plant: works(1, 1), faults: []simulator.Fault{slow(8 * time.Second)}}, func(s *story) {
		for range 300 {
			s.pass(time.Second)
			if ms := s.poller.Status().Accounts[0].Machines; len(ms) > 0 && len(ms[0].Sensors) > 0 && ms[0].Sensors[0].WaitsFor == WaitsForResponse {
				if why := ms[0].Sensors[0].Why; why != "Pending: not polled yet; the request is running" {
					t.Errorf("why: %q", why)
				}
				return
			}
		}
		t.Error("never seen")
	})
}
