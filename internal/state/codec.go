package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"

	"innius_exporter/internal/poller"
)

const (
	program = "innius_exporter state "
	version = 1
)

// content is what the file holds. The machines of the accounts follow it one by one: an encoder holds in memory what it encodes
// at once.
type content struct {
	State    poller.State
	Clean    bool  // written at a clean shutdown
	Machines []int // number of each account
}

func encode(s poller.State, clean bool) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\n", program, version)
	c := content{State: s, Clean: clean}
	c.State.Accounts = slices.Clone(s.Accounts)
	for i, a := range s.Accounts {
		c.Machines, c.State.Accounts[i].Machines = append(c.Machines, len(a.Machines)), nil
	}
	encoder := gob.NewEncoder(&b)
	err := encoder.Encode(c)
	for _, a := range s.Accounts {
		for i := 0; i < len(a.Machines) && err == nil; i++ {
			err = encoder.Encode(&a.Machines[i])
		}
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes(), nil
}

// Read returns the state of all accounts saved in a directory. It takes no lock and changes nothing, so that it may be used
// while an exporter runs. The error is fs.ErrNotExist if there is no state.
func Read(dir string) (*poller.State, error) {
	path := filepath.Join(dir, fileName)
	c, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read state file %q: %w", path, err)
	}
	return &c.State, nil
}

// readFile returns the content of a file of at most maxSize bytes. Its errors are *unusableError, or fs.ErrNotExist.
func readFile(path string) (*content, error) {
	info, err := os.Stat(path) // before it is opened: a pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, link := os.Lstat(path); link == nil {
			return nil, &unusableError{damaged, "it is a symbolic link without a target"}
		}
		return nil, err
	case err != nil:
		return nil, &unusableError{unreadable, err.Error()}
	case !info.Mode().IsRegular():
		return nil, &unusableError{damaged, "it is not a regular file"}
	case info.Size() > maxSize:
		return nil, &unusableError{damaged, fmt.Sprintf("it has %d bytes, at most %d are expected", info.Size(), maxSize)}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, &unusableError{unreadable, err.Error()}
	}
	return decode(file)
}

// decode reads the content of a file. Every error is an *unusableError.
func decode(file []byte) (*content, error) {
	line, body, _ := bytes.Cut(file, []byte("\n"))
	number, ours := bytes.CutPrefix(line, []byte(program))
	n, err := strconv.ParseUint(string(number[:min(len(number), 20)]), 10, 32)
	end := len(body) - sha256.Size
	switch {
	case !ours || err != nil || n == 0:
		return nil, &unusableError{damaged, "it is not a state file of innius_exporter, or it is cut short"}
	case n > version:
		return nil, &unusableError{newer, fmt.Sprintf("it has version %d, this program supports %d", n, version)}
	case end < 0 || sha256.Sum256(file[:len(file)-sha256.Size]) != [sha256.Size]byte(body[end:]):
		return nil, &unusableError{damaged, "its checksum is wrong: it is cut short or damaged"}
	}
	var c content
	decoder := gob.NewDecoder(bytes.NewReader(body[:end]))
	err = decoder.Decode(&c)
	for i := range min(len(c.Machines), len(c.State.Accounts)) {
		a := &c.State.Accounts[i]
		for n := c.Machines[i]; n > 0 && err == nil; n-- {
			var m poller.SavedMachine
			err = decoder.Decode(&m)
			a.Machines = append(a.Machines, m)
		}
	}
	if err != nil {
		return nil, &unusableError{damaged, "its content is not in the format of this version: " + err.Error()}
	}
	if c.State.At.IsZero() {
		return nil, &unusableError{older, "it was written before the first release"}
	}
	if !timesArePrintable(reflect.ValueOf(c)) {
		return nil, &unusableError{damaged, "it has a time that RFC 3339 cannot express"}
	}
	return &c, nil
}

// timesArePrintable reports whether all times in a value have a form in RFC 3339, without which no page could show them in JSON.
func timesArePrintable(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || timesArePrintable(v.Elem())
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Struct:
			for i := range v.Len() {
				if !timesArePrintable(v.Index(i)) {
					return false
				}
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			_, err := v.Interface().(time.Time).MarshalText()
			return err == nil
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && !timesArePrintable(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
