package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector"
	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// source is a Source with fixed content.
type source struct {
	status status.Status
	ready  bool
	stuck  string
}

// nothing is a collector without accounts.
var nothing = collector.New(func() *poller.Poller { return poller.New(poller.Options{Logger: slog.New(slog.DiscardHandler)}) })

func (s *source) Status(status.Selection) (*status.Status, error) { return &s.status, nil }
func (s *source) Ready() bool                                     { return s.ready }
func (s *source) Stuck() string                                   { return s.stuck }

func handler(t testing.TB, s Source, pprof bool) http.Handler {
	t.Helper()
	return handlerOf(t, s, nothing, pprof)
}

func handlerOf(t testing.TB, s Source, c *collector.Collector, pprof bool) http.Handler {
	t.Helper()
	registry := prometheus.NewRegistry()
	h, err := Handler(Options{
		Source: s, Exporter: func() status.Exporter { return process }, Config: func() string { return "labels: name\n" }, Collector: c, Registry: registry, MetricsPath: "/metrics",
		Version: "1.2.3", Pprof: pprof,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func request(t *testing.T, h http.Handler, method, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
	return w.Code, w.Body.String(), w.Header()
}

func TestPagesReturnExpectedStatus(t *testing.T) {
	well, unwell := &source{ready: true}, &source{stuck: "acme"}
	for _, row := range []struct {
		name, method, path string
		source             Source
		pprof              bool
		status             int
		contains           string
	}{
		{"landing links the pages", "GET", "/", well, false, 200, `href="./metrics"`},
		{"landing shows the version", "GET", "/", well, false, 200, "1.2.3"},
		{"landing links the config", "GET", "/", well, false, 200, `href="./config"`},
		{"landing links the JSON", "GET", "/", well, false, 200, `href="./api/v1/status"`},
		{"config", "GET", "/config", well, false, 200, "labels: name"},
		{"metrics", "GET", "/metrics", well, false, 200, "promhttp_metric_handler_errors_total"},
		{"status", "GET", "/status", well, false, 200, "innius_exporter status"},
		{"healthy", "GET", "/-/healthy", well, false, 200, "healthy"},
		{"a stuck loop is named", "GET", "/-/healthy", unwell, false, 503, `account "acme" is stuck`},
		{"ready", "GET", "/-/ready", well, false, 200, "ready"},
		{"not ready before the first poll", "GET", "/-/ready", unwell, false, 503, "first poll"},
		{"an unknown path", "GET", "/nowhere", well, false, 404, ""},
		{"nothing is changed by a POST", "POST", "/status", well, false, 405, ""},
		{"no profiles without the flag", "GET", "/debug/pprof/", well, false, 404, ""},
		{"profiles with it", "GET", "/debug/pprof/", well, true, 200, "goroutine"},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, body, _ := request(t, handler(t, row.source, row.pprof), row.method, row.path)
			if status != row.status || !strings.Contains(body, row.contains) {
				t.Errorf("%s %s: status %d, want %d, with %q in:\n%s", row.method, row.path, status, row.status, row.contains, body)
			}
		})
	}
}

func TestLandingPageLinksProfilesOnlyWithFlag(t *testing.T) {
	for _, on := range []bool{false, true} {
		if _, body, _ := request(t, handler(t, &source{}, on), "GET", "/"); strings.Contains(body, "debug/pprof") != on {
			t.Errorf("with pprof %v the landing page is:\n%s", on, body)
		}
	}
}

func TestCheckMetricsPathRefusesOtherPages(t *testing.T) {
	for path, ok := range map[string]bool{
		"/metrics": true, "/probe/innius": true,
		"": false, "metrics": false, "/": false, "/status": false, "/-/healthy": false, "/a b": false, "/{x}": false, "/m?x": false,
		"//x": false, "/a/../b": false, "/m/": false, "/%zz": false, "/debug/pprof/": false, "/api/v1/status": false,
	} {
		if err := CheckMetricsPath(path); (err == nil) != ok {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

func TestNewServerHasTimeouts(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("unbounded: %+v", s)
	}
	if h2, stall := s.HTTP2.WriteByteTimeout, s.Handler.(*deadlineHandler).stall; h2 <= 0 || h2 > time.Minute || stall <= 0 || stall > time.Minute {
		t.Errorf("who reads nothing is cut off after %v, over HTTP/2 after %v", stall, h2)
	}
	if bits := 8 * 30e6 / s.Handler.(*deadlineHandler).total.Seconds(); bits < 100e3 || bits > 500e3 {
		t.Errorf("30 MB are cut off below %v bits a second", bits)
	}
}

// failing is a collector with a good and a broken series.
type failing struct{ good, bad *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.good }

func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(f.good, prometheus.GaugeValue, 1)
	ch <- prometheus.NewInvalidMetric(f.bad, context.Canceled)
}

func TestMetricsLeaveOutBadSeries(t *testing.T) {
	registry, log := prometheus.NewRegistry(), new(strings.Builder)
	registry.MustRegister(failing{prometheus.NewDesc("good", "Good.", nil, nil), prometheus.NewDesc("bad", "Bad.", nil, nil)})
	h, err := Handler(Options{
		Source: &source{}, Exporter: func() status.Exporter { return process }, Collector: nothing, Registry: registry, MetricsPath: "/metrics", Logger: slog.New(slog.NewTextHandler(io.Writer(log), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	status, body, _ := request(t, h, "GET", "/metrics")
	if status != 200 || !strings.Contains(body, "\ngood 1\n") {
		t.Errorf("status %d, body:\n%s", status, body)
	}
	if !strings.Contains(log.String(), "context canceled") {
		t.Errorf("the error is not logged: %s", log)
	}
	if _, body, _ := request(t, h, "GET", "/metrics"); !strings.Contains(body, `promhttp_metric_handler_errors_total{cause="gathering"} 1`) {
		t.Errorf("the error is not counted:\n%s", body)
	}
}

func TestMetricsAreTextWhateverIsAccepted(t *testing.T) {
	h := handler(t, &source{}, false)
	for accept, want := range map[string]string{
		"":                         "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		"text/plain;version=0.0.4": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		"application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1": "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited":                     "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); got != want || !slices.Contains(w.Header().Values("Vary"), "Accept") {
			t.Errorf("Accept %q: Content-Type %q, want %q; Vary %q", accept, got, want, w.Header().Values("Vary"))
		}
		if !strings.Contains(w.Body.String(), "\npromhttp_metric_handler_errors_total{") || strings.Contains(w.Body.String(), "# EOF") {
			t.Errorf("Accept %q: body\n%s", accept, w.Body)
		}
	}
}

func TestMetricsSelectAccountsAndFamilies(t *testing.T) {
	p := poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "acme", Pacer: innius.NewPacer(100, 3)}, {Name: "b&b", Pacer: innius.NewPacer(100, 3)}},
		Logger:   slog.New(slog.DiscardHandler), Counters: &poller.Counters{},
	})
	h := handlerOf(t, &source{}, collector.New(func() *poller.Poller { return p }), false)
	for query, want := range map[string]struct {
		status     int
		has, lacks string
	}{
		"":                                {200, `{account="acme"} `, "# EOF"},
		"?account=acme":                   {200, `innius_exporter_api_rate_limit_requests_per_hour{account="acme"} 100`, "b&b"},
		"?account=b%26b&account=acme":     {200, `{account="b&b"} `, "promhttp"},
		"?acount=acme":                    {400, `unknown parameter "acount"`, "innius_"},
		"?account=%zz":                    {400, "invalid URL escape", "innius_"},
		"?account=acme&account=nobody":    {404, `no account is named "nobody"`, "innius_"},
		"?name[]=innius_exporter_sensors": {200, "innius_exporter_sensors{", "promhttp"},
		"?name[]=promhttp_metric_handler_errors_total&name[]=other": {200, "promhttp_metric_handler_errors_total{", "innius_"},
	} {
		status, body, _ := request(t, h, "GET", "/metrics"+query)
		if status != want.status || !strings.Contains(body, want.has) || strings.Contains(body, want.lacks) {
			t.Errorf("%s: status %d, body\n%s", query, status, body)
		}
	}
}

// Ten thousand sensors and a hundred scrapers at once must not take the memory of a hundred scrapes.
func TestMetricsLimitConcurrentScrapes(t *testing.T) {
	registry, enter, leave := prometheus.NewRegistry(), make(chan struct{}), make(chan struct{})
	registry.MustRegister(slow{prometheus.NewDesc("slow", "Slow.", nil, nil), enter, leave})
	h, err := Handler(Options{Source: &source{}, Exporter: func() status.Exporter { return process }, Collector: nothing, Registry: registry, MetricsPath: "/metrics", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	for i := range maxScrapes {
		go func() { status, _, _ := request(t, from(i, h), "GET", "/metrics"); done <- status }()
		<-enter
	}
	if status, _, _ := request(t, h, "GET", "/metrics"); status != http.StatusServiceUnavailable {
		t.Errorf("one more: status %d, want 503", status)
	}
	close(leave)
	for range maxScrapes {
		if status := <-done; status != http.StatusOK {
			t.Errorf("status %d, want 200", status)
		}
	}
}

// slow is a collector that waits until it may leave.
type slow struct {
	desc         *prometheus.Desc
	enter, leave chan struct{}
}

func (s slow) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

func (s slow) Collect(ch chan<- prometheus.Metric) {
	s.enter <- struct{}{}
	<-s.leave
	ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, 1)
}

func TestScrapeLogIgnoresDisconnects(t *testing.T) {
	log := new(strings.Builder)
	l := scrapeLog{slog.New(slog.NewTextHandler(log, nil))}
	l.Println("error encoding and sending metric family:", "broken pipe")
	l.Println("error gathering metrics:", "a bad series")
	if text := log.String(); strings.Contains(text, "broken pipe") || !strings.Contains(text, "level=ERROR") {
		t.Errorf("logged %s", text)
	}
}
