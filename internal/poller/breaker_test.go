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

func TestClassifyMapsErrorsToResults(t *testing.T) {
	status := func(code int) error { return fmt.Errorf("list the machines: %w", &innius.Error{Status: code}) }
	for _, c := range []struct {
		err  error
		want resultClass
	}{
		{nil, resultOK},
		{status(http.StatusBadRequest), resultObject},
		{status(http.StatusUnauthorized), resultKey},
		{status(http.StatusForbidden), resultForbidden},
		{status(http.StatusNotFound), resultObject},
		{status(http.StatusInternalServerError), resultServer},
		{status(http.StatusGatewayTimeout), resultServer},
		{fmt.Errorf("x: %w", &innius.Error{Status: http.StatusTooManyRequests}), resultLimited},
		{fmt.Errorf("x: %w", &innius.NetworkError{Timeout: true}), resultNetwork},
		{fmt.Errorf("x: %w", &innius.ResponseError{Status: 200}), resultInvalid},
		{fmt.Errorf("x: %w", &innius.RedirectError{Status: 302}), resultInvalid},
		{fmt.Errorf("x: %w", &innius.KeyError{Err: errors.New("gone")}), resultKey},
		{fmt.Errorf("x: %w", innius.ErrPaused), resultNotSent},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	if got := classify(context.Canceled); got.reason() != "invalid_response" {
		t.Errorf("an unknown error has the reason %q", got.reason())
	}
}

// event is one result that a circuit breaker records, some seconds after the one before.
type event struct {
	after int
	class resultClass
	of    string // "company": the request that probes the account; "m1/s1": the values of a sensor; "list m1": another list
	extra string // "wait 90", "wait 0": a stated wait; "unsent"; "probe"
}

func (e event) result(sensors, machines int) requestResult {
	r := requestResult{
		class: e.class, object: e.of, account: e.of == "company", unsent: e.extra == "unsent", probe: e.extra == "probe",
		sensors: sensors, machines: machines,
	}
	if n, _ := fmt.Sscanf(e.of, "m%1s", &r.machine); n == 1 {
		r.values = true
	}
	var wait int
	if n, _ := fmt.Sscanf(e.extra, "wait %d", &wait); n == 1 {
		r.stated, r.wait = true, time.Duration(max(1, wait))*time.Second
	}
	return r
}

// expected is the state of the circuit breaker after an event.
type expected struct {
	fault   bool
	reason  pauseReason
	wait    int // seconds
	allowed int // requests in flight, of 4
	probe   probe
	failing resultClass
}

func TestCircuitBreakerTable(t *testing.T) {
	type step struct {
		event
		expected
	}
	good := expected{allowed: 4}
	outage := func(wait int, next probe, c resultClass) expected {
		return expected{true, pausedOutage, wait, 1, next, c}
	}
	for name, steps := range map[string][]step{
		"single objects fail": {
			{event{0, resultObject, "m1/s1", ""}, good},
			{event{1, resultServer, "m2/s2", ""}, good},
			{event{1, resultOK, "m1/s3", ""}, good},
		},
		"429 with a stated wait": {
			{event{0, resultLimited, "m1/s1", "wait 90"}, expected{true, pausedLimit, 90, 1, 0, 0}},
			{event{1, resultLimited, "m1/s2", "wait 60"}, expected{true, pausedLimit, 89, 1, 0, 0}}, // never shortened
			{event{1, resultOK, "m1/s3", ""}, expected{false, pausedLimit, 88, 1, 0, 0}},            // sent before
			{event{88, resultOK, "m1/s1", ""}, good},
		},
		"429s without a stated wait": {
			{event{0, resultLimited, "m1/s1", ""}, expected{true, pausedLimit, 60, 1, 0, 0}},
			{event{1, resultLimited, "m1/s2", ""}, expected{true, pausedLimit, 59, 1, 0, 0}}, // sent before
			{event{59, resultLimited, "m1/s1", ""}, expected{true, pausedLimit, 120, 1, 0, 0}},
			{event{120, resultLimited, "m1/s1", ""}, expected{true, pausedLimit, 240, 1, 0, 0}},
			{event{240, resultOK, "m1/s1", ""}, good},
			{event{0, resultLimited, "m1/s1", ""}, expected{true, pausedLimit, 60, 1, 0, 0}},
		},
		"429s with short stated waits": {
			{event{0, resultLimited, "m1/s1", "wait 0"}, expected{true, pausedLimit, 1, 1, 0, 0}},
			{event{1, resultLimited, "m1/s1", "wait 1"}, expected{true, pausedLimit, 60, 1, 0, 0}},
			{event{60, resultLimited, "m1/s1", "wait 0"}, expected{true, pausedLimit, 120, 1, 0, 0}},
			{event{120, resultOK, "m1/s1", ""}, good},
			{event{0, resultLimited, "m1/s1", "wait 1"}, expected{true, pausedLimit, 1, 1, 0, 0}},
		},
		"503 with a stated wait": {
			{event{0, resultServer, "m1/s1", "wait 90"}, expected{false, pausedBusy, 90, 1, probeAccount, 0}},
			{event{90, resultServer, "company", "wait 300"}, outage(300, probeValues, resultServer)},
			{event{300, resultOK, "m1/s2", ""}, good},
		},
		"503 with a stated wait for one object": {
			{event{0, resultServer, "m1/s1", "wait 90"}, expected{false, pausedBusy, 90, 1, probeAccount, 0}},
			{event{90, resultOK, "company", ""}, good},
		},
		"503s with short stated waits": {
			{event{0, resultServer, "m1/s1", "wait 0"}, expected{false, pausedBusy, 1, 1, probeAccount, 0}},
			{event{1, resultServer, "company", "wait 0"}, outage(10, probeValues, resultServer)},
			{event{10, resultServer, "m1/s2", "wait 0"}, outage(20, probeValues, resultServer)},
		},
		"dead key": {
			{event{0, resultKey, "m1/s1", ""}, expected{true, pausedKey, 60, 1, probeAccount, resultKey}},
			{event{1, resultKey, "m1/s2", ""}, expected{true, pausedKey, 59, 1, probeAccount, resultKey}},
			{event{1, resultOK, "m1/s3", ""}, expected{false, pausedKey, 58, 1, probeAccount, resultKey}},
			{event{58, resultKey, "company", ""}, expected{true, pausedKey, 120, 1, probeAccount, resultKey}},
			{event{120, resultOK, "company", ""}, good},
		},
		"key without any success, five forbidden objects": {
			{event{0, resultForbidden, "m1/s1", ""}, expected{allowed: 1}},
			{event{0, resultForbidden, "m1/s2", ""}, expected{allowed: 1}},
			{event{0, resultForbidden, "m1/s3", ""}, expected{allowed: 1}},
			{event{0, resultForbidden, "m2/s1", ""}, expected{allowed: 1}},
			{event{0, resultForbidden, "m2/s2", ""}, expected{true, pausedKey, 60, 1, probeAccount, resultKey}},
		},
		"five forbidden objects, company forbidden": {
			{event{0, resultOK, "m1/s9", ""}, good},
			{event{0, resultForbidden, "m1/s1", ""}, expected{allowed: 1}},
			{event{1, resultForbidden, "m1/s2", ""}, expected{allowed: 1}},
			{event{1, resultForbidden, "m1/s3", ""}, expected{allowed: 1}},
			{event{1, resultForbidden, "m1/s4", ""}, expected{allowed: 1}},
			{event{1, resultForbidden, "m1/s5", ""}, expected{true, notPaused, 0, 1, probeAccount, 0}},
			{event{1, resultKey, "company", ""}, expected{true, pausedKey, 60, 1, probeAccount, resultKey}},
			{event{1, resultForbidden, "m1/s6", ""}, expected{true, pausedKey, 59, 1, probeAccount, resultKey}}, // sent before
		},
		"forbidden objects between good ones": {
			{event{0, resultForbidden, "m1/s1", ""}, expected{allowed: 1}},
			{event{1, resultOK, "m1/s9", ""}, good},
		},
		"five failures in a row, company fails": {
			{event{0, resultOK, "company", ""}, good},
			{event{1, resultNetwork, "m1/s1", ""}, good},
			{event{1, resultServer, "list m2", ""}, good},
			{event{1, resultInvalid, "m1/s1", ""}, good},
			{event{1, resultServer, "m1/s2", ""}, good},
			{event{1, resultServer, "m1/s3", ""}, expected{true, notPaused, 0, 1, probeAccount, 0}},
			{event{1, resultServer, "m1/s4", ""}, expected{true, notPaused, 0, 1, probeAccount, 0}}, // sent before
			{event{1, resultServer, "company", ""}, outage(10, probeValues, resultServer)},
			{event{1, resultServer, "m1/s6", ""}, outage(9, probeValues, resultServer)}, // sent before
			{event{9, resultServer, "m1/s1", ""}, outage(20, probeValues, resultServer)},
			{event{20, resultNetwork, "m1/s2", ""}, outage(40, probeAccount, resultServer)},
			{event{40, resultNetwork, "company", ""}, outage(60, probeValues, resultNetwork)},
			{event{60, resultNetwork, "m1/s3", ""}, outage(60, probeAccount, resultNetwork)},
			{event{1, resultOK, "m1/s4", ""}, good}, // sent before, but the API works
		},
		"five failures in a row, company succeeds": {
			{event{0, resultOK, "company", ""}, good},
			{event{1, resultServer, "m1/s1", ""}, good},
			{event{1, resultServer, "m1/s2", ""}, good},
			{event{1, resultServer, "m1/s3", ""}, good},
			{event{1, resultServer, "m1/s4", ""}, good},
			{event{1, resultServer, "m1/s5", ""}, expected{true, notPaused, 0, 1, probeAccount, 0}},
			{event{1, resultOK, "company", ""}, good},
			{event{1, resultServer, "m1/s1", ""}, good},
			{event{1, resultServer, "m1/s2", ""}, good},
			{event{1, resultServer, "m1/s3", ""}, good},
			{event{1, resultServer, "m1/s4", ""}, good},
			{event{1, resultServer, "m1/s5", ""}, good}, // within a minute of the last probe
			{event{1, resultOK, "m1/s6", ""}, good},
		},
		"no values request succeeds, company succeeds": {
			{event{0, resultObject, "m1/s1", ""}, good},
			{event{30, resultObject, "m1/s2", ""}, good},
			{event{30, resultObject, "m1/s3", ""}, good},
			{event{30, resultServer, "m2/s1", ""}, good},
			{event{20, resultObject, "m2/s2", ""}, good},
			{event{10, resultObject, "m2/s3", ""}, expected{false, notPaused, 0, 1, probeValues, 0}},
			{event{1, resultObject, "m2/s1", ""}, expected{false, notPaused, 0, 1, probeValues, 0}}, // sent before
			{event{1, resultObject, "m2/s4", "probe"}, outage(60, probeAccount, resultObject)},
			{event{60, resultOK, "company", ""}, expected{false, pausedOutage, 0, 1, probeValues, resultObject}},
			{event{0, resultObject, "m1/s4", ""}, outage(60, probeAccount, resultObject)},
			{event{60, resultNetwork, "company", ""}, outage(40, probeValues, resultNetwork)}, // the reason changes
			{event{40, resultOK, "m1/s2", ""}, good},
		},
		"reason is the most frequent one by sensor": {
			{event{0, resultServer, "m1/s1", ""}, good},
			{event{20, resultServer, "m1/s1", ""}, good},
			{event{20, resultServer, "m1/s1", ""}, good},
			{event{20, resultServer, "m1/s2", ""}, good},
			{event{20, resultObject, "m1/s2", ""}, good},
			{event{20, resultObject, "m1/s3", ""}, good},
			{event{10, resultObject, "m2/s1", ""}, good},
			{event{10, resultObject, "m2/s2", ""}, expected{false, notPaused, 0, 1, probeValues, 0}},
			{event{1, resultServer, "m2/s2", "probe"}, outage(60, probeAccount, resultObject)},
		},
		"one sensor does not fail": {
			{event{0, resultObject, "m1/s1", ""}, good},
			{event{30, resultObject, "m1/s2", ""}, good},
			{event{30, resultObject, "m1/s3", ""}, good},
			{event{30, resultObject, "m2/s1", ""}, good},
			{event{30, resultObject, "m2/s2", ""}, expected{false, notPaused, 0, 1, probeValues, 0}},
			{event{1, resultOK, "m2/s4", ""}, good},
			{event{1, resultObject, "m2/s2", ""}, good},
		},
		"one machine fails": {
			{event{0, resultObject, "m1/s1", ""}, good},
			{event{30, resultObject, "m1/s2", ""}, good},
			{event{30, resultObject, "m1/s3", ""}, good},
			{event{30, resultObject, "m1/s4", ""}, good},
			{event{60, resultObject, "m1/s5", ""}, good},
		},
		"no connection": {
			{event{0, resultOK, "m1/s1", ""}, good},
			{event{1, resultNetwork, "m1/s2", "unsent"}, expected{true, notPaused, 0, 1, probeAccount, 0}},
			{event{1, resultNetwork, "company", "unsent"}, outage(10, probeValues, resultNetwork)},
		},
		"connection lost briefly": {
			{event{1, resultNetwork, "m1/s2", "unsent"}, expected{true, notPaused, 0, 1, probeAccount, 0}},
			{event{0, resultOK, "company", ""}, good},
			{event{1, resultNetwork, "m1/s2", "unsent"}, expected{true, notPaused, 0, 4, 0, 0}}, // the company has just succeeded
			{event{1, resultOK, "m1/s2", ""}, good},
		},
		"only the company fails": {
			{event{0, resultOK, "m1/s1", ""}, good},
			{event{1, resultServer, "company", ""}, good},
			{event{1, resultOK, "m1/s2", ""}, good},
		},
		"company fails from the start": {
			{event{0, resultNetwork, "company", ""}, outage(10, probeValues, resultNetwork)},
			{event{0, resultNotSent, "m1/s1", ""}, outage(10, probeValues, resultNetwork)},
		},
	} {
		b, now := circuitBreaker{}, dawn
		for i, s := range steps {
			now = now.Add(time.Duration(s.after) * time.Second)
			fault := b.record(s.result(16, 4), now)
			got := expected{fault, b.pause, int(b.remaining(now) / time.Second), b.maxInFlight(4), b.probe, b.failing}
			if got != s.expected {
				t.Errorf("%s, step %d: %+v, want %+v", name, i+1, got, s.expected)
			}
		}
	}
}

func TestCircuitBreakerOpensWithFewSensors(t *testing.T) {
	b := circuitBreaker{}
	for i, want := range []resultClass{resultOK, resultOK, resultOK, resultOK, resultObject} {
		extra := ""
		if b.probe == probeValues {
			extra = "probe"
		}
		b.record(event{0, resultObject, "m1/s1", extra}.result(1, 1), dawn.Add(time.Duration(i)*40*time.Second))
		if b.failing != want {
			t.Errorf("after %d failures of the only sensor: %v, want %v", i+1, b.failing, want)
		}
	}
}

// With any sequence of results, the account is probed at most once a minute, the circuit opens only when a probe fails, and the
// success of any values request closes it.
func TestCircuitBreakerRandomResults(t *testing.T) {
	classes := []resultClass{resultOK, resultOK, resultOK, resultForbidden, resultObject, resultNetwork, resultServer, resultInvalid}
	for seed := range uint64(200) {
		random, now, lastProbe := rand.New(rand.NewPCG(seed, 1)), dawn, dawn.Add(-time.Hour)
		b := circuitBreaker{lastSuccess: dawn, lastProbe: lastProbe}
		weights := classes[random.IntN(4):]
		for range 300 {
			now = now.Add(time.Duration(random.IntN(20)) * time.Second)
			now = now.Add(b.remaining(now))
			e := event{class: weights[random.IntN(len(weights))], of: fmt.Sprintf("m%d/s%d", random.IntN(4), random.IntN(4))}
			before := b
			if b.probe == probeValues {
				e.extra = "probe"
			}
			if b.probe == probeAccount {
				e.of = "company"
				if now.Sub(lastProbe) < probeInterval {
					t.Fatalf("seed %d: the account is probed %s after the last probe", seed, now.Sub(lastProbe))
				}
				lastProbe = now
			}
			b.record(e.result(16, 4), now)
			switch {
			case b.failing != resultOK && before.failing == resultOK && before.probe == noProbe:
				t.Fatalf("seed %d: the circuit opened on %+v without a probe", seed, e)
			case e.class == resultOK && e.of != "company" && b.failing != resultOK:
				t.Fatalf("seed %d: the circuit is open after %+v", seed, e)
			}
		}
	}
}

func TestCircuitBreakerTriesNewKeyAtOnce(t *testing.T) {
	b, now := circuitBreaker{}, dawn
	for range 6 {
		b.record(requestResult{class: resultKey, account: true}, now)
		now = now.Add(b.remaining(now))
	}
	b.record(requestResult{class: resultKey, account: true}, now)
	b.tryNewKey(now)
	if b.remaining(now) != 0 {
		t.Errorf("still waits %s", b.remaining(now))
	}
	b.record(requestResult{class: resultKey, account: true}, now)
	if wait := b.remaining(now); wait != time.Minute {
		t.Errorf("a second bad key waits %s, want 1 min", wait)
	}
}
