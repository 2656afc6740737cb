package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// tlsServer starts a server with the given rule for client certificates.
func tlsServer(t *testing.T, auth tls.ClientAuthType) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	s.TLS = &tls.Config{ClientAuth: auth}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// writePair writes the certificate and key of Go's test server as cert.pem and key.pem.
func writePair(t *testing.T, dir string) {
	t.Helper()
	pair := tlsServer(t, tls.NoClientCert).TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

// get requests a URL with the settings and returns the body.
func get(t *testing.T, h HTTPClient, address string) (string, error) {
	t.Helper()
	transport, err := h.Transport()
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func httpClient(t *testing.T, dir, text string) HTTPClient {
	t.Helper()
	file := filepath.Join(dir, "config.yml")
	write(t, file, goodText+"    http_client: "+text+"\n")
	t.Setenv("TEST_KEY", testKey)
	c, err := loadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return c.Accounts[0].HTTPClient
}

func TestTransportTrustsAPrivateCAOnlyIfConfigured(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir)
	s := tlsServer(t, tls.NoClientCert)
	if _, err := get(t, httpClient(t, dir, "{}"), s.URL); err == nil {
		t.Error("an unknown CA was trusted")
	}
	for _, text := range []string{"{tls_config: {ca_file: cert.pem}}", "{tls_config: {insecure_skip_verify: true}}"} {
		if body, err := get(t, httpClient(t, dir, text), s.URL); err != nil || body != "hello" {
			t.Errorf("%s: %q, %v", text, body, err)
		}
	}
	if _, err := get(t, httpClient(t, dir, "{tls_config: {ca_file: cert.pem, server_name: other.invalid}}"), s.URL); err == nil {
		t.Error("server_name was not checked")
	}
}

func TestTransportSendsTheClientCertificate(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir)
	s := tlsServer(t, tls.RequireAnyClientCert)
	if _, err := get(t, httpClient(t, dir, "{tls_config: {ca_file: cert.pem}}"), s.URL); err == nil {
		t.Error("no certificate was demanded")
	}
	h := httpClient(t, dir, "{tls_config: {ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem}}")
	if body, err := get(t, h, s.URL); err != nil || body != "hello" {
		t.Errorf("%q, %v", body, err)
	}
	write(t, filepath.Join(dir, "key.pem"), "no key any more")
	if _, err := get(t, h, s.URL); err == nil || !strings.Contains(err.Error(), "cert_file "+filepath.Join(dir, "cert.pem")) {
		t.Errorf("the files are not read at each handshake: %v", err)
	}
}

func TestTransportReportsAMissingCAFile(t *testing.T) {
	h := HTTPClient{TLS: TLSConfig{CAFile: filepath.Join(t.TempDir(), "absent.pem")}}
	if _, err := h.Transport(); err == nil || !strings.Contains(err.Error(), h.TLS.CAFile) {
		t.Error(err)
	}
}

func TestTransportPrefersProxyURLToTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://environment.invalid:1")
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	for text, want := range map[string]string{
		"{}":                                  "http://environment.invalid:1",
		"{proxy_from_environment: false}":     "",
		"{proxy_url: 'http://own.invalid:2'}": "http://own.invalid:2",
		"{proxy_url: 'http://own.invalid:2', no_proxy: innius.invalid}":     "",
		"{proxy_url: 'socks5://own.invalid:3', no_proxy: '.other.invalid'}": "socks5://own.invalid:3",
	} {
		transport, err := httpClient(t, t.TempDir(), text).Transport()
		if err != nil {
			t.Fatal(err)
		}
		if got := proxyOf(t, transport); got != want {
			t.Errorf("%s: proxy %q, want %q", text, got, want)
		}
	}
}

func proxyOf(t *testing.T, transport *http.Transport) string {
	t.Helper()
	if transport.Proxy == nil {
		return ""
	}
	u, err := transport.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "innius.invalid"}})
	if err != nil {
		t.Fatal(err)
	}
	if u == nil {
		return ""
	}
	return u.String()
}

func TestTransportIsNotShared(t *testing.T) {
	a, errA := DefaultAccount().HTTPClient.Transport()
	b, errB := DefaultAccount().HTTPClient.Transport()
	if errA != nil || errB != nil || a == b || a == http.DefaultTransport || a.TLSClientConfig == b.TLSClientConfig {
		t.Error("two accounts share a transport")
	}
	if !a.ForceAttemptHTTP2 || a.TLSClientConfig.MinVersion != tls.VersionTLS12 || a.MaxIdleConnsPerHost != idleConnections {
		t.Errorf("transport %+v", a)
	}
}
