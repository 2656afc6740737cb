package innius_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// firstBad gives the first n requests to one handler, and responds to the later ones with the company.
func firstBad(n int, bad http.HandlerFunc) *recorder {
	return &recorder{respond: func(w http.ResponseWriter, r *http.Request, i int) {
		if i <= n {
			bad(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"data":{"id":"acme"}}`)
	}}
}

// hangUp ends the connection without a response. Use it with newConnections: on one that had served before, net/http itself
// sends a GET again.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func newConnections(o *innius.Options) {
	o.HTTPClient.Transport.(*http.Transport).DisableKeepAlives = true
}

func TestTransientFailureIsRetriedAtMostTwice(t *testing.T) {
	for name, bad := range map[string]http.HandlerFunc{
		"502": respondWith(502, ""), "503": respondWith(503, "{}"), "504": respondWith(504, ""), "a lost connection": hangUp,
	} {
		for _, row := range []struct {
			name          string
			bad, requests int
			fails         bool
		}{{"one", 1, 2, false}, {"two", 2, 3, false}, {"three", 3, 3, true}} {
			t.Run(name+"/"+row.name, func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					h := firstBad(row.bad, bad)
					_, err := dial(t, h, newConnections).Company(t.Context())
					want(t, "fails", err != nil, row.fails)
					want(t, "requests", len(h.uris()), row.requests)
				})
			})
		}
	}
}

func TestOtherFailuresAreNotRetried(t *testing.T) {
	for name, bad := range map[string]http.HandlerFunc{
		"400": respondWith(400, ""), "401": respondWith(401, ""), "403": respondWith(403, ""), "404": respondWith(404, ""),
		"429": respondWith(429, "", "Retry-After", "0"), "500": respondWith(500, ""), "501": respondWith(501, ""),
		"302":          respondWith(302, ""),
		"an HTML page": respondWith(200, "<html>"), "no JSON": respondWith(200, "{"), "no data": respondWith(200, "{}"),
		"a cut body": respondWith(200, "{", "Content-Length", "9"),
		"a timeout":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := firstBad(1, bad)
				if _, err := dial(t, h, newConnections).Company(t.Context()); err == nil {
					t.Error("no error")
				}
				want(t, "requests", len(h.uris()), 1)
			})
		})
	}
}

func TestEachAttemptIsRateLimitedAndObserved(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		var seen []int
		pacer := innius.NewPacer(60, 3)
		h := firstBad(9, respondWith(503, ""))
		c := dial(t, h, func(o *innius.Options) {
			o.Pacer, o.Observe = pacer, func(a innius.Attempt) { seen = append(seen, a.Status) }
		})
		_, err := c.Company(t.Context())
		want(t, "status", innius.StatusOf(err), 503)
		want(t, "attempts", seen, []int{503, 503, 503})
		if left := pacer.Remaining(time.Now()); left > 0.1 {
			t.Errorf("%v requests are left of 3", left)
		}
		took := time.Since(noon())
		if took < 625*time.Millisecond || took > 1875*time.Millisecond {
			t.Errorf("the waits before the second and third attempt took %s", took)
		}
		_, _ = c.Company(t.Context()) // the fourth to sixth attempt, one a minute
		want(t, "attempts", len(seen), 6)
		if took := time.Since(noon()); took < 3*time.Minute-time.Second {
			t.Errorf("six attempts took %s: more than the burst of 3 and one a minute", took)
		}
	})
}

func TestLostConnectionIsObservedWithoutAStatus(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		var seen []innius.Attempt
		c := dial(t, firstBad(1, hangUp), newConnections, func(o *innius.Options) {
			o.Observe = func(a innius.Attempt) { seen = append(seen, a) }
		})
		_, err := c.Company(t.Context())
		want(t, "error", err, nil)
		want(t, "attempts", seen, []innius.Attempt{{Operation: innius.OpCompany}, {Operation: innius.OpCompany, Status: 200}})
	})
}

func TestLostConnectionIsANetworkError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{}, newConnections)
		server.Inject(simulator.Fault{Kind: simulator.Reset})
		_, err := c.Company(t.Context())
		network := typed[*innius.NetworkError](t, err)
		want(t, "error", network, "no response: EOF")
		want(t, "timeout", network.Timeout, false)
		want(t, "StatusOf", innius.StatusOf(err), 0)
		want(t, "requests", server.Stats().Requests, 3)
	})
}

func TestContextEndsTheRetries(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := firstBad(9, respondWith(503, ""))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel) // before any second attempt
		_, err := dial(t, h).Company(ctx)
		want(t, "fails", err != nil, true)
		want(t, "requests", len(h.uris()), 1)
		want(t, "took", time.Since(noon()), 50*time.Millisecond)
	})
}

func TestPauseEndsTheRetriesWithTheFirstError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		pacer := innius.NewPacer(3600, 10)
		h := firstBad(9, func(w http.ResponseWriter, _ *http.Request) {
			pacer.Pause(time.Now().Add(time.Hour))
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		_, err := dial(t, h, func(o *innius.Options) { o.Pacer = pacer }).Company(t.Context())
		want(t, "status", innius.StatusOf(err), 503)
		want(t, "requests", len(h.uris()), 1)
	})
}

func TestFirstResponseAfterAFailureCounts(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			w.WriteHeader([]int{502, 403}[min(n, 2)-1])
		}}
		_, err := dial(t, h).Company(t.Context())
		want(t, "status", innius.StatusOf(err), 403)
		want(t, "requests", len(h.uris()), 2)
	})
}
