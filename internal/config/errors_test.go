package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/errors.txt")

const (
	testKey  = "key-of-the-test-0123456789"
	otherKey = "other-key-of-the-test-0123456789"
	// canary is in the bad configs wherever people write a key.
	canary = "CANARYcanary0123456789canary"
	// goodText is a config that loads with TEST_KEY.
	goodText = "accounts:\n  - name: acme\n    url: https://innius.invalid\n    api_key_env: TEST_KEY\n"
)

// inTestdata makes testdata the working directory and sets the variables that its configs name.
func inTestdata(t *testing.T) {
	t.Helper()
	t.Chdir("testdata")
	for name, key := range map[string]string{
		"TEST_KEY": testKey, "SAME_KEY": testKey, "OTHER_KEY": otherKey, "UMLAUT_KEY": "schlüssel",
		"KEY_A": "key-of-a", "KEY_B": "key-of-b", "KEY_C": "key-of-c",
	} {
		t.Setenv(name, key)
	}
}

func loadFile(path string) (*Config, error) { return Source{File: path}.Load(os.Getenv) }

func parseText(t testing.TB, text string) (*Config, error) {
	t.Helper()
	return parse([]byte(text), "config.yml", environment{getenv: env("TEST_KEY", testKey), read: readAtMost})
}

func mustParse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := parseText(t, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// testdata/errors.txt lists the errors of each bad config: "file:line: key: text".
func TestLoadReportsEachErrorWithLineAndKey(t *testing.T) {
	want, err := os.ReadFile("testdata/errors.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	inTestdata(t)
	files, err := filepath.Glob("bad-*.yml")
	if err != nil || len(files) < 200 {
		t.Fatal(len(files), err)
	}
	var got strings.Builder
	for _, file := range files {
		c, err := loadFile(file)
		if e, ok := errors.AsType[*Error](err); !ok || len(e.Fields) == 0 || c != nil {
			t.Fatalf("%s: config %t, error %v", file, c != nil, err)
		}
		text := regexp.MustCompile("known here are .*").ReplaceAllString(err.Error(), "known here are ...") + "\n"
		if !strings.Contains(string(want), "\n"+text) && !*update {
			t.Errorf("not in errors.txt:\n%s", text)
		}
		got.WriteString("\n" + text)
	}
	if strings.Contains(got.String(), canary) || strings.Contains(got.String(), testKey) {
		t.Error("an error contains a key")
	}
	if *update {
		write(t, "errors.txt", got.String())
	} else if got.Len() != len(want) {
		t.Errorf("errors.txt has %d bytes, want %d", len(want), got.Len())
	}
}

func TestLoadReturnsTheErrorOfTheFileSystem(t *testing.T) {
	if _, err := loadFile(filepath.Join(t.TempDir(), "absent.yml")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent.yml") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "huge.yml")
	write(t, file, "#"+strings.Repeat("x", 1<<20))
	if _, err := loadFile(file); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}

func TestErrorBoundsItsText(t *testing.T) {
	_, err := parseText(t, goodText+"sensors:\n"+strings.Repeat("  - 1\n", 1000))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxShown+1 || lines[maxShown] != "and 900 more errors" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}
