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

// mounted is a directory that is a small file system of its own, in a test that alone may mount.
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

// elsewhere runs the test in a process that is root of mounts of its own, and reports whether it did, so that the caller
// returns. In that process it reports false. No user needs rights for it, but a system may forbid it.
func elsewhere(t *testing.T) bool {
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
		t.Skipf("this system lets no process have mounts of its own: %v", err)
	}
	return true
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// fill takes all that is left of a file system.
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

// rested is a state of now with a full bucket.
func rested() poller.Snapshot {
	s := stateOf(2, 50)
	s.At = time.Now()
	s.Accounts[0].Ledger = innius.PacerState{At: s.At, Tokens: 30}
	return s
}

// wantToldOnce fails unless a failure that lasts, and then its end, is told once each.
func (d *desk) wantToldOnce(cause string, cure func()) {
	d.Helper()
	before := d.Written()
	for range 3 {
		d.End(sourceOf(rested()))
	}
	if d.said("cannot be written") != 1 || d.said(cause) != 1 || d.said(d.dir) == 0 || !d.Written().Equal(before) {
		d.Errorf("not told once with %q and the place, or the time of a write moved on:\n%s", cause, d.log.String())
	}
	if left := d.files(".state*"); len(left) != 0 {
		d.Errorf("left: %s", left)
	}
	cure()
	d.End(sourceOf(rested()))
	d.End(sourceOf(rested()))
	if d.said("can be written again") != 1 || !d.Written().After(before) {
		d.Errorf("the end is not told once:\n%s", d.log.String())
	}
}

func TestAFullDiskIsToldOnceAndTheOldStateHolds(t *testing.T) {
	if elsewhere(t) {
		return
	}
	dir := mounted(t, "size=64k")
	d := openDesk(t, dir)
	d.End(sourceOf(rested()))
	fill(t, dir)
	d.wantToldOnce("no space left on device", func() {
		if got, _, err := d.Store.load(mine()); err != nil || sensors(got) != 100 {
			t.Errorf("the old state does not hold: %v", err)
		}
		if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAStartOnAFullDiskGoesOnWithTheStateAndCountsOnNoAllowance(t *testing.T) {
	if elsewhere(t) {
		return
	}
	dir := mounted(t, "size=64k")
	d := openDesk(t, dir)
	d.End(sourceOf(rested()))
	fill(t, dir)
	wantSpentStart(t, d)
}

func TestAStartOnAReadOnlyDiskGoesOnWithTheStateAndCountsOnNoAllowance(t *testing.T) {
	if elsewhere(t) {
		return
	}
	dir := mounted(t, "size=1m")
	d := openDesk(t, dir)
	d.End(sourceOf(rested()))
	remount(t, dir, syscall.MS_RDONLY)
	wantSpentStart(t, d)
}

// wantSpentStart fails unless the next two starts serve what is kept. Neither can take the mark of the orderly end away, so
// neither may rely on it.
func wantSpentStart(t *testing.T, ended *desk) {
	t.Helper()
	if err := ended.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d := openDesk(t, ended.dir)
		got := d.load()
		d.Begin(sourceOf(rested()))
		if got == nil || sensors(got) != 100 || got.Accounts[0].Ledger.Tokens != 0 {
			t.Errorf("started with %+v", got)
		}
		if d.said("cannot be written") != 1 || d.Written().Unix() != 0 {
			t.Errorf("not said once, or written at %s:\n%s", d.Written(), d.log.String())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADiskThatIsReadOnlyFromTheFirstDayIsWrittenAndLockedLater(t *testing.T) {
	if elsewhere(t) {
		return
	}
	dir := mounted(t, "size=1m")
	remount(t, dir, syscall.MS_RDONLY)
	d := openDesk(t, dir)
	if d.load() != nil {
		t.Error("something was kept")
	}
	d.wantToldOnce("read-only file system", func() { remount(t, dir, 0) })
	if _, err := Open(dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two exporters have the directory")
	}
}

func TestADirectoryOfAnotherUserIsNoReasonNotToStart(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere; the read-only disks above stand for it")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	d := openDesk(t, dir)
	if d.load() != nil {
		t.Error("something was kept")
	}
	d.wantToldOnce("permission denied", func() {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	})
}

// What is no regular file, or cannot be opened, must neither keep the exporter from starting nor be lost.
func TestWhatStandsInTheStatesPlaceIsSetAside(t *testing.T) {
	for name, row := range map[string]struct {
		make func(path string) error
		want reason
	}{
		"a directory": {func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "note"), nil, 0o600))
		}, foreign},
		"a pipe":               {func(path string) error { return syscall.Mkfifo(path, 0o600) }, foreign},
		"a link to nowhere":    {func(path string) error { return os.Symlink(path+".gone", path) }, foreign},
		"a link to itself":     {func(path string) error { return os.Symlink(path, path) }, unreadable},
		"a device without end": {func(path string) error { return os.Symlink("/dev/zero", path) }, foreign},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, t.TempDir())
			if err := row.make(d.path()); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(d.path())
			if err != nil {
				t.Fatal(err)
			}
			if d.load() != nil {
				t.Error("it was used")
			}
			d.End(sourceOf(stateOf(1, 1)))
			aside := d.files("state." + string(row.want) + "-*")
			if len(aside) != 1 || d.said("set aside") != 1 || d.said(row.want.cure()) != 1 || d.said("level=ERROR") != 0 || d.load() == nil {
				t.Fatalf("set aside: %s\n%s", aside, d.log.String())
			}
			if after, err := os.Lstat(aside[0]); err != nil || !os.SameFile(before, after) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
		})
	}
}

func TestAStateThatNobodyMayReadIsKeptForLater(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	d := openDesk(t, t.TempDir())
	d.End(sourceOf(stateOf(1, 1)))
	if err := os.Chmod(d.path(), 0); err != nil {
		t.Fatal(err)
	}
	if d.load() != nil || len(d.files("state.unreadable-*")) != 1 || d.said("permission denied") != 1 {
		t.Errorf("files %s\n%s", d.files("*"), d.log.String())
	}
}

// Where it can be neither used nor set aside, it stays, and the exporter starts.
func TestABadStateOnAReadOnlyDiskIsSaid(t *testing.T) {
	if elsewhere(t) {
		return
	}
	dir := mounted(t, "size=1m")
	d := openDesk(t, dir)
	if err := os.WriteFile(d.path(), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, syscall.MS_RDONLY)
	if d.load() != nil || d.said("starting without the kept state") != 1 || d.said("is not a state of innius_exporter") != 1 {
		t.Error(d.log.String())
	}
	if text, err := os.ReadFile(d.path()); errors.Is(err, fs.ErrNotExist) || !bytes.Equal(text, []byte("hello")) {
		t.Errorf("%q, %v", text, err)
	}
}
