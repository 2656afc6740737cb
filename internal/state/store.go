package state

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"innius_exporter/internal/poller"
)

const (
	fileName = "state"
	lockName = "lock"
)

// Store is a directory with the state of one exporter. Its methods are called one after the other, as they stand here;
// only Written may be called at any time.
type Store struct {
	dir       string
	log       *slog.Logger
	limit     int // maxSize but in tests
	lock      *flock.Flock
	companies map[string]string // account -> id of its company in the file
	failing   bool              // the latest write failed, and that was said
	written   atomic.Int64      // when the latest good write ended, in nanoseconds since the epoch
}

var errTaken = errors.New("another exporter keeps its state in this directory; each needs one of its own")

// Open takes a directory for this process alone, and makes it where it does not exist. It returns an error where another
// exporter has it, or where there is none and none can be made. One that cannot be written to is no error: readings
// without state are better than none, and the first write says it.
func Open(dir string, logger *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, log: logger, limit: maxSize, companies: map[string]string{}, lock: flock.New(filepath.Join(dir, lockName))}
	if err := s.hold(); errors.Is(err, errTaken) {
		return nil, err
	}
	return s, nil
}

// hold locks the directory where that could not be done before: nothing is written without.
func (s *Store) hold() error {
	if s.lock.Locked() {
		return nil
	}
	switch locked, err := s.lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("lock the directory: %w", err)
	case !locked:
		return errTaken
	}
	s.sweep()
	return nil
}

// Close lets go of the directory.
func (s *Store) Close() error { return s.lock.Close() }

// Load returns what is kept of these accounts; nil where there is nothing to go on with. What cannot be used is set
// aside and said.
//
// An orderly end counts once. The file is written anew without its mark, or a crash loop would spend the same allowance
// over and over; where that fails, this process starts as after a crash.
func (s *Store) Load(accounts []poller.Account) *poller.Snapshot {
	kept, clean, err := s.load(accounts)
	if u, ok := errors.AsType[*unusable](err); ok {
		if err := s.setAside(u); err != nil {
			s.log.Error("starting without the kept state", "err", err)
		}
	}
	if err != nil {
		return nil
	}
	s.log.Info("going on with kept state", "written", kept.At.Format(time.RFC3339), "sensors", sensors(kept), "ended_in_order", clean)
	if !clean || !s.note(s.write(*kept, false)) {
		spend(kept, time.Now())
	}
	return kept
}

// load reads what is kept of these accounts, and whether its process ended in order. Its errors are *unusable, or
// fs.ErrNotExist where nothing is kept.
func (s *Store) load(accounts []poller.Account) (*poller.Snapshot, bool, error) {
	file, err := s.read()
	if err != nil {
		return nil, false, err
	}
	kept, clean, err := decode(file)
	if err != nil {
		return nil, false, err
	}
	return &kept, clean, s.pick(&kept, accounts)
}

// read returns the file, up to its bound. Its errors are those of load.
func (s *Store) read() ([]byte, error) {
	info, err := os.Stat(s.path()) // before it is opened: a pipe would keep the exporter waiting
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, link := os.Lstat(s.path()); link == nil {
			return nil, &unusable{foreign, fmt.Sprintf("%s is a link that leads nowhere", s.path())}
		}
		return nil, err
	case err != nil:
		return nil, &unusable{unreadable, err.Error()}
	case !info.Mode().IsRegular():
		return nil, &unusable{foreign, fmt.Sprintf("%s is no file", s.path())}
	case info.Size() > int64(s.limit):
		return nil, &unusable{large, fmt.Sprintf("it has %d bytes, at most %d are expected", info.Size(), s.limit)}
	}
	file, err := os.ReadFile(s.path())
	if err != nil {
		return nil, &unusable{unreadable, err.Error()}
	}
	return file, nil
}

// pick drops the accounts that are not among these. Where none is left, the file is another exporter's.
func (s *Store) pick(kept *poller.Snapshot, accounts []poller.Account) error {
	var mine []poller.KeptAccount
	for _, k := range kept.Accounts {
		if !ours(&k, accounts) {
			s.log.Warn("kept state of an account is dropped: no account of this name and host is in the config", "account", k.Name, "host", k.Origin)
			continue
		}
		mine = append(mine, k)
		s.companies[k.Name] = k.Company.ID
	}
	if len(mine) == 0 && len(kept.Accounts) > 0 {
		return &unusable{others, "it is of other accounts than those in the config: by name, or by the host of their URL"}
	}
	kept.Accounts = mine
	return nil
}

func ours(k *poller.KeptAccount, accounts []poller.Account) bool {
	return slices.ContainsFunc(accounts, k.Of)
}

// spend makes the ledgers what they must be assumed to be after a process that did not end in order.
func spend(kept *poller.Snapshot, now time.Time) {
	for i := range kept.Accounts {
		kept.Accounts[i].Ledger = kept.Accounts[i].Ledger.Spent(now)
	}
}

func sensors(s *poller.Snapshot) int {
	n := 0
	for i := range s.Accounts {
		for j := range s.Accounts[i].Machines {
			n += len(s.Accounts[i].Machines[j].Sensors)
		}
	}
	return n
}

func (s *Store) path() string { return filepath.Join(s.dir, fileName) }
