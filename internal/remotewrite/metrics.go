package remotewrite

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("innius_exporter_remote_write_"+name, help, append([]string{"receiver"}, labels...), nil)
}

var (
	acceptedDesc = describe("readings_total", "Readings that the receiver accepted.")
	refusedDesc  = describe("readings_refused_total",
		"Readings that the receiver refused while it accepted others: too old for it, or sent twice after a crash.")
	droppedDesc = describe("readings_dropped_total",
		"Readings that were never accepted, because the spool was full or could not be written.")
	pendingDesc = describe("pending_readings", "Readings in the spool: not sent yet.")
	oldestDesc  = describe("pending_oldest_timestamp_seconds",
		"When the oldest reading in the spool was stored, in seconds since the epoch. Absent if the spool is empty.")
	successDesc = describe("last_success_timestamp_seconds",
		"When the receiver last accepted a request, in seconds since the epoch. Absent before the first.")
	requestsDesc = describe("requests_total",
		"Requests to the receiver, by status code of the response; error: there was none.", "code")
)

// Describe implements prometheus.Collector.
func (w *Writer) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		acceptedDesc, refusedDesc, droppedDesc, pendingDesc, oldestDesc, successDesc, requestsDesc,
	} {
		descs <- d
	}
}

// Collect implements prometheus.Collector. It waits as little as Status does.
func (w *Writer) Collect(metrics chan<- prometheus.Metric) {
	for _, s := range w.Status() {
		counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			metrics <- prometheus.MustNewConstMetric(d, kind, value, append([]string{s.Name}, labels...)...)
		}
		sendTime := func(d *prometheus.Desc, at time.Time) {
			if !at.IsZero() {
				send(d, gauge, float64(at.UnixMilli())/1e3)
			}
		}
		send(acceptedDesc, counter, float64(s.Accepted))
		send(refusedDesc, counter, float64(s.Refused))
		send(droppedDesc, counter, float64(s.Dropped))
		send(pendingDesc, gauge, float64(s.Pending))
		sendTime(oldestDesc, s.Oldest)
		sendTime(successDesc, s.LastSuccess)
		for code, n := range s.Requests {
			send(requestsDesc, counter, float64(n), code)
		}
	}
}
