package state

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxQuarantined is the number of unusable files that are kept: enough to inspect, too few to fill a disk.
const maxQuarantined = 3

// quarantineTime is the format of the time in the name of an unusable file.
const quarantineTime = "20060102T150405.000000000Z"

// Patterns of file names. Copies that users made do not match.
const (
	quarantinedFiles = fileName + ".*-????????T??????.?????????Z"
	unfinishedFiles  = "." + fileName + "[0-9]*" // of a process that was killed while it wrote
)

// reason is why a file cannot be used, as far as users can act on it. It is part of the name that the file gets.
type reason string

const (
	damaged      reason = "damaged" // incomplete, or not a state file
	newer        reason = "newer"   // of a newer version
	otherAccount reason = "other-account"
	unreadable   reason = "unreadable" // the system does not permit to read it
)

// cure returns what a user can do.
func (r reason) cure() string {
	const restore = "stop the exporter and rename the file to " + fileName
	switch r {
	case newer:
		return "to use it, " + restore + ", then start the newer version"
	case otherAccount:
		return "if only the name or the host of an account has changed, change it back, then " + restore
	case unreadable:
		return "give the exporter's user read permission; to use it, " + restore
	}
	return "none needed: each value returns with the next poll of its sensor. Check the disk if this happens again"
}

// unusableError is a file that exists but must not be used.
type unusableError struct {
	reason reason
	text   string
}

func (u *unusableError) Error() string { return u.text }

// quarantine renames the file, logs why, and removes the oldest of the files renamed before.
func (s *Store) quarantine(u *unusableError) error {
	name := fmt.Sprintf("%s.%s-%s", fileName, u.reason, time.Now().UTC().Format(quarantineTime))
	if err := os.Rename(s.path(), filepath.Join(s.dir, name)); err != nil {
		return fmt.Errorf("rename an unusable state file (%w): %w", u, err)
	}
	s.log.Warn("State file is unusable and was renamed, starting without it", "why", u, "file", filepath.Join(s.dir, name),
		"cure", u.reason.cure())
	files := s.list(quarantinedFiles)
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(timeOf(a), timeOf(b)) })
	for len(files) > maxQuarantined {
		s.remove(files[0])
		files = files[1:]
	}
	return nil
}

func timeOf(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }

// list returns the names of the regular files that match a pattern.
func (s *Store) list(pattern string) []string {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.log.Warn("Failed to list the state directory", "err", err)
	}
	var names []string
	for _, e := range entries {
		if match, _ := filepath.Match(pattern, e.Name()); match && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s *Store) remove(name string) {
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.log.Warn("Failed to remove an old state file", "err", err)
	}
}
