package innius_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
)

// respondWith responds the same to every request. Headers are name, value, name, value.
func respondWith(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// recorder stores the requests and lets a function respond to the n-th, counted from 1.
type recorder struct {
	respond  func(w http.ResponseWriter, r *http.Request, n int)
	mu       sync.Mutex
	requests []*http.Request
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, request.Clone(request.Context()))
	n := len(r.requests)
	r.mu.Unlock()
	r.respond(w, request, n)
}

// uris are the path and query of each request.
func (r *recorder) uris() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var uris []string
	for _, request := range r.requests {
		uris = append(uris, request.RequestURI)
	}
	return uris
}

// first is the first request.
func (r *recorder) first(t *testing.T) *http.Request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		t.Fatal("nothing was requested")
	}
	return r.requests[0]
}

// recorded records, and responds with a handler.
func recorded(h http.HandlerFunc) *recorder {
	return &recorder{respond: func(w http.ResponseWriter, r *http.Request, _ int) { h(w, r) }}
}

// recording records, and responds to every request with 200 and one body.
func recording(body string) *recorder { return recorded(respondWith(http.StatusOK, body)) }

// pagesOf records, and responds to each start_key ("": none) with its own body.
func pagesOf(bodies map[string]string) *recorder {
	return &recorder{respond: func(w http.ResponseWriter, r *http.Request, _ int) {
		body, ok := bodies[r.URL.Query().Get("start_key")]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, body)
	}}
}

// twoPages serves one machine a page; the key of the second holds characters that a query must escape.
func twoPages(w http.ResponseWriter, _ *http.Request, n int) {
	body := `{"data":[{"id":"a"}],"next_key":"k/+1"}`
	if n > 1 {
		body = `{"data":[{"id":"b"}],"next_key":null}`
	}
	_, _ = io.WriteString(w, body)
}
