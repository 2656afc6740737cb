package poller_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/web"
)

// BenchmarkScrape is one scrape over HTTP, client and server together, of everything that the exporter exposes. The usual
// design makes const metrics in each Collect and packs them by promhttp; the encoder's has all families already there, and
// is the best that any design can reach as long as promhttp encodes; the floor has the bytes already there. Those two are
// packed by the compressor that we use. Run with -cpu 1; `make bench` does.
func BenchmarkScrape(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			p := poller.Loaded(b, sensors, 1)
			ours := ourDesign(b, p)
			for _, d := range []struct {
				name    string
				handler http.Handler
			}{{"usual", usualDesign(b, p)}, {"ours", ours}, {"encoder", encoder(b, p)}, {"floor", floor(b, ours)}} {
				for _, encoding := range []string{"identity", "gzip"} {
					b.Run("encoding="+encoding+"/design="+d.name, func(b *testing.B) { scrapes(b, d.handler, encoding) })
				}
			}
		})
	}
}

// accepted is what Prometheus 3 asks for.
const accepted = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4," +
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"

// scrapes is a client that reads each answer to its end.
func scrapes(b *testing.B, h http.Handler, encoding string) {
	server := httptest.NewServer(h)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/metrics", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Accept", accepted)
	request.Header.Set("Accept-Encoding", encoding)
	b.ReportAllocs()
	var size int64
	spent := processorTime(b)
	for b.Loop() {
		answer, err := client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		size, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || (answer.Header.Get("Content-Encoding") == "gzip") != (encoding == "gzip") {
			b.Fatal(err, answer.Status, answer.Header)
		}
	}
	b.ReportMetric(float64((processorTime(b)-spent).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(size)/1e6, "MB/body")
}

// processorTime is what this process has used so far. It says what a scrape costs even while others use the machine.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// ourDesign is the exporter's own handler.
func ourDesign(b *testing.B, p *poller.Poller) http.Handler {
	return handler(b, p, poller.NewCollector(func() *poller.Poller { return p }))
}

// encoder is the exporter's own handler of families that have been gathered before.
func encoder(b *testing.B, p *poller.Poller) http.Handler {
	families, _, err := poller.NewCollector(func() *poller.Poller { return p }).Gather()
	if err != nil {
		b.Fatal(err)
	}
	return handler(b, p, there(families))
}

// there are families that are there already.
type there []*dto.MetricFamily

// Gather implements prometheus.TransactionalGatherer.
func (t there) Gather() ([]*dto.MetricFamily, func(), error) { return t, func() {}, nil }

func handler(b *testing.B, p *poller.Poller, gauges prometheus.TransactionalGatherer) http.Handler {
	registry := prometheus.NewRegistry()
	h, err := web.Handler(web.Options{
		Source: p, Config: func() string { return "" }, Registry: registry, MetricsPath: "/metrics", Logger: slog.New(slog.DiscardHandler),
		Gatherer: prometheus.NewMultiTRegistry(prometheus.ToTransactionalGatherer(registry), gauges),
	})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// usual is the design of most exporters: what is known stands in a map under a lock, and Collect makes metrics of it.
type usual struct {
	mu      sync.RWMutex
	objects map[string][]known // by what their first series is of: a sensor, a machine, an account
	all     []*prometheus.Desc
}

// known is one value with its labels.
type known struct {
	desc   *prometheus.Desc
	value  float64
	labels []string
}

func (u *usual) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range u.all {
		ch <- d
	}
}

func (u *usual) Collect(ch chan<- prometheus.Metric) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	for _, series := range u.objects {
		for _, k := range series {
			ch <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, k.value, k.labels...)
		}
	}
}

// usualDesign serves the same series as ourDesign.
func usualDesign(b *testing.B, p *poller.Poller) http.Handler {
	families, _, err := poller.NewCollector(func() *poller.Poller { return p }).Gather()
	if err != nil {
		b.Fatal(err)
	}
	u := &usual{objects: map[string][]known{}}
	for _, f := range families {
		u.add(f)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(u)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, EnableOpenMetrics: true})
}

func (u *usual) add(f *dto.MetricFamily) {
	var names []string
	for _, pair := range f.Metric[0].Label {
		names = append(names, pair.GetName())
	}
	desc := prometheus.NewDesc(f.GetName(), f.GetHelp(), names, nil)
	u.all = append(u.all, desc)
	for _, m := range f.Metric {
		k := known{desc: desc, value: m.GetGauge().GetValue()}
		object := ""
		for _, pair := range m.Label {
			k.labels = append(k.labels, pair.GetValue())
			if name := pair.GetName(); name == "company" || name == "machine" || name == "sensor" {
				object += pair.GetValue() + "/"
			}
		}
		u.objects[object] = append(u.objects[object], k)
	}
}

// floor serves what a handler serves, made before.
func floor(b *testing.B, h http.Handler) http.Handler {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
	r.Header.Set("Accept", accepted)
	h.ServeHTTP(w, r)
	pack, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		b.Fatal(err)
	}
	return pack(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", w.Header().Get("Content-Type"))
		_, _ = out.Write(w.Body.Bytes())
	}))
}
