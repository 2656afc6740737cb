package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestRunWarnsOnceOfAKeyFileThatAllUsersCanRead(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	const warning = "every user of this machine can read the key file"
	r := newReloadable(t, "--web.enable-lifecycle")
	var at syscall.Statfs_t
	if err := syscall.Statfs(r.keyFile, &at); err != nil || uint32(at.Type) == 0x01021994 {
		t.Skip("temporary files lie in memory here, as mounted secrets do")
	}
	if strings.Contains(r.log.String(), warning) {
		t.Errorf("a file for its owner alone is reported:\n%s", r.log)
	}
	if err := os.Chmod(r.keyFile, 0o644); err != nil { // as by a rotation
		t.Fatal(err)
	}
	r.log.await(t, warning)
	r.write(r.keyFile, firstKey+"\n")
	for before := r.api.Stats().Requests; r.api.Stats().Requests < before+40; {
		r.values()
	}
	r.reload()
	if n := strings.Count(r.log.String(), warning); n != 1 || !strings.Contains(r.log.String(), r.keyFile) {
		t.Errorf("reported %d times:\n%s", n, r.log)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	r.log, _ = start(t, "--config.file="+r.config, "--web.listen-address="+r.address, "--web.enable-lifecycle")
	r.log.await(t, "Listening on")
	awaitValues(t, r.address, 40)
	r.reload()
	if n := strings.Count(r.log.String(), warning); n != 1 {
		t.Errorf("reported %d times after a start:\n%s", n, r.log)
	}
}
