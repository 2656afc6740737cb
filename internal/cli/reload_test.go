package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

const (
	firstKey  = "canary-key-0123456789"
	secondKey = "canary-key-9876543210"
)

// reloadable is an exporter with a config file and a key file, over an API in this process.
type reloadable struct {
	*testing.T
	api     *simulator.Server
	config  string
	keyFile string
	address string
	log     *logBuffer
	text    string // of the config, but for what a test adds
	stop    func() error
}

func newReloadable(t *testing.T, args ...string) *reloadable {
	t.Helper()
	api := simulator.New(simulator.Uniform(40), simulator.Options{Key: firstKey})
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	r := &reloadable{T: t, api: api, config: filepath.Join(dir, "config.yml"), keyFile: filepath.Join(dir, "key"), address: testport.Free(t)}
	r.text = fmt.Sprintf("accounts:\n  - name: acme\n    url: %s\n    api_key_file: key\n    rate_limit: {requests_per_hour: 100000, burst: 1000}\nrefresh: {min_interval: 1s}\n", server.URL)
	r.write(r.keyFile, firstKey)
	r.write(r.config, r.text)
	r.log, r.stop = start(t, append([]string{"--config.file=" + r.config, "--web.listen-address=" + r.address}, args...)...)
	r.log.await(t, "Listening on")
	awaitValues(t, r.address, 40)
	return r
}

