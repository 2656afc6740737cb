package innius

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrorText bounds, in bytes, a text from the network inside an error.
const maxErrorText = 300

// scrub makes a text from the network safe to show: valid UTF-8, without control characters, with the key (in any
// case, and URL-escaped) replaced by "<secret>". Control characters go first, or a key split by them would be whole
// again afterwards.
func (s Secret) scrub(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if s.Empty() {
		return text
	}
	for _, form := range []string{s.text, url.QueryEscape(s.text), url.PathEscape(s.text)} {
		text = replaceFold(text, form)
	}
	return text
}

// scrubError is scrub for the inside of an error: cut, after the key is out, so that no part of one can remain.
func (s Secret) scrubError(text string) string {
	return cut(strings.Join(strings.Fields(s.scrub(spaced(text))), " "), maxErrorText)
}

// spaced keeps words apart that only a line break or tab separates, before control characters are taken out.
func spaced(text string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)
}

func replaceFold(text, key string) string {
	if !strings.Contains(strings.ToLower(text), strings.ToLower(key)) {
		return text // the usual case, without the price of an expression
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(key)).ReplaceAllLiteralString(text, masked)
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
