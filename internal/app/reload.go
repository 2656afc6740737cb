package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// reloader reloads the config and puts it in force. A config that cannot be used changes nothing.
type reloader struct {
	read    func() (*config.Config, poller.Options, error)
	live    *reloadable
	systemd *systemd
	log     *slog.Logger

	mu         sync.Mutex // one reload at a time
	inForce    atomic.Pointer[config.Config]
	loadedAt   atomic.Pointer[time.Time] // inForce
	failed     atomic.Pointer[refusal]   // of the latest reload; nil: it succeeded
	successful prometheus.Gauge
	at         prometheus.Gauge
}

// refusal is why a reload failed.
type refusal struct {
	at  time.Time
	err error
}

// newReloader returns the reloader of an exporter that has just loaded its first config. The other fields are to be set.
func newReloader(first *config.Config) *reloader {
	r := &reloader{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "innius_exporter_config_last_reload_successful", Help: "Whether the last load of the config succeeded.",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "innius_exporter_config_last_reload_success_timestamp_seconds",
			Help: "When the config in force was loaded, in seconds since the epoch.",
		}),
	}
	r.loaded(first)
	return r
}

// loaded records that a config is in force.
func (r *reloader) loaded(cfg *config.Config) {
	now := time.Now()
	r.inForce.Store(cfg)
	r.loadedAt.Store(&now)
	r.failed.Store(nil)
	r.successful.Set(1)
	r.at.Set(float64(now.UnixNano()) / 1e9)
}

// yaml returns the config in force, without secrets.
func (r *reloader) yaml() string { return r.inForce.Load().YAML() }

// Reload loads the config and returns when that is in force. After an error everything is as before.
func (r *reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.systemd.reloading()
	defer r.systemd.ready()
	cfg, opts, err := r.read()
	if err == nil {
		err = r.live.replace(opts)
	}
	if errors.Is(err, errStopping) {
		return err // not a fault of the config
	}
	if err != nil {
		r.successful.Set(0)
		r.failed.Store(&refusal{time.Now(), err})
		for line := range strings.SplitSeq(err.Error(), "\n") {
			r.log.Error("Reload failed, keeping the previous config", "err", line)
		}
		return err
	}
	before := r.inForce.Load()
	r.loaded(cfg)
	r.log.Info("Reloaded config", "accounts", len(cfg.Accounts), "added", names(cfg, before), "removed", names(before, cfg))
	return nil
}

// names returns the names of the accounts of one config that another does not have.
func names(of, without *config.Config) []string {
	found := []string{}
	for _, a := range of.Accounts {
		if !slices.ContainsFunc(without.Accounts, func(b config.Account) bool { return b.Name == a.Name }) {
			found = append(found, a.Name)
		}
	}
	return found
}

// onHangup reloads at each SIGHUP until ctx ends. Signals during a reload cause one more.
func (r *reloader) onHangup(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_ = r.Reload() // logs its error
		}
	}
}

// reloadable is the poller in force, which a reload replaces while everything else continues. It is safe for concurrent use.
type reloadable struct {
	current atomic.Pointer[poller.Poller]
	ready   atomic.Bool
	next    chan swap
	ended   chan struct{} // closed when run has returned

	receivers func() []status.Receiver // of remote write
}

// swap requests a poller with other options; done is closed when that is in force.
type swap struct {
	opts poller.Options
	done chan struct{}
}

func newReloadable(first *poller.Poller) *reloadable {
	l := &reloadable{next: make(chan swap), ended: make(chan struct{}), receivers: func() []status.Receiver { return nil }}
	l.current.Store(first)
	return l
}

// poller returns the one in force.
func (l *reloadable) poller() *poller.Poller { return l.current.Load() }

// run polls from begin on until ctx ends, and returns when no request is in flight. It is called once.
func (l *reloadable) run(ctx context.Context, begin <-chan struct{}) {
	defer close(l.ended)
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	for l.runOne(ctx) {
	}
}

// runOne runs the poller in force until another is requested or ctx ends, and reports whether another was.
func (l *reloadable) runOne(ctx context.Context) bool {
	polling, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.poller().Run(polling)
	}()
	select {
	case <-ctx.Done():
		<-stopped
		return false
	case s := <-l.next:
		stop()
		<-stopped
		l.current.Store(l.poller().HandOver(s.opts))
		close(s.done)
		return true
	}
}

var errStopping = errors.New("the exporter is stopping")

// replace puts a poller with other options in force. It returns an error only if the exporter ends first.
func (l *reloadable) replace(opts poller.Options) error {
	s := swap{opts: opts, done: make(chan struct{})}
	select {
	case l.next <- s:
		<-s.done
		return nil
	case <-l.ended:
		return errStopping
	}
}

// Status implements web.Source.
func (l *reloadable) Status(sel status.Selection) (*status.Status, error) {
	s, err := status.Of(l.poller(), sel)
	s.Receivers = l.receivers()
	return s, err
}

// Ready implements web.Source. Once true it stays true: an account that a reload has added makes no exporter unready.
func (l *reloadable) Ready() bool {
	if !l.ready.Load() && l.poller().Ready() {
		l.ready.Store(true)
	}
	return l.ready.Load()
}

// Stuck implements web.Source.
func (l *reloadable) Stuck() string { return l.poller().Stuck() }

// Save implements state.Source.
func (l *reloadable) Save() poller.State { return l.poller().Save() }

// Changed implements state.Source. All pollers share the channel.
func (l *reloadable) Changed() <-chan struct{} { return l.poller().Changed() }
