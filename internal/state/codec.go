package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"strconv"

	"innius_exporter/internal/poller"
)

const (
	program = "innius_exporter state "
	version = 1
)

// maxSize bounds the file, in bytes. 100,000 sensors of whom all is learned take about 70 MB, so this is more than a million
// need, and what a plant of a million has memory for.
const maxSize = 1 << 30

// errTooLarge is why a state was not written.
var errTooLarge = errors.New("the state is larger than any plant should need")

// reason says why a file cannot be used; it stands in the name that it gets.
type reason string

const (
	torn    reason = "torn"    // not written to its end, or damaged
	foreign reason = "foreign" // not ours
	newer   reason = "newer"   // of a version of ours that is still to come
	large   reason = "large"   // above maxSize
	others  reason = "other-account"

	unreadable reason = "unreadable" // the system does not let us read it
)

// unusable is a file that is there, but is not to be used.
type unusable struct {
	reason reason
	text   string
}

func (u *unusable) Error() string { return u.text }

// head is what the content begins with; the accounts follow.
type head struct {
	Snapshot poller.Snapshot // without accounts
	Clean    bool            // the process ended in order, and this is its last word
	Accounts int
}

// encode writes a state. The machines are written one by one, for an encoder holds what it encodes at once in memory.
func encode(w io.Writer, s poller.Snapshot, clean bool) error {
	sum := sha256.New()
	body := io.MultiWriter(w, sum)
	if _, err := fmt.Fprintf(body, "%s%d\n", program, version); err != nil {
		return err
	}
	if err := encodeContent(gob.NewEncoder(body), s, clean); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

func encodeContent(e *gob.Encoder, s poller.Snapshot, clean bool) error {
	if err := e.Encode(head{Snapshot: poller.Snapshot{At: s.At}, Clean: clean, Accounts: len(s.Accounts)}); err != nil {
		return err
	}
	for _, a := range s.Accounts {
		machines := a.Machines
		a.Machines = nil
		if err := errors.Join(e.Encode(a), e.Encode(len(machines))); err != nil {
			return err
		}
		for i := range machines {
			if err := e.Encode(&machines[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode reads a state and whether its process ended in order. Every error is an *unusable.
func decode(file []byte) (s poller.Snapshot, clean bool, err error) {
	content, err := check(file)
	if err != nil {
		return s, false, err
	}
	s, clean, err = decodeContent(gob.NewDecoder(bytes.NewReader(content)))
	if err != nil {
		return s, false, &unusable{foreign, "its content is not what this version writes: " + err.Error()}
	}
	return s, clean, nil
}

// check returns the content of a file that is whole, ours, and of this version.
func check(file []byte) ([]byte, error) {
	if len(file) < len(program) && bytes.HasPrefix([]byte(program), file) {
		return nil, &unusable{torn, "it is cut short"}
	}
	rest, ours := bytes.CutPrefix(file, []byte(program))
	if !ours {
		return nil, &unusable{foreign, "it is not a state of innius_exporter"}
	}
	number, _, whole := bytes.Cut(rest[:min(len(rest), 12)], []byte("\n"))
	if !whole && len(rest) < 12 {
		return nil, &unusable{torn, "it is cut short"}
	}
	content := rest[min(len(rest), len(number)+1):]
	switch n, err := strconv.ParseUint(string(number), 10, 32); {
	case err != nil || n == 0:
		return nil, &unusable{foreign, fmt.Sprintf("%q is no version", number)}
	case n > version:
		return nil, &unusable{newer, fmt.Sprintf("it has version %d, this program knows %d", n, version)}
	}
	end := len(content) - sha256.Size
	if end < 0 {
		return nil, &unusable{torn, "it is cut short"}
	}
	if sha256.Sum256(file[:len(file)-sha256.Size]) != [sha256.Size]byte(content[end:]) {
		return nil, &unusable{torn, "its checksum is wrong: it is cut short or damaged"}
	}
	return content[:end], nil
}

func decodeContent(d *gob.Decoder) (s poller.Snapshot, clean bool, err error) {
	var h head
	if err := d.Decode(&h); err != nil {
		return s, false, err
	}
	s, clean = h.Snapshot, h.Clean
	for range h.Accounts {
		a, err := decodeAccount(d)
		if err != nil {
			return s, false, err
		}
		s.Accounts = append(s.Accounts, a)
	}
	return s, clean, nil
}

func decodeAccount(d *gob.Decoder) (a poller.KeptAccount, err error) {
	var machines int
	if err := errors.Join(d.Decode(&a), d.Decode(&machines)); err != nil {
		return a, err
	}
	for range machines {
		var m poller.KeptMachine
		if err := d.Decode(&m); err != nil {
			return a, err
		}
		a.Machines = append(a.Machines, m)
	}
	return a, nil
}
