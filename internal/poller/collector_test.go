package poller_test

import (
	"innius_exporter/collector"
	"innius_exporter/internal/poller"
)

func init() {
	poller.NewCollector = func(current func() *poller.Poller) poller.Collector { return collector.New(current) }
}
