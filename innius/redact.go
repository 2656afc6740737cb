package innius

import (
	"encoding/base64"
	"html"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unique"
)

// Secret is an API key, or another text that must not be shown. Every way of printing it gives "<secret>"; Reveal is the one way
// to its text. Two secrets of one key are equal.
//
// The text stands behind a pointer: fmt calls no method of a value in an unexported field, and would print a plain
// string, or a pointer to a struct, there.
type Secret struct{ text unique.Handle[string] } // the forms in which the key is looked for, and the key; see formsOf

// masked stands wherever a key was cut out of a text.
const masked = "<secret>"

// NewSecret makes a secret of a key.
func NewSecret(key string) Secret {
	if key == "" {
		return Secret{}
	}
	return Secret{text: unique.Make(strings.Join(append(formsOf(key), key), formEnd))}
}

// Reveal returns the key itself. Only what builds requests calls it, and what cuts the key out of texts.
func (s Secret) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.parts()[maxForms]
}

// Empty reports whether there is no key.
func (s Secret) Empty() bool { return s == Secret{} }

// String returns "<secret>", or nothing for an empty secret.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return masked
}

// GoString keeps %#v from printing the key.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps encoders (JSON, YAML, logs) from printing the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// used are the secrets that this process has sent, newest last: keys, and the credentials of proxies.
var used struct {
	sync.Mutex
	secrets []usedSecret
}

type usedSecret struct {
	Secret
	least int // length of the parts of it that are redacted
}

// maxUsed bounds how many secrets are remembered, over all rotations.
const maxUsed = 64

// leastKnown is the length from which a secret is redacted from all texts: a shorter one would be found in any.
const leastKnown = 4

// Remember makes Redact, and all errors of this package, redact a secret, such as the password of a proxy. Safe for concurrent use.
func Remember(secret Secret) { remember(secret, whole) }

func remember(secret Secret, least int) {
	if len(secret.Reveal()) < leastKnown {
		return
	}
	used.Lock()
	defer used.Unlock()
	if slices.Contains(used.secrets, usedSecret{secret, least}) {
		return
	}
	used.secrets = append(slices.Clone(used.secrets), usedSecret{secret, least}) // a copy, for Redact reads without the lock
	used.secrets = used.secrets[max(0, len(used.secrets)-maxUsed):]
}

// maxErrorText bounds, in bytes, a text from the network inside an error.
const maxErrorText = 300

// maxErrorID bounds, in bytes, an id inside an error.
const maxErrorID = 100

// redact makes a text from the network safe to show: valid UTF-8 of one line, without control characters, with the key, and each
// part of it of at least 8 characters, replaced by "<secret>" in any case. A text that holds them in one of the other ways that are
// known here is not shown at all.
func (s Secret) redact(text string) string { return s.redactParts(text, leastPart) }

func (s Secret) redactParts(text string, least int) string {
	text = oneLine(text)
	if s.held(text, least) {
		if text = s.withoutParts(text, least); s.held(text, least) {
			return masked
		}
	}
	return text
}

// Redact makes a text from the network safe to show inside an error: valid UTF-8 of one line, cut, with the secret replaced by
// "<secret>". The secret may be of any server; a part of it, which may be an ordinary word, is shown.
func (s Secret) Redact(text string) string {
	return shorten(redactUsed(s.redactParts(beginning(oneLine(text)), whole)))
}

// redactError is redact for the inside of an error: cut, after the key is out, so that no part of one can remain, and without the
// secrets that were sent to others.
func (s Secret) redactError(text string) string {
	return shorten(redactUsed(s.redact(beginning(oneLine(text)))))
}

// redactValue is redact for the text of a reading: cut. What was sent to others may be an ordinary word here.
func (s Secret) redactValue(text string) string { return shorten(s.redact(beginning(oneLine(text)))) }

// shorten makes a text that is redacted fit into an error.
func shorten(text string) string { return cut(strings.Join(strings.Fields(text), " "), maxErrorText) }

// Redact makes a text of any origin safe to show, on a log line above all: valid UTF-8 of one line, without control
// characters and bidirectional marks, every secret that this process has used replaced by "<secret>", cut to at most limit
// bytes. Safe for concurrent use.
func Redact(text string, limit int) string {
	return cut(redactUsed(beginning(oneLine(text))), limit) // looking through megabytes takes a hundred times as much memory
}

func redactUsed(text string) string {
	used.Lock()
	secrets := used.secrets
	used.Unlock()
	for _, secret := range secrets {
		text = secret.redactParts(text, secret.least)
	}
	return text
}

