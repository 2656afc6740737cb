package web

import (
	"net/http"
	"time"
)

// readers is the patience with clients that read an answer. One total alone would either cut off an honest scrape of
// 100,000 sensors over a thin line, or let a client that reads nothing hold its place for as long.
var readers = patience{
	stall: time.Minute,      // a poor line recovers within, and drains a third of 4 MB, as Linux wants it to before a write goes on
	whole: 10 * time.Minute, // 30 MB, the metrics of 100,000 sensors, at 0.4 Mbit/s; compressed at a tenth of that
}

// patience bounds the time in which an answer is read.
type patience struct {
	stall time.Duration // until the next piece of it is taken
	whole time.Duration // from its first byte to its last
}

// patient cuts off the clients of a handler that try its patience.
type patient struct {
	patience
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (p *patient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, patience: p.patience}
	p.next.ServeHTTP(a, r)
	a.within(p.stall) // what is still in buffers
}

// answer gives each piece that is written a deadline.
type answer struct {
	http.ResponseWriter
	patience
	end time.Time // when all of it must have been read; zero before the first byte
}

// pieceSize bounds what is written under one deadline, or a page written at once would seem to stall.
const pieceSize = 64 << 10

// Write implements io.Writer. Between writes the time is the handler's: a trace begins long before it goes on.
func (a *answer) Write(p []byte) (written int, err error) {
	for first := true; err == nil && (first || len(p) > 0); first = false {
		var n int
		a.within(a.stall)
		n, err = a.ResponseWriter.Write(p[:min(len(p), pieceSize)])
		written, p = written+n, p[n:]
	}
	a.within(a.whole)
	return written, err
}

// within sets the deadline.
func (a *answer) within(d time.Duration) {
	deadline := time.Now().Add(d)
	if a.end.IsZero() {
		a.end = deadline.Add(a.whole - d)
	}
	if deadline.After(a.end) {
		deadline = a.end
	}
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(deadline) // without it the server's own holds
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
