package web

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

func (g *guarded) scrape2(c *http.Client) int {
	g.Helper()
	code, body := g.ask(c, http.MethodGet, "/metrics", "prometheus", "fakepassword")
	if code != http.StatusServiceUnavailable {
		wantExposition(g.T, code, body)
	}
	return code
}

func TestManyScrapesOverOneConnectionAreServedOrRefused(t *testing.T) {
	g := guard(t, 1<<20, nil)
	client := g.client()
	if code := g.scrape2(client); code != http.StatusOK {
		t.Errorf("alone: status %d", code)
	}
	var all sync.WaitGroup
	codes := make(chan int, 200)
	for range cap(codes) {
		all.Go(func() { codes <- g.scrape2(client) })
	}
	all.Wait()
	close(codes)
	got := map[int]int{}
	for code := range codes {
		got[code]++
	}
	if got[200] < scrapesAtOnce-scrapesAtOnce/4 || got[200]+got[503] != cap(codes) {
		t.Errorf("by status: %v", got)
	}
	t.Logf("by status: %v", got)
	if n := g.open.Load(); n != 1 {
		t.Errorf("over %d connections", n)
	}
}

// frames speaks HTTP/2 as no client does.
type frames struct {
	*guarded
	conn *tls.Conn
}

// speak begins a connection on which the client offers so much room for each answer.
func (g *guarded) speak(window uint32) *frames {
	g.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: g.ca.Pool(), NextProtos: []string{"h2"}}}).DialContext(g.Context(), "tcp", g.address)
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { _ = conn.Close() })
	f := &frames{g, conn.(*tls.Conn)}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		g.Fatal(err)
	}
	settings := binary.BigEndian.AppendUint32([]byte{0, 4}, window)
	if err := f.send(settings, 0, 0x4, 0); err != nil {
		g.Fatal(err)
	}
	if err := f.send(binary.BigEndian.AppendUint32(nil, 1<<31-1-65535), 0, 0x8, 0); err != nil { // of the connection
		g.Fatal(err)
	}
	return f
}

func (f *frames) send(payload []byte, stream uint32, kind, flags byte) error {
	n := len(payload)
	frame := append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, binary.BigEndian.AppendUint32(nil, stream)...)
	_, err := f.conn.Write(append(frame, payload...))
	return err
}

// scrape asks for the metrics, as the user.
func (f *frames) scrape(stream uint32) error {
	field := func(block []byte, text string) []byte { return append(append(block, byte(len(text))), text...) }
	block := []byte{0x82, 0x87} // GET, https
	block = field(append(block, 0x04), "/metrics")
	block = field(append(block, 0x01), "exporter")
	block = field(append(block, 0x0f, 0x08), "Basic cHJvbWV0aGV1czpmYWtlcGFzc3dvcmQ=") // authorization is 23
	return f.send(block, stream, 0x1, 0x5)                                             // HEADERS that end headers and stream
}

func (f *frames) reset(stream uint32) error {
	return f.send([]byte{0, 0, 0, 8}, stream, 0x3, 0)
}

func TestRapidResetsCostOthersNothing(t *testing.T) {
	g := guard(t, 1<<20, nil)
	f := g.speak(1 << 20)
	go func() { _, _ = io.Copy(io.Discard, f.conn) }()
	client, sent := g.client(), uint32(0)
	for begin := time.Now(); time.Since(begin) < time.Second && sent < 20_000; sent++ {
		if f.scrape(2*sent+1) != nil || f.reset(2*sent+1) != nil {
			break // it has had enough of us
		}
		if sent%5000 == 0 {
			g.scrape2(client)
		}
	}
	t.Logf("%d streams were reset", sent)
	g.awaitCode(http.StatusOK)
}

// With no room for an answer the stream ends, and with nothing read at all the connection.
func TestAnHTTP2ClientThatReadsNothingIsCutOff(t *testing.T) {
	short := patience{stall: time.Second, whole: time.Minute}
	t.Run("by its window", func(t *testing.T) {
		g := guard(t, 64<<10, impatient(patience{stall: 4 * time.Second, whole: time.Minute})) // more than is sent without a window
		f := g.speak(0)
		for i := range uint32(scrapesAtOnce) {
			if err := f.scrape(2*i + 1); err != nil {
				t.Fatal(err)
			}
		}
		g.awaitCode(http.StatusServiceUnavailable) // they have taken the places
		g.awaitCode(http.StatusOK)
	})
	t.Run("by its silence", func(t *testing.T) {
		g := guard(t, beyondBuffers, func(s *http.Server) { impatient(short)(s); s.HTTP2.WriteByteTimeout = short.stall })
		if err := g.speak(1<<31 - 1).scrape(1); err != nil {
			t.Fatal(err)
		}
		g.awaitOpen(1)
		g.awaitOpen(0)
	})
}

// awaitCode scrapes until that is answered so.
func (g *guarded) awaitCode(want int) {
	g.Helper()
	client := g.client()
	for deadline := time.Now().Add(10 * time.Second); g.scrape2(client) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.Fatalf("no scrape gets status %d any more", want)
		}
	}
}
