// Package collector exposes what a poller knows as Prometheus metrics. It reads memory only: a scrape sends no request, does no
// I/O but that of its writer, and holds no lock that a writer of the cache needs.
package collector

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// Collector exposes a poller in two ways that give the same bytes, from one declaration of the families: as a stream of the text
// format, and as a prometheus.Collector for a registry. Any number of scrapes may run at once.
type Collector struct {
	current  func() *poller.Poller
	families []*family // sorted by name
	orders   orders
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector of the poller that current returns at each scrape.
func New(current func() *poller.Poller) *Collector {
	c := &Collector{current: current, families: families()}
	slices.SortFunc(c.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	for _, f := range c.families {
		f.desc = prometheus.NewDesc(f.name, f.help, f.labels, nil)
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
	s, _ := c.scrape(nil) // no name can be unknown
	c.write(s, nil, &output{metrics: ch})
}

// WriteText writes the metrics in the text format of Prometheus, family by family, in the order of a registry. Versions 0.0.4 and
// 1.0.0 of the format do not differ in what is written here. If accounts or names are not empty, it writes only the series of
// these accounts, and only the families with these names.
//
// The series of machines and sensors show one moment: a slow writer gets what was true when the scrape began. A scrape takes some
// 13 bytes per sensor (200 more once the wall clock has been set), 4 kB per account and 100 kB, keeps the cache entries of that
// moment in memory, and delays nothing. The error is an UnknownAccountError, before anything is written, or the writer's.
func (c *Collector) WriteText(w io.Writer, accounts, names []string) error {
	s, err := c.scrape(accounts)
	if err != nil {
		return err
	}
	out := &output{w: w, buf: make([]byte, 0, chunk+room)}
	c.write(s, names, out)
	out.flush()
	return out.err
}

// scrape begins a scrape of the accounts with these names, of all if there are none.
func (c *Collector) scrape(names []string) (*scrape, error) {
	v := c.current().View(innius.Now(), names...)
	for _, name := range names {
		if !slices.ContainsFunc(v.Accounts, func(a *poller.AccountView) bool { return a != nil && a.Name == name }) {
			return nil, UnknownAccountError(name)
		}
	}
	return newScrape(v, c.orders.of(v, names)), nil
}

func (c *Collector) write(s *scrape, names []string, out *output) {
	for _, out.family = range c.families {
		if len(names) == 0 || slices.Contains(names, out.family.name) {
			out.family.collect(s, out)
		}
	}
}

// UnknownAccountError is the name of an account that does not exist.
type UnknownAccountError string

// Error implements error.
func (e UnknownAccountError) Error() string { return fmt.Sprintf("no account is named %q", string(e)) }
