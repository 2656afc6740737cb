package web

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// socket is the exporter's own server on a real socket, with an exposition of some size.
type socket struct {
	*testing.T
	address   string
	open      atomic.Int64 // connections
	log       *tape
	webConfig string // file with TLS and users; empty: none
	patterns  []string
}

// tape is a log that several goroutines write.
type tape struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *tape) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *tape) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// listen serves pages whose metrics take so many bytes at least. Tune shortens what a test cannot wait for.
func listen(t *testing.T, size int, tune func(*http.Server)) *socket {
	t.Helper()
	return listenWith(t, size, tune, "")
}

func listenWith(t *testing.T, size int, tune func(*http.Server), webConfig string) *socket {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(large{prometheus.NewDesc("large", "Large.", []string{"number", "text"}, nil), size})
	s := &socket{T: t, log: new(tape), webConfig: webConfig}
	o := Options{
		Source: &source{ready: true, status: plant(1, 4, 20)}, Config: func() string { return "labels: name\n" }, Gatherer: prometheus.ToTransactionalGatherer(registry), Registry: registry, MetricsPath: "/metrics",
		Pprof: true, Reload: func() error { return nil },
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	mux, err := pagesOf(o)
	if err != nil {
		t.Fatal(err)
	}
	s.patterns = mux.patterns
	server := NewServer(secure(mux), o.Logger)
	if tune != nil {
		tune(server)
	}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	s.serve(server, o.Logger)
	return s
}

func (s *socket) serve(server *http.Server, logger *slog.Logger) {
	s.Helper()
	l, err := new(net.ListenConfig).Listen(s.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.address = l.Addr().String()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = toolkit.Serve(l, server, &toolkit.FlagConfig{WebConfigFile: &s.webConfig}, logger)
	}()
	s.Cleanup(func() {
		_ = server.Close()
		<-ended
		if strings.Contains(s.log.String(), "panic") {
			s.Errorf("the server panicked:\n%s", s.log)
		}
	})
}

// large is a collector of an exposition of some size.
type large struct {
	desc *prometheus.Desc
	size int
}

func (l large) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

func (l large) Collect(ch chan<- prometheus.Metric) {
	const line = 32 << 10
	text := strings.Repeat("x", line)
	for i := range l.size/line + 1 {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, 1, string(rune('a'+i%26))+strings.Repeat("y", i/26), text)
	}
}

// connect opens a connection and sends something.
func (s *socket) connect(send string) net.Conn {
	s.Helper()
	conn, err := new(net.Dialer).DialContext(s.Context(), "tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, send); err != nil {
		s.Fatal(err)
	}
	return conn
}

const scrapeRequest = "GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"

// awaitOpen waits until the server has so many connections.
func (s *socket) awaitOpen(want int64) {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.open.Load() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("%d connections are open, want %d", s.open.Load(), want)
		}
	}
}

// answer reads one answer of a connection.
func (s *socket) answer(conn net.Conn) (code int, body string) {
	s.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// scrape asks as a Prometheus does and wants a whole exposition.
func (s *socket) scrape() {
	s.Helper()
	code, body := s.answer(s.connect(scrapeRequest))
	wantExposition(s.T, code, body)
}

func wantExposition(t *testing.T, code int, body string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if code != http.StatusOK || err != nil || families["large"] == nil {
		t.Errorf("status %d, %v, %.200q", code, err, body)
	}
}
