package innius_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/testcert"
)

// frame is one HTTP/2 frame; of those that the tests need, no payload is compressed but by the static table.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// The kinds of frames (RFC 9113, section 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagEnd, flagEndHeaders = 1, 4
)

func (f frame) write(w io.Writer) {
	head := make([]byte, 9)
	binary.BigEndian.PutUint32(head, uint32(len(f.payload))<<8|uint32(f.kind))
	head[4] = f.flags
	binary.BigEndian.PutUint32(head[5:], f.stream)
	_, _ = w.Write(append(head, f.payload...))
}

func readFrame(r io.Reader) (frame, error) {
	head := make([]byte, 9)
	if _, err := io.ReadFull(r, head); err != nil {
		return frame{}, err
	}
	f := frame{
		kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]),
		payload: make([]byte, binary.BigEndian.Uint32(head)>>8),
	}
	_, err := io.ReadFull(r, f.payload)
	return f, err
}

func uint32s(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// companyBody is what a server responds that is well.
const companyBody = `{"data":{"id":"acme"}}`

// succeed responds to a stream as an API that is well.
func (f frame) succeed(w io.Writer) {
	frame{kind: frameHeaders, flags: flagEndHeaders, stream: f.stream, payload: []byte{0x88}}.write(w) // :status 200
	frame{kind: frameData, flags: flagEnd, stream: f.stream, payload: []byte(companyBody)}.write(w)
}

// rawServer is a server that a test writes the bytes of. Every connection is served by one call.
type rawServer struct {
	net.Listener
	requests atomic.Int64
	broken   atomic.Bool
	conns    sync.WaitGroup
}

// serveRaw starts a server over TLS with a protocol, and returns a client of it.
func serveRaw(t *testing.T, protocol string, serve func(s *rawServer, conn net.Conn)) (*rawServer, *http.Client) {
	t.Helper()
	ca := testcert.NewCA(t)
	cert, key := ca.Issue(t, "raw")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l}
	transport, err := config.HTTPClient{}.Transport()
	if err != nil {
		t.Fatal(err)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: ca.Pool()}
	s.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			s.conns.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(s, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		transport.CloseIdleConnections()
		s.conns.Wait()
	})
	return s, &http.Client{Transport: transport}
}

// http2 serves a connection; while the server is broken, each request is left to breaks.
func http2(breaks func(f frame, w io.Writer)) func(*rawServer, net.Conn) {
	return func(s *rawServer, conn net.Conn) {
		r := bufio.NewReader(conn)
		if _, err := r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
			return
		}
		frame{kind: frameSettings}.write(conn)
		for {
			f, err := readFrame(r)
			switch {
			case err != nil:
				return
			case f.kind == frameSettings && f.flags == 0:
				frame{kind: frameSettings, flags: 1}.write(conn)
			case f.kind == framePing && f.flags == 0:
				frame{kind: framePing, flags: 1, payload: f.payload}.write(conn)
			case f.kind == frameHeaders:
				s.requests.Add(1)
				if s.broken.Load() {
					breaks(f, conn)
				} else {
					f.succeed(conn)
				}
			}
		}
	}
}

// http1 keeps its connections; while the server is broken, each ends at a request.
func http1(s *rawServer, conn net.Conn) {
	for r := bufio.NewReader(conn); ; {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		s.requests.Add(1)
		if s.broken.Load() {
			return
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(companyBody), companyBody)
	}
}

// net/http repeats a request by itself, silently: as often as a server reports that it did not process it, or as kept
// connections break. What reaches the server must stay within the rate limit all the same.
func TestClientRepetitionsOfTheTransportStayWithinTheRateLimit(t *testing.T) {
	const burst = 12
	for name, row := range map[string]struct {
		protocol string
		serve    func(*rawServer, net.Conn)
	}{
		"HTTP/1.1, kept connections break": {"http/1.1", http1},
		"HTTP/2, GOAWAY": {"h2", http2(func(_ frame, w io.Writer) {
			frame{kind: frameGoAway, payload: uint32s(0, 0)}.write(w)
		})},
		"HTTP/2, REFUSED_STREAM": {"h2", http2(func(f frame, w io.Writer) {
			frame{kind: frameReset, stream: f.stream, payload: uint32s(7)}.write(w)
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := serveRaw(t, row.protocol, row.serve)
			var observed atomic.Int64
			pacer := innius.NewPacer(1e-3, burst)
			c := dial(t, nil, func(o *innius.Options) {
				o.BaseURL, o.HTTPClient, o.Pacer = &url.URL{Scheme: "https", Host: server.Addr().String()}, client, pacer
				o.Observe = func(innius.Attempt) { observed.Add(1) }
			})
			at := func(n int, within time.Duration) (failed int64) {
				var failures atomic.Int64
				var all sync.WaitGroup
				for range n {
					all.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), within)
						defer cancel()
						if _, err := c.Company(ctx); err != nil {
							failures.Add(1)
						}
					})
				}
				all.Wait()
				return failures.Load()
			}
			want(t, "failures of the healthy server", at(4, time.Minute), 0)
			server.broken.Store(true)
			at(8, 3*time.Second)
			t.Logf("%d requests arrived, %d were observed, of %d permitted", server.requests.Load(), observed.Load(), burst)
			if server.requests.Load() > burst || observed.Load() < server.requests.Load() {
				t.Errorf("%d requests arrived and %d were observed, of %d permitted", server.requests.Load(), observed.Load(), burst)
			}
			if owed := -pacer.State(time.Now()).Tokens; owed > 0.001 {
				t.Errorf("%v requests are owed: polling would not resume", owed)
			}
			server.broken.Store(false)
			pacer.SetRate(3.6e6, burst)
			want(t, "failures after the recovery", at(4, time.Minute), 0)
		})
	}
}

func TestLongHeaderIsAnUnusableResponse(t *testing.T) {
	for protocol, serve := range map[string]func(*rawServer, net.Conn){
		"http/1.1": func(s *rawServer, conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			s.requests.Add(1)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = io.WriteString(conn, "X-Some-Field-Of-Many: v\r\n")
			}
		},
		"h2": http2(func(f frame, w io.Writer) {
			// One byte is "accept-encoding: gzip, deflate" of the static table.
			fields := append([]byte{0x88}, bytes.Repeat([]byte{0x90}, 2000)...)
			frame{kind: frameHeaders, flags: flagEndHeaders, stream: f.stream, payload: fields}.write(w)
			frame{kind: frameData, flags: flagEnd, stream: f.stream, payload: []byte(companyBody)}.write(w)
		}),
	} {
		t.Run(protocol, func(t *testing.T) {
			server, client := serveRaw(t, protocol, serve)
			server.broken.Store(true)
			c := dial(t, nil, func(o *innius.Options) {
				o.BaseURL, o.HTTPClient = &url.URL{Scheme: "https", Host: server.Addr().String()}, client
			})
			_, err := c.Company(t.Context())
			want(t, "error", err, "get the company: unexpected response: its header is too large")
			want(t, "requests", server.requests.Load(), 1)
		})
	}
}
