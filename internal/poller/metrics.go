package poller

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/internal/poller/reading"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/innius"
)

// Metrics counts what happens between scrapes. It is made before the clients, which report each request to it.
// Safe for concurrent use.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	pickup   *prometheus.HistogramVec
	noNews   *prometheus.CounterVec
	skipped  *prometheus.CounterVec
	accepted sync.Map // account -> *atomic.Int64: requests that innius counted and did not refuse
}

// NewMetrics makes the counters, all without series.
func NewMetrics() *Metrics {
	return &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "innius_exporter_api_requests_total",
			Help: "Requests sent to the innius API by operation (company, machines, sensors, values) and status code " +
				"(error: no answer). Every attempt counts against the allowance.",
		}, []string{"account", "operation", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "innius_exporter_api_request_duration_seconds",
			Help:    "How long the innius API took to answer a request, without the wait for allowance.",
			Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"account", "operation"}),
		pickup: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "innius_exporter_pickup_age_seconds",
			Help:    "How old a new reading was when the exporter got it. A sensor's first reading does not count.",
			Buckets: []float64{1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400},
		}, []string{"account"}),
		noNews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "innius_exporter_refreshes_without_news_total",
			Help: "Answers about a sensor that brought no newer reading than the one held.",
		}, []string{"account"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "innius_exporter_readings_skipped_total",
			Help: "Readings that are not exposed, each counted once, by reason: number (null or not finite), text (no number), " +
				"time (unreadable), future (more than 5 min ahead of the API's clock), order (an answer older than an earlier one).",
		}, []string{"account", "reason"}),
	}
}

// vectors lists all of them.
func (m *Metrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.pickup, m.noNews, m.skipped}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, v := range m.vectors() {
		v.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, v := range m.vectors() {
		v.Collect(ch)
	}
}

// Observer returns what a client of an account reports its requests to.
func (m *Metrics) Observer(account string) func(innius.Attempt) {
	return func(a innius.Attempt) {
		operation, code := string(a.Operation), "error"
		if a.Status != 0 {
			code = strconv.Itoa(a.Status)
		}
		if counted(a.Status) {
			m.acceptedOf(account).Add(1)
		}
		m.requests.WithLabelValues(account, operation, code).Inc()
		m.duration.WithLabelValues(account, operation).Observe(a.Duration.Seconds())
	}
}

// counted reports whether innius took a request from the allowance, by the status of its answer. Assumed, for nothing is
// documented: a request that was refused costs nothing, and one without an answer may not have arrived.
func counted(status int) bool {
	return status != 0 && status != http.StatusTooManyRequests && status != http.StatusUnauthorized
}

func (m *Metrics) acceptedOf(account string) *atomic.Int64 {
	n, _ := m.accepted.LoadOrStore(account, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// forget takes the series of an account away.
func (m *Metrics) forget(account string) {
	of := prometheus.Labels{"account": account}
	for _, v := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.requests, m.duration, m.pickup, m.noNews, m.skipped} {
		v.DeletePartialMatch(of)
	}
	m.accepted.Delete(account)
}

// accountMetrics are the counters of one account.
type accountMetrics struct {
	pickup  prometheus.Observer
	noNews  prometheus.Counter
	skipped map[innius.SkipReason]prometheus.Counter

	accepted *atomic.Int64 // requests that innius counted since its loop last looked
}

// of returns the counters of an account. Those that an alert may take a rate of begin at 0 at once: a rate over a
// series that begins at 1 misses its first event.
func (m *Metrics) of(account string) accountMetrics {
	for _, op := range innius.Operations {
		for _, code := range []string{"200", strconv.Itoa(http.StatusTooManyRequests), "error"} {
			m.requests.WithLabelValues(account, string(op), code)
		}
	}
	of := accountMetrics{
		pickup:  m.pickup.WithLabelValues(account),
		noNews:  m.noNews.WithLabelValues(account),
		skipped: map[innius.SkipReason]prometheus.Counter{},

		accepted: m.acceptedOf(account),
	}
	for _, reason := range []innius.SkipReason{
		innius.SkipNumber, innius.SkipText, innius.SkipTime, innius.SkipFuture, reading.SkipOrder,
	} {
		of.skipped[reason] = m.skipped.WithLabelValues(account, string(reason))
	}
	return of
}

// count counts what an answer brought.
func (m *accountMetrics) count(n reading.PollResult) {
	switch {
	case !n.New:
		m.noNews.Inc()
	case !n.First:
		m.pickup.Observe(max(0, n.Lag.Seconds()))
	}
	for reason, count := range n.Skipped {
		m.skipped[reason].Add(float64(count))
	}
}

// seconds returns a moment as Prometheus wants it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
