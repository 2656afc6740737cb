package e2e

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/state"
	"innius_exporter/internal/testport"
)

var million = flag.Int("million", 0, "number of sensors for the size test: make million")

// TestMillionSensorsAreServed starts the exporter with the saved state of four accounts, and scrapes it as Prometheus does.
func TestMillionSensorsAreServed(t *testing.T) {
	if *million == 0 {
		t.Skip("takes gigabytes of memory: make million")
	}
	dir := t.TempDir()
	saveState(t, filepath.Join(dir, "state"), *million)
	binary, config, address := filepath.Join(dir, "innius_exporter"), filepath.Join(dir, "config.yml"), testport.Free(t)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	write(t, config, unreachableAccounts())
	for i := range plants {
		write(t, filepath.Join(dir, fmt.Sprint("key-", i+1)), fmt.Sprint(firstKey, i))
	}
	p := launch(t, binary, "--config.file="+config, "--storage.path="+filepath.Join(dir, "state"), "--web.listen-address="+address)
	isReady := func() bool { _, err := get(t, "http://"+address+"/-/ready"); return err == nil }
	ready := waitFor(t, "readiness", isReady)
	t.Logf("%d sensors: ready after %.1f s", *million, ready.Seconds())
	for range 3 {
		begun := time.Now()
		packed := scrape(t, "http://"+address+"/metrics")
		took := time.Since(begun)
		if took > 10*time.Second {
			t.Errorf("a scrape took %s: Prometheus gives up after 10 s", took)
		}
		if n := valuesIn(t, packed); n != *million {
			t.Errorf("%d values, want %d", n, *million)
		}
		t.Logf("scraped in %.2f s, %.1f MB packed; the exporter uses %s", took.Seconds(), float64(len(packed))/1e6, p.memory(t))
	}
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	<-p.done
	t.Logf("clean shutdown after %.1f s: %t", time.Since(begun).Seconds(), p.cmd.ProcessState.Success())
	if !p.cmd.ProcessState.Success() {
		t.Error(p.tail())
	}
}

const plants = 4

// saveState writes the state of an exporter with this number of sensors.
func saveState(t *testing.T, dir string, sensors int) {
	t.Helper()
	store, _, err := state.Open(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	snapshot := poller.State{At: now}
	for i := range plants {
		account := poller.Account{Name: fmt.Sprint("plant-", i+1), Origin: "127.0.0.1:1"}
		k := poller.Assume(account, sensors/plants, 30*time.Second, now)
		k.Company = innius.Company{ID: fmt.Sprint("works-", i, ".example"), Name: fmt.Sprint("Works ", i)}
		k.Pacer = innius.PacerState{At: now}
		for m := range k.Machines {
			k.Machines[m].Name = fmt.Sprintf("Panel Bender %05d", m)
			for s := range k.Machines[m].Sensors {
				one := &k.Machines[m].Sensors[s]
				one.ID, one.Name = fmt.Sprintf("5d1f8a2e-4c0b-4e9a-%04x-%04x%08x", i, m, s), fmt.Sprint("Hydraulic pressure ", s)
				one.Unit, one.Value = "bar", float64(m*20+s)+0.25
			}
		}
		snapshot.Accounts = append(snapshot.Accounts, k)
	}
	store.Run(fixedState{snapshot}, time.Hour, func() {})
	if store.Written().Before(now) {
		t.Fatal("the state was not written")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// fixedState is a state that does not change.
type fixedState struct{ snapshot poller.State }

func (s fixedState) Save() poller.State     { return s.snapshot }
func (fixedState) Changed() <-chan struct{} { return nil }

// unreachableAccounts is a config with accounts whose API is unreachable.
func unreachableAccounts() string {
	text := "accounts:\n"
	for i := range plants {
		text += fmt.Sprintf("  - {name: plant-%d, url: \"http://127.0.0.1:1\", api_key_file: key-%d}\n", i+1, i+1)
	}
	return text
}

// scrape requests the metrics as Prometheus does, and returns the compressed body.
func scrape(t *testing.T, url string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	packed, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return packed
}

// valuesIn counts the sensor values in a compressed body.
func valuesIn(t *testing.T, packed []byte) int {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\ninnius_sensor_value{"))
}

// memory returns the memory of the process, now and at most, as the kernel reports it.
func (p *process) memory(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, ", ")
}
