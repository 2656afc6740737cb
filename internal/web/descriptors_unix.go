//go:build unix

package web

import "syscall"

// descriptorsPerProcess returns how many files and connections this process may have open.
func descriptorsPerProcess() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 2 * maxConnections
	}
	return int(min(limit.Cur, 2*maxConnections))
}
