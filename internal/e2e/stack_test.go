package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

var (
	enabled          = flag.Bool("e2e", false, "run the tests with real servers, which take minutes")
	prometheusPath   = flag.String("e2e.prometheus", "prometheus", "the Prometheus to test with")
	alertmanagerPath = flag.String("e2e.alertmanager", "prometheus-alertmanager", "the Alertmanager to test with")
)

const firstKey = "canary-key-0123456789"

// stack is the exporter between a simulated API and real servers.
type stack struct {
	*testing.T
	dir                 string
	api                 *simulator.Server
	apiURL              string
	receiver            *receiver
	exporter            *process
	address             string // of the exporter
	prometheus, manager string // addresses
	prometheusVersion   string
	requestsPerHour     int
}

// newStack starts everything and returns when the exporter is scraped.
func newStack(t *testing.T, plant simulator.Plant, limits simulator.Limits) *stack {
	t.Helper()
	if !*enabled {
		t.Skip("runs with -e2e only: make e2e")
	}
	s := &stack{T: t, dir: t.TempDir(), receiver: newReceiver(t), address: freeAddress(t), requestsPerHour: limits.PerHour}
	s.api = simulator.New(plant, simulator.Options{Key: firstKey, Limits: limits})
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	s.apiURL = server.URL
	s.build()
	s.writeKey(firstKey)
	s.writeConfig()
	s.startExporter()
	s.startAlertmanager()
	s.startPrometheus()
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

// writeConfig writes a config whose allowance lets each sensor be asked every few seconds.
func (s *stack) writeConfig() {
	s.Helper()
	write(s.T, s.file("config.yml"), fmt.Sprintf(`accounts:
  - name: acme
    url: %s
    api_key_file: key
    page_size: 20
    rate_limit: {requests_per_hour: %d, burst: 100, share: 1}
discovery: {interval: 1m}
refresh: {min_interval: 1s}
`, s.apiURL, s.requestsPerHour))
}

func (s *stack) startExporter() {
	s.Helper()
	s.exporter = launch(s.T, s.file("innius_exporter"), "--config.file="+s.file("config.yml"), "--storage.path="+s.file("state"),
		"--web.listen-address="+s.address, "--web.enable-lifecycle")
	await(s.T, "the exporter", 20*time.Second, func() bool { _, err := get(s.T, "http://"+s.address+"/-/ready"); return err == nil })
}

func (s *stack) startAlertmanager() {
	s.Helper()
	s.manager = freeAddress(s.T)
	write(s.T, s.file("alertmanager.yml"), replaced(s.T, read(s.T, "../../prometheus/alertmanager.yml"),
		"http://localhost:9094/", s.receiver.url, "group_wait: 30s", "group_wait: 2s", "group_interval: 5m", "group_interval: 2s"))
	launch(s.T, *alertmanagerPath, "--config.file="+s.file("alertmanager.yml"), "--storage.path="+s.file("alertmanager"),
		"--web.listen-address="+s.manager, "--cluster.listen-address=")
	await(s.T, "Alertmanager", 20*time.Second, func() bool { _, err := get(s.T, "http://"+s.manager+"/-/ready"); return err == nil })
}

func (s *stack) startPrometheus() {
	s.Helper()
	s.prometheus = freeAddress(s.T)
	shortenRules(s.T, s.dir)
	write(s.T, s.file("prometheus.yml"), replaced(s.T, read(s.T, "../../prometheus/prometheus.yml"),
		"localhost:10466", s.address, "localhost:9093", s.manager, "scrape_interval: 30s", "scrape_interval: 1s",
		"evaluation_interval: 30s", "evaluation_interval: 1s"))
	launch(s.T, *prometheusPath, "--config.file="+s.file("prometheus.yml"), "--storage.tsdb.path="+s.file("prometheus"),
		"--web.listen-address="+s.prometheus)
	await(s.T, "Prometheus", 30*time.Second, func() bool { _, err := get(s.T, "http://"+s.prometheus+"/-/ready"); return err == nil })
	await(s.T, "the first scrape", 20*time.Second, func() bool { return s.query(`up{job="innius"} == 1`) > 0 })
	s.prometheusVersion = s.version()
}

func (s *stack) version() string {
	s.Helper()
	var answer struct {
		Data struct {
			Version string `json:"version"`
		} `json:"data"`
	}
	s.ask("http://"+s.prometheus+"/api/v1/status/buildinfo", &answer)
	return answer.Data.Version
}

// ask fills an answer with a page's JSON.
func (s *stack) ask(address string, answer any) {
	s.Helper()
	body, err := get(s.T, address)
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		s.Fatalf("%s: %v\n%s", address, err, body)
	}
}

// series are the label sets that a query gives now.
func (s *stack) series(expr string) []map[string]string {
	s.Helper()
	var answer struct {
		Data struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	s.ask("http://"+s.prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	if answer.Data.ResultType != "vector" {
		return []map[string]string{{}} // a scalar
	}
	var vector []struct {
		Metric map[string]string `json:"metric"`
	}
	if err := json.Unmarshal(answer.Data.Result, &vector); err != nil {
		s.Fatal(err)
	}
	found := make([]map[string]string, len(vector))
	for i, one := range vector {
		found[i] = one.Metric
	}
	return found
}

// query returns how many series an expression gives now.
func (s *stack) query(expr string) int { s.Helper(); return len(s.series(expr)) }

// suppressed returns the names of the alerts that Alertmanager holds back.
func (s *stack) suppressed() map[string]int {
	s.Helper()
	var alerts []struct {
		Labels map[string]string `json:"labels"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	}
	s.ask("http://"+s.manager+"/api/v2/alerts", &alerts)
	held := map[string]int{}
	for _, a := range alerts {
		if a.Status.State == "suppressed" {
			held[a.Labels["alertname"]]++
		}
	}
	return held
}
