package config

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
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

func TestKeySourceReadsARotatedFile(t *testing.T) {
	k, path := openKey(t, " \n first \r\n")
	wantKey(t, k, "first")
	write(t, path, "second\n")
	wantKey(t, k, "second")
	next := path + ".new"
	write(t, next, "third")
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	wantKey(t, k, "third")
}

func TestKeySourceReturnsTheLastGoodKeyWhileTheFileIsGone(t *testing.T) {
	k, path := openKey(t, "first")
	write(t, path, "second")
	wantKey(t, k, "second")
	write(t, path, " \n")
	wantKey(t, k, "second")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantKey(t, k, "second")
	write(t, path, "third")
	wantKey(t, k, "third")
}

func TestKeySourceErrorHidesTheText(t *testing.T) {
	k, path := openKey(t, "first")
	for _, text := range []string{canary + "\nsecond line", canary + " second", canary + "ü", canary + "\x00", strings.Repeat(canary, 200)} {
		write(t, path, text)
		key, err := k.Key()
		if err == nil || !key.Empty() || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), canary) {
			t.Errorf("%.60q gives %v", text, err)
		}
	}
	write(t, path, "second")
	wantKey(t, k, "second")
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
	if key, err := k.Key(); err == nil || !key.Empty() {
		t.Error(err)
	}
	if k.String() != "" || !k.known().Empty() {
		t.Error("an empty source tells of a key")
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

func TestKeySourceIsStaleWhileTheLastGoodKeyIsInUse(t *testing.T) {
	k, path := openKey(t, "first")
	for _, step := range []struct{ text, stale string }{
		{"", "is empty"}, {"second", ""}, {"gone", "cannot be read"}, {"two words", "cannot be read"}, {"third", ""}, {"two words", ""},
	} {
		if step.text == "gone" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, path, step.text)
		}
		_, _ = k.Key()
		if got := k.Stale(); (got != "") != (step.stale != "") || !strings.Contains(got, step.stale) || got != "" && !strings.Contains(got, path) {
			t.Errorf("%q: stale %q, want %q", step.text, got, step.stale)
		}
	}
	if got := (KeySource{}).Stale(); got != "" {
		t.Errorf("no source: %q", got)
	}
}
