package remotewrite

import (
	"bytes"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

func TestWriterMetricsAreThoseOfEachReceiver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		_, central := startFake(t, "central")
		failing, other := startFake(t, "other")
		failing.unless(401, "", always)
		p := newPlant(t, central, other)
		time.Sleep(time.Second) // the spools were read when they were empty
		p.poll("A", 3)
		time.Sleep(time.Minute)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(p)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		for _, f := range families {
			f.Help = nil
			if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
				t.Fatal(err)
			}
		}
		if got := text.String(); got != exposed {
			t.Errorf("got\n%s", got)
		}
	})
}

const exposed = `# TYPE innius_exporter_remote_write_last_success_timestamp_seconds gauge
innius_exporter_remote_write_last_success_timestamp_seconds{receiver="central"} 1.893499205e+09
# TYPE innius_exporter_remote_write_pending_oldest_timestamp_seconds gauge
innius_exporter_remote_write_pending_oldest_timestamp_seconds{receiver="other"} 1.893499201e+09
# TYPE innius_exporter_remote_write_pending_readings gauge
innius_exporter_remote_write_pending_readings{receiver="central"} 0
innius_exporter_remote_write_pending_readings{receiver="other"} 3
# TYPE innius_exporter_remote_write_readings_dropped_total counter
innius_exporter_remote_write_readings_dropped_total{receiver="central"} 0
innius_exporter_remote_write_readings_dropped_total{receiver="other"} 0
# TYPE innius_exporter_remote_write_readings_refused_total counter
innius_exporter_remote_write_readings_refused_total{receiver="central"} 0
innius_exporter_remote_write_readings_refused_total{receiver="other"} 0
# TYPE innius_exporter_remote_write_readings_total counter
innius_exporter_remote_write_readings_total{receiver="central"} 3
innius_exporter_remote_write_readings_total{receiver="other"} 0
# TYPE innius_exporter_remote_write_requests_total counter
innius_exporter_remote_write_requests_total{code="204",receiver="central"} 1
innius_exporter_remote_write_requests_total{code="401",receiver="other"} 4
`
