package remotewrite

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The test runs in a process with its own mounts, which needs no privileges but may be forbidden.
func TestSpoolOnFullDiskContinuesLater(t *testing.T) {
	const mayMount = "INNIUS_TEST_MAY_MOUNT"
	if os.Getenv(mayMount) == "" {
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
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=128k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	ballast := filepath.Join(disk, "ballast")
	fill := func() {
		f, err := os.Create(ballast)
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	dir := filepath.Join(disk, "spool")
	for range 2 { // in the second round the first write begins a file, and cannot
		q := openQueue(t, dir, 1<<20)
		q.add(2)
		fill()
		for range 200 {
			q.add(2)
		}
		dropped := q.dropped.Load()
		q.wantPending(402 - dropped)
		logged := q.log.lines("Dropped a reading")
		if dropped < 100 || logged != int(dropped) || q.log.lines("no space left on device") != 1 || q.log.lines("level=ERROR") != 1 {
			t.Errorf("dropped %d, log:\n%s", dropped, q.log)
		}
		kept := float64(402 - dropped)
		b, err := q.read(2)
		if err != nil || len(b.samples) != 2 {
			t.Fatal("nothing can be read from a full disk")
		}
		_ = q.acknowledge(b) // may fail: the file of the position does not exist yet
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		q.add(2)
		q.want("rest", q.drain(100), append(from(3, kept), from(q.value-1, q.value)...))
		if q.log.lines("Spool is written again") != 1 {
			t.Errorf("the end is not logged:\n%s", q.log)
		}
		q.add(2)
		q.close()
		again := openQueue(t, dir, 1<<20)
		again.want("reopened", again.drain(100), from(q.value-1, q.value))
		again.close()
	}
}

// A pipe would block all that opens it: the start, and then each poll.
func TestSpoolRemovesWhatIsNotARegularFile(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for name, replace := range map[string]func(path string) error{
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink(outside, path) },
		"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			q := openQueue(t, dir, 1<<20)
			q.add(2)
			q.add(2)
			b, _ := q.read(2)
			if err := q.acknowledge(b); err != nil {
				t.Fatal(err)
			}
			q.close()
			_ = os.Remove(filepath.Join(dir, positionName))
			for _, name := range []string{positionName, segmentName(9)} {
				if err := replace(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			again := openQueue(t, dir, 1<<20)
			again.want("in spite of "+name, again.drain(2), from(1, 4))
			if n := again.log.lines("not a regular file"); n != 2 {
				t.Errorf("logged %d times:\n%s", n, again.log)
			}
			again.close()
			if _, err := os.Stat(outside); err == nil {
				t.Error("a file outside was written")
			}
		})
	}
}
