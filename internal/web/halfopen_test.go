package web

import (
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"
)

func hasty(s *http.Server) {
	s.ReadHeaderTimeout, s.IdleTimeout = 100*time.Millisecond, 100*time.Millisecond
}

func TestHalfOpenConnectionsAreCutOff(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":                  "",
		"half a request line":      "GET /met",
		"half a header":            "GET /metrics HTTP/1.1\r\nHost: exporter\r\nAccept: text",
		"all but the last newline": "GET /metrics HTTP/1.1\r\nHost: exporter\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, 0, hasty)
			s.connect(sent)
			s.awaitOpen(1)
			s.scrape()
			s.awaitOpen(0) // also that scrape's own
		})
	}
}

func TestHeadersAByteAtATimeAreCutOff(t *testing.T) {
	s := listen(t, 0, hasty)
	conn := s.connect("GET /metrics HTTP/1.1\r\nHost: exporter\r\nX: ")
	s.awaitOpen(1)
	for deadline := time.Now().Add(5 * time.Second); s.open.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if _, err := conn.Write([]byte("x")); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it may go on sending")
		}
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	s := listen(t, 0, hasty)
	conn := s.connect(scrapeRequest)
	if code, _ := s.answer(conn); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // net returns it bare
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// A thousand costs what one scrape costs: there is no bound on their number that an attacker could use up.
func TestAThousandIdleConnectionsAreCheap(t *testing.T) {
	const count, most = 1000, 32 << 10 // bytes for each, the test's own end included
	s := listen(t, 0, nil)
	before := inUse()
	for range count {
		s.answer(s.connect(scrapeRequest))
	}
	s.awaitOpen(count)
	each := (inUse() - before) / count
	t.Logf("%d bytes for each idle connection", each)
	if each > most {
		t.Errorf("each takes %d bytes, want at most %d", each, most)
	}
	s.scrape()
}

// inUse is the memory of live objects and stacks.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
