package innius

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrorText bounds, in bytes, a text from the network inside an error.
const maxErrorText = 300

// maxErrorID bounds, in bytes, an id inside an error.
const maxErrorID = 100

// scrub makes a text from the network safe to show: valid UTF-8, without control characters, with the key replaced by
// "<secret>": in any case, in each of the ways that disguise.go knows, and where control characters or white space split
// it, for whoever reads would put it together again. Where a way is recognised but cannot be cut out, nothing is shown.
func (s Secret) scrub(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if held := s.held(text); len(held) > 0 { // seldom: the usual text is spared the price of the expressions
		for _, form := range held {
			text = withoutForm(text, form)
		}
		if s.in(text) {
			return masked
		}
	}
	return without(text, control)
}

// in reports whether a text, as much of it as is ever shown, holds the key in a form that scrub replaces.
func (s Secret) in(text string) bool { return len(s.held(beginning(text))) > 0 }

// held returns the forms of the key that a text holds.
func (s Secret) held(text string) []string {
	if len(text) < len(s.Reveal()) {
		return nil // the usual text: no way to write the key is shorter
	}
	plain := []string{solid(text)}
	for range escapesDeep {
		if !strings.ContainsAny(text, escapes) {
			break
		}
		text = unescaped(text)
		plain = append(plain, solid(text))
	}
	all := strings.Join(plain, "\n")
	return slices.DeleteFunc(s.forms(), func(form string) bool { return !strings.Contains(all, solid(form)) })
}

// solid is a text without what may split a key, to be compared in any case.
func solid(text string) string { return strings.ToLower(without(text, gap)) }

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
	text = beginning(without(spaced(text), control)) // looking through megabytes takes a hundred times as much memory
	return cut(strings.Join(strings.Fields(s.scrub(text)), " "), maxErrorText)
}

// maxPrintable bounds, in bytes, an id or a name from the network in a log line, on a page or in JSON.
const maxPrintable = 200

// Printable returns an id or a name from the network as it may be shown: valid UTF-8 without control characters and
// bidirectional marks, at most 200 bytes. It does not redact the key: a text with the key never becomes an id or a name.
func Printable(text string) string {
	return cleaned(text, maxPrintable)
}

func cleaned(text string, limit int) string {
	return cut(without(strings.ToValidUTF8(text, "\uFFFD"), control), limit)
}

// quotedID shows an id inside an error.
func quotedID(id string) string { return strconv.Quote(cleaned(id, maxErrorID)) }

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
