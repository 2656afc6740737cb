// Package app puts the parts together: it turns a config into a running exporter and ends it in order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/collector"
	"innius_exporter/internal/config"
	"innius_exporter/internal/web"
)

// Name is the name of the program.
const Name = "innius_exporter"

// stopWithin bounds how long a scrape under way may delay the end.
const stopWithin = 500 * time.Millisecond

// Exporter is what the flags of the run command say.
type Exporter struct {
	Source        config.Source
	Demo          bool
	StoragePath   string // empty: $STATE_DIRECTORY, and without that nothing is kept
	TelemetryPath string
	Pprof         bool
	Web           *toolkit.FlagConfig
}

// Run polls and serves until ctx ends or the server fails; then it stops both and waits for them.
func (e *Exporter) Run(ctx context.Context, logger *slog.Logger) error {
	if err := web.CheckMetricsPath(e.TelemetryPath); err != nil {
		return fmt.Errorf("--web.telemetry-path %q: %w", e.TelemetryPath, err)
	}
	logger.Info("starting "+Name, "version", version.Info(), "build", version.BuildContext())
	cfg, stopDemo, err := e.config(ctx, logger)
	if err != nil {
		return err
	}
	defer stopDemo()
	registry := prometheus.NewRegistry()
	opts, err := options(cfg, logger)
	if err != nil {
		return err
	}
	storage, err := e.storage(&opts, logger)
	if err != nil {
		return err
	}
	defer storage.close()
	poller := collector.NewPoller(opts)
	register(registry, poller)
	if err := storage.begin(poller, registry); err != nil {
		return err
	}
	handler, err := web.Handler(web.Options{
		Source: poller, Config: cfg.YAML, Registry: registry, MetricsPath: e.TelemetryPath, Version: version.Version, Pprof: e.Pprof,
		Logger: logger,
	})
	if err != nil {
		return err
	}
	server := web.NewServer(handler, logger)
	listening := whenListening(server)
	polling, stopPolling := context.WithCancel(ctx)
	var loops sync.WaitGroup
	loops.Go(func() {
		select { // a start that fails must not cost a request
		case <-listening:
			poller.Run(polling)
		case <-polling.Done():
		}
	})
	loops.Go(func() { storage.run(polling, poller) })
	err = e.serve(ctx, server, logger)
	stopPolling()
	loops.Wait()
	storage.end(poller)
	return err
}

// whenListening returns a channel that is closed when the server accepts connections: all its addresses are free and its
// TLS is in order.
func whenListening(server *http.Server) <-chan struct{} {
	listening := make(chan struct{})
	first := sync.OnceFunc(func() { close(listening) })
	server.BaseContext = func(net.Listener) context.Context {
		first()
		return context.Background()
	}
	return listening
}

// serve serves until ctx ends, and then lets scrapes under way finish for a moment before it ends them.
func (e *Exporter) serve(ctx context.Context, server *http.Server, logger *slog.Logger) error {
	served := make(chan error, 1)
	go func() { served <- toolkit.ListenAndServe(server, e.Web, logger) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	logger.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // it was asked nicely
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// config returns the config in force, which for the demo is that of a simulated API; the func stops that.
func (e *Exporter) config(ctx context.Context, logger *slog.Logger) (*config.Config, func(), error) {
	if e.Demo {
		return e.demoConfig(ctx, logger)
	}
	cfg, err := e.Source.Load(os.Getenv)
	return cfg, func() {}, err
}
