package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// keyWithMode is a key file in a directory, with a mode that no umask changes.
func keyWithMode(t *testing.T, dir string, mode os.FileMode) KeySource {
	t.Helper()
	file := filepath.Join(dir, "key")
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

// fileSystem is the magic number of where a directory lies.
func fileSystem(t *testing.T, dir string) uint32 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Skip(err)
	}
	return uint32(s.Type)
}

func TestExposedReportsAKeyFileOnDiskThatAllCanRead(t *testing.T) {
	dir := t.TempDir()
	if at := fileSystem(t, dir); at == tmpfs || at == ramfs {
		dir = diskDir(t)
	}
	for mode, exposed := range map[os.FileMode]bool{0o644: true, 0o604: true, 0o444: true, 0o600: false, 0o400: false, 0o640: false, 0o660: false} {
		if got := keyWithMode(t, dir, mode).Exposed() != ""; got != exposed {
			t.Errorf("mode %o: told %t, want %t", mode, got, exposed)
		}
		if err := os.Remove(filepath.Join(dir, "key")); err != nil {
			t.Fatal(err)
		}
	}
}

// diskDir is a directory next to this test, for systems whose temporary files are in memory.
func diskDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(".", "testdata-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if at := fileSystem(t, dir); at == tmpfs || at == ramfs {
		t.Skip("no directory of this system lies on a disk")
	}
	return dir
}

func TestExposedIgnoresAKeyFileInMemory(t *testing.T) {
	const shm = "/dev/shm"
	if fileSystem(t, shm) != tmpfs {
		t.Skip(shm + " is no tmpfs here")
	}
	dir, err := os.MkdirTemp(shm, "key-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if text := keyWithMode(t, dir, 0o644).Exposed(); text != "" {
		t.Error(text)
	}
	// Kubernetes leads to the key over links; where the file itself lies is what counts.
	link := filepath.Join(t.TempDir(), "key")
	if err := os.Symlink(filepath.Join(dir, "key"), link); err != nil {
		t.Fatal(err)
	}
	if k, err := fileKey(link, readAtMost); err != nil || k.Exposed() != "" {
		t.Errorf("over a link: %v, %q", err, k.Exposed())
	}
}

func TestExposedIgnoresKeysWithoutAFile(t *testing.T) {
	t.Setenv("TEST_KEY", canary)
	k, err := envKey("TEST_KEY", os.Getenv)
	if text := k.Exposed() + (KeySource{}).Exposed(); err != nil || text != "" {
		t.Errorf("%v, %q", err, text)
	}
}
