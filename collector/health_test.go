package collector

import (
	"errors"
	"testing"
	"time"
)

func TestHealthUpTable(t *testing.T) {
	type event struct {
		at    time.Duration
		class class
		pause time.Duration // stated, of a 429
	}
	const minute = time.Minute
	for name, c := range map[string]struct {
		events    []event
		when      time.Duration
		perHour   float64
		up, known bool
		reason    string
	}{
		"nothing yet":           {nil, 0, 1000, true, false, ""},
		"a success":             {[]event{{0, classOK, 0}}, minute, 1000, true, true, ""},
		"old success, no fault": {[]event{{0, classOK, 0}}, 60 * minute, 1000, true, true, ""},
		"a fault":               {[]event{{0, classOK, 0}, {minute, classServer, 0}}, 5 * minute, 1000, true, true, ""},
		"faults for 5 min": {
			[]event{{0, classOK, 0}, {minute, classServer, 0}, {4 * minute, classNetwork, 0}}, 6 * minute, 1000, false, true, "network",
		},
		"a success ends it":      {[]event{{0, classServer, 0}, {7 * minute, classOK, 0}}, 8 * minute, 1000, true, true, ""},
		"few requests":           {[]event{{0, classOK, 0}, {minute, classServer, 0}}, 10 * minute, 10, true, true, ""},
		"few requests, too long": {[]event{{0, classOK, 0}, {minute, classServer, 0}}, 19 * minute, 10, false, true, "server"},
		"objects do not count": {
			[]event{{0, classOK, 0}, {minute, classObject, 0}, {9 * minute, classForbidden, 0}}, 60 * minute, 1000, true, true, "",
		},
		"a limit does not count": {[]event{{0, classOK, 0}, {minute, classLimited, 60 * minute}}, 30 * minute, 1000, true, true, ""},
		"a pause in a fault does not count": {
			[]event{{0, classOK, 0}, {minute, classServer, 0}, {2 * minute, classLimited, 60 * minute}}, 63 * minute, 1000, true, true, "",
		},
		"but what follows it does": {
			[]event{{0, classOK, 0}, {minute, classServer, 0}, {2 * minute, classLimited, 60 * minute}, {62 * minute, classServer, 0}},
			66 * minute, 1000, false, true, "server",
		},
		"the key":                {[]event{{0, classOK, 0}, {minute, classKey, 0}}, minute, 1000, false, true, "key"},
		"the key from the start": {[]event{{0, classKey, 0}}, 0, 1000, false, true, "key"},
		"down from the start":    {[]event{{0, classNetwork, 0}}, 5 * minute, 1000, false, true, "network"},
		"not sent":               {[]event{{0, classNotSent, 0}}, 60 * minute, 1000, true, false, ""},
	} {
		h, g := health{}, gate{}
		for _, e := range c.events {
			before, now := g, dawn.Add(e.at)
			g.note(answer{class: e.class, object: "s1", wait: e.pause}, now)
			h.note(e.class, &g, &before, errors.New("x"), now)
		}
		now := dawn.Add(c.when)
		if up, known := h.up(now, c.perHour); up != c.up || known != c.known {
			t.Errorf("%s: up %t, known %t, want %t, %t", name, up, known, c.up, c.known)
		}
		if reason := h.failure(now, c.perHour); reason != c.reason {
			t.Errorf("%s: reason %q, want %q", name, reason, c.reason)
		}
	}
}

func TestHealthStuckIsALoopThatSleepsPastItsMoment(t *testing.T) {
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

func TestHealthPausedUntilIsAbsentWhenOver(t *testing.T) {
	h := health{paused: pausedLimit, until: at(60)}
	if !h.pausedUntil(at(59)).Equal(at(60)) || !h.pausedUntil(at(60)).IsZero() {
		t.Error("a pause must be told of until its end, and no longer")
	}
	if h.paused = open; !h.pausedUntil(at(0)).IsZero() {
		t.Error("a pause without a reason")
	}
}

func TestPollerIsStuckOnlyWhenALoopIs(t *testing.T) {
	play(t, setting{plant: works(1, 1), perHour: 1}, func(s *story) {
		for range 100 {
			s.pass(time.Minute)
			if name := s.poller.Stuck(); name != "" {
				t.Fatalf("%s counts as stuck after %s", name, s.clock())
			}
		}
		s.cancel()
		s.running.Wait()
		s.pass(2 * time.Minute)
		if name := s.poller.Stuck(); name != "a1" {
			t.Errorf("a loop that ended is not told of: %q", name)
		}
	})
}
