package innius

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
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

// gapBetween matches what may stand between two characters of a key, also escaped.
const gapBetween = `(?:[\s\pZ\p{Cc}\p{Cf}]|\\[bfnrt]|\\u[0-9a-f]{4}|%[01][0-9a-f]|%20)*`

// longestForm bounds what is cut out of a text: the expression of a longer one would take seconds.
const longestForm = 256

// withoutForm cuts a form of the key out of a text, where its characters may be escaped, with any gaps between.
func withoutForm(text, form string) string {
	if len(form) > longestForm {
		return text
	}
	var characters []string
	for _, r := range without(form, gap) {
		characters = append(characters, escapable(r))
	}
	return regexp.MustCompile("(?i)"+strings.Join(characters, gapBetween)).ReplaceAllLiteralString(text, masked)
}

// escapable matches a character, also escaped in the usual ways.
func escapable(r rune) string {
	plain, percent := string(r), ""
	for _, b := range []byte(plain) {
		percent += fmt.Sprintf("%%%02x", b)
	}
	return fmt.Sprintf(`(?:\\?%s|%s|\\u%04x|%s)`, regexp.QuoteMeta(plain), percent, r, regexp.QuoteMeta(html.EscapeString(plain)))
}

// leastCoded is how long a key must be for its base64 to be told from chance.
const leastCoded = 12

// forms are the key, and what base64 makes of it, which depends on how many bytes stand before it in the same text.
func (s Secret) forms() []string {
	key := s.Reveal()
	if key == "" {
		return nil
	}
	forms := []string{key}
	if len(key) < leastCoded {
		return forms
	}
	for before, mixed := range []int{0, 2, 3} { // so many characters tell of what stands before, too
		coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + key))
		whole := (before + len(key)) * 8 / 6 // the one behind tells of what follows, too
		forms = append(forms, coded[mixed:whole], strings.NewReplacer("+", "-", "/", "_").Replace(coded[mixed:whole]))
	}
	return slices.Compact(forms)
}
