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

	"go.yaml.in/yaml/v4"
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

// People paste keys into any line, and a short one, or one with other characters, looks like any other text.
func TestErrorsShowOnlyTheBeginningOfATextInAnyPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	inTestdata(t)
	full, err := os.ReadFile("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	var places func(n *yaml.Node) []*yaml.Node
	places = func(n *yaml.Node) (all []*yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			return []*yaml.Node{n}
		}
		for _, child := range n.Content {
			all = append(all, places(child)...)
		}
		return all
	}
	var root yaml.Node
	if err := yaml.Unmarshal(full, &root); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, place := range places(&root) {
		before := *place
		const key = "Xk7+Qz9/Wv3="
		for _, form := range []string{"%s", "/%s", "/{%s}", "(%s", "https://%s:x/", "//a:%s/{company}{machine}{sensor}", "%s\t"} {
			*place = yaml.Node{Kind: yaml.ScalarNode, Value: strings.Replace(form, "%s", key, 1), Style: yaml.DoubleQuotedStyle}
			text, err := yaml.Marshal(&root)
			if err != nil {
				t.Fatal(err)
			}
			e := environment{getenv: os.Getenv}
			if form == "%s" {
				e.read = readAtMost // once is enough: each parse reads certificates
			}
			if _, err = parse(text, "config.yml", e); err == nil {
				continue
			}
			refused++
			for i := range len(key) - maxBeginning {
				if part := key[i : i+maxBeginning+1]; strings.Contains(err.Error(), part) {
					t.Fatalf("%q instead of %q: shows %q:\n%v", place.Value, before.Value, part, err)
				}
			}
		}
		*place = before
	}
	if refused < 800 {
		t.Errorf("%d texts were refused", refused)
	}
}
