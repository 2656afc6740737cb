package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/config"
)

// Go would ignore the variable without a word, or take a part of the password for the host.
func TestConfigRefusesInvalidProxyVariableWithoutQuotingIt(t *testing.T) {
	w, p := newWorld(t), serveProxy(t, &proxy{}, nil, serveHTTP)
	file := w.write(t, "config.yml", []byte(w.account(w.secure, "")))
	for _, text := range []string{
		"http://scraper:proxy/pass word@127.0.0.1:3128", "http://scraper:100%@proxy:3128", "ftp://proxy:3128", "http://", "http://proxy:99999",
		"://proxy",
	} {
		t.Setenv("HTTPS_PROXY", text)
		_, err := config.Source{File: file}.Load(os.Getenv)
		if err == nil || !strings.HasPrefix(err.Error(), file+": HTTPS_PROXY: is not a valid proxy URL") || strings.Contains(err.Error(), "scraper") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"proxy:3128", "proxy", "socks5h://proxy:1080", withUser(p, "http", "a@b:c/d%")} {
		t.Setenv("HTTPS_PROXY", text)
		if _, err := (config.Source{File: file}).Load(os.Getenv); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	t.Setenv("HTTPS_PROXY", "ftp://proxy")
	t.Setenv("INNIUS_API_KEY", proxiedKey)
	if _, err := (config.Source{URL: w.secure}).Load(os.Getenv); err == nil || !strings.HasPrefix(err.Error(), "HTTPS_PROXY: ") {
		t.Errorf("without a file: %v", err)
	}
	own := w.write(t, "own.yml", []byte(w.account(w.secure, "proxy_from_environment: false")))
	t.Setenv("INNIUS_API_KEY", "")
	if _, err := (config.Source{File: own}).Load(os.Getenv); err != nil {
		t.Errorf("where the environment does not count: %v", err)
	}
}

// Over http:// there is no tunnel: a proxy reads all. That must not happen without allow_http.
func TestProxyIsUsedOverHTTPOnlyIfAllowed(t *testing.T) {
	w := newWorld(t)
	p := serveProxy(t, &proxy{}, nil, serveHTTP)
	loopback := strings.Replace(w.plain, "innius.test", "127.0.0.1", 1)
	file := w.write(t, "config.yml", []byte(w.account(loopback, "proxy_url: 'http://"+p.address()+"'")))
	_, err := config.Source{File: file}.Load(os.Getenv)
	if err == nil || !strings.Contains(err.Error(), "the proxy could read the key") {
		t.Errorf("proxy_url beside a loopback URL: %v", err)
	}
	t.Setenv("HTTP_PROXY", "http://"+p.address())
	w.poll(t, w.account(loopback, "")).works(t, w)
	if seen := p.seen.String(); seen != "" {
		t.Errorf("HTTP_PROXY was used for this machine: %s", seen)
	}
	allowed := strings.Replace(w.account(w.plain, ""), "    timeout", "    allow_http: true\n    timeout", 1)
	r := w.poll(t, allowed)
	if r.works(t, w); !strings.Contains(r.log, "level=warn") || !strings.Contains(r.log, "can be read on the way") {
		t.Errorf("no warning in the log:\n%s", r.log)
	}
	if !holdsSecret(p.seen.String(), proxiedKey) { // allow_http permits it, so it must be set explicitly
		t.Error("the proxy did not see the key over http://")
	}
}

func TestClientTrustsOwnCAOnlyIfConfigured(t *testing.T) {
	w := newWorld(t)
	resolve(t)
	before := w.api.Stats().Requests
	const untrusted = "get the company: no response: tls: failed to verify certificate: x509: certificate signed by unknown authority; " +
		"name the CA that signed the certificate in tls_config.ca_file"
	if r := w.poll(t, w.account(w.secure, "")); r.lastError != untrusted || w.api.Stats().Requests != before {
		t.Errorf("got  %s\nwant %s", r.lastError, untrusted)
	}
	other := strings.Replace(w.secure, "innius.test", "other.test", 1)
	r := w.poll(t, w.account(other, "tls_config: {ca_file: ca.pem}"))
	if want := "certificate is valid for innius.test, not other.test; correct the url, or set tls_config.server_name"; !strings.HasSuffix(r.lastError, want) {
		t.Errorf("got  %s\nwant %s at the end", r.lastError, want)
	}
	w.poll(t, w.account(other, "tls_config: {ca_file: ca.pem, server_name: innius.test}")).works(t, w)
	w.poll(t, w.account(w.secure, "tls_config: {ca_file: '"+filepath.ToSlash(w.caFile)+"'}")).works(t, w)
}
