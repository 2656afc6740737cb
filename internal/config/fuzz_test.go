package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse checks for each text: no panic, no key in an error, whether the text, a file or a variable contains it, and a config
// that loads is printed as one that loads as the same.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../config.example.yml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	o := environment{getenv: func(string) string { return canary }, read: fuzzFile}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data, "config.yml", o)
		if (c == nil) == (err == nil) {
			t.Fatal("a config and an error, or neither")
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Fatal("the error contains the key")
		}
		if c != nil {
			for _, a := range c.Accounts {
				if key, err := a.Key.Key(); err != nil || key.Empty() || a.Name == "" || a.URL == nil || a.URL.User != nil || a.RateLimit.Own() <= 0 {
					t.Fatalf("impossible account %+v: %v", a, err)
				}
			}
			for _, r := range c.RemoteWrite {
				if u := r.URL.URL(); u == nil || u.User != nil || u.Fragment != "" || r.Name == "" || r.Spool < 1<<20 || r.Timeout <= 0 {
					t.Fatalf("impossible receiver %+v", r)
				}
			}
			if len(c.Accounts) == 0 || c.Refresh.MaxInterval < c.Refresh.MinInterval || strings.Contains(explained(c), canary) {
				t.Fatalf("impossible config\n%s", explained(c))
			}
			var paths string
			for _, a := range c.Accounts {
				paths += a.URL.EscapedPath() + " "
			}
			for _, r := range c.RemoteWrite {
				paths += r.URL.base.EscapedPath() + " "
			}
			if maskedRuns(paths) == paths && strings.Contains(roundTrip(t, "fuzz", c, o), canary) {
				t.Fatal("the printed config contains the key")
			}
		}
	})
}

// fuzzFile has no file but for names that end in txt: it must not read what a random path leads to.
func fuzzFile(path string, _ int64) ([]byte, error) {
	if strings.HasSuffix(path, "txt") {
		return []byte(canary + "\n"), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: errors.ErrUnsupported}
}
