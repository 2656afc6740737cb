//go:build !windows

package state

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replace writes a file of a directory, for the owner's eyes alone. Whoever opens it sees the old content or the new one
// whole, whenever this process ends.
func replace(dir, name string, write func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(filepath.Join(dir, name), renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return nil
}
