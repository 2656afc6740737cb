package innius_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestRedirectIsNamedAndNotFollowed(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recorded(respondWith(status, "", "Location", "https://user:pass@elsewhere.example:444/v1/companies/me?x=1"))
				_, err := dial(t, h).Company(t.Context())
				redirect := typed[*innius.RedirectError](t, err)
				want(t, "error", *redirect, innius.RedirectError{Status: status, Host: "elsewhere.example:444"})
				want(t, "text", redirect, fmt.Sprintf(`status %d: redirect to host "elsewhere.example:444" is not followed, `+
					"or the key would go there; correct the url", status))
				want(t, "StatusOf", innius.StatusOf(err), status)
				want(t, "requests", len(h.uris()), 1)
			})
		})
	}
}

func TestRedirectWithoutATargetIsARedirectError(t *testing.T) {
	for name, location := range map[string][]string{
		"no target": nil, "an empty one": {""}, "a path": {"/v2/companies/me"},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recorded(func(w http.ResponseWriter, _ *http.Request) {
					w.Header()["Location"] = location
					w.WriteHeader(http.StatusFound)
				})
				_, err := dial(t, h).Company(t.Context())
				want(t, "error", *typed[*innius.RedirectError](t, err), innius.RedirectError{Status: 302})
				want(t, "requests", len(h.uris()), 1)
			})
		})
	}
}

// The same host without TLS would show the key to everybody on the way.
func TestRedirectToTheSameHostIsNotFollowed(t *testing.T) {
	for _, location := range []string{
		"http://innius.test/v1/companies/me", "//innius.test:80/v1/companies/me",
		"https://innius.test/v1/companies/me?again",
	} {
		atNoon(t, func(t *testing.T) {
			h := recorded(respondWith(http.StatusPermanentRedirect, "", "Location", location))
			_, err := dial(t, h).Company(t.Context())
			want(t, "host", strings.TrimSuffix(typed[*innius.RedirectError](t, err).Host, ":80"), "innius.test")
			want(t, "requests to "+location, len(h.uris()), 1)
		})
	}
}

// byHost leads each host to its own server, as the network does.
type byHost map[string]http.RoundTripper

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) { return b[r.URL.Host].RoundTrip(r) }

func TestKeyNeverReachesTheHostOfARedirect(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		server := simulator.New(hall(), simulator.Options{Key: canary, BasePath: "/v1"})
		server.Inject(simulator.Fault{Kind: simulator.Redirect})
		own, closeOwn := server.Client()
		t.Cleanup(closeOwn)
		stranger := recording(`{"data":{"id":"stolen"}}`)
		other, closeOther := simulator.Pipe(stranger)
		t.Cleanup(closeOther)
		hosts := byHost{"innius.test": own.Transport, "elsewhere.example": other.Transport}
		follow := func(*http.Request, []*http.Request) error { return nil } // even where the caller's own client would
		c := dial(t, stranger, func(o *innius.Options) { o.HTTPClient = &http.Client{Transport: hosts, CheckRedirect: follow} })
		for _, call := range calls() {
			want(t, call.name, typed[*innius.RedirectError](t, call.send(t, c)).Host, "elsewhere.example")
		}
		want(t, "requests to the host", server.Stats().Faults[simulator.Redirect], 4)
		want(t, "requests to the stranger", len(stranger.uris()), 0)
		want(t, "key exposed", server.Stats().KeyExposed, 0)
	})
}
