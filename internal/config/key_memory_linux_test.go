package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dirOf returns a directory below parent that is on a file system in memory, or is not.
func dirOf(t *testing.T, parent string, memory bool) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "testdata-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if inMemory(dir) != memory {
		t.Skip("another file system is at " + parent)
	}
	return dir
}

// keyWithMode is a key file with a mode that does not depend on the umask.
func keyWithMode(t *testing.T, dir string, mode os.FileMode) KeySource {
	t.Helper()
	file := filepath.Join(dir, mode.String())
	write(t, file, canary)
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	k, err := fileKey(file, readAtMost)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestExposedReportsAKeyFileOnDiskThatAllCanRead(t *testing.T) {
	dir := dirOf(t, ".", false)
	for mode, exposed := range map[os.FileMode]bool{0o644: true, 0o604: true, 0o444: true, 0o600: false, 0o400: false, 0o640: false, 0o660: false} {
		if got := keyWithMode(t, dir, mode).Exposed() != ""; got != exposed {
			t.Errorf("mode %o: reported %t, want %t", mode, got, exposed)
		}
	}
}

func TestExplainWarnsOfCredentialsThatAllCanRead(t *testing.T) {
	dir := dirOf(t, ".", false)
	for mode, exposed := range map[os.FileMode]bool{0o644: true, 0o600: false} {
		file := keyWithMode(t, dir, mode).file
		c := mustParse(t, goodText+"remote_write: [{url: https://receiver.invalid, http_client: {authorization: {credentials_file: "+file+"}}}]\n")
		if got := strings.Contains(explained(c), "every user of this machine can read the file "+file); got != exposed {
			t.Errorf("mode %o: reported %t, want %t", mode, got, exposed)
		}
	}
}

// Kubernetes mounts secrets in memory, behind symbolic links: the file system of the file itself counts.
func TestExposedIgnoresAKeyFileInMemory(t *testing.T) {
	dir := dirOf(t, "/dev/shm", true)
	link := filepath.Join(t.TempDir(), "key")
	k := keyWithMode(t, dir, 0o644)
	if err := os.Symlink(k.file, link); err != nil {
		t.Fatal(err)
	}
	linked, err := fileKey(link, readAtMost)
	if text := k.Exposed() + linked.Exposed(); err != nil || text != "" {
		t.Errorf("%v, %q", err, text)
	}
}
