package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"strconv"

	"innius_exporter/internal/poller"
)

const (
	program = "innius_exporter state "
	version = 1
)

// content is what the file holds.
type content struct {
	State poller.State
	Clean bool // written at a clean shutdown
}

func encode(s poller.State, clean bool) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\n", program, version)
	if err := gob.NewEncoder(&b).Encode(content{State: s, Clean: clean}); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes(), nil
}

// decode reads a state and whether it was written at a clean shutdown. Every error is an *unusableError.
func decode(file []byte) (s poller.State, clean bool, err error) {
	encoded, err := check(file)
	if err != nil {
		return s, false, err
	}
	var c content
	if err := gob.NewDecoder(bytes.NewReader(encoded)).Decode(&c); err != nil {
		return s, false, &unusableError{foreign, "its content is not in the format of this version: " + err.Error()}
	}
	return c.State, c.Clean, nil
}

// check returns the content of a file that is complete and of this program and version.
func check(file []byte) ([]byte, error) {
	cutShort := &unusableError{torn, "it is cut short"}
	if len(file) < len(program) && bytes.HasPrefix([]byte(program), file) {
		return nil, cutShort
	}
	rest, ours := bytes.CutPrefix(file, []byte(program))
	if !ours {
		return nil, &unusableError{foreign, "it is not a state file of innius_exporter"}
	}
	number, _, whole := bytes.Cut(rest[:min(len(rest), 12)], []byte("\n"))
	if !whole && len(rest) < 12 {
		return nil, cutShort
	}
	body := rest[min(len(rest), len(number)+1):]
	switch n, err := strconv.ParseUint(string(number), 10, 32); {
	case err != nil || n == 0:
		return nil, &unusableError{foreign, fmt.Sprintf("%q is not a version", number)}
	case n > version:
		return nil, &unusableError{newer, fmt.Sprintf("it has version %d, this program supports %d", n, version)}
	}
	end := len(body) - sha256.Size
	if end < 0 {
		return nil, cutShort
	}
	if sha256.Sum256(file[:len(file)-sha256.Size]) != [sha256.Size]byte(body[end:]) {
		return nil, &unusableError{torn, "its checksum is wrong: it is cut short or damaged"}
	}
	return body[:end], nil
}
