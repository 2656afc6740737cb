package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"innius_exporter/internal/state"
	"innius_exporter/internal/web"
)

// standbyEvery is how often a standby looks whether it can take over.
const standbyEvery = 100 * time.Millisecond

// standBy waits until the directory of the state can be locked, and reports whether that took time. Meanwhile it serves what a
// standby shows. It sends no request and has no plant: what the other exporter saves last is what this one starts with. Where the
// lock cannot be seen it waits too, because two exporters would use the same rate limit. An error ends the exporter.
func (p *process) standBy(ctx context.Context, dir string) (waited bool, err error) {
	if dir == "" {
		return false, errors.New("--storage.wait needs --storage.path: the directory that it waits for")
	}
	why := state.CheckLock(dir)
	if why == nil {
		return false, nil
	}
	level := slog.LevelInfo
	if !errors.Is(why, state.ErrTaken) { // perhaps no other exporter polls
		level = slog.LevelError
	}
	p.log.Log(ctx, level, "Standing by", "directory", dir, "why", why)
	registry := prometheus.NewRegistry()
	registry.MustRegister(standbyGauge(1), versioncollector.NewCollector(Name))
	p.server.show(web.Standby(p.TelemetryPath, registry))
	waiting, stop := context.WithCancel(ctx)
	var notifying sync.WaitGroup
	notifying.Go(func() { p.systemd.run(waiting, p.server.listening, func() string { return "" }) })
	defer notifying.Wait()
	defer stop()
	for ticks := time.Tick(standbyEvery); state.CheckLock(dir) != nil; {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case err := <-p.server.failed:
			return true, err
		case <-ticks:
		}
	}
	p.log.Info("The state directory is free, taking over")
	return true, nil
}

// standbyGauge returns the metric that distinguishes a standby from the exporter that polls.
func standbyGauge(value float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "innius_exporter_standby",
		Help: "1 while another exporter has the directory of the state, so that this one waits for its end.",
	}, func() float64 { return value })
}
