//go:build !windows

package state

import (
	"errors"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replace writes a file that only its owner can read. A reader sees either the old or the new content, even if this process
// is killed.
func replace(path string, content []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.CloseAtomicallyReplace()
	}
	return errors.Join(err, f.Cleanup())
}
