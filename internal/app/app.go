// Package app wires the parts: it turns a config into a running exporter and shuts that down in order.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/collector"
	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/remotewrite"
	"innius_exporter/internal/state"
	"innius_exporter/internal/status"
	"innius_exporter/internal/web"
)

// Name is the name of the program.
const Name = "innius_exporter"

// Exporter holds the flags of the run command.
type Exporter struct {
	Source        config.Source
	Demo          bool
	StoragePath   string // empty: $STATE_DIRECTORY, and without that no state is saved
	StorageWait   bool   // wait while another exporter has that directory
	TelemetryPath string
	Pprof         bool
	Lifecycle     bool // the config may be reloaded by a request
	Web           *toolkit.FlagConfig

	dial      dialFunc
	saveEvery time.Duration // how often the state is written; 0: state.Interval
	warned    sync.Map      // account or receiver, and warning, of those that were logged
}

// Run polls and serves until ctx ends or the server fails; then it stops both and waits for them.
func (e *Exporter) Run(ctx context.Context, logger *slog.Logger) error {
	signal.Ignore(syscall.SIGPIPE) // from a log whose reader has ended
	if err := web.CheckMetricsPath(e.TelemetryPath); err != nil {
		return fmt.Errorf("--web.telemetry-path %q: %w", e.TelemetryPath, err)
	}
	if err := e.checkWebConfig(); err != nil {
		return err
	}
	logger.Info("Starting "+Name, "version", version.Info(), "build", version.BuildContext())
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // also during the start: SIGHUP would end the process
	defer signal.Stop(hangup)
	load, stopDemo, err := e.loader(ctx, logger)
	if err != nil {
		return err
	}
	defer stopDemo()
	p := &process{Exporter: e, log: logger, systemd: newSystemd(logger), registry: prometheus.NewRegistry(), started: time.Now()}
	p.server = newServer(e.Web, logger)
	defer func() { _ = p.server.shutDown(ctx) }() // of a start that failed
	switch err := p.prepare(ctx, load); {
	case err != nil && ctx.Err() != nil:
		return nil // a standby that was not needed, or a spool that takes long to open
	case err != nil:
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if p.store != nil {
		p.store.OnTaken = func() { stop(state.ErrTaken) } // both would use the same rate limit
	}
	p.saveWhile(func() { err = p.pollAndServe(running, hangup) })
	if cause := context.Cause(running); err == nil && errors.Is(cause, state.ErrTaken) {
		err = fmt.Errorf("--storage.path: the lock was removed: %w", cause)
	}
	return err
}

// process is what one run of the exporter consists of.
type process struct {
	*Exporter
	log      *slog.Logger
	systemd  *systemd
	registry *prometheus.Registry
	server   *server
	store    *state.Store        // nil: no state is saved
	writer   *remotewrite.Writer // nil: as store
	live     *reloadable
	reloader *reloader
	started  time.Time
}

// maxReloadError bounds what the status page shows of an error, in bytes. The log has all of it.
const maxReloadError = 1000

// describe returns what the status page shows of the process.
func (p *process) describe() status.Exporter {
	s := status.Exporter{
		Version: cmp.Or(version.Version, "unstamped"), Started: p.started.UTC(), ConfigFile: p.Source.File,
		ConfigLoaded: p.reloader.loadedAt.Load().UTC(), SavesState: p.store != nil,
	}
	if failed := p.reloader.failed.Load(); failed != nil {
		all := strings.ReplaceAll(failed.err.Error(), "\n", "; ")
		s.ReloadError, s.ReloadFailed = innius.Redact(all, maxReloadError), failed.at.UTC()
	}
	if p.store != nil && p.store.Written().Unix() > 0 {
		s.StateSaved = p.store.Written().UTC()
	}
	return s
}

// prepare loads the config and makes what depends on it.
func (p *process) prepare(ctx context.Context, load func() (*config.Config, error)) error {
	counters := &poller.Counters{}
	read := func() (cfg *config.Config, opts poller.Options, err error) {
		if cfg, err = load(); err == nil {
			opts, err = p.options(cfg, counters, p.log)
		}
		return cfg, opts, err
	}
	cfg, opts, err := read()
	if err != nil {
		return err
	}
	dir := storagePath(p.StoragePath, p.Demo)
	if p.StorageWait {
		if waited, err := p.standBy(ctx, dir); err != nil {
			return err
		} else if waited {
			return p.prepare(ctx, load) // with the config as it is by then
		}
	}
	switch err := p.openStorage(dir, &opts); {
	case errors.Is(err, state.ErrTaken) && p.StorageWait: // another standby was faster
		return p.prepare(ctx, load)
	case errors.Is(err, state.ErrTaken):
		return fmt.Errorf("%w. Each exporter needs its own; --storage.wait waits for the end of the other one", err)
	case err != nil:
		return err
	}
	if err := p.setReceivers(ctx, cfg, &opts); err != nil {
		return err
	}
	p.live = newReloadable(poller.New(opts))
	p.live.receivers = p.receivers
	p.reloader = newReloader(cfg)
	p.reloader.live, p.reloader.systemd, p.reloader.log = p.live, p.systemd, p.log
	p.reloader.read = func() (*config.Config, poller.Options, error) {
		cfg, opts, err := read()
		if err == nil {
			err = p.setReceivers(ctx, cfg, &opts)
		}
		return cfg, opts, err
	}
	register(p.registry, p.reloader)
	return nil
}

// pollAndServe starts all loops and the server, and returns when they have ended.
func (p *process) pollAndServe(ctx context.Context, hangup <-chan os.Signal) error {
	pages, err := p.pages()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		p.log.Info("Stopping")
		p.systemd.stopping()
	})()
	polling, stopPolling := context.WithCancel(ctx)
	p.server.show(pages)
	var loops sync.WaitGroup
	loops.Go(func() { p.live.run(polling, p.server.listening) }) // only then: a start that fails must not cost a request
	loops.Go(func() { p.systemd.run(polling, p.server.listening, p.live.Stuck) })
	loops.Go(func() { p.reloader.onHangup(polling, hangup) })
	loops.Go(func() { p.watchWebConfig(polling, p.checkWebConfig) })
	if p.Demo {
		loops.Go(func() { p.inviteToDemo(polling) })
	}
	select {
	case err = <-p.server.failed:
	case <-ctx.Done():
		err = p.server.shutDown(ctx)
	}
	stopPolling()
	loops.Wait()
	if p.writer != nil {
		p.writer.Close()
	}
	return err
}

