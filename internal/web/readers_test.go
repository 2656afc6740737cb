package web

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// beyondBuffers is an exposition that no socket's buffers hold.
const beyondBuffers = 16 << 20

// impatient shortens how long the readers of a server may take.
func impatient(p patience) func(*http.Server) {
	return func(s *http.Server) {
		s.Handler.(*patient).patience, s.WriteTimeout = p, p.stall
	}
}

func TestClientsThatReadNothingDelayNobodyAndAreCutOff(t *testing.T) {
	s := listen(t, beyondBuffers, impatient(patience{stall: 500 * time.Millisecond, whole: time.Minute}))
	const lazy = scrapesAtOnce / 2 // of the places of one address
	for range lazy {
		s.connect(scrapeRequest)
	}
	s.awaitOpen(lazy)
	begin := time.Now()
	s.scrape()
	t.Logf("a scrape beside %d clients that read nothing took %v", lazy, time.Since(begin))
	s.awaitOpen(1) // that scrape's own
}

func TestAClientThatReadsAByteAtATimeIsCutOff(t *testing.T) {
	s := listen(t, beyondBuffers, impatient(patience{stall: 200 * time.Millisecond, whole: time.Minute}))
	conn := s.connect(scrapeRequest)
	s.awaitOpen(1)
	for deadline := time.Now().Add(10 * time.Second); s.open.Load() > 0; time.Sleep(20 * time.Millisecond) {
		if _, err := conn.Read(make([]byte, 1)); err != nil || time.Now().After(deadline) {
			t.Fatalf("it is still served (%v)", err)
		}
	}
}

// pour reads all of an answer, a little at a time.
func pour(s *socket, pause time.Duration) (int, error) {
	s.Helper()
	conn, read := s.connect("GET /metrics HTTP/1.0\r\n\r\n"), 0
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.Fatal(err)
	}
	for buffer := make([]byte, 64<<10); ; time.Sleep(pause) {
		n, err := io.ReadFull(conn, buffer)
		read += n
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// The time of all of it is a multiple of what any piece may take.
func TestASlowButHonestScrapeGetsTheWholeOfALargeAnswer(t *testing.T) {
	stall := time.Second
	s := listen(t, beyondBuffers, impatient(patience{stall: stall, whole: time.Minute}))
	begin := time.Now()
	read, err := pour(s, 10*time.Millisecond)
	if took := time.Since(begin); err != nil || read < beyondBuffers || took < 2*stall {
		t.Errorf("%d bytes in %v, %v", read, took, err)
	}
}

func TestAClientThatReadsForTooLongIsCutOff(t *testing.T) {
	s := listen(t, beyondBuffers, impatient(patience{stall: 300 * time.Millisecond, whole: 500 * time.Millisecond}))
	if read, _ := pour(s, 5*time.Millisecond); read >= beyondBuffers {
		t.Errorf("it got all %d bytes", read)
	}
}

// One write of a whole page must not be taken for one that stalls.
func TestAnAnswerWrittenAtOnceIsReadInPiecesToo(t *testing.T) {
	stall := time.Second
	s := listen(t, 0, func(s *http.Server) {
		impatient(patience{stall: stall, whole: time.Minute})(s)
		s.Handler.(*patient).next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, beyondBuffers))
		})
	})
	if read, err := pour(s, 10*time.Millisecond); err != nil || read < beyondBuffers {
		t.Errorf("%d bytes, %v", read, err)
	}
}

// Over HTTP/2 a deadline that has passed ends the stream, whatever is written then.
func TestAProfileMayTakeLongerThanTheFirstByteOfAnAnswer(t *testing.T) {
	g := guard(t, 0, impatient(patience{stall: 200 * time.Millisecond, whole: time.Minute}))
	for _, path := range []string{"/debug/pprof/trace?seconds=0.5", "/debug/pprof/profile?seconds=1"} {
		if code, body := g.ask(g.client(), http.MethodGet, path, "prometheus", "fakepassword"); code != http.StatusOK || body == "" {
			t.Errorf("%s: status %d, %d bytes", path, code, len(body))
		}
	}
}
