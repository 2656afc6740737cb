package app

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/state"
)

// openStorage opens the directory and loads its state into opts.
func (p *process) openStorage(opts *poller.Options) (err error) {
	dir := storagePath(p.StoragePath, p.Demo)
	if dir == "" {
		if !p.Demo {
			p.log.Warn("State is not saved: a restart loses every value until it is polled again, one request per sensor and list; "+
				"set --storage.path to a directory that survives restarts", "requests_per_hour", requestsPerHour(opts.Accounts))
		}
		return nil
	}
	if p.store, opts.State, err = state.Open(dir, opts.Accounts, p.log); err != nil {
		return fmt.Errorf("--storage.path %q: %w", dir, err)
	}
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
