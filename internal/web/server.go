package web

import (
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// NewServer returns the server of the pages, with timeouts against slow clients and a limit of connections.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           &deadlineHandler{defaultTimeouts, h},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,     // until the first byte; then defaultTimeouts apply. A profile adds its own duration
		IdleTimeout:       5 * time.Minute, // longer than any usual scrape interval, so that connections are reused
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: defaultTimeouts.stall}, // ends connections; deadlines end streams only
		ErrorLog:          log.New(serverLog{logger}, "", 0),
	}
	limitConnections(server, descriptorsPerProcess()/2)
	return server
}

// serverLog logs what net/http reports. Only a panic is an error of the exporter; the rest is caused by clients, who could fill
// the log with it, and is logged at debug level.
type serverLog struct{ *slog.Logger }

// Write implements io.Writer.
func (l serverLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if strings.HasPrefix(text, "http: panic") || strings.HasPrefix(text, "http2: panic") {
		l.Error(text)
	} else {
		l.Debug(text)
	}
	return len(p), nil
}

// limitConcurrency serves at most that many requests of a handler at a time, and with that bounds the memory they take; the
// others get a 503. One client address gets three quarters at most: a host that floods the exporter or reads slowly leaves
// room for two Prometheus servers and a person elsewhere.
func limitConcurrency(most int, next http.Handler) http.Handler {
	l := newLimiter(most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := clientOf(r.RemoteAddr)
		if !l.acquire(address) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too many requests for this page at once; try again.", http.StatusServiceUnavailable)
			return
		}
		defer l.release(address)
		next.ServeHTTP(w, r)
	})
}

// limiter counts requests or connections by client address.
type limiter struct {
	total, perAddress int

	mu        sync.Mutex
	active    int
	byAddress map[string]int
}

func newLimiter(most int) *limiter {
	return &limiter{total: most, perAddress: most - most/4, byAddress: map[string]int{}}
}

func (l *limiter) acquire(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active >= l.total || l.byAddress[address] >= l.perAddress {
		return false
	}
	l.active++
	l.byAddress[address]++
	return true
}

func (l *limiter) release(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.byAddress[address]--; l.byAddress[address] == 0 {
		delete(l.byAddress, address)
	}
}

// writeTimeouts bound the time in which a client reads a response. One total alone would either cut off an honest scrape of
// 100,000 sensors over a slow line, or let a client that reads nothing block a slot for as long.
type writeTimeouts struct {
	stall time.Duration // until the next chunk is accepted
	total time.Duration // from the first byte to the last
}

var defaultTimeouts = writeTimeouts{
	// A poor line recovers within a minute, and drains a third of 4 MB, as Linux requires before a write continues.
	stall: time.Minute,
	total: 10 * time.Minute, // 30 MB, the metrics of 100,000 sensors, at 0.4 Mbit/s; compressed at a tenth of that
}

// deadlineHandler cuts off clients that exceed the timeouts.
type deadlineHandler struct {
	writeTimeouts
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (h *deadlineHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := &deadlineWriter{ResponseWriter: w, writeTimeouts: h.writeTimeouts}
	h.next.ServeHTTP(d, r)
	d.setDeadline(h.stall) // for what is still buffered
}

// deadlineWriter gives each chunk that is written its own deadline.
type deadlineWriter struct {
	http.ResponseWriter
	writeTimeouts
	end time.Time // of the total; zero before the first byte
}

// chunkSize bounds what is written under one deadline: a page written at once would seem to stall.
const chunkSize = 256 << 10

// Write implements io.Writer. Between writes the time is the handler's: a trace starts long before it writes on.
func (d *deadlineWriter) Write(p []byte) (written int, err error) {
	for first := true; err == nil && (first || len(p) > 0); first = false {
		var n int
		d.setDeadline(d.stall)
		n, err = d.ResponseWriter.Write(p[:min(len(p), chunkSize)])
		written, p = written+n, p[n:]
	}
	d.setDeadline(d.total)
	return written, err
}

func (d *deadlineWriter) setDeadline(within time.Duration) {
	deadline := time.Now().Add(within)
	if d.end.IsZero() {
		d.end = deadline.Add(d.total - within)
	}
	if deadline.After(d.end) {
		deadline = d.end
	}
	_ = http.NewResponseController(d.ResponseWriter).SetWriteDeadline(deadline) // if unsupported, the server's own deadline applies
}

// Unwrap lets http.ResponseController reach the connection.
func (d *deadlineWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
