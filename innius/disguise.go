package innius

import (
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An API may give a key back in other characters than those it was sent. Known are: any case; the escapes of URLs, JSON, Go
// and HTML, of each character on its own and in any mixture; base64; and all of them with gaps between.

const (
	escapes     = `%\&` // what they begin with
	escapesDeep = 3     // how often one text may be escaped
)

var escape = regexp.MustCompile(`(?i)\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\.|(?:%[0-9a-f]{2})+|&#?[0-9a-z]+;`)

// unescaped replaces all escapes by what they stand for.
func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(e string) string {
		switch {
		case e[0] == '&':
			return html.UnescapeString(e)
		case e[0] == '%':
			plain, _ := url.PathUnescape(e) // the expression matches nothing that is malformed
			return plain
		case len(e) > 3 && e[1] < utf8.RuneSelf:
			r, _ := strconv.ParseUint(e[2:], 16, 32) // as above
			return string(rune(r))
		case strings.Contains("bfnrt", e[1:]):
			return " "
		}
		return e[1:]
	})
}

// leastCoded is how long a key must be for its base64 to be told from chance.
const leastCoded = 12

// forms are the key, and what base64 makes of it, which depends on how many bytes are before it in the same text.
func (s Secret) forms() []string {
	key := s.Reveal()
	if key == "" {
		return nil
	}
	forms := []string{key}
	if len(key) < leastCoded {
		return forms
	}
	for before := range 3 {
		coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + key))
		coded = coded[4*min(before, 1) : len(coded)-3] // what does not depend on the text before and behind
		forms = append(forms, coded, strings.NewReplacer("+", "-", "/", "_").Replace(coded))
	}
	return forms
}
