package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"innius_exporter/innius"
)

// KeySource gives an account's key: from a file, which is read at each call so that a key can be rotated without a
// restart, or from a variable, which was read once. The zero value has no key. Copies share one memory.
//
// Printed in any way it shows where the key comes from, never the key: the key lies in a closure, because fmt ignores
// the methods of what stands in an unexported field, and with some verbs follows a pointer there.
type KeySource struct{ *keySource }

type keySource struct {
	file, variable string // at most one; both empty for a key that was handed in
	read           reader

	mu    sync.Mutex
	good  func() innius.Secret // the key last found; never nil
	stale string               // why that is in use although the file holds none; empty: it is the file's
}

// holding returns a closure around a key.
func holding(key innius.Secret) func() innius.Secret { return func() innius.Secret { return key } }

// maxKey bounds a key in bytes: it must fit into a header.
const maxKey = 4096

var (
	errNoKey    = errors.New("there is no key")
	errKeyEmpty = errors.New("is empty")
	errKeyQuote = errors.New("holds quotes around the key; remove them: they would be sent as part of it")
	errKeyForm  = errors.New("must hold a key of one line of printable ASCII characters without spaces inside; it goes into a header")
)

// FixedKey is the source of a key that main made itself, such as the demo's.
func FixedKey(key innius.Secret) KeySource { return KeySource{&keySource{good: holding(key)}} }

// fileKey is the source of a key in a file that must be readable now.
func fileKey(path string, read reader) (KeySource, error) {
	k := KeySource{&keySource{file: path, read: read, good: holding(innius.Secret{})}}
	key, err := k.fromFile()
	if err != nil {
		return KeySource{}, fmt.Errorf("the file it names %w", err)
	}
	k.good = holding(key)
	return k, nil
}

// envKey is the source of a key in a variable, read now and never again.
func envKey(variable string, getenv func(string) string) (KeySource, error) {
	key, err := parseKey(getenv(variable))
	switch {
	case errors.Is(err, errKeyEmpty):
		return KeySource{}, errors.New("the variable it names is not set, or empty; it must hold the key: " + keyWhere)
	case err != nil:
		return KeySource{}, fmt.Errorf("the variable it names %w", err)
	}
	return KeySource{&keySource{variable: variable, good: holding(key)}}, nil
}

// Key returns the key; a file is read anew, white space trimmed. A file that is missing or empty gives the last good
// key: a rotation that is not atomic removes or empties the file for a moment, and a pause then would lose readings.
// An error means that the file cannot be read, or holds no key. Safe for concurrent use.
func (k KeySource) Key() (innius.Secret, error) {
	if k.keySource == nil {
		return innius.Secret{}, errNoKey
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == "" {
		return k.good(), nil
	}
	key, err := k.fromFile()
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errKeyEmpty):
		k.stale = fmt.Sprintf("the key file %s %v", k.file, err)
		return k.good(), nil
	case err != nil:
		return innius.Secret{}, fmt.Errorf("the key file %s %w", k.file, err)
	}
	k.good, k.stale = holding(key), ""
	return key, nil
}

// Stale returns why the last good key was given although the file held none, since the file last held a good one; empty where
// it was not. Safe for concurrent use.
func (k KeySource) Stale() string {
	if k.keySource == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stale
}

func (k *keySource) fromFile() (innius.Secret, error) {
	data, err := k.read(k.file, maxKey)
	if err != nil {
		return innius.Secret{}, fmt.Errorf("cannot be read: %w", cause(err))
	}
	return parseKey(string(bytes.TrimPrefix(data, []byte("\ufeff"))))
}

// parseKey trims white space around a key and refuses what a header cannot carry, without quoting it.
func parseKey(text string) (innius.Secret, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return innius.Secret{}, errKeyEmpty
	}
	if len(text) > maxKey || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return innius.Secret{}, errKeyForm
	}
	if strings.Contains("\"'`", text[:1]) && len(text) > 1 && text[0] == text[len(text)-1] {
		return innius.Secret{}, errKeyQuote
	}
	return innius.NewSecret(text), nil
}

// known returns the key last found, empty where there is none.
func (k KeySource) known() innius.Secret {
	if k.keySource == nil {
		return innius.Secret{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.good()
}

// Variable returns the name of the variable that the key was read from; empty where it was not.
func (k KeySource) Variable() string {
	if k.keySource == nil {
		return ""
	}
	return k.variable
}

// File returns the path of the file that the key is read from; empty where it is not.
func (k KeySource) File() string {
	if k.keySource == nil {
		return ""
	}
	return k.file
}

// String says where the key comes from, with <secret> for the key; nothing where there is none.
func (k KeySource) String() string {
	switch {
	case k.keySource == nil:
		return ""
	case k.file != "":
		return k.known().String() + " from the file " + k.file
	case k.variable != "":
		return k.known().String() + " from the variable " + k.variable
	}
	return k.known().String()
}

// GoString keeps %#v from printing the key.
func (k KeySource) GoString() string { return k.String() }

// MarshalText keeps encoders from printing the key.
func (k KeySource) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
