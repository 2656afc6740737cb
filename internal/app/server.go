package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/internal/web"
)

// stopWithin bounds how long a scrape in progress may delay the shutdown.
const stopWithin = 500 * time.Millisecond

// server serves one handler after another over the same listeners: a standby that takes over refuses no connection, and systemd
// passes its sockets once.
type server struct {
	http    *http.Server
	flags   *toolkit.FlagConfig
	log     *slog.Logger
	handler atomic.Pointer[http.Handler]
	started atomic.Bool // show was called

	listening chan struct{} // closed when connections are accepted: all addresses are free and TLS is in order
	address   *url.URL      // from then on that of the first listener, as a browser on this machine reaches it
	failed    chan error    // why it does not serve; closed at the end
}

func newServer(flags *toolkit.FlagConfig, logger *slog.Logger) *server {
	s := &server{
		flags: flags, log: logger, listening: make(chan struct{}), address: &url.URL{Scheme: "http"}, failed: make(chan error, 1),
	}
	shown := func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }
	s.http = web.NewServer(http.HandlerFunc(shown), logger)
	var once sync.Once
	s.http.BaseContext = func(l net.Listener) context.Context {
		once.Do(func() { s.listens(l) })
		return context.Background()
	}
	return s
}

func (s *server) listens(l net.Listener) {
	if c := s.http.TLSConfig; c != nil && c.GetConfigForClient != nil { // set by the toolkit for TLS
		s.address.Scheme = "https"
	}
	s.address.Host = l.Addr().String()
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		s.address.Host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	close(s.listening)
}

// show serves a handler from now on.
func (s *server) show(h http.Handler) {
	if s.handler.Store(&h); s.started.Swap(true) {
		return
	}
	go func() {
		defer close(s.failed)
		switch err, failed := toolkit.ListenAndServe(s.http, s.flags, s.log), new(net.OpError); {
		case errors.Is(err, http.ErrServerClosed):
		case errors.As(err, &failed) && failed.Op == "listen":
			s.failed <- fmt.Errorf("--web.listen-address: %w", err)
		case *s.flags.WebSystemdSocket:
			s.failed <- fmt.Errorf("--web.systemd-socket: %w", err)
		default:
			s.failed <- fmt.Errorf("serve: %w", err)
		}
	}()
}

// shutDown ends what show started, and returns why that failed. Scrapes in progress have stopWithin to finish, also after the end
// of ctx.
func (s *server) shutDown(ctx context.Context) error {
	if !s.started.Load() {
		return nil
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if s.http.Shutdown(grace) != nil {
		_ = s.http.Close()
	}
	return <-s.failed
}
