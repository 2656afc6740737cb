package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

// tlsServer serves the simulated API with TLS.
func tlsServer(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would get every failed handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trust writes the certificate of a server to ca.pem, next to the config file.
func (d *workDir) trust(s *httptest.Server) {
	d.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(d.dir, "ca.pem"), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func TestCheckAPIDiagnosesUnknownHost(t *testing.T) {
	resolve(t)
	api := serve(t, normal())
	f := failure{kind: "dns", edit: replaced("https://no-such-host.invalid/v1", api+"/v1"), contains: []string{"misspelled", "through a proxy"}}
	f.run(t, "https://no-such-host.invalid/v1")
}

func TestCheckAPIDiagnosesRefusedConnection(t *testing.T) {
	api, wrong := serve(t, normal()), "http://"+testport.Free(t)
	f := failure{kind: "refused", edit: replaced(wrong, api), contains: []string{"was refused"}}
	f.run(t, wrong+"/v1")
}

func TestCheckAPIDiagnosesUnknownAuthority(t *testing.T) {
	s := tlsServer(t)
	d := newWorkDir(t, s.URL+"/v1")
	d.trust(s)
	f := failure{kind: "tls-ca", manual: true, contains: []string{`issued by "O=Acme Co"`}}
	f.at(t, d)
}

func TestCheckAPIDiagnosesCertificateOfAnotherName(t *testing.T) {
	s := tlsServer(t)
	d := newWorkDir(t, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	d.t.Setenv("NO_PROXY", "localhost")
	f := failure{kind: "tls-name", manual: true, contains: []string{"certificate is valid for example.com", "server_name"}}
	f.at(t, d)
}

func TestCheckAPIDiagnosesMissingClientCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	d := newWorkDir(t, s.URL+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	d.identify(s.TLS.Certificates[0])
	f := failure{kind: "tls", manual: true, contains: []string{"may require a client certificate"}}
	f.at(t, d)
}

// identify writes a certificate and its key to the files of the snippet.
func (d *workDir) identify(c tls.Certificate) {
	d.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		d.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"client.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "client-key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}

func TestCheckAPIDiagnosesExpiredCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{expired(t)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	d := newWorkDir(t, s.URL+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "tls-certificate", unfixable: true, contains: []string{"certificate has expired"}}
	f.at(t, d)
}

// expired makes a certificate for 127.0.0.1 that was valid until an hour ago.
func expired(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCheckAPIDiagnosesServerWithoutTLS(t *testing.T) {
	f := failure{kind: "tls-plain", contains: []string{"server gave HTTP response"}}
	f.run(t, strings.Replace(serve(t, normal()), "http://", "https://", 1)+"/v1")
}

func TestCheckAPIDiagnosesServerThatRequiresTLS(t *testing.T) {
	s := tlsServer(t)
	d := newWorkDir(t, strings.Replace(s.URL, "https://", "http://", 1)+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "scheme"}
	f.at(t, d)
}

// TestCheckAPIDiagnosesProxyThatRefuses also checks that the snippet works without the proxy.
func TestCheckAPIDiagnosesProxyThatRefuses(t *testing.T) {
	proxy := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	s := tlsServer(t)
	d := newWorkDir(t, s.URL+"/v1", "http_client: {proxy_url: '"+proxy+"', tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "proxy", manual: true, contains: []string{"refuses the connection"}}
	f.at(t, d)
}

func TestCheckAPIDiagnosesProxyWithPassword(t *testing.T) {
	proxy := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	d := newWorkDir(t, "https://innius.invalid/v1", "http_client: {proxy_url: '"+proxy+"'}")
	text, report, err := d.check()
	found := finding(t, report, "proxy")
	if err == nil || !strings.Contains(text, "HTTPS_PROXY=http://USER:PASSWORD@127.0.0.1") {
		t.Errorf("%v\n%s", err, text)
	}
	d = newWorkDir(t, "https://innius.invalid/v1") // without the proxy_url, as the text requires
	d.paste(found.Set)
	d.valid(found.Set)
}

func TestCheckAPIDiagnosesUnreachableProxy(t *testing.T) {
	good := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Host, r.RequestURI = "", r.URL.Path
		simulatedAPI(testPlant(), simulator.Format{}).ServeHTTP(w, r)
	}))
	wrong := "http://" + testport.Free(t)
	d := newWorkDir(t, "http://innius.invalid/v1", "allow_http: true", "http_client: {proxy_url: '"+wrong+"'}")
	f := failure{kind: "proxy", edit: replaced(wrong, good), contains: []string{"cannot be reached"}}
	f.at(t, d)
}

func TestCheckAPIDiagnosesUnreachableSOCKSProxy(t *testing.T) {
	wrong := "socks5://" + testport.Free(t)
	text, report, err := newWorkDir(t, "https://innius.invalid/v1", "http_client: {proxy_url: '"+wrong+"'}").check()
	if found := finding(t, report, "proxy"); err == nil || !strings.Contains(found.Set, wrong) || report.Requests != 0 {
		t.Errorf("%v\n%s", err, text)
	}
}
