package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds the config file. One with a thousand rules is far smaller.
const maxFile = 1 << 20

// reader reads a file of at most so many bytes.
type reader func(path string, most int64) ([]byte, error)

// outside is what the config refers to but does not hold: files and variables.
type outside struct {
	getenv  func(string) string
	read    reader
	keyless bool // keys are not looked for, and accounts have none
}

// Load reads and validates a config file, the variables its api_key_env keys name and the files it refers to.
// It returns an *Error where the file could be read but cannot be used.
func Load(path string) (*Config, error) {
	return load(path, outside{getenv: os.Getenv, read: readAtMost})
}

func load(path string, o outside) (*Config, error) {
	data, err := readAtMost(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the config file %s: %w", path, cause(err))
	}
	return parse(data, path, o)
}

// parse is Load without the file itself; relative paths start at the directory of the named file.
func parse(data []byte, file string, o outside) (*Config, error) {
	d := &document{dir: filepath.Dir(file), outside: o, bad: map[string]bool{}}
	c := Default()
	if root, ok := d.compose(data); ok {
		d.config(root, c)
		d.refuseWrittenKeys(data, c.Accounts)
	}
	if err := asError(file, d.mistakes); err != nil {
		return nil, err
	}
	return c, nil
}

var errTooLarge = errors.New("it is too large")

// readAtMost reads a file that must not be larger than most bytes: a wrong path may lead to a device without an end.
func readAtMost(path string, most int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, errPipe
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%w: more than %d bytes", errTooLarge, most)
	}
	return data, err
}

// errPipe refuses what could keep the exporter waiting for ever, deaf to signals.
var errPipe = errors.New("is a pipe, which can be read only once; use a regular file")

// cause strips the path from an error of the file system: where a path was asked for, a key may stand.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
