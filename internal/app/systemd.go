package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// systemd notifies the service manager of the exporter's state, if the unit has Type=notify or WatchdogSec=.
type systemd struct {
	send     func(state string)
	watchdog time.Duration // interval in which it must be notified; 0: none
	ending   atomic.Bool   // nothing is sent after stopping
	log      *slog.Logger
}

func newSystemd(logger *slog.Logger) *systemd {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		logger.Warn("Failed to read the watchdog variables, systemd's watchdog is not fed", "err", err)
	}
	return &systemd{watchdog: watchdog, log: logger, send: func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			logger.Warn("sd_notify failed", "state", state, "err", err)
		}
	}}
}

// run reports when the exporter listens, and feeds the watchdog until ctx ends.
func (s *systemd) run(ctx context.Context, listening <-chan struct{}, stuck func() string) {
	select {
	case <-listening:
		s.ready()
		s.feed(ctx, stuck)
	case <-ctx.Done():
	}
}

// notify sends a state, unless the exporter is stopping.
func (s *systemd) notify(state string) {
	if !s.ending.Load() {
		s.send(state)
	}
}

// ready reports that scrapes are served, or that a reload has ended.
func (s *systemd) ready() { s.notify(daemon.SdNotifyReady) }

// reloading reports that a reload begins.
func (s *systemd) reloading() {
	s.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// stopping reports that the exporter is stopping.
func (s *systemd) stopping() {
	s.ending.Store(true)
	s.send(daemon.SdNotifyStopping)
}

// feed feeds the watchdog until ctx ends, as long as no poller is stuck. One that pauses until a known time is not stuck: a
// restart would not help.
func (s *systemd) feed(ctx context.Context, stuck func() string) {
	if s.watchdog <= 0 {
		return
	}
	ticks := time.Tick(s.watchdog / 2)
	reported := ""
	for {
		account := stuck()
		if account == "" {
			s.notify(daemon.SdNotifyWatchdog)
		} else if account != reported {
			s.log.Error("Poller is stuck, systemd's watchdog is no longer fed", "account", account)
		}
		reported = account
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}
