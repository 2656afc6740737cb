package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"innius_exporter/innius"
)

func openKey(t *testing.T, text string) (KeySource, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	write(t, path, text)
	k, err := fileKey(path, readAtMost)
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func wantKey(t *testing.T, k KeySource, want string) {
	t.Helper()
	if key, err := k.Key(); err != nil || key.Reveal() != want {
		t.Errorf("got a key of %d bytes and %v, want %s", len(key.Reveal()), err, want)
	}
}

// A rotation may remove or empty the file for a moment: the last good key stays in use. Other texts are an error that hides them.
func TestKeySourceFollowsARotation(t *testing.T) {
	k, path := openKey(t, " \n first \r\n")
	wantKey(t, k, "first")
	for _, step := range []struct{ text, want, stale string }{
		{"second\n", "second", ""},
		{" \n", "second", "is empty"},
		{"third", "third", ""},
		{"gone", "third", "cannot be read"},
		{canary + "\nsecond line", "", "cannot be read"},
		{canary + " second", "", "cannot be read"},
		{canary + "ü", "", "cannot be read"},
		{canary + "\x00", "", "cannot be read"},
		{strings.Repeat(canary, 200), "", "cannot be read"},
		{"fourth", "fourth", ""},
	} {
		next := path + ".new"
		write(t, next, step.text)
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		if step.text == "gone" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		key, err := k.Key()
		if key.Reveal() != step.want || (err != nil) != (step.want == "") {
			t.Errorf("%.60q: got a key of %d bytes and %v, want %q", step.text, len(key.Reveal()), err, step.want)
		}
		if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%.60q: %v", step.text, err)
		}
		if got := k.Stale(); (got == "") != (step.stale == "") || !strings.Contains(got, step.stale) {
			t.Errorf("%.60q: stale %q, want %q", step.text, got, step.stale)
		}
	}
}

func TestKeySourceKeepsTheKeyWhenTooManyFilesAreOpen(t *testing.T) {
	k, _ := openKey(t, "first")
	for _, row := range []struct {
		cause error
		keeps bool
	}{{syscall.EMFILE, true}, {syscall.ENFILE, true}, {syscall.EACCES, false}} {
		k.read = func(path string, _ int64) ([]byte, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: row.cause}
		}
		if key, err := k.Key(); (err == nil) != row.keeps || (key.Reveal() == "first") != row.keeps {
			t.Errorf("%v: got a key of %d bytes and %v", row.cause, len(key.Reveal()), err)
		}
	}
}

func TestKeySourceReadsAVariableOnce(t *testing.T) {
	t.Setenv("TEST_KEY", " first\n")
	k, err := envKey("TEST_KEY", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_KEY", "second")
	wantKey(t, k, "first")
}

func TestKeySourceZeroValueHasNoKey(t *testing.T) {
	var k KeySource
	key, err := k.Key()
	if err == nil || !key.Empty() || k.String()+k.Stale()+k.Exposed() != "" || !k.known().Empty() {
		t.Errorf("key %v, error %v, source %q", key, err, k)
	}
	wantKey(t, FixedKey(innius.NewSecret("demo")), "demo")
}

func TestKeySourceIsSafeDuringARotation(t *testing.T) {
	k, path := openKey(t, "first")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if key, err := k.Key(); err != nil || key.Empty() || k.String() == "" {
					t.Errorf("empty %t, %v", key.Empty(), err)
				}
			}
		})
	}
	for range 50 {
		if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}
