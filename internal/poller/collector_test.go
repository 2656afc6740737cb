package poller_test

import (
	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector"
	"innius_exporter/internal/poller"
)

func init() {
	poller.NewCollector = func(current func() *poller.Poller) prometheus.Collector { return collector.New(current) }
}
