package state

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// mounted returns a directory with a file system of its own. Only tests in their own process may mount.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

const mayMount = "INNIUS_TEST_MAY_MOUNT"

// inNamespace runs the test in a process with its own mounts and reports true, so that the caller returns. In that process it
// reports false. It needs no privileges, but a system may forbid it.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mayMount) != "" {
		return false
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mayMount+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Errorf("%v\n%s", ended, out)
	} else if err != nil {
		t.Skipf("this system forbids mount namespaces: %v", err)
	}
	return true
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// fill fills a file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()
}

// fullBucket is a state of now with all its requests.
func fullBucket() poller.State {
	s := stateOf(2, 50)
	s.At = time.Now()
	s.Accounts[0].Pacer = innius.PacerState{At: s.At, Tokens: 30}
	return s
}

// wantLoggedOnce fails unless a lasting failure and its end are each logged once.
func (d *fixture) wantLoggedOnce(cause string, cure func()) {
	d.Helper()
	before := d.Written()
	for range 3 {
		d.writeLast(sourceOf(fullBucket()))
	}
	if d.logged("Failed to write the state") != 1 || d.logged(cause) != 1 || d.logged(d.dir) == 0 || !d.Written().Equal(before) {
		d.Errorf("not logged once with %q and the directory, or written:\n%s", cause, d.log.String())
	}
	if left := d.files(".state*"); len(left) != 0 {
		d.Errorf("left: %s", left)
	}
	cure()
	d.writeLast(sourceOf(fullBucket()))
	d.writeLast(sourceOf(fullBucket()))
	if d.logged("State is written again") != 1 || !d.Written().After(before) {
		d.Errorf("the end is not logged once:\n%s", d.log.String())
	}
}

func TestStoreOnFullDiskKeepsOldState(t *testing.T) {
	if inNamespace(t) {
		return
	}
	dir := mounted(t, "size=192k")
	d := open(t, dir)
	d.writeLast(sourceOf(fullBucket()))
	fill(t, dir)
	d.wantLoggedOnce("no space left on device", func() {
		if got, err := Read(dir); err != nil || sensors(got) != 100 {
			t.Errorf("the old state is lost: %v", err)
		}
		if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStoreStartOnFullDiskAssumesNoRequests(t *testing.T) {
	if inNamespace(t) {
		return
	}
	dir := mounted(t, "size=192k")
	d := open(t, dir)
	d.writeLast(sourceOf(fullBucket()))
	fill(t, dir)
	wantSpentStart(t, d)
}

func TestStoreStartOnReadOnlyDiskAssumesNoRequests(t *testing.T) {
	if inNamespace(t) {
		return
	}
	dir := mounted(t, "size=1m")
	d := open(t, dir)
	d.writeLast(sourceOf(fullBucket()))
	remount(t, dir, syscall.MS_RDONLY)
	wantSpentStart(t, d)
}

// wantSpentStart fails unless the next two starts load the state without its requests: they cannot remove the mark of the clean
// shutdown, so they must not rely on it.
func wantSpentStart(t *testing.T, ended *fixture) {
	t.Helper()
	if err := ended.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d := open(t, ended.dir)
		got := d.loaded
		d.writeFirst(sourceOf(fullBucket()))
		if got == nil || sensors(got) != 100 || got.Accounts[0].Pacer.Tokens != 0 {
			t.Errorf("loaded %+v", got)
		}
		if d.logged("Failed to write the state") != 1 || d.Written().Unix() != 0 {
			t.Errorf("not logged once, or written at %s:\n%s", d.Written(), d.log.String())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreOnReadOnlyDiskWritesAndLocksLater(t *testing.T) {
	if inNamespace(t) {
		return
	}
	dir := mounted(t, "size=1m")
	remount(t, dir, syscall.MS_RDONLY)
	d := open(t, dir)
	if d.loaded != nil {
		t.Error("state from an empty directory")
	}
	d.wantLoggedOnce("read-only file system", func() { remount(t, dir, 0) })
	if _, _, err := Open(dir, mine(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two exporters opened the directory")
	}
}

func TestStoreStartsWithoutWritePermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; the tests with read-only disks cover this")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	if d.loaded != nil {
		t.Error("state from an empty directory")
	}
	d.wantLoggedOnce("permission denied", func() {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	})
}

// What is not a regular file must neither prevent the start nor be lost.
func TestStoreQuarantinesSpecialFiles(t *testing.T) {
	for name, row := range map[string]struct {
		make func(path string) error
		want reason
	}{
		"a directory": {func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "note"), nil, 0o600))
		}, damaged},
		"a pipe":            {func(path string) error { return syscall.Mkfifo(path, 0o600) }, damaged},
		"a broken link":     {func(path string) error { return os.Symlink(path+".gone", path) }, damaged},
		"a link to itself":  {func(path string) error { return os.Symlink(path, path) }, unreadable},
		"an endless device": {func(path string) error { return os.Symlink("/dev/zero", path) }, damaged},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			if err := row.make(d.path()); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(d.path())
			if err != nil {
				t.Fatal(err)
			}
			if d.load() != nil {
				t.Error("a special file was used")
			}
			d.writeLast(sourceOf(stateOf(1, 1)))
			renamed := d.files("state." + string(row.want) + "-*")
			if len(renamed) != 1 || d.logged("State file is unusable") != 1 || d.logged(row.want.cure()) != 1 || d.logged("level=ERROR") != 0 || d.load() == nil {
				t.Fatalf("renamed: %s\n%s", renamed, d.log.String())
			}
			if after, err := os.Lstat(renamed[0]); err != nil || !os.SameFile(before, after) {
				t.Errorf("the renamed file is another one: %v", err)
			}
		})
	}
}

func TestStoreDoesNotWaitForALockThatIsNoFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a pipe":            func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"an endless device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(filepath.Join(dir, lockName)); err != nil {
				t.Fatal(err)
			}
			d := open(t, dir)
			if d.writeLast(sourceOf(stateOf(1, 1))); d.logged("is not a regular file. Remove it") != 1 || errors.Is(CheckLock(dir), ErrTaken) {
				t.Errorf("log:\n%s", d.log.String())
			}
		})
	}
}

func TestStoreQuarantinesUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	d := open(t, t.TempDir())
	d.writeLast(sourceOf(stateOf(1, 1)))
	if err := os.Chmod(d.path(), 0); err != nil {
		t.Fatal(err)
	}
	if d.load() != nil || len(d.files("state.unreadable-*")) != 1 || d.logged("permission denied") != 1 {
		t.Errorf("files %s\n%s", d.files("*"), d.log.String())
	}
}

// Where it can be neither used nor set aside, it stays, and the exporter starts.
func TestStoreLogsUnusableFileOnReadOnlyDisk(t *testing.T) {
	if inNamespace(t) {
		return
	}
	dir := mounted(t, "size=1m")
	d := open(t, dir)
	if err := os.WriteFile(d.path(), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, syscall.MS_RDONLY)
	if d.load() != nil || d.logged("Starting without the saved state") != 1 || d.logged("is not a state file of innius_exporter") != 1 {
		t.Error(d.log.String())
	}
	if text, err := os.ReadFile(d.path()); errors.Is(err, fs.ErrNotExist) || !bytes.Equal(text, []byte("hello")) {
		t.Errorf("%q, %v", text, err)
	}
}
