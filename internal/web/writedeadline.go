package web

import (
	"net/http"
	"time"
)

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
const chunkSize = 64 << 10

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
