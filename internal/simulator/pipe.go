package simulator

import (
	"context"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Pipe serves a handler with a real net/http server over net.Pipe, and returns a client whose every connection leads to
// it, whatever host the URL (http://) names. It needs no socket, so it works inside a testing/synctest bubble. closeAll
// ends all connections and returns when the server, its handlers and its connections are done.
func Pipe(h http.Handler) (client *http.Client, closeAll func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{}), ends: map[*clientEnd]struct{}{}}
	guarded := &guard{handler: h}
	server := &http.Server{Handler: guarded, ErrorLog: log.New(io.Discard, "", 0)}
	transport := &http.Transport{DialContext: l.dial}
	served := make(chan struct{})
	go func() { // waited for by closeAll
		defer close(served)
		_ = server.Serve(l)
	}()
	return &http.Client{Transport: transport}, sync.OnceFunc(func() {
		_ = server.Close()
		<-served
		guarded.wait()
		l.closeConns()
		transport.CloseIdleConnections()
	})
}

// pipeListener hands the server ends of pipes to the server.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	ends  map[*clientEnd]struct{} // the open ends of the client
}

var errPipeClosed = errors.New("the simulator was closed")

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	end := l.track(client) // before the server has it: closeConns must not miss it
	select {
	case l.conns <- server:
		return end, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), end.Close())
	case <-l.done:
		return nil, errors.Join(errPipeClosed, end.Close())
	}
}

// clientEnd is a client's end of a pipe, tracked until it is closed.
type clientEnd struct {
	net.Conn
	listener *pipeListener
}

func (l *pipeListener) track(conn net.Conn) net.Conn {
	end := &clientEnd{Conn: conn, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[end] = struct{}{}
	return end
}

// Close implements net.Conn.
func (e *clientEnd) Close() error {
	e.listener.mu.Lock()
	delete(e.listener.ends, e)
	e.listener.mu.Unlock()
	return e.Conn.Close()
}

// closeConns closes what http.Server.Close may miss: a connection that was accepted at the same moment.
func (l *pipeListener) closeConns() {
	l.mu.Lock()
	ends := slices.Collect(maps.Keys(l.ends))
	l.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "simulator" }

// guard counts running handlers: http.Server.Close does not wait for them.
type guard struct {
	handler http.Handler
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		panic(http.ErrAbortHandler)
	}
	defer g.running.Done()
	g.handler.ServeHTTP(w, r)
}

func (g *guard) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Add(1)
	}
	return !g.closed
}

func (g *guard) wait() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
