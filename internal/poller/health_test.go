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
		"a success":           {health{responded: true}, true, true, ""},
		"the circuit is open": {health{responded: true, breaker: breakerStatus{failing: resultNetwork}}, false, true, "network"},
		"from the start":      {health{breaker: breakerStatus{failing: resultKey}}, false, true, "key"},
		"values are refused":  {health{responded: true, breaker: breakerStatus{failing: resultForbidden}}, false, true, "invalid_response"},
		"a pause for a limit": {health{responded: true, breaker: breakerStatus{pause: pausedLimit}}, true, true, ""},
	} {
		if up, known := c.h.up(); up != c.up || known != c.known {
			t.Errorf("%s: up %t, known %t, want %t, %t", name, up, known, c.up, c.known)
		}
		if reason := c.h.failure(); reason != c.reason {
			t.Errorf("%s: reason %q, want %q", name, reason, c.reason)
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
	if !h.pausedUntil(at(59)).Equal(at(60)) || !h.pausedUntil(at(60)).IsZero() {
		t.Error("a pause must be reported until its end")
	}
	if h.breaker.pause = notPaused; !h.pausedUntil(at(0)).IsZero() {
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
