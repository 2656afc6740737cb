// Package app wires the parts: it turns a config into a running exporter and shuts that down in order.
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

	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/web"
)

// Name is the name of the program.
const Name = "innius_exporter"

// stopWithin bounds how long a scrape in progress may delay the shutdown.
const stopWithin = 500 * time.Millisecond

// Exporter holds the flags of the run command.
type Exporter struct {
	Source        config.Source
	Demo          bool
	StoragePath   string // empty: $STATE_DIRECTORY, and without that no state is saved
	TelemetryPath string
	Pprof         bool
	Lifecycle     bool // the config may be reloaded by a request
	Web           *toolkit.FlagConfig

	dial      dialFunc
	saveEvery time.Duration // how often the state is written; 0: state.Interval
	warned    sync.Map      // account and warning, of the warnings that were logged
}

// Run polls and serves until ctx ends or the server fails; then it stops both and waits for them.
func (e *Exporter) Run(ctx context.Context, logger *slog.Logger) error {
	if err := web.CheckMetricsPath(e.TelemetryPath); err != nil {
		return fmt.Errorf("--web.telemetry-path %q: %w", e.TelemetryPath, err)
	}
	if err := e.checkWebConfig(); err != nil {
		return err
	}
	logger.Info("Starting "+Name, "version", version.Info(), "build", version.BuildContext())
	hangup, ignoreHangups := hangups()
	defer ignoreHangups()
	load, stopDemo, err := e.loader(ctx, logger)
	if err != nil {
		return err
	}
	defer stopDemo()
	p := &process{Exporter: e, log: logger, systemd: newSystemd(logger), registry: prometheus.NewRegistry()}
	if err := p.load(load); err != nil {
		return err
	}
	defer p.storage.close()
	return p.run(ctx, hangup)
}

// process is what one run of the exporter consists of.
type process struct {
	*Exporter
	log      *slog.Logger
	systemd  *systemd
	registry *prometheus.Registry
	counters *poller.Counters
	storage  *storage
	live     *reloadable
	reloader *reloader
}

// load loads the config and makes what depends on it.
func (p *process) load(load func() (*config.Config, error)) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	p.counters = &poller.Counters{}
	opts, err := p.options(cfg, p.counters, p.log)
	if err != nil {
		return err
	}
	if p.storage, err = p.openStorage(&opts, p.log); err != nil {
		return err
	}
	p.live = newReloadable(poller.New(opts))
	p.reloader = newReloader(cfg, p.live, p.systemd, p.log)
	p.reloader.load = load
	p.reloader.options = func(cfg *config.Config) (poller.Options, error) { return p.options(cfg, p.counters, p.log) }
	return nil
}

// run polls and serves, and saves the state.
func (p *process) run(ctx context.Context, hangup <-chan os.Signal) (err error) {
	register(p.registry, p.reloader)
	p.storage.run(p.live, p.registry, func() { err = p.pollAndServe(ctx, hangup) })
	return err
}

// pollAndServe starts all loops and the server, and returns when they have ended.
func (p *process) pollAndServe(ctx context.Context, hangup <-chan os.Signal) error {
	server, err := p.server()
	if err != nil {
		return err
	}
	listening := whenListening(server)
	polling, stopPolling := context.WithCancel(ctx)
	var loops sync.WaitGroup
	loops.Go(func() { p.live.run(polling, listening) }) // only then: a start that fails must not cost a request
	loops.Go(func() { p.systemd.run(polling, listening, p.live.Stuck) })
	loops.Go(func() { p.reloader.onHangup(polling, hangup) })
	loops.Go(func() { p.watchWebConfig(polling, p.checkWebConfig) })
	err = p.serve(ctx, server)
	stopPolling()
	loops.Wait()
	return err
}

// server returns the server of all pages.
func (p *process) server() (*http.Server, error) {
	opts := web.Options{
		Source: p.live, Config: p.reloader.yaml, Gatherer: gatherer(p.registry, p.live), Registry: p.registry,
		MetricsPath: p.TelemetryPath, Version: version.Version, Pprof: p.Pprof, Logger: p.log,
	}
	if p.Lifecycle {
		opts.Reload = p.reloader.Reload
	}
	handler, err := web.Handler(opts)
	if err != nil {
		return nil, err
	}
	return web.NewServer(handler, p.log), nil
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

// serve serves until ctx ends. Scrapes in progress then have stopWithin to finish.
func (p *process) serve(ctx context.Context, server *http.Server) error {
	served := make(chan error, 1)
	go func() { served <- toolkit.ListenAndServe(server, p.Web, p.log) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.log.Info("Stopping")
	p.systemd.stopping()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// loader returns the function that loads the config, which for the demo is always that of its simulated API, and one that
// stops that API.
func (e *Exporter) loader(ctx context.Context, logger *slog.Logger) (func() (*config.Config, error), func(), error) {
	if !e.Demo {
		return func() (*config.Config, error) { return e.Source.Load(os.Getenv) }, func() {}, nil
	}
	if e.Source != (config.Source{}) {
		return nil, nil, errDemoConfig
	}
	cfg, stop, err := demoConfig(ctx, logger)
	return func() (*config.Config, error) { return cfg, nil }, stop, err
}
