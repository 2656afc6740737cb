package innius_test

import (
	"net/url"
	"strings"
	"testing"

	"innius_exporter/innius"
)

func TestCheckBaseURLRefusesURLsThatExposeTheKey(t *testing.T) {
	const (
		scheme   = "must start with https://"
		noHost   = "has no host"
		user     = "must not contain a user or password: the API is authenticated by its key"
		query    = "must not contain a query or fragment: it is the base that the endpoints' paths are added to"
		readable = "must start with https://: over http everyone on the network path can read the key (allow_http: true permits it)"
	)
	for _, row := range []struct {
		url       string
		allowHTTP bool
		want      string
	}{
		{"https://api.example", false, ""},
		{"https://api.example:8443/v1/", false, ""},
		{"HTTPS://api.example", false, ""},
		{"http://localhost:8080", false, ""},
		{"http://LocalHost:8080", false, ""},
		{"http://127.0.0.1:8080/v1", false, ""},
		{"http://127.9.8.7", false, ""},
		{"http://[::1]:8080", false, ""},
		{"http://[::ffff:127.0.0.1]", false, ""},
		{"http://api.example", true, ""},
		{"http://api.example", false, readable},
		{"http://localhost.example", false, readable},
		{"http://127.0.0.1.example", false, readable},
		{"http://10.0.0.1", false, readable},
		{"http://[::2]", false, readable},
		{"ftp://api.example", true, scheme},
		{"api.example/v1", false, scheme},
		{"//api.example", false, scheme},
		{"", false, scheme},
		{"https:///v1", false, noHost},
		{"https:api.example", false, noHost},
		{"https://:443", false, noHost},
		{"https://user@api.example", false, user},
		{"https://user:password@api.example", false, user},
		{"https://@api.example", false, user},
		{"https://api.example?x=1", false, query},
		{"https://api.example/?", false, query},
		{"https://api.example/#top", false, query},
		{"http://api.example/?x=1", true, query},
	} {
		t.Run(row.url, func(t *testing.T) {
			u, err := url.Parse(row.url)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := innius.CheckBaseURL(u, row.allowHTTP); err != nil {
				got = err.Error()
			}
			want(t, "error", got, row.want)
			if strings.Contains(got, "password@") || strings.Contains(got, ".example") {
				t.Errorf("the error repeats the URL: %s", got)
			}
		})
	}
}

func TestNewRefusesIncompleteOptions(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "api.example"}
	pacer := innius.NewPacer(1000, 1)
	for _, row := range []struct {
		name string
		opts innius.Options
		want string
	}{
		{"no base URL", innius.Options{Key: keyIs("k"), Pacer: pacer}, "base URL, key and pacer are required"},
		{"no key", innius.Options{BaseURL: base, Pacer: pacer}, "base URL, key and pacer are required"},
		{"no pacer", innius.Options{BaseURL: base, Key: keyIs("k")}, "base URL, key and pacer are required"},
		{"a wrong base URL", innius.Options{BaseURL: &url.URL{}, Key: keyIs("k"), Pacer: pacer}, "must start with https://"},
		{
			"a template that would change the host",
			innius.Options{BaseURL: base, Key: keyIs("k"), Pacer: pacer, Endpoints: innius.Endpoints{Company: ".elsewhere.example/me"}},
			`endpoint of company: must start with "/": it is a path below url`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := innius.New(row.opts)
			want(t, "error", err, row.want)
		})
	}
}

func TestNewAcceptsDefaults(t *testing.T) {
	opts := innius.Options{BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Key: keyIs("k"), Pacer: innius.NewPacer(1000, 1)}
	if _, err := innius.New(opts); err != nil {
		t.Error(err)
	}
}
