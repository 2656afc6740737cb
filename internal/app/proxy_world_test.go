package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"innius_exporter/collector"
	"innius_exporter/internal/config"
	"innius_exporter/internal/logging"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/simulator"
	"innius_exporter/internal/status"
)

const (
	proxiedKey    = "proxied-key-0123456789"
	proxyPassword = "proxy/pass word"
)

// world is an innius API at innius.test, whose certificate is signed by an unknown CA.
type world struct {
	api    *simulator.Server
	heard  tape // the headers of all requests
	dir    string
	caFile string
	config *tls.Config // with the certificate, for innius.test and 127.0.0.1
	secure string      // base URL over https
	plain  string      // the same over http
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "REQUEST_METHOD"} {
		t.Setenv(name, "")
		t.Setenv(strings.ToLower(name), "")
	}
	w := &world{api: simulator.New(simulator.Uniform(3), simulator.Options{Key: proxiedKey}), dir: t.TempDir()}
	w.sign(t)
	w.secure = "https://innius.test:" + portOf(t, w.serve(t, true).URL)
	w.plain = "http://innius.test:" + portOf(t, w.serve(t, false).URL)
	w.write(t, "key", []byte(proxiedKey+"\n"))
	return w
}

func (w *world) serve(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_ = r.Header.Write(&w.heard)
		w.api.ServeHTTP(out, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.TLS = w.config.Clone(); secure {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func portOf(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(url[strings.LastIndex(url, "/")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (w *world) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// sign makes a CA and a certificate of it.
func (w *world) sign(t *testing.T) {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a CA of one's own"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"innius.test"}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, leafKey := newPrivateKey(t), newPrivateKey(t)
	issue := func(c *x509.Certificate, public any) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, ca, public, caKey)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	w.caFile = w.write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(ca, &caKey.PublicKey)}))
	w.config = &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{issue(leaf, &leafKey.PublicKey)}, PrivateKey: leafKey}},
	}
}

func newPrivateKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// account is a config of one account with these lines under http_client.
func (w *world) account(url, client string) string {
	return "accounts:\n  - name: acme\n    url: " + url + "\n    api_key_file: key\n    timeout: 1m\n" +
		"    rate_limit: {requests_per_hour: 360000, burst: 100}\n    http_client: {" + client + "}\n"
}

// polled is what an exporter that polled for a moment showed: everything that a person could read.
type polled struct {
	log, status, metrics string
	values               int
	lastError            string
}

// poll runs the loops of a config, as Run wires them, until all sensors have a value or something failed.
func (w *world) poll(t *testing.T, text string) polled {
	t.Helper()
	file := w.write(t, "config.yml", []byte(text))
	cfg, err := config.Source{File: file}.Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	var out tape
	logger := logging.New(&out, "debug", "logfmt")
	opts, err := new(Exporter).options(cfg, &poller.Counters{}, logger)
	if err != nil {
		t.Fatal(err)
	}
	p := poller.New(opts)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	r := polled{}
	for ctx.Err() == nil && r.values < 3 && r.lastError == "" {
		time.Sleep(5 * time.Millisecond)
		account := described(p).Accounts[0]
		r.values, r.lastError = account.Sensors[poller.SensorCurrent], account.LastError
	}
	r.metrics, r.status = expositionOf(t, p), statusText(p)
	cancel()
	<-done
	r.log = out.String()
	return r
}

// described returns the status of everything.
func described(p *poller.Poller) *status.Status {
	s, _ := status.Of(p, status.Selection{Recent: true}) // an error is of a selection
	return s
}

// statusText returns it as JSON.
func statusText(p *poller.Poller) string {
	var text bytes.Buffer
	w := bufio.NewWriter(&text)
	_, _ = described(p).WriteJSON(w), w.Flush() // of plain data
	return text.String()
}

func expositionOf(t *testing.T, p *poller.Poller) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	register(registry, newReloader(config.Default()))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := collector.New(newReloadable(p).poller).WriteText(&out, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// resolve lets every client find innius.test: a name server returns 127.0.0.1 for every name but those of the domain invalid, which
// do not exist.
func resolve(t *testing.T) {
	t.Helper()
	server, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		query := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(dnsResponse(query[:n]), from)
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = server.Close() })
}

// dnsResponse repeats the query, with an address if it wants an IPv4 one (RFC 1035).
func dnsResponse(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the closing zero, type and class
	a := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end]...)
	switch {
	case bytes.Contains(query, []byte("\x07invalid")):
		a[3] = 0x83 // no such name
	case query[end-3] == 1:
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return a
}
