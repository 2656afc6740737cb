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
)

// secure serves the simulated API with TLS, and puts the certificate of its authority where the user's would be.
func secure(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of every handshake that fails
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trust writes a server's certificate to ca.pem, beside the config file.
func (d *desk) trust(s *httptest.Server) {
	d.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(d.dir, "ca.pem"), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// nobody is an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestAnUnknownHostIsTold(t *testing.T) {
	api := serve(t, normal())
	f := failure{kind: "dns", mend: replaced("https://no-such-host.invalid/v1", api+"/v1"), says: []string{"misspelled", "through a proxy"}}
	f.play(t, "https://no-such-host.invalid/v1")
}

func TestARefusedConnectionIsTold(t *testing.T) {
	api, wrong := serve(t, normal()), "http://"+nobody(t)
	f := failure{kind: "refused", mend: replaced(wrong, api), says: []string{"was refused"}}
	f.play(t, wrong+"/v1")
}

func TestAnUnknownAuthorityIsTold(t *testing.T) {
	s := secure(t)
	d := sit(t, s.URL+"/v1")
	d.trust(s)
	f := failure{kind: "tls-ca", byHand: true, says: []string{`issued by "O=Acme Co"`}}
	f.at(t, d)
}

func TestACertificateForAnotherNameIsTold(t *testing.T) {
	s := secure(t)
	d := sit(t, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	d.t.Setenv("NO_PROXY", "localhost")
	f := failure{kind: "tls-name", byHand: true, says: []string{"certificate is valid for example.com", "server_name"}}
	f.at(t, d)
}

func TestAServerThatWantsACertificateIsTold(t *testing.T) {
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	d := sit(t, s.URL+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	d.identify(s.TLS.Certificates[0])
	f := failure{kind: "tls", byHand: true, says: []string{"may require a client certificate"}}
	f.at(t, d)
}

// identify puts a certificate and its key where the snippet says that the user's own would be.
func (d *desk) identify(c tls.Certificate) {
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

func TestACertificateThatExpiredIsTold(t *testing.T) {
	s := httptest.NewUnstartedServer(normal())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{expired(t)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	d := sit(t, s.URL+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "tls-certificate", incurable: true, says: []string{"certificate has expired"}}
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

func TestAServerWithoutTLSIsTold(t *testing.T) {
	f := failure{kind: "tls-plain", says: []string{"server gave HTTP response"}}
	f.play(t, strings.Replace(serve(t, normal()), "http://", "https://", 1)+"/v1")
}

func TestAServerThatWantsTLSIsTold(t *testing.T) {
	s := secure(t)
	d := sit(t, strings.Replace(s.URL, "https://", "http://", 1)+"/v1", "http_client: {tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "scheme"}
	f.at(t, d)
}

// TestAProxyThatRefusesIsTold also checks that the cure goes without it.
func TestAProxyThatRefusesIsTold(t *testing.T) {
	proxy := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	s := secure(t)
	d := sit(t, s.URL+"/v1", "http_client: {proxy_url: '"+proxy+"', tls_config: {ca_file: ca.pem}}")
	d.trust(s)
	f := failure{kind: "proxy", byHand: true, says: []string{"refuses the connection"}}
	f.at(t, d)
}

func TestAProxyThatWantsAPasswordIsToldAndWhereItBelongs(t *testing.T) {
	proxy := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	d := sit(t, "https://innius.invalid/v1", "http_client: {proxy_url: '"+proxy+"'}")
	text, report, err := d.check()
	found := finding(t, report, "proxy")
	if err == nil || !strings.Contains(text, "HTTPS_PROXY=http://USER:PASSWORD@127.0.0.1") {
		t.Errorf("%v\n%s", err, text)
	}
	d = sit(t, "https://innius.invalid/v1") // without the proxy_url, as the snippet says
	d.paste(found.Set)
	d.valid(found.Set)
}

func TestAProxyThatIsNotThereIsTold(t *testing.T) {
	good := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Host, r.RequestURI = "", r.URL.Path
		pretend(press(), simulator.Format{}).ServeHTTP(w, r)
	}))
	wrong := "http://" + nobody(t)
	d := sit(t, "http://innius.invalid/v1", "allow_http: true", "http_client: {proxy_url: '"+wrong+"'}")
	f := failure{kind: "proxy", mend: replaced(wrong, good), says: []string{"cannot be reached"}}
	f.at(t, d)
}

func TestASOCKSProxyThatIsNotThereIsTold(t *testing.T) {
	wrong := "socks5://" + nobody(t)
	text, report, err := sit(t, "https://innius.invalid/v1", "http_client: {proxy_url: '"+wrong+"'}").check()
	if found := finding(t, report, "proxy"); err == nil || !strings.Contains(found.Set, wrong) || report.Requests != 0 {
		t.Errorf("%v\n%s", err, text)
	}
}
