package config

import "syscall"

// The file systems in memory, by the magic numbers of statfs(2): Kubernetes and Docker mount secrets on the first, systemd its
// credentials on either.
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// inMemory reports whether a file is on a file system in memory, or can no longer be found.
func inMemory(path string) bool {
	var s syscall.Statfs_t
	err := syscall.Statfs(path, &s)
	magic := uint32(s.Type) // its type differs by architecture
	return err != nil || magic == tmpfs || magic == ramfs
}
