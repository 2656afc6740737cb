package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// receiver is a server that takes everything.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	headers []http.Header
	bodies  string // what they hold as text
}

func startReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			body, err = snappy.Decode(nil, body)
		}
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.headers, r.bodies = append(r.headers, req.Header), r.bodies+string(body)
	}))
	t.Cleanup(r.Close)
	return r
}

// At its end the exporter sends what is pending, so this need not wait for a batch. What it cannot send within its two seconds, the next
// one sends.
func TestRunSendsEachSensorToItsReceiver(t *testing.T) {
	central, dir := startReceiver(t), filepath.Join(t.TempDir(), "state")
	r := newReloadable(t)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	r.write(filepath.Join(filepath.Dir(r.config), "password"), "canary-password")
	r.write(r.config, r.text+fmt.Sprintf(`remote_write:
  - name: central
    url: %s/write?token=canary-token
    headers: {X-Scope-OrgID: canary-tenant}
    external_labels: {site: tilburg}
    http_client: {basic_auth: {username: plant, password_file: password}}
sensors:
  - {sensor: 'Temperature.*', remote_write: false}
`, central.URL))
	args := []string{"--config.file=" + r.config, "--web.listen-address=" + r.address, "--storage.path=" + dir}
	log, stop := start(t, args...)
	log.await(t, "Listening on")
	sensors := regexp.MustCompile(`(?m)^innius_sensor_value\{.*,sensor="(.*)"\}`).FindAllStringSubmatch(awaitValues(t, r.address, 40), -1)
	pages := ""
	for _, page := range []string{"/config", "/status", "/api/v1/status", "/metrics"} {
		pages += get(t, "http://"+r.address+page)
	}
	isSent := func(sensor string) bool {
		return strings.Contains(central.bodies, "sensor\x12"+string(rune(len(sensor)))+sensor)
	}
	isWanted := func(sensor string) bool { return !strings.HasPrefix(sensor, "Temperature") }
	isMissing := func(m []string) bool { return isWanted(m[1]) && !isSent(m[1]) }
	if err := stop(); err != nil {
		t.Error(err)
	}
	for range 20 {
		if !slices.ContainsFunc(sensors, isMissing) {
			break
		}
		next, stop := start(t, args...)
		next.await(t, "Listening on")
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(pages, `innius_exporter_remote_write_pending_readings{receiver="central"} `) ||
		!strings.Contains(pages, `"remote_write":[{"receiver":"central",`) {
		t.Errorf("the receiver is not on the pages:\n%s", pages)
	}
	if strings.Contains(pages+log.String()+everyFile(t, dir), "canary") {
		t.Errorf("a secret is on a page, in the log or in the state:\n%s", log)
	}
	for _, h := range central.headers {
		if h.Get("X-Scope-OrgID") != "canary-tenant" || h.Get("Authorization") == "" || h.Get("X-Api-Key") != "" {
			t.Errorf("headers %v", h)
		}
	}
	if strings.Contains(central.bodies, firstKey) {
		t.Error("the key of innius was sent to the receiver")
	}
	for _, m := range sensors {
		if isSent(m[1]) != isWanted(m[1]) {
			t.Errorf("sensor %s is sent: %v", m[1], isSent(m[1]))
		}
	}
	if len(sensors) != 40 || !strings.Contains(central.bodies, "tilburg") {
		t.Errorf("%d sensors, bodies %q", len(sensors), central.bodies)
	}
}

func TestReceiversNeedStorage(t *testing.T) {
	r := newReloadable(t, "--web.enable-lifecycle")
	t.Setenv("STATE_DIRECTORY", "")
	r.write(r.config, r.text+"remote_write: [{url: 'http://127.0.0.1:1/'}]\n")
	if status, body := r.post(nil); status == http.StatusOK || !strings.Contains(body, "--storage.path") {
		t.Errorf("reload: status %d, %s", status, body)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	err := run(t.Context(), []string{"--config.file=" + r.config, "--web.listen-address=" + r.address}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--storage.path") {
		t.Errorf("start: %v", err)
	}
}
