package state

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"innius_exporter/internal/poller"
)

const (
	fileName = "state"
	lockName = "lock"
)

// Interval is the time between two writes, and so the most that a crash can lose. A write of 100,000 sensors takes some tenths
// of a second of one core.
const Interval = time.Minute

// maxSize bounds the file, in bytes. 100,000 sensors take about 70 MB.
const maxSize = 1 << 30

// Source is what is saved.
type Source interface {
	Save() poller.State
	Changed() <-chan struct{} // a write is worthwhile at once
}

// Store is a directory with the state of one exporter, locked until Close. Written may be called at any time from any
// goroutine, the other methods from one.
type Store struct {
	dir       string
	log       *slog.Logger
	limit     int // maxSize except in tests
	lock      *flock.Flock
	companies map[string]string // account -> id of its company in the file
	failing   bool              // the latest write failed
	written   atomic.Int64      // time of the latest write, in nanoseconds since the epoch

	// OnTaken is called by Run when another exporter has the lock, because the file was removed. May be nil.
	OnTaken func()
}

// lockEvery is how often the lock is checked: a removed one would let another exporter start.
const lockEvery = time.Second

// ErrTaken is the error while another exporter has the lock.
var ErrTaken = errors.New("another exporter uses this state directory")

// Open locks a directory for this process, creates it if necessary, and returns the state of these accounts that is saved in
// it; nil if it has never been used. An account without usable state in a used directory may have sent all that it could a moment
// ago: its state is that its requests are spent. Open fails if another exporter has the lock, or if the directory cannot be
// created. A directory that cannot be written to is no error: the first write logs it, and readings are served without saving them.
func Open(dir string, accounts []poller.Account, logger *slog.Logger) (*Store, *poller.State, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	used := isUsed(dir)
	s := &Store{dir: dir, log: logger, limit: maxSize, companies: map[string]string{}, lock: flock.New(filepath.Join(dir, lockName))}
	if err := s.acquire(); errors.Is(err, ErrTaken) {
		return nil, nil, err
	}
	loaded := s.load(accounts)
	if used {
		loaded = withSpent(loaded, accounts)
	}
	return s, loaded, nil
}

// isUsed reports whether an exporter has used a directory, as far as can be read.
func isUsed(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return e.Name() == lockName && e.Type().IsRegular() || strings.HasPrefix(e.Name(), fileName)
	})
}

// withSpent adds the accounts that are missing in a state, which may be nil.
func withSpent(loaded *poller.State, accounts []poller.Account) *poller.State {
	now := time.Now()
	if loaded == nil {
		loaded = &poller.State{At: now}
	}
	for _, a := range accounts {
		if !slices.ContainsFunc(loaded.Accounts, func(k poller.SavedAccount) bool { return k.Of(a) }) {
			spent := poller.SavedAccount{Name: a.Name, Origin: a.Origin}
			spent.Pacer = spent.Pacer.Spent(now)
			loaded.Accounts = append(loaded.Accounts, spent)
		}
	}
	return loaded
}

// CheckLock returns why a directory cannot be locked now: ErrTaken while another exporter has the lock. Other errors leave open
// whether one has it, as on a volume that fails. A directory that does not exist can be locked by Open.
func CheckLock(dir string) error {
	lock := flock.New(filepath.Join(dir, lockName))
	err := tryLock(lock)
	_ = lock.Close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// tryLock takes a lock if it is free. A pipe in place of its file would block without end.
func tryLock(lock *flock.Flock) error {
	if info, err := os.Stat(lock.Path()); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("lock the state directory: %s is not a regular file. Remove it", lock.Path())
	}
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("lock the state directory: %w", err)
	case !locked:
		return ErrTaken
	}
	return nil
}

// acquire locks the directory if that was not possible before, or if the file of the lock was removed since.
func (s *Store) acquire() error {
	if s.lock.Locked() {
		mine, err := s.lock.Stat()
		if err != nil {
			return fmt.Errorf("check the lock of the state directory: %w", err)
		}
		switch there, err := os.Stat(s.lock.Path()); {
		case err == nil && os.SameFile(mine, there):
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("check the lock of the state directory: %w", err)
		}
		_ = s.lock.Close() // of a file that was removed
	}
	if err := tryLock(s.lock); err != nil {
		return err
	}
	for _, name := range s.list(unfinishedFiles) {
		s.remove(name)
	}
	return nil
}

// Close releases the lock.
func (s *Store) Close() error { return s.lock.Close() }

