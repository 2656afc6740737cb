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
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
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

// get requests a URL with the settings.
func get(t *testing.T, h HTTPClient, address string) error {
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
		return err
	}
	return response.Body.Close()
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

func TestTransportUsesTheCertificates(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir)
	open, closed := tlsServer(t, tls.NoClientCert).URL, tlsServer(t, tls.RequireAnyClientCert).URL
	for _, test := range []struct {
		address, text string
		ok            bool
	}{
		{open, "", false},
		{open, "ca_file: cert.pem", true},
		{open, "insecure_skip_verify: true", true},
		{open, "ca_file: cert.pem, server_name: other.invalid", false},
		{closed, "ca_file: cert.pem", false},
		{closed, "ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem", true},
	} {
		if err := get(t, httpClient(t, dir, "{tls_config: {"+test.text+"}}"), test.address); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.text, err)
		}
	}
	h := httpClient(t, dir, "{tls_config: {ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem}}")
	write(t, filepath.Join(dir, "key.pem"), "no key any more")
	if err := get(t, h, closed); err == nil || !strings.Contains(err.Error(), "cert_file: "+filepath.Join(dir, "cert.pem")) {
		t.Errorf("the files are not read at each handshake: %v", err)
	}
	h.TLS.CAFile = filepath.Join(dir, "absent.pem")
	if _, err := h.Transport(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "abse…")) {
		t.Errorf("a CA file that is gone: %v", err)
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
		got := ""
		if transport.Proxy != nil {
			u, err := transport.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "innius.invalid"}})
			if err != nil {
				t.Fatal(err)
			}
			if u != nil {
				got = u.String()
			}
		}
		if got != want {
			t.Errorf("%s: proxy %q, want %q", text, got, want)
		}
	}
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
