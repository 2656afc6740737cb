package config

import (
	"iter"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// key is a key that Config declares: its path with [0] for entries of lists, its tag and its default as printed; "" for none.
type key struct {
	path, standard string
	tag            reflect.StructTag
}

// keysOf returns all keys of a type and of its blocks.
func keysOf(t reflect.Type, path string) iter.Seq[key] {
	return func(yield func(key) bool) {
		entry := reflect.New(t).Elem()
		setDefaults(entry)
		for _, f := range fieldsOf(t) {
			value, path := entry.FieldByIndex(f.index), strings.TrimPrefix(path+"."+f.name, ".")
			k := key{path: path, tag: f.tag}
			switch block := value.Type(); {
			case block.Kind() == reflect.Slice && isBlock(block.Elem()):
				block, path = block.Elem(), path+"[0]"
				fallthrough
			case block.Kind() == reflect.Struct && isBlock(block):
				for sub := range keysOf(block, path) {
					if !yield(sub) {
						return
					}
				}
			case block.Kind() == reflect.Slice:
				k.standard = "[]"
			default:
				if _, ok := f.tag.Lookup("default"); ok || !value.IsZero() {
					k.standard = encode(value, f.tag).Value
				}
			}
			if !yield(k) {
				return
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocsListEachKey compares the tables of docs/configuration.md with the declaration: each key has one row in the section of
// its block, with its default and bounds; no row has a key that is not declared.
func TestDocsListEachKey(t *testing.T) {
	section, documented := "", map[string][]string{}
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\| (.*?) \\| (.*?) ?\\| (.*) \\|$")
	for line := range strings.Lines(read(t, "../../docs/configuration.md")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			section = strings.TrimLeft(line, "# ")
		} else if m := row.FindStringSubmatch(line); m != nil {
			documented[section+"."+m[1]] = m
		}
	}
	for k := range keysOf(reflect.TypeFor[Config](), "") {
		parts := strings.Split(strings.ReplaceAll("x."+k.path, "[0]", ""), ".")
		block, name := parts[len(parts)-2], parts[len(parts)-1]
		switch {
		case k.path == "labels":
			block = "labels"
		case block == "x":
			continue // each block has a section of its own
		case name == "include" || name == "exclude":
			block = "discovery" // one table for both filters
		}
		m := documented[block+"."+name]
		if m == nil {
			t.Errorf("docs/configuration.md, section %s, has no row for %s", block, name)
			continue
		}
		if k.standard != "" && m[3] != "`"+k.standard+"`" {
			t.Errorf("docs/configuration.md, section %s: the default of %s is %s, want `%s`", block, name, m[3], k.standard)
		}
		for _, bound := range []string{"min", "max", "zero"} {
			if limit := k.tag.Get(bound); !strings.Contains(m[2], limit) && !(k.path == "refresh.max_interval" && bound == "min") {
				t.Errorf("docs/configuration.md, section %s: the type of %s is %q, without %s %s", block, name, m[2], bound, limit)
			}
		}
		m[0] = ""
	}
	for place, m := range documented {
		if m[0] != "" {
			t.Errorf("docs/configuration.md documents %s, which is not declared", place)
		}
	}
}

const exampleFile = "../../config.example.yml"

// A setting of the example is behind "#" in the first column, an example behind "##"; prose is behind "# ".
var (
	setting = regexp.MustCompile(`(?m)^#((  )*[a-z_]+:)`)
	sample  = regexp.MustCompile(`(?m)^##((  )*(- |[a-z_]+:))`)
)

// parseExample returns the config of a text, and which paths it sets.
func parseExample(t *testing.T, text string) (*Config, *document) {
	t.Helper()
	e := environment{getenv: env(keyVariable, testKey), read: readAtMost}
	c, err := parse([]byte(text), exampleFile, e)
	if err != nil {
		t.Fatal(err)
	}
	d := &document{environment: e, lines: map[string]int{}, invalid: map[string]bool{}}
	node{d, d.root([]byte(text)), ""}.decode(reflect.ValueOf(Default()).Elem(), "")
	return c, d
}

func TestExampleHasEachDefault(t *testing.T) {
	text := read(t, exampleFile)
	bare, _ := parseExample(t, text)
	wantDefaults(t, bare)
	c, d := parseExample(t, setting.ReplaceAllString(text, "$1"))
	wantDefaults(t, c)
	for k := range keysOf(reflect.TypeFor[Config](), "") {
		ofExample := strings.HasPrefix(k.path, "sensors[0]") || strings.HasPrefix(k.path, "remote_write[0]")
		if k.standard != "" && !ofExample && d.lines[k.path] == 0 {
			t.Errorf("config.example.yml does not have the default %s of %s", k.standard, k.path)
		}
	}
}

func TestExampleShowsEachKey(t *testing.T) {
	text := sample.ReplaceAllString(setting.ReplaceAllString(read(t, exampleFile), "$1"), "$1")
	dir := t.TempDir()
	writePair(t, dir)
	write(t, dir+"/innius", testKey)
	write(t, dir+"/central", "secret")
	for _, swap := range [][2]string{ // each example takes the place of the default next to it
		{"    api_key_env: INNIUS_API_KEY\n", ""},
		{"/run/secrets/innius", dir + "/innius"},
		{"/run/secrets/central", dir + "/central"},
		{"/run/secrets/other", dir + "/central"},
		{": ca.pem", ": " + dir + "/cert.pem"},
		{": client.pem", ": " + dir + "/cert.pem"},
		{": client-key.pem", ": " + dir + "/key.pem"},
		{"      values: /companies/{company}/machines/{machine}/sensors/{sensor}/values\n", ""},
		{"      proxy_from_environment: true\n", ""},
		{"fields: {}", "fields:"},
		{"    exclude: []\n    exclude:", "    exclude:"},
		{"\nsensors: []", "\nsensors:"},
		{"remote_write: []", "remote_write:"},
	} {
		if !strings.Contains(text, swap[0]) {
			t.Fatalf("the example has no %q", swap[0])
		}
		text = strings.Replace(text, swap[0], swap[1], 1)
	}
	_, d := parseExample(t, text)
	for k := range keysOf(reflect.TypeFor[Config](), "") {
		second := strings.Replace(k.path, "remote_write[0]", "remote_write[1]", 1)
		of, common := strings.CutPrefix(k.path, "remote_write[0].http_client.")
		if d.lines[k.path]+d.lines[second] > 0 || common && d.lines["accounts[0].http_client."+of] > 0 {
			continue
		}
		if !strings.HasSuffix(k.path, ".api_key_env") && !strings.HasSuffix(k.path, ".proxy_from_environment") {
			t.Errorf("config.example.yml does not have %s", k.path)
		}
	}
}
