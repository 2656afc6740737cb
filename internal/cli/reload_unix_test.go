//go:build unix

package cli

import (
	"os"
	"syscall"
	"testing"
)

func TestSIGHUPReloadsTheConfig(t *testing.T) {
	r := newReloadable(t)
	r.write(r.config, r.text+half)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.log.await(t, "Reloaded config")
	if n := r.values(); n != 20 {
		t.Errorf("%d values, want 20", n)
	}
}