// load reads the state of these accounts. A clean shutdown counts once: the file is written again without that mark, or a
// crash loop would use the same requests again and again. If the write fails, this process starts as after a crash.
func (s *Store) load(accounts []poller.Account) *poller.State {
	c, err := readFile(s.path())
	if err == nil {
		err = s.selectAccounts(&c.State, accounts)
	}
	if u, ok := errors.AsType[*unusableError](err); ok {
		if err := s.quarantine(u); err != nil {
			s.log.Error("Starting without the saved state", "err", err)
		}
	}
	if err != nil {
		return nil
	}
	loaded := &c.State
	s.log.Info("Restored state", "written", loaded.At.Format(time.RFC3339), "sensors", sensors(loaded), "clean_shutdown", c.Clean)
	if !c.Clean || !s.logResult(s.write(*loaded, false)) {
		for i := range loaded.Accounts {
			loaded.Accounts[i].Pacer = loaded.Accounts[i].Pacer.Spent(time.Now())
		}
	}
	return loaded
}

// selectAccounts drops the accounts that are not among these. If none is left, the file belongs to another exporter.
func (s *Store) selectAccounts(loaded *poller.State, accounts []poller.Account) error {
	var selected []poller.SavedAccount
	for _, k := range loaded.Accounts {
		if !slices.ContainsFunc(accounts, k.Of) {
			s.log.Warn("Discarding saved state: the config has no account of this name and host", "account", k.Name, "host", k.Origin)
			continue
		}
		selected = append(selected, k)
		s.companies[k.Name] = k.Company.ID
	}
	if len(selected) == 0 && len(loaded.Accounts) > 0 {
		return &unusableError{otherAccount, "its accounts are not those in the config, by name or by the host of their URL"}
	}
	loaded.Accounts = selected
	return nil
}

// Run calls work, and writes the state of a source before, regularly and at each change during, and after it. The last write
// is marked as a clean shutdown. Failures are logged, once until a write succeeds.
func (s *Store) Run(source Source, interval time.Duration, work func()) {
	s.writeFirst(source)
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { s.writeRegularly(done, source, interval) })
	work()
	close(done)
	writing.Wait()
	s.writeLast(source)
}

// writeFirst writes the state before the first request, unless load did.
func (s *Store) writeFirst(source Source) {
	if s.written.Load() == 0 {
		s.logResult(s.write(source.Save(), false))
	}
}

func (s *Store) writeLast(source Source) { s.logResult(s.write(source.Save(), true)) }

func (s *Store) writeRegularly(done <-chan struct{}, source Source, interval time.Duration) {
	ticks, checks := time.Tick(interval), time.Tick(lockEvery)
	for {
		var err error
		select {
		case <-done:
			return
		case <-checks:
			if err = s.acquire(); !errors.Is(err, ErrTaken) {
				continue // each write reports other errors
			}
		case <-ticks:
			err = s.write(source.Save(), false)
		case <-source.Changed():
			err = s.write(source.Save(), false)
		}
		if s.logResult(err); errors.Is(err, ErrTaken) && s.OnTaken != nil {
			s.OnTaken()
		}
	}
}

// Written returns when this process last wrote the state; 1970 if it never could.
func (s *Store) Written() time.Time { return time.Unix(0, s.written.Load()) }

// logResult logs the first failure and the next success, and reports whether a write succeeded.
func (s *Store) logResult(err error) bool {
	switch {
	case err != nil && !s.failing:
		s.log.Error("Failed to write the state, retrying every minute. A restart would lose what was not saved: free disk space, or "+
			"give the exporter's user write permission", "directory", s.dir, "err", err)
	case err == nil && s.failing:
		s.log.Info("State is written again", "directory", s.dir)
	}
	s.failing = err != nil
	return err == nil
}

func (s *Store) write(saved poller.State, clean bool) error {
	if err := s.acquire(); err != nil {
		return err
	}
	if err := s.quarantineOtherCompany(&saved); err != nil {
		return err
	}
	file, err := encode(saved, clean)
	if err == nil && len(file) > s.limit {
		err = errors.New("the state is larger than any plant should need")
	}
	if err == nil {
		err = replace(s.path(), file)
	}
	if err != nil {
		return fmt.Errorf("write state file %q: %w", s.path(), err)
	}
	for _, k := range saved.Accounts {
		s.companies[k.Name] = k.Company.ID
	}
	s.written.Store(time.Now().UnixNano())
	return nil
}

// quarantineOtherCompany renames the file, instead of overwriting it, if one of its accounts belonged to another company.
func (s *Store) quarantineOtherCompany(saved *poller.State) error {
	for _, k := range saved.Accounts {
		if before := s.companies[k.Name]; before != "" && k.Company.ID != "" && before != k.Company.ID { // empty: not known yet
			clear(s.companies)
			return s.quarantine(&unusableError{
				otherAccount, fmt.Sprintf("account %q now belongs to company %q, before to %q", k.Name, k.Company.ID, before),
			})
		}
	}
	return nil
}

func sensors(s *poller.State) int {
	n := 0
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			n += len(m.Sensors)
		}
	}
	return n
}

func (s *Store) path() string { return filepath.Join(s.dir, fileName) }

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
	older        reason = "older"   // of a version that this one does not read
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
	for _, name := range files[:max(0, len(files)-maxQuarantined)] {
		s.remove(name)
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
