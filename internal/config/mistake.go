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

// Mistake is one thing that is wrong, and what to do about it.
type Mistake struct {
	Line int    // in the file; 0 where there is no file
	Path string // of the key, such as accounts[0].rate_limit.burst; empty where it concerns the whole file
	Text string
}

// Error holds every mistake of a config, in the order of lines. It occurs when a config was read but cannot be used;
// a file that cannot be read at all gives the error of the file system.
type Error struct {
	File     string // as the user wrote it; empty where flags and variables were read
	Mistakes []Mistake
}

// maxShown bounds the text of an error: a file that is no config at all could have a mistake in each of its lines.
const maxShown = 100

// Error returns one line a mistake: "file:line: key.path: what is wrong; what to do".
func (e *Error) Error() string {
	var lines []string
	for _, m := range e.Mistakes[:min(len(e.Mistakes), maxShown)] {
		lines = append(lines, e.line(m))
	}
	if more := len(e.Mistakes) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more mistakes", more))
	}
	return strings.Join(lines, "\n")
}

func (e *Error) line(m Mistake) string {
	place := e.File
	if m.Line > 0 {
		place += ":" + strconv.Itoa(m.Line)
	}
	parts := slices.DeleteFunc([]string{place, m.Path, m.Text}, func(s string) bool { return s == "" })
	return strings.Join(parts, ": ")
}

// asError sorts the mistakes by line and returns them as an error; nil where there are none.
func asError(file string, mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{File: file, Mistakes: mistakes}
}

// minKeyLength is the length from which a run of letters and digits is taken for a possible key. The API gateways of
// this style issue no shorter ones.
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
