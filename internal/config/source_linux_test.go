package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A read that does not end would stop polling, and the exporter could not end either.
func TestFileThatCouldBlockIsNotRead(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/ptmx", "/dev/zero"} {
		if _, err := readAtMost(path, 4096); err == nil || !strings.Contains(err.Error(), "could block") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
