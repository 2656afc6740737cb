//go:build unix

package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/web"
)

// accept is what Prometheus 3 sends with scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]. With the header of its
// defaults a design that offers OpenMetrics would send other bytes than one that does not.
const accept = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"

// design is one way to serve the same content.
type design struct {
	name     string
	handler  http.Handler
	requests int // in one measurement
}

// BenchmarkScrape compares a scrape with sending the finished bytes, and with a collector that makes a const metric of each
// series. An iteration measures each design once.
func BenchmarkScrape(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		ours, n := exporter(b, loaded(b, 1, sensors)), max(2, 50_000/sensors)
		text := body(b, ours, "/metrics")
		designs := []design{{"finished", finished(b, text), n}, {"exporter", ours, n}, {"usual", usual(b, text), max(1, n/10)}}
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(fmt.Sprintf("sensors=%d/encoding=%s", sensors, encoding), func(b *testing.B) {
				compare(b, designs, "/metrics", encoding)
			})
		}
	}
}

// BenchmarkAccountScrape compares a scrape of one of 2000 accounts with one of all.
func BenchmarkAccountScrape(b *testing.B) {
	ours := exporter(b, loaded(b, 2000, 200_000))
	one := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "account=a1000"
		ours.ServeHTTP(w, r)
	})
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run("encoding="+encoding, func(b *testing.B) {
			compare(b, []design{{"one", one, 500}, {"all", ours, 1}}, "/metrics", encoding)
		})
	}
}

// BenchmarkStatus compares the status page and its JSON with sending their finished bytes.
func BenchmarkStatus(b *testing.B) {
	ours := exporter(b, loaded(b, 1, 10_000))
	for _, path := range []string{"/status?open=all", "/api/v1/status"} {
		designs := []design{{"finished", finished(b, body(b, ours, path)), 5}, {"exporter", ours, 5}}
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run("path="+path[1:]+"/encoding="+encoding, func(b *testing.B) { compare(b, designs, path, encoding) })
		}
	}
}

// compare measures the designs in turns, so that other load on the machine affects them alike, and reports medians: CPU time
// and allocated bytes of a request, client and server together, and the ratios of the CPU times of each design and the one
// before it.
func compare(b *testing.B, designs []design, path, encoding string) {
	var size int64
	clients, spent, allocated := make([]func() int64, len(designs)), make([][]float64, len(designs)), make([][]float64, len(designs))
	for i, d := range designs {
		clients[i] = client(b, d.handler, path, encoding)
	}
	for b.Loop() {
		for i, d := range designs {
			runtime.GC() // the garbage of the design before
			before, begun := memory(), processorTime(b)
			for range d.requests {
				size = clients[i]()
			}
			spent[i] = append(spent[i], (processorTime(b)-begun).Seconds()/float64(d.requests))
			allocated[i] = append(allocated[i], float64(memory().TotalAlloc-before.TotalAlloc)/float64(d.requests))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)/1e6, "MB/body")
	for i, d := range designs {
		b.ReportMetric(1e3*median(spent[i]), d.name+"-cpu-ms")
		b.ReportMetric(median(allocated[i]), d.name+"-B")
		if i > 0 {
			b.ReportMetric(median(spent[i])/median(spent[i-1]), d.name+"/"+designs[i-1].name)
		}
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// client returns a function that requests a path over loopback and returns the size of the response. Without a connection to
// write to, sending finished bytes would cost nothing.
func client(b *testing.B, h http.Handler, path, encoding string) func() int64 {
	server := httptest.NewServer(h)
	c := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	b.Cleanup(server.Close)
	b.Cleanup(c.CloseIdleConnections)
	r := newRequest(b, server.URL+path, encoding)
	r.RequestURI = ""
	return func() int64 {
		response, err := c.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		size, err := io.Copy(io.Discard, response.Body)
		packed := response.Header.Get("Content-Encoding") == "gzip"
		if err != nil || response.StatusCode != http.StatusOK || packed != (encoding == "gzip") {
			b.Fatal(err, response.Status, response.Header)
		}
		return size
	}
}

func newRequest(b *testing.B, url, encoding string) *http.Request {
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", encoding)
	return r
}

// processorTime is what this process has used so far. It shows what a request costs even while others use the machine.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func memory() (m runtime.MemStats) {
	runtime.ReadMemStats(&m)
	return m
}

// discard is a response that is not kept.
type discard struct{ header http.Header }

// Header implements http.ResponseWriter.
func (w *discard) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter.
func (w *discard) WriteHeader(int) {}

// Write implements io.Writer.
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkUpdate stores polls of random sensors while scrapes of 100,000 follow one another. An iteration is a scrape. With one
// processor, a store would measure how Go divides it.
func BenchmarkUpdate(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU()))
	p := loaded(b, 1, 100_000)
	h, machines := exporter(b, p), p.View(time.Now()).Inventory.Accounts[0].Machines
	var updates []float64 // seconds
	var updating sync.WaitGroup
	stop := make(chan struct{})
	updating.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			all := machines[rand.IntN(len(machines))].Polled
			entry, now := all[rand.IntN(len(all))].Entry, time.Now()
			page := innius.Newest{Readings: []innius.Reading{{Time: now, Value: 1}}}
			begun := time.Now()
			entry.Store(page, reading.Rule{}, true, now)
			updates = append(updates, time.Since(begun).Seconds())
		}
	})
	for b.Loop() {
		h.ServeHTTP(&discard{}, newRequest(b, "/metrics", "gzip"))
	}
	close(stop)
	updating.Wait()
	slices.Sort(updates)
	scrape, p99 := b.Elapsed().Seconds()/float64(b.N), updates[len(updates)*99/100]
	b.ReportMetric(float64(len(updates)), "updates")
	b.ReportMetric(1e6*p99, "p99-us")
	b.ReportMetric(scrape/p99, "scrape/p99")
}

