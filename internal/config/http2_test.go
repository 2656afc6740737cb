package config

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/testcert"
)

// silentConn is a connection whose path loses everything from a moment on, in both directions, and reports nothing.
type silentConn struct {
	net.Conn
	silent *atomic.Bool
}

// Read implements net.Conn.
func (c silentConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.silent.Load() {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c silentConn) Write(p []byte) (int, error) {
	if c.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// oneListener hands out the server ends of pipes.
type oneListener chan net.Conn

func (l oneListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneListener) Close() error {
	close(l)
	return nil
}

func (oneListener) Addr() net.Addr { return &net.TCPAddr{} }

// deadPath is a client of the exporter's own transport, and its API over HTTP/2 and TLS, all inside a bubble.
type deadPath struct {
	client *innius.Client
	mu     sync.Mutex
	paths  []*atomic.Bool // of each connection, whether it is silent
}

func newDeadPath(t *testing.T) *deadPath {
	ca := testcert.NewCA(t)
	cert, key := ca.Issue(t, "api")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, p := make(oneListener), &deadPath{}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				w.WriteHeader(http.StatusHTTPVersionNotSupported)
			}
			_, _ = w.Write([]byte(`{"data":{"id":"acme"}}`))
		}),
	}
	var served sync.WaitGroup
	served.Go(func() { _ = server.ServeTLS(l, "", "") })
	transport, err := HTTPClient{}.Transport()
	if err != nil {
		t.Fatal(err)
	}
	transport.TLSClientConfig.RootCAs = ca.Pool()
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.paths = append(p.paths, new(atomic.Bool))
		l <- theirs
		return silentConn{ours, p.paths[len(p.paths)-1]}, nil
	}
	t.Cleanup(func() {
		_ = server.Close()
		served.Wait()
		transport.CloseIdleConnections()
	})
	p.client, err = innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "https", Host: "127.0.0.1"}, Pacer: innius.NewPacer(3.6e6, 1000), HTTPClient: &http.Client{Transport: transport},
		Key: func() (innius.Secret, error) { return innius.NewSecret("a-key-of-tests"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *deadPath) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.paths)
}

func TestTransportLeavesASilentHTTP2Connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newDeadPath(t)
		for range 2 {
			if _, err := p.client.Company(t.Context()); err != nil || p.connections() != 1 {
				t.Fatalf("before: %v, over %d connections", err, p.connections())
			}
		}
		p.paths[0].Store(true)
		began, failures := time.Now(), 0
		for ; failures < 20; failures++ {
			if _, err := p.client.Company(t.Context()); err == nil {
				break
			}
		}
		if took := time.Since(began); took > 27*time.Second || failures > 2 {
			t.Errorf("recovered after %s and %d failures", took, failures)
		}
		if p.connections() != 2 {
			t.Errorf("%d connections", p.connections())
		}
	})
}

func TestClientClosesIdleConnectionsOfTheTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newDeadPath(t)
		for i := range 3 {
			p.client.CloseIdleConnections()
			if _, err := p.client.Company(t.Context()); err != nil || p.connections() != i+1 {
				t.Fatalf("%v, over %d connections", err, p.connections())
			}
		}
	})
}
