package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

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

// masked replaces what could be a key: people paste keys into the wrong line.
func masked(text string) string { return keylike.ReplaceAllString(text, "<secret>") }

// shown quotes a user's text for an error: masked, and cut to a readable length.
func shown(text string) string {
	text = masked(text)
	if utf8.RuneCountInString(text) > 60 {
		text = string([]rune(text)[:60]) + "…"
	}
	return strconv.Quote(text)
}
