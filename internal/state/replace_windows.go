package state

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// replace writes a file of a directory. Windows promises no atomic replacement, which is why renameio does not offer one
// there: after a loss of power the file may be torn, which its checksum tells.
func replace(dir, name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(dir, "."+name+"*")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