// In reports whether a text, as much of it as is ever shown, holds the key, also escaped, split or in base64.
func (s Secret) In(text string) bool { return s.held(beginning(text), whole) }

const (
	// leastPart is the length from which a part of a key is redacted: a response may hold a key in several parts.
	leastPart = 8
	// whole is the same for a secret of which no part is.
	whole = math.MaxInt
)

// held reports whether a text holds the key, or a part of at least so many characters, also escaped, or with control characters
// or white space inside it, for a reader would put it together again.
func (s Secret) held(text string, least int) bool {
	if s.Empty() || len(text) < min(least, len(s.Reveal())) {
		return false // the usual text: no way to write the key is shorter
	}
	for depth := 0; ; depth++ {
		plain := solid(text)
		for _, form := range s.parts()[:maxForms] {
			if form != "" && sharesPart(plain, form, min(least, len(form))) {
				return true
			}
		}
		if depth == escapesDeep || !strings.ContainsAny(text, escapes) {
			return false
		}
		text = unescaped(text)
	}
}

// sharesPart reports whether two texts have a part of so many bytes in common.
func sharesPart(a, b string, length int) bool {
	if len(b) > len(a) {
		a, b = b, a // most texts are short: fewer parts to look for
	}
	for i := 0; i+length <= len(b); i++ {
		if strings.Contains(a, b[i:i+length]) {
			return true
		}
	}
	return false
}

// withoutParts replaces the key, and parts of it of at least so many bytes, in any case.
func (s Secret) withoutParts(text string, least int) string {
	key, lower := lowerASCII(oneLine(s.Reveal())), lowerASCII(text)
	least = min(least, len(key))
	var out strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for end := i + least; end <= len(text) && strings.Contains(key, lower[i:end]); end++ {
			n = end - i
		}
		if n > 0 {
			out.WriteString(masked)
		} else {
			n = 1
			out.WriteByte(text[i])
		}
		i += n
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

// lowerASCII keeps the place of each byte.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		return r
	}, text)
}

// solid is a text without what may split a key, to be compared in any case.
func solid(text string) string { return strings.ToLower(without(text, gap)) }

// An API may return a key in other characters than those it was sent. Known are: any case; the escapes of URLs, JSON, Go and
// HTML, of each character on its own and in any mixture; base64; and all of them with gaps between.
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

// leastCoded is the length from which the base64 of a key is no coincidence.
const leastCoded = 12

const (
	maxForms = 7      // of a key: itself, and base64 of it with either alphabet after each of three numbers of bytes
	formEnd  = "\x00" // no form holds control characters
)

// parts are the forms of the key, and the key.
func (s Secret) parts() []string { return strings.SplitN(s.text.Value(), formEnd, maxForms+1) }

// formsOf are the key, and what base64 makes of it, which depends on how many bytes are before it in the same text. All solid.
func formsOf(key string) []string {
	forms := make([]string, maxForms)
	forms[0] = solid(key)
	if len(key) < leastCoded {
		return forms
	}
	for before := range 3 {
		coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + key))
		coded = solid(coded[4*min(before, 1) : len(coded)-3]) // what does not depend on the text before and behind
		forms[1+2*before], forms[2+2*before] = coded, strings.NewReplacer("+", "-", "/", "_").Replace(coded)
	}
	return forms
}

// maxPrintable bounds, in bytes, an id or a name from the network in a log line, on a page or in JSON.
const maxPrintable = 200

// Printable returns an id or a name from the network as it may be shown: valid UTF-8 without control characters and
// bidirectional marks, at most 200 bytes. It does not redact the key: a text with the key never becomes an id or a name.
func Printable(text string) string { return printable(text, maxPrintable) }

// quotedID shows an id inside an error.
func quotedID(id string) string { return strconv.Quote(printable(id, maxErrorID)) }

func printable(text string, limit int) string {
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 { // few ids: the status page shows thousands
		text = without(strings.ToValidUTF8(text, "\uFFFD"), control)
	}
	return cut(text, limit)
}

var breaks = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")

// oneLine keeps words apart that only a line break or tab separates, before control characters are taken out.
func oneLine(text string) string {
	text = breaks.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	return without(text, control)
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

// beginning returns what is enough to describe a body. Where the cut falls into a word that may be shown, the word goes
// too: half a key would pass for an ordinary text.
func beginning(body string) string {
	text := strings.TrimSpace(body)
	if len(text) <= 64<<10 {
		return text
	}
	text = text[:64<<10]
	if space := strings.LastIndexFunc(text, unicode.IsSpace); space > len(text)-4<<10 {
		return text[:space]
	}
	return text
}
