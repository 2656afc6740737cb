package web

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector"
)

// source is a Source that says what it is told.
type source struct {
	status collector.Status
	ready  bool
	stuck  string
}

func (s *source) Status() collector.Status { return s.status }
func (s *source) Ready() bool              { return s.ready }
func (s *source) Stuck() string            { return s.stuck }

const hostile = `<script>alert("1")</script>&'`

func hostileStatus() collector.Status {
	value, age, stretched, up, at := 13270480.5, 3700.0, 2.345, true, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return collector.Status{At: at, Accounts: []collector.AccountStatus{{
		Name: "acme", Company: hostile, Up: &up, LastError: hostile, LastErrorAt: &at, PausedUntil: &at, PauseReason: "limit",
		Promises: map[collector.Promise]int{collector.PromiseStretched: 7}, Stretched: &stretched, Demand: 1234,
		Cycle: 246, Sensors: map[collector.State]int{collector.StateFresh: 1},
		Machines: []collector.MachineStatus{{
			Machine: hostile, ID: hostile, Note: hostile,
			Sensors: []collector.SensorStatus{{
				Sensor: hostile, ID: hostile, Unit: hostile, State: collector.StateFresh, Why: hostile,
				Value: &value, Timestamp: &at, Age: &age,
			}},
		}},
	}}}
}

func handler(t *testing.T, s Source, pprof bool) http.Handler {
	t.Helper()
	h, err := Handler(Options{
		Source: s, Registry: prometheus.NewRegistry(), MetricsPath: "/metrics", Version: "1.2.3", Pprof: pprof,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(t *testing.T, h http.Handler, method, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
	return w.Code, w.Body.String(), w.Header()
}

func TestPagesAnswerAsPromised(t *testing.T) {
	well, unwell := &source{ready: true}, &source{stuck: "acme"}
	for _, row := range []struct {
		name, method, path string
		source             Source
		pprof              bool
		status             int
		contains           string
	}{
		{"landing links the pages", "GET", "/", well, false, 200, `href="/metrics"`},
		{"landing shows the version", "GET", "/", well, false, 200, "1.2.3"},
		{"metrics", "GET", "/metrics", well, false, 200, "promhttp_metric_handler_errors_total"},
		{"status", "GET", "/status", well, false, 200, "innius_exporter status"},
		{"healthy", "GET", "/-/healthy", well, false, 200, "healthy"},
		{"a stuck loop is named", "GET", "/-/healthy", unwell, false, 503, `account "acme" is stuck`},
		{"ready", "GET", "/-/ready", well, false, 200, "ready"},
		{"not ready before the first discovery", "GET", "/-/ready", unwell, false, 503, "first discovery"},
		{"an unknown path", "GET", "/nowhere", well, false, 404, ""},
		{"nothing is changed by a POST", "POST", "/status", well, false, 405, ""},
		{"no profiles without the flag", "GET", "/debug/pprof/", well, false, 404, ""},
		{"profiles with it", "GET", "/debug/pprof/", well, true, 200, "goroutine"},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, body, _ := ask(t, handler(t, row.source, row.pprof), row.method, row.path)
			if status != row.status || !strings.Contains(body, row.contains) {
				t.Errorf("%s %s: status %d, want %d, with %q in:\n%s", row.method, row.path, status, row.status, row.contains, body)
			}
		})
	}
}

func TestLandingLinksProfilesOnlyWithTheirFlag(t *testing.T) {
	for _, on := range []bool{false, true} {
		if _, body, _ := ask(t, handler(t, &source{}, on), "GET", "/"); strings.Contains(body, "debug/pprof") != on {
			t.Errorf("with pprof %v the landing page is:\n%s", on, body)
		}
	}
}

func TestHostileNamesCannotInjectMarkup(t *testing.T) {
	status, body, header := ask(t, handler(t, &source{status: hostileStatus()}, false), "GET", "/status")
	if status != 200 || strings.Contains(body, "<script>alert") {
		t.Errorf("status %d, body:\n%s", status, body)
	}
	if got := strings.Count(body, "&lt;script&gt;alert"); got < 7 {
		t.Errorf("%d escaped names are shown, want each of the 7 that are given", got)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q lets a script in", csp)
	}
}

func TestStatusSaysNumbersAndAgesInWords(t *testing.T) {
	_, body, _ := ask(t, handler(t, &source{status: hostileStatus()}, false), "GET", "/status")
	for _, want := range []string{"13270480.5", "1 h 1 min", "4 min 6 s", "2026-01-02 03:04:05 UTC", "answers", "7 stretched", "2.3 times", "1234 requests"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in:\n%s", want, body)
		}
	}
}

