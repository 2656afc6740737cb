package config

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// The path of a connection goes silent: the transport must leave it soon, and not keep it until the kernel gives up.
func TestTransportLeavesASilentHTTP2Connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := testcert.NewCA(t)
		cert, key := ca.Issue(t, "api")
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		l := make(oneListener)
		server := &http.Server{
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != 2 {
					w.WriteHeader(http.StatusHTTPVersionNotSupported)
				}
			}),
		}
		var served sync.WaitGroup
		served.Go(func() { _ = server.ServeTLS(l, "", "") })
		transport, err := HTTPClient{}.Transport()
		if err != nil {
			t.Fatal(err)
		}
		transport.TLSClientConfig.RootCAs = ca.Pool()
		var connections atomic.Int32
		var silent [10]atomic.Bool // of each connection
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			l <- theirs
			return silentConn{ours, &silent[connections.Add(1)]}, nil
		}
		defer served.Wait()
		defer transport.CloseIdleConnections()
		defer func() { _ = server.Close() }()
		request := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := transport.RoundTrip(r)
			if err != nil {
				return err
			}
			if response.StatusCode != http.StatusOK {
				t.Fatal(response.Status)
			}
			return response.Body.Close()
		}
		if err := errors.Join(request(), request()); err != nil || connections.Load() != 1 {
			t.Fatalf("before: %v, over %d connections", err, connections.Load())
		}
		silent[1].Store(true)
		began, failures := time.Now(), 0
		for failures < 20 && request() != nil {
			failures++
		}
		if took := time.Since(began); took > 27*time.Second || failures > 3 || connections.Load() != 2 {
			t.Errorf("recovered after %s and %d failures, over %d connections", took, failures, connections.Load())
		}
	})
}
