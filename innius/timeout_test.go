package innius_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestRequestEndsExactlyAtTheTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second, 45 * time.Second} { // 0: the default of 10 s
		for _, call := range calls() {
			t.Run(timeout.String()+"/"+call.name, func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					c, server := simulated(t, hall(), simulator.Options{}, func(o *innius.Options) { o.Timeout = timeout })
					server.Inject(simulator.Fault{Kind: simulator.Hang})
					network := typed[*innius.NetworkError](t, call.send(t, c))
					limit := max(timeout, 10*time.Second)
					if timeout == time.Second {
						limit = timeout
					}
					want(t, "timeout", network.Timeout, true)
					want(t, "error", network, "no response: timeout after "+limit.String())
					want(t, "took", time.Since(noon()), limit)
					want(t, "requests", server.Stats().Requests, 1)
				})
			})
		}
	}
}

func TestTimeoutExcludesTheWaitForTheRateLimit(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		var seen []innius.Attempt
		c, server := simulated(t, hall(), simulator.Options{}, func(o *innius.Options) {
			o.Pacer, o.Timeout = innius.NewPacer(120, 1), 5*time.Second // one request each 30 s
			o.Observe = func(a innius.Attempt) { seen = append(seen, a) }
		})
		server.Inject(simulator.Fault{Kind: simulator.Slow, Delay: 4 * time.Second})
		for range 3 {
			_, err := c.Company(t.Context())
			want(t, "error", err, nil)
		}
		want(t, "took", time.Since(noon()), 2*30*time.Second+4*time.Second)
		attempt := innius.Attempt{Operation: innius.OpCompany, Status: 200, Duration: 4 * time.Second}
		want(t, "attempts", seen, []innius.Attempt{attempt, attempt, attempt})
	})
}

func TestContextEndsACallAtOnce(t *testing.T) {
	slowBody := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"data":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	hung := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, row := range []struct {
		name     string
		handler  http.Handler
		spent    bool // the rate limit
		requests int
	}{
		{"while waiting for a response", hung, false, 1},
		{"while reading the body", slowBody, false, 1},
		{"while waiting for the rate limit", hung, true, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recorded(row.handler.ServeHTTP)
				pacer := innius.NewPacer(1, 1)
				if row.spent {
					_ = pacer.Wait(t.Context())
				}
				c := dial(t, h, func(o *innius.Options) { o.Pacer = pacer })
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(2*time.Second, cancel)
				_, err := c.Company(ctx)
				want(t, "canceled", errors.Is(err, context.Canceled), true)
				want(t, "took", time.Since(noon()), 2*time.Second)
				want(t, "requests", len(h.uris()), row.requests)
			})
		})
	}
}
