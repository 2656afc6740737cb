package innius_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// A 429 whose body is lost still names its wait: as a broken response it would not stop the requests.
func TestFailureWithALostBodyKeepsItsStatus(t *testing.T) {
	for name, body := range map[string]http.HandlerFunc{
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"message":"Limit exceeded of ` + canary[:9]))
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(strings.Repeat(" ", 8<<20+1)))
		},
		"never ending": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After", "90")
					body(w, r)
				})
				_, err := dial(t, h).Company(t.Context())
				want(t, "error", *typed[*innius.Error](t, err),
					innius.Error{Status: http.StatusTooManyRequests, Message: "its body could not be read to its end", RetryAfter: 90 * time.Second, Stated: true})
			})
		})
	}
}

// The body of a 101 is the connection: nothing that ends the request would end a read of it.
func TestSwitchingProtocolsIsAnErrorAtOnce(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
		})
		_, err := dial(t, h).Company(t.Context())
		want(t, "status", innius.StatusOf(err), http.StatusSwitchingProtocols)
		want(t, "took", time.Since(noon()), time.Duration(0))
	})
}

func TestRefusalOfTheKeyIsKnownWithALostBody(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.Forbidden})
		server.Inject(simulator.Fault{Kind: simulator.Cut})
		for _, call := range calls() {
			want(t, call.name, typed[*innius.Error](t, call.send(t, c)).Status, http.StatusForbidden)
		}
	})
}
