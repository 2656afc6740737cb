package state

import (
	"errors"
	"os"
	"path/filepath"
)

// replace writes a file. Windows has no atomic replacement, so renameio does not support it: after a power failure the file may
// be incomplete, which its checksum shows.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+fileName+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
