//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOneExporterEndsWhenTheStateDirectoryWasEmptied(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--demo", "--storage.path=" + dir, "--web.listen-address=127.0.0.1:0"}
	processes := []*exporterProcess{startProcess(t, nil, "--demo", "--storage.path="+dir)}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	processes = append(processes, runSelf(t, []string{beExporter + "=1"}, args...))
	ended := make(chan int, len(processes))
	for i, p := range processes {
		go func() { _ = p.cmd.Wait(); ended <- i }() // the log has the reason
	}
	select {
	case i := <-ended:
		if !strings.Contains(processes[i].text(), "another exporter uses this state directory") {
			t.Errorf("exporter %d ended without its reason:\n%s", i+1, processes[i].text())
		}
		_ = processes[1-i].cmd.Process.Signal(syscall.SIGTERM) // how it ends is checked
		if <-ended; !processes[1-i].cmd.ProcessState.Success() {
			t.Errorf("exporter %d: %v\n%s", 2-i, processes[1-i].cmd.ProcessState, processes[1-i].text())
		}
	case <-time.After(2 * time.Minute):
		t.Error("both exporters use the directory")
	}
}
