package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"innius_exporter/innius"
)

// KeySource gives an account's key: from a file, which is read at each call, so that a key can be rotated without a restart, or
// from a variable, which was read once. The zero value has no key. Copies share one state. Safe for concurrent use.
//
// Printed in any way it shows where the key comes from, never the key: the pointer hides it from fmt, which ignores the methods
// of values in unexported fields.
type KeySource struct{ *keySource }

type keySource struct {
	file, variable string // at most one; both empty for a key that was handed in
	read           reader

	mu    sync.Mutex
	good  innius.Secret // the last good key
	stale string        // why that is in use although the file has none; empty: it is the file's
}

// maxKey bounds a key in bytes: it must fit into a header.
const maxKey = 4096

var (
	errKeyEmpty = errors.New("is empty")
	errKeyQuote = errors.New("has quotes around the key; remove them: they would be sent as part of it")
	errKeyForm  = errors.New("must contain a key of one line of printable ASCII characters without spaces; it is sent in a header")
)

// FixedKey is the source of a key that the program made itself, such as the demo's.
func FixedKey(key innius.Secret) KeySource { return KeySource{&keySource{good: key}} }

// fileKey is the source of a key in a file that must be readable now.
func fileKey(path string, read reader) (KeySource, error) {
	k := KeySource{&keySource{file: path, read: read}}
	key, err := k.fromFile()
	if err != nil {
		return KeySource{}, fmt.Errorf("the file %s %w", shownPath(path), err)
	}
	k.good = key
	return k, nil
}

// envKey is the source of a key in a variable, which is read now only.
func envKey(variable string, getenv func(string) string) (KeySource, error) {
	key, err := parseKey(getenv(variable))
	switch {
	case errors.Is(err, errKeyEmpty):
		return KeySource{}, errors.New("the variable is not set, or empty; it must contain the key: " + createKey)
	case err != nil:
		return KeySource{}, fmt.Errorf("the variable %w", err)
	}
	return KeySource{&keySource{variable: variable, good: key}}, nil
}

// Key returns the key; a file is read again, white space trimmed. When the file is missing or empty it returns the last good
// key: a rotation that is not atomic removes or empties the file for a moment, and a pause then would lose readings. So it does
// when too many files are open, which is not the file's fault. An error means that the file cannot be read, or contains no usable
// key.
func (k KeySource) Key() (innius.Secret, error) {
	if k.keySource == nil {
		return innius.Secret{}, errors.New("there is no key")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == "" {
		return k.good, nil
	}
	key, err := k.fromFile()
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errKeyEmpty), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		k.stale = fmt.Sprintf("the key file %s %v", k.file, err)
		return k.good, nil
	case err != nil:
		return innius.Secret{}, fmt.Errorf("the key file %s %w", k.file, err)
	}
	k.good, k.stale = key, ""
	return key, nil
}

// Stale returns why the last good key is in use although the file contains none, or "". It describes the latest call of Key.
func (k KeySource) Stale() string {
	_, stale := k.last()
	return stale
}

// known returns the last good key; empty when there is none.
func (k KeySource) known() innius.Secret {
	key, _ := k.last()
	return key
}

func (k KeySource) last() (key innius.Secret, stale string) {
	if k.keySource == nil {
		return innius.Secret{}, ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.good, k.stale
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
	switch {
	case text == "":
		return innius.Secret{}, errKeyEmpty
	case len(text) > maxKey || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return innius.Secret{}, errKeyForm
	case len(text) > 1 && strings.Contains("\"'`", text[:1]) && text[0] == text[len(text)-1]:
		return innius.Secret{}, errKeyQuote
	}
	return innius.NewSecret(text), nil
}

// Exposed returns what to do when all users of the machine can read the key's file as it is now, or "".
func (k KeySource) Exposed() string {
	if k.keySource == nil || !worldReadable(k.file) {
		return ""
	}
	return "every user of this machine can read the key file " + k.file + chmod
}

const chmod = ": chmod it to 600, or to 640 with a group that contains only the exporter"

// worldReadable reports whether all users of the machine can read a file. A file in memory is no finding: secrets are mounted
// there by those who control the access. The group may read the file: that is how a file of root is given to a service.
func worldReadable(file string) bool {
	if file == "" || runtime.GOOS == "windows" { // where the mode does not show it
		return false
	}
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o004 != 0 && !inMemory(file)
}

// String returns where the key comes from, with <secret> for the key; "" when there is none.
func (k KeySource) String() string {
	text := k.known().String()
	switch {
	case k.keySource != nil && k.file != "":
		text += " from the file " + k.file
	case k.keySource != nil && k.variable != "":
		text += " from the variable " + k.variable
	}
	return text
}

// GoString keeps %#v from printing the key.
func (k KeySource) GoString() string { return k.String() }

// MarshalText keeps encoders from printing the key.
func (k KeySource) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
