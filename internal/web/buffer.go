package web

import (
	"bufio"
	"net/http"
	"sync"
)

// bufferSize is how much of an answer is sent at once. With net/http's own 4 KiB a scrape of a hundred thousand sensors
// makes twenty thousand system calls, and an allocation with each.
const bufferSize = 256 << 10

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}

// buffered gives a handler a large buffer to write into. Where one such handler is in another, as before and after a
// compressor that leaves an answer alone, full pieces go through without being copied.
func buffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := buffers.Get().(*bufio.Writer)
		b.Reset(w)
		defer func() {
			b.Reset(nil)
			buffers.Put(b)
		}()
		h.ServeHTTP(bufferedWriter{w, b}, r)
		_ = b.Flush() // the client has gone: there is nobody to tell
	})
}

// bufferedWriter has the methods by which an encoder of metrics tells that it need not bring a buffer of its own.
type bufferedWriter struct {
	http.ResponseWriter
	*bufio.Writer
}

// Write implements io.Writer.
func (w bufferedWriter) Write(p []byte) (int, error) { return w.Writer.Write(p) }

// Unwrap implements what http.ResponseController looks for.
func (w bufferedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
