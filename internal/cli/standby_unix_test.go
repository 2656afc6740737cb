//go:build unix

package cli

import (
	"io"
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
	killed := time.Now()
	started := listening.FindAllStringSubmatch(standby.text(), -1)
	for ; len(started) < 2; time.Sleep(5 * time.Millisecond) {
		if started = listening.FindAllStringSubmatch(standby.text(), -1); time.Since(killed) > 2*time.Minute {
			t.Fatalf("it does not take over:\n%s", standby.text())
		}
	}
	t.Logf("took over after %s", time.Since(killed))
	again := started[1][1]
	awaitValues(t, again, 40)
	if body := get(t, "http://"+again+"/metrics"); strings.Contains(body, waiting) {
		t.Error("it still says that it is a standby")
	}
	if log := standby.end(syscall.SIGTERM); !strings.Contains(log, "Stopping") {
		t.Errorf("%s", log)
	}
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
