//go:build unix

package config

import "os"

// modeOpenToAll reports whether a file's mode lets everybody read it.
func modeOpenToAll(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o004 != 0
}