func TestAStatusThatCannotBeEncodedIsNoSuccess(t *testing.T) {
	unsound := hostileStatus()
	unsound.Accounts[0].Demand = math.NaN()
	if status, body, _ := ask(t, handler(t, &source{status: unsound}, false), "GET", "/api/v1/status"); status != 500 || body == "" {
		t.Errorf("status %d: %q", status, body)
	}
}

func TestStatusJSONIsWhatThePageShows(t *testing.T) {
	_, body, header := ask(t, handler(t, &source{status: hostileStatus()}, false), "GET", "/api/v1/status")
	var got collector.Status
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	sensor := got.Accounts[0].Machines[0].Sensors[0]
	if sensor.Sensor != hostile || *sensor.Value != 13270480.5 || *sensor.Age != 3700 {
		t.Errorf("got %+v", sensor)
	}
	if header.Get("Content-Type") != "application/json; charset=utf-8" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", header)
	}
}

func TestAgeInWords(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0 s", 59.9: "59 s", 60: "1 min 0 s", 3599: "59 min 59 s", 3600: "1 h 0 min", 172799: "47 h 59 min", 172800: "2 days 0 h",
	} {
		if got := age(&seconds); got != want {
			t.Errorf("age of %v seconds: %q, want %q", seconds, got, want)
		}
	}
}

func TestMetricsPathMustNotTakeAnotherPage(t *testing.T) {
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

// A client that sends nothing must not hold a connection for ever.
func TestServerHasTimeoutsAgainstSlowClients(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("unbounded: %+v", s)
	}
}

// failing is a collector with one broken series beside a good one.
type failing struct{ good, bad *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.good }

func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(f.good, prometheus.GaugeValue, 1)
	ch <- prometheus.NewInvalidMetric(f.bad, context.Canceled)
}

func TestOneBadSeriesNeverCostsAScrape(t *testing.T) {
	registry, log := prometheus.NewRegistry(), new(strings.Builder)
	registry.MustRegister(failing{prometheus.NewDesc("good", "Good.", nil, nil), prometheus.NewDesc("bad", "Bad.", nil, nil)})
	h, err := Handler(Options{
		Source: &source{}, Registry: registry, MetricsPath: "/metrics", Logger: slog.New(slog.NewTextHandler(io.Writer(log), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	status, body, _ := ask(t, h, "GET", "/metrics")
	if status != 200 || !strings.Contains(body, "\ngood 1\n") {
		t.Errorf("status %d, body:\n%s", status, body)
	}
	if !strings.Contains(log.String(), "context canceled") {
		t.Errorf("the error is not logged: %s", log)
	}
	if _, body, _ := ask(t, h, "GET", "/metrics"); !strings.Contains(body, `promhttp_metric_handler_errors_total{cause="gathering"} 1`) {
		t.Errorf("the error is not counted:\n%s", body)
	}
}

// Ten thousand sensors and a hundred scrapers at once must not take the memory of a hundred scrapes.
func TestScrapesAtOnceAreBounded(t *testing.T) {
	registry, enter, leave := prometheus.NewRegistry(), make(chan struct{}), make(chan struct{})
	registry.MustRegister(slow{prometheus.NewDesc("slow", "Slow.", nil, nil), enter, leave})
	h, err := Handler(Options{Source: &source{}, Registry: registry, MetricsPath: "/metrics", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	for range scrapesAtOnce {
		go func() { status, _, _ := ask(t, h, "GET", "/metrics"); done <- status }()
		<-enter
	}
	if status, _, _ := ask(t, h, "GET", "/metrics"); status != http.StatusServiceUnavailable {
		t.Errorf("one more: status %d, want 503", status)
	}
	close(leave)
	for range scrapesAtOnce {
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

func TestAClientThatHangsUpIsNoError(t *testing.T) {
	log := new(strings.Builder)
	l := scrapeLog{slog.New(slog.NewTextHandler(log, nil))}
	l.Println("error encoding and sending metric family:", "broken pipe")
	l.Println("error gathering metrics:", "a bad series")
	if text := log.String(); strings.Contains(text, "broken pipe") || !strings.Contains(text, "level=ERROR") {
		t.Errorf("logged %s", text)
	}
}
