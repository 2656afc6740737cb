package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
)

// reloader reloads the config and puts it in force. A config that cannot be used changes nothing.
type reloader struct {
	load    func() (*config.Config, error)
	options func(*config.Config) (poller.Options, error)
	live    *reloadable
	systemd *systemd
	log     *slog.Logger

	mu         sync.Mutex // one reload at a time
	inForce    atomic.Pointer[config.Config]
	successful prometheus.Gauge
	at         prometheus.Gauge
}

// newReloader returns the reloader of an exporter that has just loaded its first config. load and options are to be set.
func newReloader(first *config.Config, live *reloadable, systemd *systemd, logger *slog.Logger) *reloader {
	r := &reloader{live: live, systemd: systemd, log: logger}
	r.successful = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "innius_exporter_config_last_reload_successful", Help: "Whether the last load of the config succeeded.",
	})
	r.at = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "innius_exporter_config_last_reload_success_timestamp_seconds",
		Help: "When the config in force was loaded, in seconds since the epoch.",
	})
	r.loaded(first)
	return r
}

// loaded records that a config is in force.
func (r *reloader) loaded(cfg *config.Config) {
	r.inForce.Store(cfg)
	r.successful.Set(1)
	r.at.Set(float64(time.Now().UnixNano()) / 1e9)
}

// yaml returns the config in force, without secrets.
func (r *reloader) yaml() string { return r.inForce.Load().YAML() }

// Reload loads the config and returns when that is in force. After an error everything is as before.
func (r *reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.systemd.reloading()
	defer r.systemd.ready()
	cfg, err := r.apply()
	if errors.Is(err, errStopping) {
		return err // not a fault of the config
	}
	if err != nil {
		r.successful.Set(0)
		r.log.Error("Reload failed, keeping the previous config", "err", err)
		return err
	}
	before := r.inForce.Load()
	r.loaded(cfg)
	r.log.Info("Reloaded config", "accounts", len(cfg.Accounts), "added", names(cfg, before), "removed", names(before, cfg))
	return nil
}

func (r *reloader) apply() (*config.Config, error) {
	cfg, err := r.load()
	if err != nil {
		return nil, err
	}
	opts, err := r.options(cfg)
	if err != nil {
		return nil, err
	}
	return cfg, r.live.replace(opts)
}

// names returns the names of the accounts of one config that another does not have.
func names(of, without *config.Config) []string {
	others := map[string]bool{}
	for _, a := range without.Accounts {
		others[a.Name] = true
	}
	found := []string{}
	for _, a := range of.Accounts {
		if !others[a.Name] {
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

// hangups catches SIGHUP, which would end the process, until the returned function is called.
func hangups() (<-chan os.Signal, func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	return hangup, func() { signal.Stop(hangup) }
}