func (r *reloadable) write(file, text string) {
	r.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// post requests a reload and returns the response.
func (r *reloadable) post(change func(*http.Request)) (status int, body string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+r.address+"/-/reload", http.NoBody)
	if err != nil {
		r.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (r *reloadable) reload() {
	r.Helper()
	if status, body := r.post(nil); status != http.StatusOK {
		r.Errorf("status %d, %s", status, body)
	}
}

// values counts the readings on /metrics.
func (r *reloadable) values() int {
	r.Helper()
	return strings.Count(get(r.T, "http://"+r.address+"/metrics"), "\ninnius_sensor_value{")
}

func (r *reloadable) wantMetric(line string) {
	r.Helper()
	if body := get(r.T, "http://"+r.address+"/metrics"); !strings.Contains(body, "\n"+line+"\n") {
		r.Errorf("%q is missing in\n%s", line, body)
	}
}

const half = "discovery: {sensors: {exclude: ['.*[02468]']}}\n"

func TestReloadByRequestIsInForceWhenTheResponseArrives(t *testing.T) {
	r := newReloadable(t, "--web.enable-lifecycle")
	r.write(r.config, r.text+half)
	if status, body := r.post(nil); status != http.StatusOK || r.values() != 20 {
		t.Errorf("status %d %q, %d values", status, body, r.values())
	}
	if page := get(t, "http://"+r.address+"/config"); !strings.Contains(page, "[02468]") {
		t.Errorf("/config does not show what is in force:\n%s", page)
	}
	r.write(r.config, r.text)
	if status, body := r.post(nil); status != http.StatusOK || r.values() != 40 { // readings of what was filtered are kept
		t.Errorf("status %d %q, %d values", status, body, r.values())
	}
	r.wantMetric("innius_exporter_config_last_reload_successful 1")
}

func TestReloadOfABadConfigChangesNothingAndIsReported(t *testing.T) {
	r := newReloadable(t, "--web.enable-lifecycle")
	loaded := metric(r.T, r.address, "innius_exporter_config_last_reload_success_timestamp_seconds")
	for name, bad := range map[string]struct{ text, want string }{
		"two errors": {r.text + "refesh: {}\nlabel: id\n", "config.yml:7"},
		"no YAML":    {"accounts: [", "config.yml"},
		"no key":     {strings.Replace(r.text, "api_key_file: key", "api_key_file: nokey", 1), "api_key_file"},
		"no account": {"accounts: []\n", "accounts"},
	} {
		r.write(r.config, bad.text)
		status, body := r.post(nil)
		if status != http.StatusBadRequest || !strings.Contains(body, bad.want) || !strings.Contains(body, "stays in force") {
			t.Errorf("%s: status %d, %q", name, status, body)
		}
		if n := r.values(); n != 40 {
			t.Errorf("%s: %d values, want 40", name, n)
		}
		r.wantMetric("innius_exporter_config_last_reload_successful 0")
		if page := get(t, "http://"+r.address+"/status"); !strings.Contains(page, "The reload of the config failed") || !strings.Contains(page, bad.want) {
			t.Errorf("%s: not on /status:\n%s", name, page)
		}
	}
	if at := metric(r.T, r.address, "innius_exporter_config_last_reload_success_timestamp_seconds"); at != loaded {
		t.Errorf("a config that is not in force was loaded at %s", at)
	}
	if strings.Count(r.log.String(), "keeping the previous config") != 5 {
		t.Errorf("want one line per error in the log:\n%s", r.log)
	}
	r.write(r.config, r.text)
	if status, _ := r.post(nil); status != http.StatusOK {
		t.Errorf("status %d for the good one", status)
	}
	if page := get(t, "http://"+r.address+"/status"); strings.Contains(page, "reload of the config failed") || !strings.Contains(page, r.config) {
		t.Errorf("after it:\n%s", page)
	}
	r.wantMetric("innius_exporter_config_last_reload_successful 1")
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, address, name string) string {
	t.Helper()
	_, rest, _ := strings.Cut(get(t, "http://"+address+"/metrics"), "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func TestReloadByRequestNeedsTheFlagAndTheSameOrigin(t *testing.T) {
	r := newReloadable(t)
	if status, body := r.post(nil); status != http.StatusForbidden || !strings.Contains(body, "--web.enable-lifecycle") {
		t.Errorf("status %d, %q", status, body)
	}
	r = newReloadable(t, "--web.enable-lifecycle")
	if status, _ := r.post(func(req *http.Request) { req.Header.Set("Sec-Fetch-Site", "cross-site") }); status != http.StatusForbidden {
		t.Errorf("from another site: status %d", status)
	}
	if status, _ := r.post(func(req *http.Request) { req.Method = http.MethodGet }); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", status)
	}
}

// The key is rotated with nothing but a new file: the old one dies, and no reading is lost.
func TestRotatedKeyIsUsedWithoutARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	r := newReloadable(t)
	r.write(r.keyFile, secondKey)
	r.api.SetKey(secondKey)
	before := r.api.Stats().Of("", http.StatusOK)
	for r.api.Stats().Of("", http.StatusOK) < before+40 {
		if n := r.values(); n != 40 {
			t.Fatalf("%d values, want 40", n)
		}
	}
	r.wantMetric(`innius_up{account="acme"} 1`)
	pages := get(t, "http://"+r.address+"/metrics") + get(t, "http://"+r.address+"/status") + r.log.String()
	if strings.Contains(pages, "canary-key") {
		t.Error("the key is in a page or in the log")
	}
}

func TestDemoCanBeReloaded(t *testing.T) {
	address := testport.Free(t)
	log, _ := start(t, "--demo", "--web.listen-address="+address, "--web.enable-lifecycle")
	log.await(t, "First discovery ended")
	awaitValues(t, address, 55)
	r := &reloadable{T: t, address: address}
	if status, body := r.post(nil); status != http.StatusOK || r.values() < 55 {
		t.Errorf("status %d %q, %d values", status, body, r.values())
	}
}

// A reload that waits for an exporter that ends must not keep it.
func TestShutdownDoesNotWaitForAReload(t *testing.T) {
	r := newReloadable(t, "--web.enable-lifecycle")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.address+"/-/reload", http.NoBody)
			if err != nil {
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return
			}
			_ = resp.Body.Close()
		}
	}()
	r.log.await(t, "Reloaded config")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}
