package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// document collects the mistakes of one config while it is decoded.
type document struct {
	outside
	dir      string // of the config file; relative paths start here
	mistakes []Mistake
	bad      map[string]bool // paths with a mistake: rules between keys skip them, or one mistake would be told twice
}

func (d *document) report(line int, path, format string, args ...any) {
	d.bad[path] = true
	d.mistakes = append(d.mistakes, Mistake{Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// path resolves a path of the config, as the Prometheus family does: from the config file's directory.
func (d *document) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.dir, name)
}

// compose parses the text and returns its root. It reports what is no single YAML document.
func (d *document) compose(data []byte) (value, bool) {
	for line, number := range lines(data) {
		if text := invalid(line); text != "" {
			d.report(number, "", "%s", text)
			return value{}, false
		}
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.report(1, "", "cannot be parsed")
		return value{}, false
	}
	return d.single(loader, data)
}

// single takes the first document of a stream and refuses a second one, which would be ignored silently.
func (d *document) single(loader *yaml.Loader, data []byte) (value, bool) {
	first, second := &yaml.Node{}, &yaml.Node{}
	if err := loader.Load(first); err != nil && !errors.Is(err, io.EOF) {
		d.syntax(err, data)
		return value{}, false
	}
	root := content(first)
	if root == nil {
		d.report(1, "", "is empty; it needs at least accounts with a name, a url and a key: see config.example.yml")
		return value{}, false
	}
	switch err := loader.Load(second); {
	case err == nil:
		d.report(second.Line, "", "a second YAML document begins here; a config is one document")
	case !errors.Is(err, io.EOF):
		d.syntax(err, data)
	}
	return value{d: d, node: root, line: root.Line}, true
}

// content returns what a document holds; nil where it holds nothing.
func content(doc *yaml.Node) *yaml.Node {
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
		return nil
	}
	return doc.Content[0]
}

// invalid says why a line is no text; the parser would not name the line.
func invalid(line []byte) string {
	switch {
	case !utf8.Valid(line):
		return "is not UTF-8 here; save the file as UTF-8"
	case bytes.ContainsFunc(bytes.Trim(line, "\r\n"), func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return controlText
	}
	return ""
}

// lines yields each line with its number, from 1.
func lines(data []byte) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		number := 0
		for line := range bytes.Lines(data) {
			number++
			if !yield(line, number) {
				return
			}
		}
	}
}

// refuseWrittenKeys reports each line, comments too, that holds the text of a key the config refers to.
func (d *document) refuseWrittenKeys(data []byte, accounts []Account) {
	reported := map[int]bool{}
	for _, m := range d.mistakes {
		reported[m.Line] = true
	}
	for line, number := range lines(data) {
		if !reported[number] && holdsKey(string(line), accounts) {
			d.report(number, "", inlineKey+"api_key_file or api_key_env")
		}
	}
}

func holdsKey(line string, accounts []Account) bool {
	for _, a := range accounts {
		key := a.Key.known().Reveal()
		if len(key) >= minKeyLength && strings.Contains(line, key) {
			return true
		}
	}
	return false
}
