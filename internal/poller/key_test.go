package poller

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

func TestNewKeyReplacesRefusedKeyAtOnce(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		for _, size := range []struct{ machines, sensors int }{{6, 5}, {1, 2}} {
			t.Run(fmt.Sprintf("%d with %d sensors", status, size.machines*size.sensors), func(t *testing.T) {
				t.Parallel()
				begin := setup{plant: testPlant(size.machines, size.sensors), options: calmly, faults: []simulator.Fault{slow(time.Second)}}
				runScenario(t, begin, func(s *scenario) {
					s.advance(10*time.Minute + 500*time.Millisecond)
					s.throughDeadKey(status, size.machines*size.sensors)
				})
			})
		}
	}
}

func (s *scenario) throughDeadKey(status, sensors int) {
	s.api.RevokeKey(status)
	s.advance(2 * time.Second) // requests under way still finish
	before := s.gather()
	s.advance(time.Hour)
	if n := s.api.Stats().Of("", status); n < 3 || n > 12 {
		s.Errorf("%d requests in the first hour of a dead key, want 12 at most", n)
	}
	s.want(upA1, 0)
	s.wantReason("key")
	s.wantKept(before)
	if n := s.log.lines("Key is refused"); len(n) != 1 {
		s.Errorf("want one line about the key: %q", n)
	}
	s.advance(20 * time.Minute)
	s.key.set(testKey+"2", false)
	s.api.SetKey(testKey + "2")
	s.advance(17 * time.Second) // each request takes one
	s.want(upA1, 1)
	s.wantReason("")
	s.advance(3 * time.Minute)
	s.wantAllReadSince(90*time.Minute, sensors)
	if n := s.states("a1", SensorCurrent); n != float64(sensors) {
		s.Errorf("%v of %d sensors are fresh", n, sensors)
	}
	if n := s.log.lines("Requests succeed again"); len(n) != 1 {
		s.Errorf("want one line about the end: %q", n)
	}
}

func TestRefusedKeyAtStartCostsFewRequests(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(3, 3)}
			runScenario(t, begin, func(s *scenario) {
				s.api.SetKey("") // as if it had never been valid
				s.api.SetKey(testKey)
				s.api.RevokeKey(status)
				s.advance(time.Hour)
				s.want(upA1, 0)
				if n := s.api.Stats().Of("", status); n == 0 || n > 12 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestKeyRotationWithoutFailure(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 3)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.key.set(testKey+"2", false)
		s.api.SetKey(testKey + "2")
		s.advance(10 * time.Minute)
		if n := s.api.Stats().Of("", http.StatusUnauthorized); n != 0 {
			t.Errorf("%d requests were refused", n)
		}
	})
}

func TestUnreadableKeySendsNothing(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 3)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.key.set(testKey, true)
		sent := s.api.Stats().Requests
		s.advance(5 * time.Minute)
		s.want(upA1, 0)
		s.wantReason("key")
		if n := s.api.Stats().Requests; n != sent {
			t.Errorf("%d requests without a key", n-sent)
		}
		s.key.set(testKey+"2", false)
		s.api.SetKey(testKey + "2")
		s.advance(20 * time.Second)
		s.want(upA1, 1)
	})
}

func TestForbiddenMachinesDoNotFailKey(t *testing.T) {
	for name, op := range map[string]string{"nothing": "", "no values": simulator.OpValues, "no lists": simulator.OpSensors} {
		for when, from := range map[string]time.Duration{"from the start": 0, "later": 65 * time.Minute} {
			t.Run(name+" "+when, func(t *testing.T) {
				if t.Parallel(); from > 0 {
					long(t)
				}
				begin := setup{plant: testPlant(12, 8), perHour: 400, burst: 120}
				for i := range 5 {
					begin.faults = append(begin.faults, simulator.Fault{
						Kind: simulator.Forbidden, Op: op, Object: fmt.Sprintf("m%d", i+1), From: dawn.Add(from),
					})
				}
				runScenario(t, begin, func(s *scenario) { s.throughForbidden(from) })
			})
		}
	}
}

// throughForbidden checks that permitted machines are always polled.
func (s *scenario) throughForbidden(from time.Duration) {
	s.advance(from + 20*time.Minute)
	down := 0
	for range 20 {
		s.advance(time.Minute)
		down += int(1 - s.gather()[upA1])
	}
	if s.api.Stats().Faults[simulator.Forbidden] == 0 {
		s.Fatal("the fault did not happen")
	}
	if down > 0 {
		s.Errorf("the key counted as dead for %d of 20 min", down)
	}
	for machine := 6; machine <= 12; machine++ {
		if n := s.api.Stats().Values[fmt.Sprintf("m%d-s1", machine)]; n < 2 {
			s.Errorf("machine %d was read only %d times", machine, n)
		}
	}
	s.advance(5 * time.Minute)
	s.want(upA1, 1)
	if n := s.states("a1", SensorCurrent); n < 7*8 {
		s.Errorf("only %v sensors are fresh, 56 may be read", n)
	}
}
