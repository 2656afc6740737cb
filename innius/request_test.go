package innius_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestRequestHasTheKeyHeaderAndUserAgent(t *testing.T) {
	for _, call := range calls() {
		t.Run(call.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(`{"data":[{"id":"x","t":1522000000000,"v":1}]}`)
				want(t, "error", call.send(t, dial(t, h)), nil)
				request := h.first(t)
				want(t, "requests", len(h.uris()), 1)
				want(t, "method", request.Method, http.MethodGet)
				want(t, "key", request.Header["X-Api-Key"], []string{canary})
				want(t, "User-Agent", request.Header["User-Agent"], []string{"innius_exporter/test"})
				want(t, "Accept", request.Header["Accept"], []string{"application/json"})
				want(t, "body", request.ContentLength, 0)
			})
		})
	}
}

func TestDefaultPathsFollowTheHierarchy(t *testing.T) {
	for i, uri := range []string{
		"/v1/companies/me",
		"/v1/companies/acme/machines?limit=100",
		"/v1/companies/acme/machines/press/sensors?limit=100",
		"/v1/companies/acme/machines/press/sensors/oil/values?limit=100",
	} {
		t.Run(calls()[i].name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(`{"data":[{"id":"x","t":1522000000000,"v":1}]}`)
				want(t, "error", calls()[i].send(t, dial(t, h)), nil)
				want(t, "requests", h.uris(), []string{uri})
			})
		})
	}
}

func TestIDsAreEscapedInPaths(t *testing.T) {
	for _, row := range []struct{ id, segment string }{
		{"press 1", "press%201"},
		{"a/b", "a%2Fb"},
		{"..", "%2E%2E"},
		{".", "%2E"},
		{"../../companies", "..%2F..%2Fcompanies"},
		{"...", "..."},
		{"50%", "50%25"},
		{"%2F", "%252F"},
		{"why?", "why%3F"},
		{"a#b", "a%23b"},
		{"a;b&c=d+e", "a%3Bb&c=d+e"},
		{"Drück-Ø", "Dr%C3%BCck-%C3%98"},
		{"工場", "%E5%B7%A5%E5%A0%B4"},
		{"{limit}", "%7Blimit%7D"},
		{`a\b"c`, "a%5Cb%22c"},
	} {
		t.Run(row.id, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(`{"data":[]}`)
				ref := innius.SensorRef{Company: row.id, Machine: row.id, Sensor: row.id}
				c := dial(t, h, valuesAt("/{company}/{machine}/{sensor}?of={sensor}"), pageSize(7))
				_, err := c.Newest(t.Context(), ref, noon(), innius.Cursor{})
				want(t, "error", err, nil)
				path := "/v1/" + row.segment + "/" + row.segment + "/" + row.segment
				want(t, "requests", h.uris(), []string{path + "?of=" + url.QueryEscape(row.id) + "&limit=7"})
				want(t, "in the query", h.first(t).URL.Query().Get("of"), row.id)
			})
		})
	}
}

func TestKeyIsReadBeforeEachRequest(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		key := "first-key-4711"
		h := recording(`{"data":{"id":"acme"}}`)
		c := dial(t, h, func(o *innius.Options) { o.Key = func() (innius.Secret, error) { return innius.NewSecret(key), nil } })
		want(t, "changed before the first request", c.KeyChanged(), true)
		_, _ = c.Company(t.Context())
		want(t, "changed after it", c.KeyChanged(), false)
		key = ""
		want(t, "changed to none", c.KeyChanged(), false)
		key = "second-key-4711"
		want(t, "changed after the rotation", c.KeyChanged(), true)
		_, _ = c.Company(t.Context())
		want(t, "keys", []string{h.first(t).Header.Get("x-api-key"), h.requests[1].Header.Get("x-api-key")},
			[]string{"first-key-4711", "second-key-4711"})
	})
}

func TestRequestIsNotSentWithoutAKey(t *testing.T) {
	for name, row := range map[string]struct {
		key  func() (innius.Secret, error)
		want string
	}{
		"empty": {keyIs(""), "get the company: read the key: it is empty"},
		"unreadable": {
			func() (innius.Secret, error) { return innius.Secret{}, http.ErrMissingFile },
			"get the company: read the key: http: no such file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(`{}`)
				pacer := innius.NewPacer(1, 10)
				c := dial(t, h, func(o *innius.Options) { o.Key, o.Pacer = row.key, pacer })
				_, err := c.Company(t.Context())
				want(t, "error", err, row.want)
				want(t, "requests left", pacer.Remaining(time.Now()), 10)
				want(t, "a KeyError", isA[*innius.KeyError](err), true)
				want(t, "requests", len(h.uris()), 0)
			})
		})
	}
}

func TestWindowIsWrittenInEveryUnit(t *testing.T) {
	since := noon().Add(-90*time.Minute + 250*time.Millisecond)
	for _, row := range []struct{ name, query, want string }{
		{"milliseconds", "from={from_ms}&to={to_ms}", "from=1772447400250&to=1772452800000"},
		{"seconds", "from={from_s}&to={to_s}", "from=1772447400&to=1772452800"},
		{"RFC 3339", "from={from_rfc3339}&to={to_rfc3339}", "from=2026-03-02T10%3A30%3A00Z&to=2026-03-02T12%3A00%3A00Z"},
		{"inside a longer value", "range={from_s}..{to_s}", "range=1772447400..1772452800"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(`{"data":[]}`)
				_, err := dial(t, h, valuesAt("/values/{sensor}?"+row.query)).Newest(t.Context(), refTo("oil"), since, innius.Cursor{})
				want(t, "error", err, nil)
				want(t, "requests", h.uris(), []string{"/v1/values/oil?" + row.want + "&limit=100"})
			})
		})
	}
}

func TestFirstWindowBeginsWithTheLookback(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := recording(`{"data":[]}`)
		c := dial(t, h, valuesAt("/values/{sensor}?from={from_rfc3339}"), func(o *innius.Options) { o.Lookback = time.Hour })
		_, _ = c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "requests", h.uris(), []string{"/v1/values/oil?from=2026-03-02T11%3A00%3A00Z&limit=100"})
	})
}
