package app

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// works fails unless all sensors have a value and nothing shows a secret.
func (r polled) works(t *testing.T, w *world) {
	t.Helper()
	if r.values != 3 || r.lastError != "" || w.api.Stats().Of("", 200) < 6 {
		t.Errorf("%d values, %d answers, last error %q, log:\n%s", r.values, w.api.Stats().Of("", 200), r.lastError, r.log)
	}
	r.keeps(t)
}

// keeps fails where the key or the proxy's password can be read.
func (r polled) keeps(t *testing.T) {
	t.Helper()
	for place, text := range map[string]string{"log": r.log, "status": r.status, "metrics": r.metrics, "error": r.lastError} {
		for _, secret := range []string{proxiedKey, proxyPassword, url.QueryEscape(proxyPassword), url.PathEscape(proxyPassword)} {
			if holdsSecret(text, secret) || strings.Contains(text, "scraper:") {
				t.Errorf("the %s shows a secret:\n%s", place, text)
			}
		}
	}
}

// sawNoKey fails unless the traffic passed through the proxy and the key did not.
func (p *proxy) sawNoKey(t *testing.T, w *world) {
	t.Helper()
	target := strings.TrimPrefix(w.secure, "https://")
	if targets := p.requested(); len(targets) == 0 || targets[0] != target {
		t.Errorf("the proxy received requests for %q, want %s", targets, target)
	}
	seen := p.seen.String()
	if len(seen) < 2000 || !strings.Contains(seen, "innius.test") {
		t.Errorf("only %d bytes passed through the proxy", len(seen))
	}
	if holdsSecret(strings.ToLower(seen), proxiedKey) || strings.Contains(strings.ToLower(seen), "x-api-key") {
		t.Error("the proxy saw the key")
	}
}

func withUser(p *proxy, scheme, password string) string {
	return (&url.URL{Scheme: scheme, Host: p.address(), User: url.UserPassword("scraper", password)}).String()
}

func TestProxyNeverSeesKey(t *testing.T) {
	for name, row := range map[string]struct {
		scheme string
		serve  func(*testing.T, *world, *proxy)
	}{
		"CONNECT":          {"http", func(t *testing.T, _ *world, p *proxy) { serveProxy(t, p, nil, serveHTTP) }},
		"CONNECT over TLS": {"https", func(t *testing.T, w *world, p *proxy) { serveProxy(t, p, w.config, serveHTTP) }},
		"SOCKS5":           {"socks5", func(t *testing.T, _ *world, p *proxy) { serveProxy(t, p, nil, serveSOCKS) }},
	} {
		t.Run(name+", from the config", func(t *testing.T) {
			w, p := newWorld(t), &proxy{}
			row.serve(t, w, p)
			client := fmt.Sprintf("proxy_url: '%s://%s', tls_config: {ca_file: ca.pem}", row.scheme, p.address())
			w.poll(t, w.account(w.secure, client)).works(t, w)
			p.sawNoKey(t, w)
		})
		t.Run(name+", from the environment, with a password", func(t *testing.T) {
			w, p := newWorld(t), &proxy{user: "scraper", password: proxyPassword}
			row.serve(t, w, p)
			t.Setenv("HTTPS_PROXY", withUser(p, row.scheme, proxyPassword))
			w.poll(t, w.account(w.secure, "tls_config: {ca_file: ca.pem}")).works(t, w)
			p.sawNoKey(t, w)
		})
	}
}

// The API must not get what is meant for the proxy.
func TestProxyPasswordGoesToProxyOnly(t *testing.T) {
	w, p := newWorld(t), &proxy{user: "scraper", password: proxyPassword}
	serveProxy(t, p, nil, serveHTTP)
	t.Setenv("HTTPS_PROXY", withUser(p, "http", proxyPassword))
	w.poll(t, w.account(w.secure, "tls_config: {ca_file: ca.pem}")).works(t, w)
	if !strings.Contains(p.seen.String(), "Proxy-Authorization: Basic ") {
		t.Error("the proxy was not given its password")
	}
	if text := strings.ToLower(w.heard.String()); !strings.Contains(text, "x-api-key") || strings.Contains(text, "proxy-") {
		t.Errorf("the API was sent the headers\n%s", text)
	}
}

func TestErrorNamesRefusingProxyAndItsStatus(t *testing.T) {
	for _, row := range []struct {
		refuse   int
		password string
		want     string
		requests int
	}{
		{0, "wrong", "status 407 (Proxy Authentication Required): the variable HTTPS_PROXY must hold its user name and password", 1},
		{403, proxyPassword, "status 403 (Forbidden): it must permit the host of the url, or that host be excepted from the proxy", 1},
		{502, proxyPassword, "status 502 (Bad Gateway): it could not reach the host of the url", 3}, // as a blip is
	} {
		t.Run(fmt.Sprint(row.refuse), func(t *testing.T) {
			w, p := newWorld(t), &proxy{user: "scraper", password: proxyPassword, refuse: row.refuse}
			serveProxy(t, p, nil, serveHTTP)
			t.Setenv("HTTPS_PROXY", withUser(p, "http", row.password))
			r := w.poll(t, w.account(w.secure, "tls_config: {ca_file: ca.pem}"))
			want := "get the company: no response: the proxy " + p.address() + " responded with " + row.want
			if r.lastError != want || !strings.Contains(r.log, row.want) {
				t.Errorf("got  %s\nwant %s\nlog:\n%s", r.lastError, want, r.log)
			}
			r.keeps(t)
			if got := strings.Count(p.seen.String(), "CONNECT "); got != row.requests {
				t.Errorf("the proxy received %d requests, want %d", got, row.requests)
			}
			if strings.Contains(r.lastError, "words of the proxy") || w.api.Stats().Requests != 0 {
				t.Errorf("%d requests, error %s", w.api.Stats().Requests, r.lastError)
			}
		})
	}
}

