package state

import (
	"fmt"
	"path/filepath"

	"innius_exporter/internal/poller"
)

// Peek returns what is kept in a directory, of all accounts. It takes no lock, writes nothing and sets nothing aside, so
// that it may be called while an exporter runs: the file is replaced whole. It returns an error that is fs.ErrNotExist
// where nothing is kept, and another one where the file cannot be read or used.
func Peek(dir string) (*poller.Snapshot, error) {
	s := &Store{dir: dir, limit: maxSize}
	file, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("read the state kept in %q: %w", dir, err)
	}
	kept, _, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be used: %w", filepath.Join(dir, fileName), err)
	}
	return &kept, nil
}