// pages returns the handler of all pages.
func (p *process) pages() (http.Handler, error) {
	opts := web.Options{
		Source: p.live, Exporter: p.describe, Config: p.reloader.yaml, Collector: collector.New(p.live.poller), Registry: p.registry,
		MetricsPath: p.TelemetryPath, Version: version.Version, Pprof: p.Pprof, Logger: p.log,
	}
	if p.Lifecycle {
		opts.Reload = p.reloader.Reload
	}
	return web.Handler(opts)
}

// inviteToDemo logs where to look at the demo, as the last line of its start.
func (p *process) inviteToDemo(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-p.server.listening:
	}
	for !p.live.poller().View(time.Now(), demoName).Accounts[0].Settled {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.log.Info("The demo is running, open " + p.server.address.JoinPath("status").String())
}

// openStorage opens the directory and loads its state into opts.
func (p *process) openStorage(dir string, opts *poller.Options) (err error) {
	if dir == "" {
		if !p.Demo {
			p.log.Warn("State is not saved: a restart loses every value until it is polled again, one request per sensor and list, and "+
				"may send a burst beyond the rate limit; set --storage.path to a directory that survives restarts",
				"requests_per_hour", requestsPerHour(opts.Accounts))
		}
		return nil
	}
	if p.store, opts.State, err = state.Open(dir, opts.Accounts, p.log); err != nil {
		return fmt.Errorf("--storage.path %q: %w", dir, err)
	}
	p.writer = remotewrite.New(dir, p.log)
	p.registry.MustRegister(p.writer)
	return nil
}

func requestsPerHour(accounts []poller.Account) (sum float64) {
	for _, a := range accounts {
		sum += a.Pacer.PerHour()
	}
	return sum
}

// storagePath returns the flag's directory, or the first of those that systemd made for the unit. A demo needs the flag.
func storagePath(flag string, demo bool) string {
	if directories := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); flag == "" && !demo && len(directories) > 0 {
		return directories[0]
	}
	return flag
}

// saveWhile calls work and saves the state before, during and after it, if there is a directory for it.
func (p *process) saveWhile(work func()) {
	if p.store == nil {
		work()
		return
	}
	p.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "innius_exporter_state_last_write_timestamp_seconds",
		Help: "Time of the last write of the state to --storage.path, in seconds since the epoch. " +
			"0 if it never succeeded, absent without --storage.path.",
	}, func() float64 { return float64(p.store.Written().UnixNano()) / 1e9 }))
	p.store.Run(p.live, cmp.Or(p.saveEvery, state.Interval), work)
	if err := p.store.Close(); err != nil {
		p.log.Error("Failed to release the state directory lock", "err", err)
	}
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

// checkWebConfig returns why the files of TLS and users cannot be used. It adds the flag, for the toolkit's errors do not
// always name the file.
func (e *Exporter) checkWebConfig() error {
	if err := toolkit.Validate(*e.Web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file %q: %w", *e.Web.WebConfigFile, err)
	}
	return nil
}

// webConfigInterval is how often the files are checked.
const webConfigInterval = time.Minute

// watchWebConfig logs when the files can no longer be used, and when they can again, until ctx ends. The toolkit reads them
// at each connection and request, and reports a bad certificate to the client only.
func (p *process) watchWebConfig(ctx context.Context, check func() error) {
	ticks := time.Tick(webConfigInterval)
	var reported error
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		err := check()
		switch {
		case err == nil && reported != nil:
			p.log.Info("Web config is valid again")
		case err != nil && (reported == nil || err.Error() != reported.Error()):
			p.log.Error("Web config is invalid, refusing new connections", "err", err)
		}
		reported = err
	}
}
