package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"innius_exporter/internal/state"
	"innius_exporter/internal/web"
)

// standbyEvery is how often a standby looks whether it can take over.
const standbyEvery = 100 * time.Millisecond

// standBy serves what a standby shows until no other exporter has the directory of the state, or ctx ends. It sends no request and
// has no plant: what the other exporter saves last is what this one starts with.
func (p *process) standBy(ctx context.Context, dir string) error {
	p.log.Info("Standing by: another exporter uses the state directory", "directory", dir)
	registry := prometheus.NewRegistry()
	registry.MustRegister(standbyGauge(1), versioncollector.NewCollector(Name))
	server := web.NewServer(web.Standby(p.TelemetryPath, registry), p.log)
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var loops sync.WaitGroup
	listening, _ := whenListening(server)
	loops.Go(func() { p.systemd.run(waiting, listening, func() string { return "" }) })
	loops.Go(func() {
		defer stop()
		for ticks := time.Tick(standbyEvery); state.Taken(dir); {
			select {
			case <-waiting.Done():
				return
			case <-ticks:
			}
		}
	})
	err := p.serve(waiting, server)
	stop()
	loops.Wait()
	if err != nil {
		return err
	}
	return ctx.Err()
}

// standbyGauge returns the metric that distinguishes a standby from the exporter that polls.
func standbyGauge(value float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "innius_exporter_standby",
		Help: "1 while another exporter has the directory of the state, so that this one waits for its end.",
	}, func() float64 { return value })
}
