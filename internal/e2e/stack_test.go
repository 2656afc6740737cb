package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

var (
	enabled          = flag.Bool("e2e", false, "run the tests with real servers, which take minutes")
	prometheusPath   = flag.String("e2e.prometheus", "prometheus", "the Prometheus to test with")
	alertmanagerPath = flag.String("e2e.alertmanager", "prometheus-alertmanager", "the Alertmanager to test with")
)

const firstKey = "canary-key-0123456789"

// stack is the exporter with a simulated API and real servers.
type stack struct {
	*testing.T
	dir                 string
	api                 *simulator.Server
	apiURL              string
	receiver            *receiver
	exporter            *process
	address             string   // of the exporter
	prometheus, manager string   // addresses
	others              []string // addresses of other exporters that Prometheus scrapes
	prometheusVersion   string
	requestsPerHour     int
	rules               string // of the config
	flags               []string
}

// newStack starts all processes, and returns when the exporter is scraped.
func newStack(t *testing.T, plant simulator.Plant, limits simulator.Limits) *stack {
	t.Helper()
	s := newExporter(t, plant, limits, "")
	s.receiver = newReceiver(t)
	s.startAlertmanager()
	s.startPrometheus()
	return s
}

// newExporter starts the exporter with rules for sensors, or other parts of the config.
func newExporter(t *testing.T, plant simulator.Plant, limits simulator.Limits, rules string, flags ...string) *stack {
	t.Helper()
	if !*enabled {
		t.Skip("runs with -e2e only: make e2e")
	}
	s := &stack{T: t, dir: t.TempDir(), address: testport.Free(t), requestsPerHour: limits.PerHour, rules: rules, flags: flags}
	s.api = simulator.New(plant, simulator.Options{Key: firstKey, Limits: limits})
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	s.apiURL = server.URL
	s.build()
	s.writeKey(firstKey)
	s.writeConfig()
	s.startExporter()
	return s
}

func (s *stack) build() {
	s.Helper()
	build := exec.CommandContext(s.Context(), "go", "build", "-o", s.file("innius_exporter"), "../..")
	if out, err := build.CombinedOutput(); err != nil {
		s.Fatalf("build: %v\n%s", err, out)
	}
}

func (s *stack) file(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) writeKey(key string) { write(s.T, s.file("key"), key) }

// writeConfig writes a config with which each sensor is polled every few seconds. A page holds what is read again after a kill, however
// long a start takes.
func (s *stack) writeConfig() {
	s.Helper()
	write(s.T, s.file("config.yml"), fmt.Sprintf(`accounts:
  - name: acme
    url: %s
    api_key_file: key
    page_size: 200
    rate_limit: {requests_per_hour: %d, burst: 100, share: 1}
discovery: {interval: 1m}
refresh: {min_interval: 1s, silent_after: 1m}
%s`, s.apiURL, s.requestsPerHour, s.rules))
}

func (s *stack) startExporter() {
	s.Helper()
	s.exporter = launch(s.T, s.file("innius_exporter"), append(s.flags, "--config.file="+s.file("config.yml"),
		"--storage.path="+s.file("state"), "--web.listen-address="+s.address, "--web.enable-lifecycle")...)
	s.waitReady("exporter", s.address)
}

// reload requests a reload of the config, which may fail.
func (s *stack) reload() {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, "http://"+s.address+"/-/reload", http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

func (s *stack) startAlertmanager() {
	s.Helper()
	s.manager = testport.Free(s.T)
	write(s.T, s.file("alertmanager.yml"), replaceAll(s.T, read(s.T, "../../prometheus/alertmanager.yml"),
		"http://localhost:9094/", s.receiver.url, "group_wait: 30s", "group_wait: 2s", "group_interval: 5m", "group_interval: 2s"))
	launch(s.T, *alertmanagerPath, "--config.file="+s.file("alertmanager.yml"), "--storage.path="+s.file("alertmanager"),
		"--web.listen-address="+s.manager, "--cluster.listen-address=")
	s.waitReady("Alertmanager", s.manager)
}

func (s *stack) startPrometheus() {
	s.Helper()
	s.prometheus = testport.Free(s.T)
	shortenRules(s.T, s.dir)
	write(s.T, s.file("prometheus.yml"), replaceAll(s.T, read(s.T, "../../prometheus/prometheus.yml"),
		"localhost:10466", strings.Join(append([]string{s.address}, s.others...), `", "`), "localhost:9093", s.manager, "scrape_interval: 30s", "scrape_interval: 1s",
		"evaluation_interval: 30s", "evaluation_interval: 1s"))
	launch(s.T, *prometheusPath, "--config.file="+s.file("prometheus.yml"), "--storage.tsdb.path="+s.file("prometheus"),
		"--web.listen-address="+s.prometheus)
	s.waitReady("Prometheus", s.prometheus)
	waitFor(s.T, "the first scrape", func() bool { return s.count(`up{job="innius"} == 1`) > 0 })
	s.prometheusVersion = s.version()
}

func (s *stack) waitReady(name, address string) {
	s.Helper()
	waitFor(s.T, name, func() bool { _, err := get(s.T, "http://"+address+"/-/ready"); return err == nil })
}

func (s *stack) version() string {
	s.Helper()
	var info struct {
		Data struct {
			Version string `json:"version"`
		} `json:"data"`
	}
	s.getJSON("http://"+s.prometheus+"/api/v1/status/buildinfo", &info)
	return info.Data.Version
}

// getJSON decodes the JSON of a page.
func (s *stack) getJSON(address string, into any) {
	s.Helper()
	body, err := get(s.T, address)
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.Fatalf("%s: %v\n%s", address, err, body)
	}
}

// sample is an element of a query's result: now, or the last one of a range.
type sample struct {
	labels map[string]string
	value  float64
}

// series returns the label sets of a query's result: now, or with a value in the last minute whose newest is not NaN.
func (s *stack) series(expr string, instant bool) []map[string]string {
	s.Helper()
	var found []map[string]string
	for _, r := range s.query(expr, instant) {
		if !math.IsNaN(r.value) {
			found = append(found, r.labels)
		}
	}
	return found
}

func (s *stack) query(expr string, instant bool) []sample {
	s.Helper()
	address, form := "http://"+s.prometheus+"/api/v1/query", url.Values{"query": {expr}}
	if !instant {
		now := time.Now().Unix()
		address += "_range"
		form["start"], form["end"], form["step"] = []string{fmt.Sprint(now - 60)}, []string{fmt.Sprint(now)}, []string{"15"}
	}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Error != "" {
		s.Fatal(err, body.Error, expr)
	}
	var found []sample
	for _, r := range body.Data.Result {
		if len(r.Values) > 0 {
			r.Value = r.Values[len(r.Values)-1]
		}
		value, err := strconv.ParseFloat(r.Value[1].(string), 64)
		if err != nil {
			s.Fatal(err, expr)
		}
		found = append(found, sample{r.Metric, value})
	}
	return found
}

// count returns the number of series of a query's result.
func (s *stack) count(expr string) int { s.Helper(); return len(s.series(expr, true)) }

// suppressed counts the alerts that Alertmanager suppresses, by name.
func (s *stack) suppressed() map[string]int {
	s.Helper()
	var alerts []struct {
		Labels map[string]string `json:"labels"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	}
	s.getJSON("http://"+s.manager+"/api/v2/alerts", &alerts)
	held := map[string]int{}
	for _, a := range alerts {
		if a.Status.State == "suppressed" {
			held[a.Labels["alertname"]]++
		}
	}
	return held
}