// exporter returns the handler that the exporter serves.
func exporter(b *testing.B, p *poller.Poller) http.Handler {
	e := &process{
		Exporter: &Exporter{TelemetryPath: "/metrics"}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
		live: newReloadable(p), reloader: newReloader(&config.Config{}),
	}
	register(e.registry, e.reloader)
	pages, err := e.pages()
	if err != nil {
		b.Fatal(err)
	}
	return web.NewServer(pages, e.log).Handler
}

func body(b *testing.B, h http.Handler, path string) []byte {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, newRequest(b, path, "identity"))
	if w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// finished serves bytes from memory, compressed as the exporter does.
func finished(b *testing.B, body []byte) http.Handler {
	pack, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		b.Fatal(err)
	}
	return pack(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	}))
}

// constMetrics is the design of most exporters: what is known is in a map under a lock, and Collect makes metrics of it.
type constMetrics struct {
	mu      sync.RWMutex
	objects map[string][]known // by the machine and sensor that they describe
	descs   []*prometheus.Desc
}

type known struct {
	desc   *prometheus.Desc
	metric *dto.Metric
	labels []string
}

// Describe implements prometheus.Collector.
func (c *constMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *constMetrics) Collect(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, series := range c.objects {
		for _, k := range series {
			switch h := k.metric.Histogram; {
			case h != nil:
				buckets := map[float64]uint64{}
				for _, one := range h.Bucket {
					buckets[one.GetUpperBound()] = one.GetCumulativeCount()
				}
				ch <- prometheus.MustNewConstHistogram(k.desc, h.GetSampleCount(), h.GetSampleSum(), buckets, k.labels...)
			case k.metric.Counter != nil:
				ch <- prometheus.MustNewConstMetric(k.desc, prometheus.CounterValue, k.metric.Counter.GetValue(), k.labels...)
			default:
				ch <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, k.metric.Gauge.GetValue(), k.labels...)
			}
		}
	}
}

