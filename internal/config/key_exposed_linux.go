package config

import "syscall"

// The file systems in memory, by the magic numbers of statfs(2): Kubernetes and Docker mount secrets on the first,
// systemd its credentials on either.
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

func openToAll(path string) bool {
	if !modeOpenToAll(path) {
		return false
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return false // it has just gone; reading it tells more
	}
	magic := uint32(s.Type) // which is signed or not, and wide or not, by architecture
	return magic != tmpfs && magic != ramfs
}