// Every client resolves innius.test to the API: only the targets of the proxies show which way was taken.
// Go quotes what it cannot read.
func TestErrorKeepsPasswordThatTheProxyReturns(t *testing.T) {
	for name, reply := range map[string]string{
		"no HTTP":           "%s",
		"status line":       "HTTP/1.1 %s",
		"version":           "HTTP/%s 200 OK",
		"header":            "HTTP/1.1 200 OK\r\n%s",
		"the password":      "HTTP/1.1 " + proxyPassword + "%.0s",
		"escaped":           "HTTP/1.1 " + url.QueryEscape(proxyPassword) + "%.0s",
		"tunnel of no TLS":  "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 %s",
		"credentials, text": "scraper:" + proxyPassword + "%.0s",
	} {
		t.Run(name, func(t *testing.T) {
			w, p := newWorld(t), &proxy{user: "scraper", password: proxyPassword, reply: strings.ReplaceAll(reply, "%2", "%%2")}
			serveProxy(t, p, nil, serveHTTP)
			t.Setenv("HTTPS_PROXY", withUser(p, "http", proxyPassword))
			r := w.poll(t, w.account(w.secure, "tls_config: {ca_file: ca.pem}"))
			if r.lastError == "" {
				t.Error("no error")
			}
			both := base64.StdEncoding.EncodeToString([]byte("scraper:" + proxyPassword))
			for place, text := range map[string]string{"log": r.log, "status": r.status, "error": r.lastError} {
				if strings.Contains(text, both[:12]) || strings.Contains(text, both[12:24]) {
					t.Errorf("the %s shows the credentials:\n%s", place, text)
				}
			}
			r.keeps(t)
		})
	}
}

func TestProxyIsChosenByConfigAndEnvironment(t *testing.T) {
	for _, row := range []struct {
		name, noProxy, client, want string
	}{
		{"the environment's proxy", "", "", "environment"},
		{"the same in lower case", "", "", "environment"},
		{"excepted by NO_PROXY", "innius.test", "", "direct"},
		{"excepted by a domain of NO_PROXY", "other.invalid, .test", "", "direct"},
		{"not excepted by NO_PROXY", "innius.test.invalid", "", "environment"},
		{"proxy_url beats the environment", "", "proxy_url: 'http://OWN'", "own"},
		{"proxy_url beats NO_PROXY", "innius.test", "proxy_url: 'http://OWN'", "own"},
		{"excepted by no_proxy", "", "proxy_url: 'http://OWN', no_proxy: innius.test", "direct"},
		{"not excepted by no_proxy", "", "proxy_url: 'http://OWN', no_proxy: other.invalid", "own"},
		{"proxy_from_environment: false", "", "proxy_from_environment: false", "direct"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			resolve(t)
			environment, own := serveProxy(t, &proxy{}, nil, serveHTTP), serveProxy(t, &proxy{}, nil, serveHTTP)
			variable, exceptions := "HTTPS_PROXY", "NO_PROXY"
			if strings.HasSuffix(row.name, "lower case") {
				variable, exceptions = strings.ToLower(variable), strings.ToLower(exceptions)
			}
			t.Setenv(variable, "http://"+environment.address())
			t.Setenv(exceptions, row.noProxy)
			client := strings.TrimPrefix(strings.ReplaceAll(row.client, "OWN", own.address())+", tls_config: {ca_file: ca.pem}", ", ")
			w.poll(t, w.account(w.secure, client)).works(t, w)
			got := "direct"
			if len(environment.requested()) > 0 {
				got = "environment"
			}
			if len(own.requested()) > 0 {
				got = "own"
			}
			if got != row.want {
				t.Errorf("the way was %s, want %s", got, row.want)
			}
		})
	}
}

func TestErrorNamesUnreachableProxy(t *testing.T) {
	w := newWorld(t)
	p := serveProxy(t, &proxy{}, nil, serveHTTP)
	for name, row := range map[string]struct{ proxy, want string }{
		"no listener":      {"http://scraper:" + url.PathEscape(proxyPassword) + "@127.0.0.1:1", "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"},
		"it speaks no TLS": {withUser(p, "https", proxyPassword), "the proxy's URL must begin with http:// unless the proxy itself speaks TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", row.proxy)
			r := w.poll(t, w.account(w.secure, ""))
			if !strings.Contains(r.lastError, row.want) {
				t.Errorf("got %s, want %s", r.lastError, row.want)
			}
			r.keeps(t)
		})
	}
}