// usual serves the families of a text as most exporters would.
func usual(b *testing.B, text []byte) http.Handler {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	c := &constMetrics{objects: map[string][]known{}}
	for name, f := range families {
		if strings.HasPrefix(name, "innius_") {
			c.add(f)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h := promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
	if got, want := bytes.Count(body(b, h, "/metrics"), []byte("\ninnius_")), bytes.Count(text, []byte("\ninnius_")); got != want {
		b.Fatalf("the usual design has %d series, want %d", got, want)
	}
	return h
}

func (c *constMetrics) add(f *dto.MetricFamily) {
	var names []string
	for _, pair := range f.Metric[0].Label {
		names = append(names, pair.GetName())
	}
	desc := prometheus.NewDesc(f.GetName(), f.GetHelp(), names, nil)
	c.descs = append(c.descs, desc)
	for _, m := range f.Metric {
		k, object := known{desc: desc, metric: m}, ""
		for _, pair := range m.Label {
			k.labels = append(k.labels, pair.GetValue())
			if name := pair.GetName(); name == "machine" || name == "sensor" {
				object += pair.GetValue() + "/"
			}
		}
		c.objects[object] = append(c.objects[object], k)
	}
}

// loaded returns a poller, not running, with everything on defaults: accounts with machines of at most 100 sensors, ids and
// names of usual length, a learned reporting interval, and as many recent readings as are kept.
func loaded(b *testing.B, accounts, sensors int) *poller.Poller {
	now, r := time.Now(), rand.New(rand.NewPCG(1, 1))
	opts := poller.Options{Counters: &poller.Counters{}, Logger: slog.New(slog.DiscardHandler), State: &poller.State{At: now}}
	pages := map[string][]innius.Reading{}
	for i := range accounts {
		name := fmt.Sprint("a", i+1)
		opts.Accounts = append(opts.Accounts, poller.Account{Name: name, Pacer: innius.NewPacer(1000, 30), Concurrency: 4})
		account := poller.SavedAccount{
			Name: name, Company: innius.Company{ID: fmt.Sprintf("works-%d.example", i+1), Name: fmt.Sprint("Works ", i+1)},
			ListedAt: now, Discovered: true, Pacer: innius.PacerState{At: now},
		}
		for j := range sensors / accounts {
			if j%100 == 0 {
				m := innius.Machine{ID: uuid(r), Name: fmt.Sprintf("Panel Bender %03d", j/100)}
				account.Machines = append(account.Machines, poller.SavedMachine{Machine: m, ListedAt: now})
			}
			m := &account.Machines[j/100]
			s := poller.SavedSensor{Sensor: innius.Sensor{ID: uuid(r), Name: fmt.Sprint("Hydraulic pressure ", j%100), Unit: "bar"}}
			s.LastSuccess, s.PlannedGap, s.Interval = now, time.Minute, &schedule.Interval{}
			pages[s.ID] = page(r, now, s.Interval)
			m.Sensors = append(m.Sensors, s)
		}
		opts.State.Accounts = append(opts.State.Accounts, account)
	}
	p := poller.New(opts)
	for _, a := range p.View(now).Inventory.Accounts {
		for _, m := range a.Machines {
			for _, s := range m.Polled {
				s.Entry.Store(innius.Newest{Readings: pages[s.ID]}, reading.Rule{}, true, now.Add(-time.Duration(r.Int64N(1e9))))
			}
		}
	}
	return p
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

// page returns readings of a sensor with some reporting interval, and learns that interval from them.
func page(r *rand.Rand, now time.Time, interval *schedule.Interval) (readings []innius.Reading) {
	const length = 2 * reading.MaxRecent
	period, times := 5+600*r.Float64(), make([]float64, length)
	for i := range length {
		at := now.Add(time.Duration((float64(i-length) + r.Float64()/20) * period * 1e9)).Truncate(time.Millisecond)
		times[i] = float64(at.UnixNano()) / 1e9
		readings = append(readings, innius.Reading{Time: at, Value: float64(r.IntN(100_000)) / 100})
	}
	interval.Learn(float64(now.UnixNano())/1e9, times, true)
	return readings
}
