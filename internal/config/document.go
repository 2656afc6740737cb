package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// environment is what a config refers to but does not contain: files and variables. The zero value looks nothing up.
type environment struct {
	getenv  func(string) string
	read    reader // nil: no file is read and no key looked up
	keyless bool   // accounts need no key; only key files are read
}

// document is a config file while it is decoded.
type document struct {
	environment
	dir     string          // of the config file; relative paths start here
	lines   map[string]int  // of each path in the file
	invalid map[string]bool // paths with an error: rules between keys skip them
	errs    []FieldError
}

// parse decodes the text of a file and checks all rules.
func parse(data []byte, file string, e environment) (*Config, error) {
	d := &document{environment: e, dir: filepath.Dir(file), lines: map[string]int{}, invalid: map[string]bool{}}
	c := Default()
	if root := d.root(data); root != nil {
		d.lines[""] = root.Line
		node{d, root, ""}.decode(reflect.ValueOf(c).Elem(), "")
		d.refuseKeys(data, c.Accounts)
	}
	if err := asError(file, d.errs); err != nil {
		return nil, err
	}
	return c, nil
}

// report adds an error at the line of the path, or of the nearest block around it.
func (d *document) report(path, format string, args ...any) {
	d.invalid[path] = true
	block := path
	for block != "" && d.lines[block] == 0 {
		block = block[:max(0, strings.LastIndexAny(block, ".["))]
	}
	d.reportLine(d.lines[block], path, format, args...)
}

func (d *document) reportLine(line int, path, format string, args ...any) {
	d.errs = append(d.errs, FieldError{Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// root parses the text and returns its content; nil when it is no single YAML document.
func (d *document) root(data []byte) *yaml.Node {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		isControl := func(r rune) bool { return r != '\t' && unicode.IsControl(r) }
		if !utf8.Valid(line) || bytes.ContainsFunc(bytes.Trim(line, "\r\n"), isControl) {
			d.reportLine(number, "", "is not UTF-8 text, or contains a control character; save the file as UTF-8")
			return nil
		}
	}
	first, second := &yaml.Node{}, &yaml.Node{}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err == nil {
		err = loader.Load(first)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		d.syntax(err)
		return nil
	}
	if len(first.Content) == 0 || first.Content[0].ShortTag() == "!!null" {
		d.reportLine(1, "", "is empty; it needs at least accounts with a name, a url and a key: see config.example.yml")
		return nil
	}
	switch err := loader.Load(second); {
	case err == nil: // it would be ignored silently
		d.reportLine(second.Line, "", "a second YAML document begins here; a config is one document")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	return first.Content[0]
}

// syntax reports where the parser stopped, and where the construct that it was reading begins.
func (d *document) syntax(err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		e = &yaml.LoadError{Message: "it cannot be read"}
	}
	text := e.Message
	if strings.Contains(text, "anchor") {
		text = "unknown anchor" // the parser quotes it, and it may be a key
	}
	if begin := e.ContextMark.Line; begin > 0 && begin != e.Mark.Line {
		text += fmt.Sprintf(" %s that begins in line %d", e.ContextMsg, begin)
	}
	d.reportLine(max(e.Mark.Line, 1), "", "is not valid YAML: %s; indent with spaces, and put values with "+
		"special characters in single quotes", masked(text))
}

const inlineKey = "a key or password in the file itself is refused: anyone who can read the config could read it; " +
	"use api_key_file or api_key_env for an API key, key_file for TLS, the variable HTTPS_PROXY for a proxy, and password_file " +
	"or credentials_file for a receiver"

// refuseKeys reports each line, comments included, that contains a key the config refers to.
func (d *document) refuseKeys(data []byte, accounts []Account) {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if holdsKey(string(line), accounts) {
			d.reportLine(number, "", inlineKey)
		}
	}
}

// holdsKey reports whether a text holds the key of an account in any form. Shorter keys could be anything.
func holdsKey(text string, accounts []Account) bool {
	return slices.ContainsFunc(accounts, func(a Account) bool {
		key := a.Key.known()
		return len(key.Reveal()) >= 8 && key.In(text)
	})
}

// FieldError is one thing that is wrong, and what to do about it.
type FieldError struct {
	Line int    // in the file; 0 when it is not about a line of a file
	Path string // of the key, such as accounts[0].rate_limit.burst; empty when it is about the whole file
	Text string
}

// Error holds all errors of a config in the order of lines. A file that cannot be read gives the error of the file system
// instead.
type Error struct {
	File   string // as the user wrote it; empty when the config comes from flags
	Fields []FieldError
}

// maxShown bounds the text of an error: a file that is no config at all could have an error in each of its lines.
const maxShown = 100

// maxBeginning is how many characters of a text an error shows at most: people paste keys into the wrong line, and a key has no
// known form.
const maxBeginning = 4

// Error returns one line per error: "file:line: key.path: what is wrong; what to do".
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Fields[:min(len(e.Fields), maxShown)] {
		place := e.File
		if f.Line > 0 {
			place += ":" + strconv.Itoa(f.Line)
		}
		parts := slices.DeleteFunc([]string{place, f.Path, f.Text}, func(s string) bool { return s == "" })
		lines = append(lines, strings.Join(parts, ": "))
	}
	if more := len(e.Fields) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more errors", more))
	}
	return strings.Join(lines, "\n")
}

// asError sorts the errors by line and returns them as one; nil when there are none.
func asError(file string, fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	slices.SortStableFunc(fields, func(a, b FieldError) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{File: file, Fields: fields}
}

// minKeyLength is the length from which a run of letters and digits could be a key. API gateways of this kind issue no
// shorter ones.
const minKeyLength = 20

var keylike = regexp.MustCompile(fmt.Sprintf(`[A-Za-z0-9+/=_-]{%d,}`, minKeyLength))

var longRun = regexp.MustCompile(fmt.Sprintf(`[A-Za-z0-9+=%%~]{%d,}`, minKeyLength))

// maskedRuns replaces what could be a key in a name or a path that is not wrong otherwise: so long a run, with a digit, is no word.
func maskedRuns(text string) string {
	return longRun.ReplaceAllStringFunc(text, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return "<secret>"
		}
		return run
	})
}

// masked replaces what could be a key: people paste keys into the wrong line.
func masked(text string) string { return keylike.ReplaceAllString(text, "<secret>") }

// shownPath returns the path of a file for an error: whole if the file exists, else the directories that exist, and the beginning
// of the rest, which may be a key.
func shownPath(path string) string {
	dir := path
	for _, err := os.Stat(dir); err != nil && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(path, dir), string(filepath.Separator))
	return filepath.Join(dir, beginning(rest))
}

// beginning cuts a user's text for an error.
func beginning(text string) string {
	if utf8.RuneCountInString(text) > maxBeginning {
		return string([]rune(text)[:maxBeginning]) + "…"
	}
	return text
}

// shown quotes the beginning of a user's text for an error.
func shown(text string) string { return strconv.Quote(beginning(text)) }
