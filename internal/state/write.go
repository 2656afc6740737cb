package state

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"innius_exporter/internal/poller"
)

// Interval is how often the state is written: what a crash can lose. A write of 100,000 sensors takes some tenths of a
// second of one core.
const Interval = time.Minute

// Source is what is kept.
type Source interface {
	Snapshot() poller.Snapshot
	Noteworthy() <-chan struct{}
}

// Begin writes the state before anything is asked, where Load did not: what hinders it is said at the start.
func (s *Store) Begin(p Source) {
	if s.written.Load() == 0 {
		s.note(s.write(p.Snapshot(), false))
	}
}

// Run writes the state every so often, and whenever something happened that a crash must not forget, until ctx ends. A
// failure is logged once, until a write succeeds again.
func (s *Store) Run(ctx context.Context, p Source, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.Noteworthy():
		}
		s.note(s.write(p.Snapshot(), false))
	}
}

// End writes the state when nothing is asked any more.
func (s *Store) End(p Source) { s.note(s.write(p.Snapshot(), true)) }

// Written returns when this process last wrote the state; 1970 where it never could.
func (s *Store) Written() time.Time { return time.Unix(0, s.written.Load()) }

// note says that a write failed, or succeeds again, and reports whether it succeeded.
func (s *Store) note(err error) bool {
	switch {
	case err != nil && !s.failing:
		s.log.Error("the state cannot be written; it is tried again every minute. A restart would go on with an older one, or with none: "+
			"make room on the disk, or let the exporter's user write there", "directory", s.dir, "err", err)
	case err == nil && s.failing:
		s.log.Info("the state can be written again", "directory", s.dir)
	}
	s.failing = err != nil
	return err == nil
}

// write replaces the file.
func (s *Store) write(kept poller.Snapshot, clean bool) error {
	if err := s.hold(); err != nil {
		return err
	}
	if err := s.saveOther(&kept); err != nil {
		return err
	}
	err := replace(s.dir, fileName, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(&bounded{w: w, left: s.limit}, 1<<16)
		if err := encode(buffered, kept, clean); err != nil {
			return err
		}
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	for _, k := range kept.Accounts {
		s.companies[k.Name] = k.Company.ID
	}
	s.written.Store(time.Now().UnixNano())
	return nil
}

// saveOther sets the file aside where an account in it was another company's: it is not written over.
func (s *Store) saveOther(kept *poller.Snapshot) error {
	for _, k := range kept.Accounts {
		if before := s.companies[k.Name]; before != "" && before != k.Company.ID {
			clear(s.companies)
			return s.setAside(&unusable{others, fmt.Sprintf("account %q belongs to another company now: %q, before %q", k.Name, k.Company.ID, before)})
		}
	}
	return nil
}

// bounded refuses to write more than a number of bytes.
type bounded struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errTooLarge
	}
	n, err := b.w.Write(p)
	b.left -= n
	return n, err
}
