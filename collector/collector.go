// Package collector exposes what a poller knows as Prometheus metrics. It reads memory only: a scrape sends no request, does no
// I/O and holds no lock that a writer needs.
package collector

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
)

// Collector exposes a poller in two ways that give the same bytes: as a prometheus.Collector for a registry, and as a
// prometheus.TransactionalGatherer, which saves a large plant the registry's work on each series. Any number of scrapes may run
// at once.
type Collector struct {
	current  func() *poller.Poller
	families []*family // sorted by name
	byName   map[string]*family
	sorted   atomic.Pointer[sorted] // of the inventory that the latest scrape saw
	sent     sync.Pool              // of *scrape
}

var (
	_ prometheus.Collector             = (*Collector)(nil)
	_ prometheus.TransactionalGatherer = (*Collector)(nil)
)

// New returns a collector of the poller that current returns at each scrape.
func New(current func() *poller.Poller) *Collector {
	c := &Collector{current: current, families: families(), byName: map[string]*family{}}
	slices.SortFunc(c.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	for i, f := range c.families {
		f.index, f.desc = i, prometheus.NewDesc(f.name, f.help, f.labels, nil)
		c.byName[f.name] = f
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.scrape()
	for i, f := range c.families {
		for _, m := range s.filled[i].list {
			ch <- series{f.desc, m}
		}
	}
}

// series is a series for a registry.
type series struct {
	desc   *prometheus.Desc
	metric *dto.Metric
}

// Desc implements prometheus.Metric.
func (s series) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s series) Write(out *dto.Metric) error {
	out.Label, out.Gauge, out.Counter, out.Histogram = s.metric.Label, s.metric.Gauge, s.metric.Counter, s.metric.Histogram
	return nil
}

// Gather implements prometheus.TransactionalGatherer. Families and series are sorted as a registry sorts them. The result belongs
// to the caller until it calls done; a client that reads slowly delays no update and no other scrape. The error is always nil.
func (c *Collector) Gather() (families []*dto.MetricFamily, done func(), err error) {
	s := c.scrape()
	for i, f := range c.families {
		if list := s.filled[i].list; len(list) > 0 {
			families = append(families, &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: f.kind.Enum(), Metric: list})
		}
	}
	return families, sync.OnceFunc(s.release), nil
}

// order returns the sorted series of an inventory. Two scrapes at once may compute it twice.
func (c *Collector) order(of *inventory.Snapshot) *sorted {
	if o := c.sorted.Load(); o != nil && o.of == of {
		return o
	}
	o := newSorted(of)
	c.sorted.Store(o)
	return o
}
