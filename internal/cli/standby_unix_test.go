//go:build unix

package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"innius_exporter/internal/testport"
)

// A standby takes over from a process that is killed, and has sent no request and shown no plant before.
func TestStandbyTakesOverFromAKilledExporter(t *testing.T) {
	r := newReloadable(t)
	_ = r.stop()
	dir := filepath.Join(t.TempDir(), "state")
	first := startProcess(t, nil, "--config.file="+r.config, "--storage.path="+dir)
	awaitValues(t, first.address, 40)
	standby := startProcess(t, nil, "--config.file="+r.config, "--storage.path="+dir, "--storage.wait")
	const waiting = "\ninnius_exporter_standby 1\n"
	body := get(t, "http://"+standby.address+"/metrics")
	if !strings.Contains(body, waiting) || strings.Contains(body, "innius_sensor") || strings.Contains(body, "account=") {
		t.Errorf("a standby shows\n%s", body)
	}
	for path, want := range map[string]string{"/-/healthy": "healthy", "/-/ready": "is a standby", "/status": "is a standby"} {
		if got := get(t, "http://"+standby.address+path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if log := standby.text(); strings.Contains(log, "First discovery") || !strings.Contains(log, "Standing by") {
		t.Errorf("the standby did not wait:\n%s", log)
	}
	first.end(syscall.SIGKILL)
	standby.awaitTakeover(t)
	if log := standby.end(syscall.SIGTERM); !strings.Contains(log, "Stopping") || strings.Count(log, "Listening on") != 1 {
		t.Errorf("%s", log)
	}
}

// awaitTakeover waits until a standby has all values. No scrape may fail meanwhile.
func (p *exporterProcess) awaitTakeover(t *testing.T) {
	t.Helper()
	page := "http://" + p.address + "/metrics"
	for begin := time.Now(); strings.Contains(get(t, page), "\ninnius_exporter_standby 1\n"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 2*time.Minute {
			t.Fatalf("it does not take over:\n%s", p.text())
		}
	}
	awaitValues(t, p.address, 40)
}

// Two exporters would use the same rate limit.
func TestStandbyWaitsWhileTheLockCannotBeSeen(t *testing.T) {
	r := newReloadable(t)
	_ = r.stop()
	dir := t.TempDir()
	lock := filepath.Join(dir, "lock")
	if err := syscall.Mkfifo(lock, 0o600); err != nil {
		t.Fatal(err)
	}
	standby := startProcess(t, nil, "--config.file="+r.config, "--storage.path="+dir, "--storage.wait")
	if body := get(t, "http://"+standby.address+"/metrics"); !strings.Contains(body, "\ninnius_exporter_standby 1\n") {
		t.Errorf("it shows\n%s", body)
	}
	if log := standby.text(); !strings.Contains(log, "level=error") || !strings.Contains(log, "is not a regular file") {
		t.Errorf("no error has why it waits:\n%s", log)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	standby.awaitTakeover(t)
	standby.end(syscall.SIGTERM)
}

func TestStandbyThatIsNotNeededEnds(t *testing.T) {
	r := newReloadable(t)
	_ = r.stop()
	dir := filepath.Join(t.TempDir(), "state")
	log, stop := start(t, "--config.file="+r.config, "--web.listen-address="+r.address, "--storage.path="+dir)
	log.await(t, "Listening on")
	standby, end := start(t, "--config.file="+r.config, "--web.listen-address="+testport.Free(t), "--storage.path="+dir, "--storage.wait")
	standby.await(t, "Listening on")
	if err := end(); err != nil {
		t.Errorf("the standby ends with %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	err := run(t.Context(), []string{"--config.file=" + r.config, "--storage.wait"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--storage.path") {
		t.Errorf("without a directory: %v", err)
	}
}
