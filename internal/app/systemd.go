package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// systemd tells the service manager how the exporter does, where it asks for that (Type=notify, WatchdogSec=).
type systemd struct {
	send     func(state string)
	watchdog time.Duration // it wants to hear within; 0: it does not
	ending   atomic.Bool   // nothing is told after stopping
	log      *slog.Logger
}

func newSystemd(logger *slog.Logger) *systemd {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		logger.Warn("systemd's watchdog is not fed: its variables cannot be read", "err", err)
	}
	return &systemd{watchdog: watchdog, log: logger, send: func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			logger.Warn("systemd cannot be told", "state", state, "err", err)
		}
	}}
}

// run tells when the exporter listens, and feeds the watchdog until ctx ends.
func (s *systemd) run(ctx context.Context, listening <-chan struct{}, stuck func() string) {
	select {
	case <-listening:
		s.ready()
		s.feed(ctx, stuck)
	case <-ctx.Done():
	}
}

// tell tells something, unless the end has begun.
func (s *systemd) tell(state string) {
	if !s.ending.Load() {
		s.send(state)
	}
}

// ready tells that scrapes are answered, and that a reload has ended.
func (s *systemd) ready() { s.tell(daemon.SdNotifyReady) }

// reloading tells that a reload begins.
func (s *systemd) reloading() {
	s.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// stopping tells that the end begins.
func (s *systemd) stopping() {
	s.ending.Store(true)
	s.send(daemon.SdNotifyStopping)
}

// feed feeds the watchdog until ctx ends, as long as no loop is stuck. A loop that pauses until a known moment is not:
// its readings age, but a restart would change nothing about that.
func (s *systemd) feed(ctx context.Context, stuck func() string) {
	if s.watchdog <= 0 {
		return
	}
	ticker := time.NewTicker(s.watchdog / 2)
	defer ticker.Stop()
	said := ""
	for {
		account := stuck()
		if account == "" {
			s.tell(daemon.SdNotifyWatchdog)
		} else if account != said {
			s.log.Error("the loop of an account is stuck; systemd's watchdog is not fed any more", "account", account)
		}
		said = account
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
