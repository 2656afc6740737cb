package poller

import (
	"testing"
	"time"
)

func TestHealthUp(t *testing.T) {
	for name, c := range map[string]struct {
		h         health
		up, known bool
		reason    string
	}{
		"nothing yet":         {health{}, true, false, ""},
		"a success":           {health{AccountView: AccountView{Responded: true}}, true, true, ""},
		"the circuit is open": {health{AccountView: AccountView{Responded: true}, breaker: breakerStatus{failing: resultNetwork}}, false, true, "network"},
		"from the start":      {health{breaker: breakerStatus{failing: resultKey}}, false, true, "key"},
		"values are refused":  {health{AccountView: AccountView{Responded: true}, breaker: breakerStatus{failing: resultForbidden}}, false, true, "invalid_response"},
		"a pause for a limit": {health{AccountView: AccountView{Responded: true}, breaker: breakerStatus{pause: pausedLimit}}, true, true, ""},
	} {
		v := c.h.at(dawn)
		if v.Up != c.up || v.Responded != c.known {
			t.Errorf("%s: up %t, known %t, want %t, %t", name, v.Up, v.Responded, c.up, c.known)
		}
		if v.Failure != c.reason {
			t.Errorf("%s: reason %q, want %q", name, v.Failure, c.reason)
		}
	}
}

func TestHealthStuck(t *testing.T) {
	for name, c := range map[string]struct {
		decided, asleep, now time.Duration
		want                 bool
	}{
		"just decided":          {0, 0, 30 * time.Second, false},
		"silent for a minute":   {0, 0, 61 * time.Second, true},
		"asleep":                {0, 15 * time.Second, 70 * time.Second, false},
		"asleep for too long":   {0, 15 * time.Second, 76 * time.Second, true},
		"never begun to decide": {-1, 0, time.Hour, false},
	} {
		h := health{decided: dawn.Add(c.decided), asleep: dawn.Add(c.asleep)}
		if c.decided < 0 {
			h = health{}
		}
		if got := h.stuck(dawn.Add(c.now)); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestHealthPausedUntil(t *testing.T) {
	h := health{breaker: breakerStatus{pause: pausedLimit, pausedUntil: at(60)}}
	if !h.at(at(59)).PausedUntil.Equal(at(60)) || !h.at(at(60)).PausedUntil.IsZero() {
		t.Error("a pause must be reported until its end")
	}
	if h.breaker.pause = notPaused; !h.at(at(0)).PausedUntil.IsZero() {
		t.Error("a pause without a reason")
	}
}

func TestPollerStuck(t *testing.T) {
	runScenario(t, setup{plant: testPlant(1, 1), perHour: 1}, func(s *scenario) {
		for range 100 {
			s.advance(time.Minute)
			if name := s.poller.Stuck(); name != "" {
				t.Fatalf("%s counts as stuck after %s", name, s.clock())
			}
		}
		s.cancel()
		s.running.Wait()
		s.advance(2 * time.Minute)
		if name := s.poller.Stuck(); name != "a1" {
			t.Errorf("a loop that ended is not reported: %q", name)
		}
	})
}
