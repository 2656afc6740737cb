package state

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// asideAtMost is how many files that could not be used stay: enough to look into, too few to fill a disk.
const asideAtMost = 3

// setAside renames the file, says so and removes the oldest of those set aside before.
func (s *Store) setAside(u *unusable) error {
	name := fmt.Sprintf("%s.%s-%s", fileName, u.reason, time.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := os.Rename(s.path(), filepath.Join(s.dir, name)); err != nil {
		return fmt.Errorf("set a state aside that cannot be used (%w): %w", u, err)
	}
	s.log.Warn("the kept state cannot be used and is set aside; starting without it", "why", u, "file", filepath.Join(s.dir, name))
	files := s.list("state.*-*")
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(stamp(a), stamp(b)) })
	for len(files) > asideAtMost {
		s.remove(files[0])
		files = files[1:]
	}
	return nil
}

// stamp is the time in the name of a file that was set aside.
func stamp(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }

// sweep removes what a process left that was killed while it wrote.
func (s *Store) sweep() {
	for _, name := range s.list("." + fileName + "[0-9]*") {
		s.remove(name)
	}
}

// list returns the names of the files that match a pattern.
func (s *Store) list(pattern string) []string {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.log.Warn("the directory of the state cannot be listed", "err", err)
	}
	var names []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s *Store) remove(name string) {
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.log.Warn("an old file of the state cannot be removed", "err", err)
	}
}
