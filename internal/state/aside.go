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

// asideTime is how the name of a file that was set aside tells when that was.
const asideTime = "20060102T150405.000000000Z"

// setAside renames the file, says so and removes the oldest of those set aside before.
func (s *Store) setAside(u *unusable) error {
	name := fmt.Sprintf("%s.%s-%s", fileName, u.reason, time.Now().UTC().Format(asideTime))
	if err := os.Rename(s.path(), filepath.Join(s.dir, name)); err != nil {
		return fmt.Errorf("set a state aside that cannot be used (%w): %w", u, err)
	}
	s.log.Warn("the kept state cannot be used and is set aside; starting without it", "why", u, "file", filepath.Join(s.dir, name), "do", u.reason.cure())
	files := s.list(isAside)
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(stamp(a), stamp(b)) })
	for len(files) > asideAtMost {
		s.remove(files[0])
		files = files[1:]
	}
	return nil
}

// cure says what can be done about a file that was set aside for a reason.
func (r reason) cure() string {
	const again = "stop the exporter and rename the file to " + fileName
	switch r {
	case newer:
		return "to go on with it, " + again + ", then start the newer version"
	case others:
		return "if only the name or the host of an account was changed, change it back, " + again
	case unreadable:
		return "let the exporter's user read it; to go on with it, " + again
	}
	return "nothing: each value comes back when it is asked for; look at the disk if it happens again"
}

// isAside tells a file that was set aside from what people keep beside the state.
func isAside(name string) bool {
	if !strings.HasPrefix(name, fileName+".") {
		return false
	}
	_, err := time.Parse(asideTime, stamp(name))
	return err == nil
}

// stamp is the time in the name of a file that was set aside.
func stamp(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }

// sweep removes what a process left that was killed while it wrote.
func (s *Store) sweep() {
	unfinished := func(name string) bool { ok, _ := filepath.Match("."+fileName+"[0-9]*", name); return ok }
	for _, name := range s.list(unfinished) {
		s.remove(name)
	}
}

// list returns the names of the files that are wanted.
func (s *Store) list(wanted func(name string) bool) []string {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.log.Warn("the directory of the state cannot be listed", "err", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && wanted(e.Name()) {
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
