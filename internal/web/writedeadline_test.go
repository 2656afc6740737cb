package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// slowClient is a connection that takes a while for each write, and ends writes at their deadline.
type slowClient struct {
	*httptest.ResponseRecorder
	perWrite, perByte time.Duration
	deadline          time.Time
}

func (c *slowClient) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

func (c *slowClient) Write(p []byte) (int, error) {
	time.Sleep(c.perWrite + time.Duration(len(p))*c.perByte)
	if time.Now().After(c.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return c.ResponseRecorder.Write(p)
}

func TestDeadlineHandlerCutsOffSlowClients(t *testing.T) {
	const size = 16 << 20
	atOnce := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }
	inPieces := func(w http.ResponseWriter, _ *http.Request) {
		for range size / 1024 {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	}
	afterAWhile := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		time.Sleep(5 * time.Minute) // as a trace
		_, _ = w.Write(make([]byte, size))
	}
	for name, c := range map[string]struct {
		handler           http.HandlerFunc
		perWrite, perByte time.Duration
		whole             bool
	}{
		"a fast client":                        {atOnce, 0, 0, true},
		"a client that reads nothing":          {atOnce, time.Hour, 0, false},
		"a client that reads a byte a second":  {inPieces, 0, time.Second, false},
		"a slow client, within the total":      {atOnce, 2 * time.Second, 0, true}, // more than 8 min
		"a slow client of a handler in pieces": {inPieces, 30 * time.Millisecond, 0, true},
		"a client beyond the total":            {atOnce, 3 * time.Second, 0, false},
		"a handler that pauses between writes": {afterAWhile, 0, 0, true},
		"a pause does not extend the total":    {afterAWhile, 2 * time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &slowClient{ResponseRecorder: httptest.NewRecorder(), perWrite: c.perWrite, perByte: c.perByte}
				h := &deadlineHandler{defaultTimeouts, c.handler}
				begin := time.Now()
				h.ServeHTTP(client, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
				if whole := client.Body.Len() >= size; whole != c.whole {
					t.Errorf("%d bytes in %v, all wanted: %t", client.Body.Len(), time.Since(begin), c.whole)
				}
			})
		})
	}
}
