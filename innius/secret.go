package innius

import (
	"slices"
	"strings"
	"sync"
	"unique"
)

// Secret is an API key. Every way of printing it gives "<secret>"; Reveal is the one way to its text. Two secrets of
// one key are equal.
//
// The text stands behind a pointer: fmt calls no method of a value in an unexported field, and would print a plain
// string there.
type Secret struct{ text unique.Handle[string] }

// masked stands wherever a key was cut out of a text.
const masked = "<secret>"

// NewSecret makes a secret of a key.
func NewSecret(key string) Secret {
	if key == "" {
		return Secret{}
	}
	return Secret{text: unique.Make(key)}
}

// Reveal returns the key itself. Only what builds the x-api-key header calls it, and what cuts the key out of texts.
func (s Secret) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.text.Value()
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

// used are the keys that clients of this process have sent, newest last.
var used struct {
	sync.Mutex
	keys []Secret
}

// maxUsed bounds how many keys are remembered, over all rotations.
const maxUsed = 64

func remember(key Secret) {
	used.Lock()
	defer used.Unlock()
	if slices.Contains(used.keys, key) {
		return
	}
	used.keys = append(slices.Clone(used.keys), key) // a copy, for Redact reads without the lock
	used.keys = used.keys[max(0, len(used.keys)-maxUsed):]
}

// Redact makes a text of any origin safe to show, on a log line above all: valid UTF-8 of one line, without control
// characters and bidirectional marks, every key that a Client of this process has used replaced by "<secret>", cut to at
// most limit bytes. Safe for concurrent use.
func Redact(text string, limit int) string {
	used.Lock()
	keys := used.keys
	used.Unlock()
	text = beginning(without(spaced(text), control))
	for _, key := range keys {
		text = key.redact(text)
	}
	return cut(strings.ToValidUTF8(text, "\uFFFD"), limit)
}
