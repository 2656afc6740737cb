package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"innius_exporter/internal/poller"
)

// Read returns the state of all accounts saved in a directory. It takes no lock and changes nothing, so that it may be used
// while an exporter runs. The error is fs.ErrNotExist if there is no state.
func Read(dir string) (*poller.State, error) {
	path := filepath.Join(dir, fileName)
	file, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read state file %q: %w", path, err)
	}
	s, _, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("state file %q cannot be used: %w", path, err)
	}
	return &s, nil
}

// readFile returns a file of at most maxSize bytes. Its errors are *unusableError, or fs.ErrNotExist.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: a pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, link := os.Lstat(path); link == nil {
			return nil, &unusableError{foreign, "it is a symbolic link without a target"}
		}
		return nil, err
	case err != nil:
		return nil, &unusableError{unreadable, err.Error()}
	case !info.Mode().IsRegular():
		return nil, &unusableError{foreign, "it is not a regular file"}
	case info.Size() > maxSize:
		return nil, &unusableError{large, fmt.Sprintf("it has %d bytes, at most %d are expected", info.Size(), maxSize)}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, &unusableError{unreadable, err.Error()}
	}
	return file, nil
}
