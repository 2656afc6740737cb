package innius

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrorText bounds, in bytes, a text from the network inside an error.
const maxErrorText = 300

// maxErrorID bounds, in bytes, an id inside an error.
const maxErrorID = 100

// scrub makes a text from the network safe to show: valid UTF-8, without control characters, with the key replaced by
// "<secret>": in any case, as URLs, JSON and HTML write it, and where control characters or white space split it, for
// whoever reads would put it together again.
func (s Secret) scrub(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if s.in(text) { // seldom: the usual text is spared the price of the expressions
		for _, form := range s.forms() {
			text = splittable(form).ReplaceAllLiteralString(text, masked)
		}
	}
	return without(text, control)
}

// in reports whether a text holds the key in a form that scrub replaces.
func (s Secret) in(text string) bool {
	solid := strings.ToLower(without(text, gap))
	return slices.ContainsFunc(s.forms(), func(form string) bool { return strings.Contains(solid, strings.ToLower(form)) })
}

// forms are the ways to write the key, without what may split it.
func (s Secret) forms() []string {
	key := s.Reveal()
	quoted, _ := json.Marshal(key) // a string cannot fail
	forms := []string{key, url.QueryEscape(key), url.PathEscape(key), strings.Trim(string(quoted), `"`), html.EscapeString(key)}
	for i, form := range forms {
		forms[i] = without(form, gap)
	}
	return slices.DeleteFunc(forms, func(form string) bool { return form == "" })
}

// splittable matches a text with any gaps between its characters.
func splittable(text string) *regexp.Regexp {
	var parts []string
	for _, r := range text {
		parts = append(parts, regexp.QuoteMeta(string(r)))
	}
	return regexp.MustCompile("(?i)" + strings.Join(parts, `[\s\pZ\p{Cc}\p{Cf}]*`))
}

func control(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

func gap(r rune) bool { return control(r) || unicode.IsSpace(r) || unicode.Is(unicode.Z, r) }

func without(text string, unwanted func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if unwanted(r) {
			return -1
		}
		return r
	}, text)
}

// scrubError is scrub for the inside of an error: cut, after the key is out, so that no part of one can remain.
func (s Secret) scrubError(text string) string {
	return cut(strings.Join(strings.Fields(s.scrub(spaced(text))), " "), maxErrorText)
}

// spaced keeps words apart that only a line break or tab separates, before control characters are taken out.
func spaced(text string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)
}

// cut shortens a text to at most limit bytes, at the border of a character, and marks that it did.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
