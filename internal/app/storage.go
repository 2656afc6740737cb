package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/state"
)

// storage saves the state, if there is a directory for it.
type storage struct {
	store *state.Store // nil: no state is saved
	every time.Duration
	log   *slog.Logger
}

// openStorage opens the directory and loads its state into opts.
func (e *Exporter) openStorage(opts *poller.Options, logger *slog.Logger) (s *storage, err error) {
	s = &storage{every: cmp.Or(e.saveEvery, state.Interval), log: logger}
	dir := storagePath(e.StoragePath, e.Demo)
	if dir == "" {
		if !e.Demo {
			logger.Warn("State is not saved: a restart loses every value until it is polled again, one request per sensor and list; "+
				"set --storage.path to a directory that survives restarts", "requests_per_hour", requestsPerHour(opts.Accounts))
		}
		return s, nil
	}
	if s.store, opts.State, err = state.Open(dir, opts.Accounts, logger); err != nil {
		return nil, fmt.Errorf("--storage.path %q: %w", dir, err)
	}
	return s, nil
}

func requestsPerHour(accounts []poller.Account) (sum float64) {
	for _, a := range accounts {
		sum += a.Pacer.PerHour()
	}
	return sum
}

// storagePath returns the flag's directory, or the first of those that systemd made for the unit. A demo needs the flag.
func storagePath(flag string, demo bool) string {
	if flag != "" || demo {
		return flag
	}
	if directories := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(directories) > 0 {
		return directories[0]
	}
	return ""
}

// run calls work and saves the state of p before, during and after it.
func (s *storage) run(p state.Source, registry *prometheus.Registry, work func()) {
	if s.store == nil {
		work()
		return
	}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "innius_exporter_state_last_write_timestamp_seconds",
		Help: "Time of the last write of the state to --storage.path, in seconds since the epoch. " +
			"0 if it never succeeded, absent without --storage.path.",
	}, func() float64 { return float64(s.store.Written().UnixNano()) / 1e9 }))
	s.store.Run(p, s.every, work)
}

func (s *storage) close() {
	if s.store == nil {
		return
	}
	if err := s.store.Close(); err != nil {
		s.log.Error("Failed to release the state directory lock", "err", err)
	}
}
