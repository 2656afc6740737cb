package config

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"
)

// syntaxTexts explains the parser's messages in terms of what people do. They replace the message, because some of
// the parser's own quote the file, which may hold a key. The first whose text the message contains is taken.
var syntaxTexts = []struct{ message, text string }{
	{"anchor", `a value that begins with "*" must be in quotes; YAML aliases are not supported`},
	{"expected alphabetic or numeric", `a value that begins with "*" or "&" must be in quotes; YAML aliases are not supported`},
	{"cannot start any token", `a value must not begin with this sign; put it in quotes`},
	{"mapping values are not allowed", `a ":" is not allowed here; indent the line as its neighbours, or put the value in quotes`},
	{"escape c", `a backslash in double quotes begins an escape; put the value in single quotes`},
	{"expected key", `the indentation does not fit the lines above, or a quote or ":" is missing`},
	{"'-' indicator", `the indentation does not fit the list above; each entry begins with "- " in the same column`},
	{"control characters", controlText},
	{"block sequence entries", `a "- " is not allowed here; put the list on lines of its own`},
	{"tab", tabText},
}

// openTexts explain the messages about something that began in an earlier line, which is where to look.
var openTexts = []struct{ message, text string }{
	{"',' or ']'", `the list that begins here with "[" lacks a comma or its "]"`},
	{"',' or '}'", `the mapping that begins here with "{" lacks a comma or its "}"`},
	{"expected ':'", `a ":" is missing after the key`},
	{"unexpected end of stream", "the quote that begins here is never closed"},
	{"unexpected document indicator", "the quote that begins here is never closed"},
}

const (
	tabText     = "a tab indents this line; YAML allows only spaces"
	controlText = "holds a control character; is this a text file?"
)

// syntax reports what the parser could not read. The parser stops at the first mistake.
func (d *document) syntax(err error, data []byte) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		d.report(1, "", "is no valid YAML")
		return
	}
	for _, open := range openTexts {
		if strings.Contains(e.Message, open.message) && e.ContextMark.Line > 0 {
			d.report(e.ContextMark.Line, "", "%s", open.text)
			return
		}
	}
	line := max(e.Mark.Line, 1)
	d.report(line, "", "%s", syntaxText(e.Message, lineOf(data, line)))
}

func syntaxText(message string, line []byte) string {
	indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
	if bytes.ContainsRune(indent, '\t') {
		return tabText
	}
	for _, s := range syntaxTexts {
		if strings.Contains(message, s.message) {
			return s.text
		}
	}
	return "is no valid YAML here; look for a missing quote, bracket or colon in this line and the one above"
}

func lineOf(data []byte, wanted int) []byte {
	for line, number := range lines(data) {
		if number == wanted {
			return line
		}
	}
	return nil
}
