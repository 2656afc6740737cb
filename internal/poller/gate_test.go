package poller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestClassifyTellsWhoIsToBlame(t *testing.T) {
	status := func(code int) error { return fmt.Errorf("list the machines: %w", &innius.Error{Status: code}) }
	for _, c := range []struct {
		err  error
		want class
	}{
		{nil, classOK},
		{status(http.StatusBadRequest), classObject},
		{status(http.StatusUnauthorized), classKey},
		{status(http.StatusForbidden), classForbidden},
		{status(http.StatusNotFound), classObject},
		{status(http.StatusInternalServerError), classServer},
		{status(http.StatusGatewayTimeout), classServer},
		{fmt.Errorf("x: %w", &innius.RateLimitError{}), classLimited},
		{fmt.Errorf("x: %w", &innius.NetworkError{Timeout: true}), classNetwork},
		{fmt.Errorf("x: %w", &innius.AnswerError{Status: 200}), classAnswer},
		{fmt.Errorf("x: %w", &innius.RedirectError{Status: 302}), classAnswer},
		{fmt.Errorf("x: %w", &innius.KeyError{Err: errors.New("gone")}), classKey},
		{fmt.Errorf("x: %w", innius.ErrPaused), classNotSent},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	if got := classify(context.Canceled); got.reason() != "answer" {
		t.Errorf("anything unknown has the reason %q", got.reason())
	}
}

// word is one response to a gate, after some seconds.
type word struct {
	after int
	class class
	of    string // "company": that, which probes the account; "m1/s1": the values of a sensor; "list m1": another list
	extra string // "wait 90", "wait 0": a stated wait; "unsent"; "probe"
}

func (w word) answer(sensors, machines int) answer {
	a := answer{class: w.class, object: w.of, account: w.of == "company", unsent: w.extra == "unsent", probe: w.extra == "probe", sensors: sensors, machines: machines}
	if n, _ := fmt.Sscanf(w.of, "m%1s", &a.machine); n == 1 {
		a.values = true
	}
	var wait int
	if n, _ := fmt.Sscanf(w.extra, "wait %d", &wait); n == 1 {
		a.stated, a.wait = true, time.Duration(max(1, wait))*time.Second
	}
	return a
}

// state is what must hold for a gate then.
type state struct {
	blamed  bool
	reason  pauseReason
	wait    int // seconds
	atOnce  int // of 4
	probe   probe
	failing class
}

func TestGateTable(t *testing.T) {
	type step struct {
		word
		state
	}
	good := state{atOnce: 4}
	outage := func(wait int, next probe, c class) state { return state{true, pausedOutage, wait, 1, next, c} }
	for name, steps := range map[string][]step{
		"objects fail alone": {
			{word{0, classObject, "m1/s1", ""}, good},
			{word{1, classServer, "m2/s2", ""}, good},
			{word{1, classOK, "m1/s3", ""}, good},
		},
		"a 429 that names its moment": {
			{word{0, classLimited, "m1/s1", "wait 90"}, state{true, pausedLimit, 90, 1, 0, 0}},
			{word{1, classLimited, "m1/s2", "wait 60"}, state{true, pausedLimit, 89, 1, 0, 0}}, // never shortened
			{word{1, classOK, "m1/s3", ""}, state{false, pausedLimit, 88, 1, 0, 0}},            // was sent before
			{word{88, classOK, "m1/s1", ""}, good},
		},
		"429s that name none": {
			{word{0, classLimited, "m1/s1", ""}, state{true, pausedLimit, 60, 1, 0, 0}},
			{word{1, classLimited, "m1/s2", ""}, state{true, pausedLimit, 59, 1, 0, 0}}, // of the same moment
			{word{59, classLimited, "m1/s1", ""}, state{true, pausedLimit, 120, 1, 0, 0}},
			{word{120, classLimited, "m1/s1", ""}, state{true, pausedLimit, 240, 1, 0, 0}},
			{word{240, classOK, "m1/s1", ""}, good},
			{word{0, classLimited, "m1/s1", ""}, state{true, pausedLimit, 60, 1, 0, 0}},
		},
		"429s that name a moment at once": {
			{word{0, classLimited, "m1/s1", "wait 0"}, state{true, pausedLimit, 1, 1, 0, 0}},
			{word{1, classLimited, "m1/s1", "wait 1"}, state{true, pausedLimit, 60, 1, 0, 0}},
			{word{60, classLimited, "m1/s1", "wait 0"}, state{true, pausedLimit, 120, 1, 0, 0}},
			{word{120, classOK, "m1/s1", ""}, good},
			{word{0, classLimited, "m1/s1", "wait 1"}, state{true, pausedLimit, 1, 1, 0, 0}},
		},
		"a 503 that names its moment": {
			{word{0, classServer, "m1/s1", "wait 90"}, state{false, pausedBusy, 90, 1, probeAccount, 0}},
			{word{90, classServer, "company", "wait 300"}, outage(300, probeValues, classServer)},
			{word{300, classOK, "m1/s2", ""}, good},
		},
		"one object with a 503 that names its moment": {
			{word{0, classServer, "m1/s1", "wait 90"}, state{false, pausedBusy, 90, 1, probeAccount, 0}},
			{word{90, classOK, "company", ""}, good},
		},
		"503s that name a moment at once are as others": {
			{word{0, classServer, "m1/s1", "wait 0"}, state{false, pausedBusy, 1, 1, probeAccount, 0}},
			{word{1, classServer, "company", "wait 0"}, outage(10, probeValues, classServer)},
			{word{10, classServer, "m1/s2", "wait 0"}, outage(20, probeValues, classServer)},
		},
		"a dead key": {
			{word{0, classKey, "m1/s1", ""}, state{true, pausedKey, 60, 1, probeAccount, classKey}},
			{word{1, classKey, "m1/s2", ""}, state{true, pausedKey, 59, 1, probeAccount, classKey}},
			{word{1, classOK, "m1/s3", ""}, state{false, pausedKey, 58, 1, probeAccount, classKey}},
			{word{58, classKey, "company", ""}, state{true, pausedKey, 120, 1, probeAccount, classKey}},
			{word{120, classOK, "company", ""}, good},
		},
		"a key that never worked, and five forbidden objects": {
			{word{0, classForbidden, "m1/s1", ""}, state{atOnce: 1}},
			{word{0, classForbidden, "m1/s2", ""}, state{atOnce: 1}},
			{word{0, classForbidden, "m1/s3", ""}, state{atOnce: 1}},
			{word{0, classForbidden, "m2/s1", ""}, state{atOnce: 1}},
			{word{0, classForbidden, "m2/s2", ""}, state{true, pausedKey, 60, 1, probeAccount, classKey}},
		},
		"five forbidden objects, and the company is forbidden": {
			{word{0, classOK, "m1/s9", ""}, good},
			{word{0, classForbidden, "m1/s1", ""}, state{atOnce: 1}},
			{word{1, classForbidden, "m1/s2", ""}, state{atOnce: 1}},
			{word{1, classForbidden, "m1/s3", ""}, state{atOnce: 1}},
			{word{1, classForbidden, "m1/s4", ""}, state{atOnce: 1}},
			{word{1, classForbidden, "m1/s5", ""}, state{true, open, 0, 1, probeAccount, 0}},
			{word{1, classKey, "company", ""}, state{true, pausedKey, 60, 1, probeAccount, classKey}},
			{word{1, classForbidden, "m1/s6", ""}, state{true, pausedKey, 59, 1, probeAccount, classKey}}, // was under way
		},
		"forbidden objects between good ones": {
			{word{0, classForbidden, "m1/s1", ""}, state{atOnce: 1}},
			{word{1, classOK, "m1/s9", ""}, good},
		},
		"five faults in a row, and the company fails": {
			{word{0, classOK, "company", ""}, good},
			{word{1, classNetwork, "m1/s1", ""}, good},
			{word{1, classServer, "list m2", ""}, good},
			{word{1, classAnswer, "m1/s1", ""}, good},
			{word{1, classServer, "m1/s2", ""}, good},
			{word{1, classServer, "m1/s3", ""}, state{true, open, 0, 1, probeAccount, 0}},
			{word{1, classServer, "m1/s4", ""}, state{true, open, 0, 1, probeAccount, 0}}, // was under way
			{word{1, classServer, "company", ""}, outage(10, probeValues, classServer)},
			{word{1, classServer, "m1/s6", ""}, outage(9, probeValues, classServer)}, // was under way
			{word{9, classServer, "m1/s1", ""}, outage(20, probeValues, classServer)},
			{word{20, classNetwork, "m1/s2", ""}, outage(40, probeAccount, classServer)},
			{word{40, classNetwork, "company", ""}, outage(60, probeValues, classNetwork)},
			{word{60, classNetwork, "m1/s3", ""}, outage(60, probeAccount, classNetwork)},
			{word{1, classOK, "m1/s4", ""}, good}, // it was under way, and shows that the API is well
		},
		"five faults in a row, and the company responds": {
			{word{0, classOK, "company", ""}, good},
			{word{1, classServer, "m1/s1", ""}, good},
			{word{1, classServer, "m1/s2", ""}, good},
			{word{1, classServer, "m1/s3", ""}, good},
			{word{1, classServer, "m1/s4", ""}, good},
			{word{1, classServer, "m1/s5", ""}, state{true, open, 0, 1, probeAccount, 0}},
			{word{1, classOK, "company", ""}, good},
			{word{1, classServer, "m1/s1", ""}, good},
			{word{1, classServer, "m1/s2", ""}, good},
			{word{1, classServer, "m1/s3", ""}, good},
			{word{1, classServer, "m1/s4", ""}, good},
			{word{1, classServer, "m1/s5", ""}, good}, // within a minute of the check
			{word{1, classOK, "m1/s6", ""}, good},
		},
		"no values request succeeds though the company responds": {
			{word{0, classObject, "m1/s1", ""}, good},
			{word{30, classObject, "m1/s2", ""}, good},
			{word{30, classObject, "m1/s3", ""}, good},
			{word{30, classServer, "m2/s1", ""}, good},
			{word{20, classObject, "m2/s2", ""}, good},
			{word{10, classObject, "m2/s3", ""}, state{false, open, 0, 1, probeValues, 0}},
			{word{1, classObject, "m2/s1", ""}, state{false, open, 0, 1, probeValues, 0}}, // was under way
			{word{1, classObject, "m2/s4", "probe"}, outage(60, probeAccount, classObject)},
			{word{60, classOK, "company", ""}, state{false, pausedOutage, 0, 1, probeValues, classObject}},
			{word{0, classObject, "m1/s4", ""}, outage(60, probeAccount, classObject)},
			{word{60, classNetwork, "company", ""}, outage(40, probeValues, classNetwork)}, // now that is the reason
			{word{40, classOK, "m1/s2", ""}, good},
		},
		"the reason is that of the most sensors, not requests": {
			{word{0, classServer, "m1/s1", ""}, good},
			{word{20, classServer, "m1/s1", ""}, good},
			{word{20, classServer, "m1/s1", ""}, good},
			{word{20, classServer, "m1/s2", ""}, good},
			{word{20, classObject, "m1/s2", ""}, good},
			{word{20, classObject, "m1/s3", ""}, good},
			{word{10, classObject, "m2/s1", ""}, good},
			{word{10, classObject, "m2/s2", ""}, state{false, open, 0, 1, probeValues, 0}},
			{word{1, classServer, "m2/s2", "probe"}, outage(60, probeAccount, classObject)},
		},
		"a sensor is left that does not fail": {
			{word{0, classObject, "m1/s1", ""}, good},
			{word{30, classObject, "m1/s2", ""}, good},
			{word{30, classObject, "m1/s3", ""}, good},
			{word{30, classObject, "m2/s1", ""}, good},
			{word{30, classObject, "m2/s2", ""}, state{false, open, 0, 1, probeValues, 0}},
			{word{1, classOK, "m2/s4", ""}, good},
			{word{1, classObject, "m2/s2", ""}, good},
		},
		"one machine alone fails no account": {
			{word{0, classObject, "m1/s1", ""}, good},
			{word{30, classObject, "m1/s2", ""}, good},
			{word{30, classObject, "m1/s3", ""}, good},
			{word{30, classObject, "m1/s4", ""}, good},
			{word{60, classObject, "m1/s5", ""}, good},
		},
		"no connection": {
			{word{0, classOK, "m1/s1", ""}, good},
			{word{1, classNetwork, "m1/s2", "unsent"}, state{true, open, 0, 1, probeAccount, 0}},
			{word{1, classNetwork, "company", "unsent"}, outage(10, probeValues, classNetwork)},
		},
		"a connection lost for a moment": {
			{word{1, classNetwork, "m1/s2", "unsent"}, state{true, open, 0, 1, probeAccount, 0}},
			{word{0, classOK, "company", ""}, good},
			{word{1, classNetwork, "m1/s2", "unsent"}, state{true, open, 0, 4, 0, 0}}, // the company has just responded
			{word{1, classOK, "m1/s2", ""}, good},
		},
		"the company alone fails": {
			{word{0, classOK, "m1/s1", ""}, good},
			{word{1, classServer, "company", ""}, good},
			{word{1, classOK, "m1/s2", ""}, good},
		},
		"the company fails from the start": {
			{word{0, classNetwork, "company", ""}, outage(10, probeValues, classNetwork)},
			{word{0, classNotSent, "m1/s1", ""}, outage(10, probeValues, classNetwork)},
		},
	} {
		g, now := gate{}, dawn
		for i, s := range steps {
			now = now.Add(time.Duration(s.after) * time.Second)
			blamed := g.note(s.answer(16, 4), now)
			got := state{blamed, g.reason, int(g.waits(now) / time.Second), g.atOnce(4), g.probe, g.failing}
			if got != s.state {
				t.Errorf("%s, step %d: %+v, want %+v", name, i+1, got, s.state)
			}
		}
	}
}

func TestGateFailsOverAllSensorsThatThereAre(t *testing.T) {
	g := gate{}
	for i, want := range []class{classOK, classOK, classOK, classOK, classObject} {
		extra := ""
		if g.probe == probeValues {
			extra = "probe"
		}
		g.note(word{0, classObject, "m1/s1", extra}.answer(1, 1), dawn.Add(time.Duration(i)*40*time.Second))
		if g.failing != want {
			t.Errorf("after %d failures of the only sensor: %v, want %v", i+1, g.failing, want)
		}
	}
}

// Whatever the responses are: the account is probed at most once a minute, the circuit opens only on the failure of a probe,
// and a success of any values request closes it.
func TestGateKeepsItsRulesInAnyOrderOfResponses(t *testing.T) {
	classes := []class{classOK, classOK, classOK, classForbidden, classObject, classNetwork, classServer, classAnswer}
	for seed := range uint64(200) {
		random, g, now, checked := rand.New(rand.NewPCG(seed, 1)), gate{good: dawn, checked: dawn.Add(-time.Hour)}, dawn, dawn.Add(-time.Hour)
		weights := classes[random.IntN(4):]
		for range 300 {
			now = now.Add(time.Duration(random.IntN(20)) * time.Second)
			now = now.Add(g.waits(now))
			w := word{class: weights[random.IntN(len(weights))], of: fmt.Sprintf("m%d/s%d", random.IntN(4), random.IntN(4))}
			before := g
			if g.probe == probeValues {
				w.extra = "probe"
			}
			if g.probe == probeAccount {
				w.of = "company"
				if now.Sub(checked) < probeEvery {
					t.Fatalf("seed %d: the account is probed %s after the last probe", seed, now.Sub(checked))
				}
				checked = now
			}
			g.note(w.answer(16, 4), now)
			switch {
			case g.failing != classOK && before.failing == classOK && before.probe == noProbe:
				t.Fatalf("seed %d: the circuit opened on %+v without a probe", seed, w)
			case w.class == classOK && w.of != "company" && g.failing != classOK:
				t.Fatalf("seed %d: the circuit is open after %+v", seed, w)
			}
		}
	}
}

func TestGateHurryTriesAnotherKeyAtOnceAndFromTheBeginning(t *testing.T) {
	g, now := gate{}, dawn
	for range 6 {
		g.note(answer{class: classKey, account: true}, now)
		now = now.Add(g.waits(now))
	}
	g.note(answer{class: classKey, account: true}, now)
	g.hurry(now)
	if g.waits(now) != 0 {
		t.Errorf("still waits %s", g.waits(now))
	}
	g.note(answer{class: classKey, account: true}, now)
	if wait := g.waits(now); wait != time.Minute {
		t.Errorf("a second bad key waits %s, want 1 min", wait)
	}
}
