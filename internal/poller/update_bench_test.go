package poller

import (
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"innius_exporter/innius"
)

// BenchmarkUpdateWhileScraped is what it takes to store an answer and to learn from it while scrapes of 100,000 sensors
// follow one another without a break. Its last percent (p99-ns) is what a lock held over Collect would spoil.
func BenchmarkUpdateWhileScraped(b *testing.B) {
	p := Loaded(b, 100_000, 1)
	c := NewCollector(func() *Poller { return p })
	var scrapes atomic.Int64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				c.discard()
				scrapes.Add(1)
			}
		}
	}()
	var took []time.Duration
	a, now := p.accounts[0], time.Now()
	for b.Loop() {
		time.Sleep(time.Millisecond) // answers come a few times a second; those of a plant as busy as can be, more often
		now = now.Add(time.Second)
		answer := innius.Newest{Readings: []innius.Reading{{Time: now, Value: 1}}}
		begun := time.Now()
		a.handleReadings(a.schedule.Next(now), answer, nil, now)
		took = append(took, time.Since(begun))
	}
	close(end)
	<-ended
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	b.ReportMetric(float64(took[len(took)-1].Nanoseconds()), "max-ns")
	b.ReportMetric(float64(scrapes.Load()), "scrapes")
}

// discard is one scrape whose client takes all it gets at once.
func (c *Collector) discard() {
	families, done, _ := c.Gather()
	defer done()
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(io.Discard, f); err != nil {
			panic(err)
		}
	}
}
