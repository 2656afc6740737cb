package web

import (
	"bufio"
	"net/http"
	"sync"
)

// bufferSize is how much of a response is written at once. With the 4 KiB of net/http a scrape of 100,000 sensors makes 20,000
// system calls, each with an allocation.
const bufferSize = 256 << 10

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}

// buffered gives a handler a large buffer to write into. If one such handler wraps another, as before and after a compressor
// that does not compress, full buffers pass through without a copy.
func buffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := buffers.Get().(*bufio.Writer)
		b.Reset(w)
		defer func() {
			b.Reset(nil)
			buffers.Put(b)
		}()
		h.ServeHTTP(bufferedWriter{w, b}, r)
		_ = b.Flush() // ignored: the client disconnected
	})
}

// bufferedWriter also has the methods of a bufio.Writer, so that the metrics encoder adds no buffer of its own.
type bufferedWriter struct {
	http.ResponseWriter
	*bufio.Writer
}

// Write implements io.Writer.
func (w bufferedWriter) Write(p []byte) (int, error) { return w.Writer.Write(p) }

// Unwrap lets http.ResponseController reach the connection.
func (w bufferedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
