package web

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestServerLogHasOnlyPanicsAsErrors(t *testing.T) {
	for text, logged := range map[string]bool{
		"http: panic serving 192.0.2.1:99: ours":       true,
		"http2: panic serving 192.0.2.1:99: ours":      true,
		"http: TLS handshake error from somebody: EOF": false,
	} {
		log := new(strings.Builder)
		_, err := serverLog{slog.New(slog.NewTextHandler(log, nil))}.Write([]byte(text + "\n"))
		if err != nil || strings.Contains(log.String(), "level=ERROR") != logged || logged != strings.Contains(log.String(), "ours") {
			t.Errorf("%q: %v, logged %q", text, err, log)
		}
	}
}

// from lets a handler see another address for each number.
func from(number int, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1234", number)
		h.ServeHTTP(w, r)
	})
}

func TestLimitConcurrencyLeavesRoomForOtherAddresses(t *testing.T) {
	entered, leave, codes := make(chan struct{}, 100), make(chan struct{}), make(chan int, 100)
	h := limitConcurrency(maxScrapes, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave }))
	var asked sync.WaitGroup
	begin := func(number int) {
		asked.Go(func() { code, _, _ := request(t, from(number, h), "GET", "/"); codes <- code })
	}
	for range 2 * maxScrapes {
		begin(1)
	}
	for range maxScrapes - maxScrapes/4 {
		<-entered
	}
	for range maxScrapes + maxScrapes/4 {
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("beyond its places: status %d", code)
		}
	}
	for number := range 3 {
		begin(number + 2)
		<-entered
	}
	close(leave)
	asked.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	for range 2 * maxScrapes {
		if code, _, _ := request(t, from(1, h), "GET", "/"); code != http.StatusOK {
			t.Errorf("a place that was left is not given again: status %d", code)
		}
	}
}

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
		"a slow client, within the total":      {atOnce, 8 * time.Second, 0, true}, // more than 8 min
		"a slow client of a handler in pieces": {inPieces, 30 * time.Millisecond, 0, true},
		"a client beyond the total":            {atOnce, 12 * time.Second, 0, false},
		"a handler that pauses between writes": {afterAWhile, 0, 0, true},
		"a pause does not extend the total":    {afterAWhile, 8 * time.Second, 0, false},
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
