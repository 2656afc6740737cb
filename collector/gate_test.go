package collector

import (
	"context"
	"errors"
	"fmt"
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

// word is one answer to a gate, after some seconds.
type word struct {
	after  int
	class  class
	object string // "company": that
	wait   int    // of a 429, in seconds
}

// state is what a gate must then say.
type state struct {
	blamed     bool
	reason     pauseReason
	wait       int // seconds
	atOnce     int // of 4
	askCompany bool
	keyFailed  bool
}

func TestGateTable(t *testing.T) {
	type step struct {
		word
		state
	}
	good := state{atOnce: 4}
	object := func(n int) string { return fmt.Sprintf("s%d", n) }
	for name, steps := range map[string][]step{
		"objects fail alone": {
			{word{0, classObject, "s1", 0}, good},
			{word{1, classServer, "s2", 0}, good},
			{word{1, classOK, "s3", 0}, good},
		},
		"a 429 that names its moment": {
			{word{0, classLimited, "s1", 90}, state{true, pausedLimit, 90, 1, false, false}},
			{word{1, classLimited, "s2", 60}, state{true, pausedLimit, 89, 1, false, false}}, // never shortened
			{word{1, classOK, "s3", 0}, state{false, pausedLimit, 88, 1, false, false}},      // was sent before
			{word{88, classOK, "s1", 0}, good},
		},
		"429s that name none": {
			{word{0, classLimited, "s1", 0}, state{true, pausedLimit, 60, 1, false, false}},
			{word{1, classLimited, "s2", 0}, state{true, pausedLimit, 59, 1, false, false}}, // of the same moment
			{word{59, classLimited, "s1", 0}, state{true, pausedLimit, 120, 1, false, false}},
			{word{120, classLimited, "s1", 0}, state{true, pausedLimit, 240, 1, false, false}},
			{word{240, classOK, "s1", 0}, good},
			{word{0, classLimited, "s1", 0}, state{true, pausedLimit, 60, 1, false, false}},
		},
		"a dead key": {
			{word{0, classKey, "s1", 0}, state{true, pausedKey, 60, 1, true, true}},
			{word{1, classKey, "s2", 0}, state{true, pausedKey, 59, 1, true, true}},
			{word{1, classOK, "s3", 0}, state{false, pausedKey, 58, 1, true, true}},
			{word{58, classKey, "company", 0}, state{true, pausedKey, 120, 1, true, true}},
			{word{120, classOK, "company", 0}, good},
		},
		"five forbidden objects, and the company is forbidden": {
			{word{0, classForbidden, object(1), 0}, state{atOnce: 1}},
			{word{1, classForbidden, object(2), 0}, state{atOnce: 1}},
			{word{1, classForbidden, object(3), 0}, state{atOnce: 1}},
			{word{1, classForbidden, object(4), 0}, state{atOnce: 1}},
			{word{1, classForbidden, object(5), 0}, state{atOnce: 1, askCompany: true}},
			{word{1, classForbidden, "company", 0}, state{true, pausedKey, 60, 1, true, true}},
			{word{1, classForbidden, object(6), 0}, state{true, pausedKey, 59, 1, true, true}}, // was under way
		},
		"forbidden objects between good ones": {
			{word{0, classForbidden, object(1), 0}, state{atOnce: 1}},
			{word{1, classOK, "s9", 0}, good},
		},
		"five different faults": {
			{word{0, classNetwork, object(1), 0}, good},
			{word{1, classServer, object(2), 0}, good},
			{word{1, classAnswer, object(3), 0}, good},
			{word{1, classServer, object(4), 0}, good},
			{word{1, classServer, object(5), 0}, state{true, pausedOutage, 10, 1, false, false}},
			{word{1, classServer, object(6), 0}, state{true, pausedOutage, 9, 1, false, false}}, // was under way
			{word{9, classServer, object(1), 0}, state{true, pausedOutage, 20, 1, false, false}},
			{word{20, classNetwork, object(2), 0}, state{true, pausedOutage, 40, 1, false, false}},
			{word{40, classNetwork, object(3), 0}, state{true, pausedOutage, 60, 1, false, false}},
			{word{1, classOK, object(4), 0}, good}, // it was under way, and shows that the API is well
		},
		"one object five times": {
			{word{0, classServer, object(1), 0}, good},
			{word{30, classServer, object(1), 0}, good},
			{word{60, classServer, object(1), 0}, good},
			{word{120, classServer, object(1), 0}, good},
			{word{240, classServer, object(1), 0}, state{atOnce: 1, askCompany: true}},
			{word{1, classOK, "company", 0}, good},
		},
		"the company fails": {
			{word{0, classNetwork, "company", 0}, state{true, pausedOutage, 10, 1, false, false}},
			{word{0, classNotSent, "s1", 0}, state{true, pausedOutage, 10, 1, false, false}},
		},
	} {
		g, now := gate{}, dawn
		for i, s := range steps {
			now = now.Add(time.Duration(s.after) * time.Second)
			a := answer{class: s.class, object: s.object, company: s.object == "company", wait: time.Duration(s.word.wait) * time.Second}
			blamed := g.note(a, now)
			got := state{blamed, g.reason, int(g.waits(now) / time.Second), g.atOnce(4), g.askCompany, g.keyFailed}
			if got != s.state {
				t.Errorf("%s, step %d: %+v, want %+v", name, i+1, got, s.state)
			}
		}
	}
}

func TestGateHurryTriesAnotherKeyAtOnceAndFromTheBeginning(t *testing.T) {
	g, now := gate{}, dawn
	for range 6 {
		g.note(answer{class: classKey, company: true}, now)
		now = now.Add(g.waits(now))
	}
	g.note(answer{class: classKey, company: true}, now)
	g.hurry(now)
	if g.waits(now) != 0 {
		t.Errorf("still waits %s", g.waits(now))
	}
	g.note(answer{class: classKey, company: true}, now)
	if wait := g.waits(now); wait != time.Minute {
		t.Errorf("a second bad key waits %s, want 1 min", wait)
	}
}
