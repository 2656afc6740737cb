package remotewrite

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// spool is the queue of one receiver on disk. Records are appended to segment files with ascending numbers. The file "position"
// holds where the first record begins that is not acknowledged. A segment is removed once all of it is acknowledged, or for
// room. A file that an earlier process wrote is never appended to: its end may be torn. Another format needs other file names.
//
// It is safe for concurrent use.
type spool struct {
	dir string
	log *slog.Logger

	// Readers of the status must not wait for the disk, as those of mu may.
	pending, oldest atomic.Int64 // readings; when the first was stored, in milliseconds since the epoch
	dropped         atomic.Int64 // readings

	mu       sync.Mutex
	limit    int64     // of all segments, in bytes
	segments []segment // oldest first
	head     int64     // where the first record of the first segment begins that is not acknowledged
	next     uint64    // number of the next segment
	file     *os.File  // of the last segment; nil: the next record begins another
	last     []sample  // of the last record
	done     []sample  // of the last record that an earlier process has acknowledged
	full     bool      // readings were dropped for room since the spool was last empty
	failing  bool      // the latest write failed
}

// segment is a file of records.
type segment struct {
	number  uint64
	size    int64 // bytes of whole records
	pending int   // readings that are not acknowledged
	began   int64 // when the first of them was stored, in milliseconds since the epoch
}

// batch holds the oldest readings of a spool. It ends with its segment.
type batch struct {
	samples []sample
	segment uint64
	end     int64
	more    bool // readings follow
}

// openSpool returns the queue in a directory, which need not exist. It reads all of it, which the end of ctx ends with an error.
func openSpool(ctx context.Context, dir string, limit int64, logger *slog.Logger) (*spool, error) {
	s := &spool{dir: dir, limit: limit, log: logger, next: 1}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	entries = slices.DeleteFunc(entries, s.removeIrregular)
	acknowledged, offset := s.readPosition()
	s.next = max(s.next, acknowledged+1)
	for _, e := range entries { // by name, and so by number
		number, isSegment := segmentNumber(e.Name())
		if !isSegment {
			continue
		}
		s.next = max(s.next, number+1)
		if number < acknowledged {
			s.remove(number)
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the spool: %w", err)
		}
		one := segment{number: number}
		from := int64(0)
		if number == acknowledged {
			from = offset
		}
		if err := s.restore(&one, from); err != nil {
			return nil, err
		}
		if one.pending == 0 {
			s.head = 0
			s.remove(number)
			continue
		}
		s.segments = append(s.segments, one)
		s.pending.Add(int64(one.pending))
		s.oldest.Store(s.segments[0].began)
	}
	return s, nil
}

// removeIrregular removes an entry that has the name of a file of the spool and is no regular file, and reports whether there was
// one. A pipe would block all that opens it.
func (s *spool) removeIrregular(e fs.DirEntry) bool {
	if _, isSegment := segmentNumber(e.Name()); e.Type().IsRegular() || !isSegment && e.Name() != positionName {
		return false
	}
	path := filepath.Join(s.dir, e.Name())
	s.log.Warn("Removing what is not a regular file from the spool", "file", path)
	if err := os.Remove(path); err != nil {
		s.log.Warn("Failed to remove a spool file", "err", err)
	}
	return true
}

// restore reads a segment of an earlier process, of which the records up to a position are acknowledged, and cuts off what is not a
// whole record.
func (s *spool) restore(one *segment, from int64) error {
	info, err := os.Stat(s.path(one.number))
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	one.size, err = s.scan(one.number, 0, info.Size(), func(written int64, samples []sample, end int64) bool {
		if end > from {
			one.pending += len(samples)
			one.began = cmp.Or(one.began, written)
		} else {
			s.head, s.done = end, append(s.done[:0], samples...) // this is the first segment
		}
		s.last = append(s.last[:0], samples...)
		return true
	})
	if err != nil {
		return err
	}
	if torn := info.Size() - one.size; torn > 0 {
		s.log.Warn("Cutting off the end of a spool file: the exporter was killed while it wrote, or the disk is damaged",
			"file", s.path(one.number), "bytes", torn)
		if err := os.Truncate(s.path(one.number), one.size); err != nil {
			s.log.Warn("Failed to cut off the end of a spool file", "err", err)
		}
	}
	return nil
}

// scan reads the whole records of a part of a segment until a function returns false, and returns where they end. The function
// must not keep the slice.
func (s *spool) scan(number uint64, from, to int64, each func(written int64, samples []sample, end int64) bool) (int64, error) {
	f, err := os.Open(s.path(number))
	if errors.Is(err, fs.ErrNotExist) {
		return from, nil // removed by someone else
	}
	if err != nil {
		return from, fmt.Errorf("read the spool: %w", err)
	}
	defer func() { _ = f.Close() }()
	reader := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), int(min(64<<10, to-from)))
	var content []byte
	room := make([]sample, 0, maxReadings)
	header := make([]byte, recordHeader)
	for {
		_, err := io.ReadFull(reader, header)
		if err == nil {
			length := int64(binary.LittleEndian.Uint32(header))
			if length > to-from-recordHeader {
				return from, nil
			}
			content = slices.Grow(content[:0], int(length))[:length]
			_, err = io.ReadFull(reader, content)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return from, nil
		}
		if err != nil {
			return from, fmt.Errorf("read the spool: %w", err)
		}
		if crc32.Checksum(content, castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
			return from, nil
		}
		written, samples := decodeRecord(content, room)
		if len(samples) == 0 { // also zeros, of which the checksum is zero
			return from, nil
		}
		if from += recordHeader + int64(len(content)); !each(written, samples, from) {
			return from, nil
		}
	}
}

// append stores readings of one series, synced when it returns. It drops the oldest ones for room, and the new ones if they cannot
// be written. It keeps the slice.
func (s *spool) append(samples []sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, readings := time.Now(), len(samples)
	records := appendRecords(now, samples)
	for len(s.segments) > 1 && s.bytes()+int64(len(records)) > s.limit {
		s.dropOldest()
	}
	err := s.write(records)
	switch {
	case err != nil && !s.failing:
		s.log.Error("Failed to write to the spool, dropping new readings for this receiver. Free disk space, or give the exporter's "+
			"user write permission", "directory", s.dir, "err", err)
	case err == nil && s.failing:
		s.log.Info("Spool is written again", "directory", s.dir)
	}
	if s.failing = err != nil; s.failing {
		s.dropped.Add(int64(readings))
		logSamples(s.log, "Dropped a reading that could not be stored", samples)
		return
	}
	segment := &s.segments[len(s.segments)-1]
	if segment.pending == 0 {
		segment.began = now.UnixMilli()
	}
	segment.size, segment.pending = segment.size+int64(len(records)), segment.pending+readings
	if s.pending.Add(int64(readings)) == int64(readings) {
		s.oldest.Store(segment.began)
	}
	s.last = samples[(readings-1)/maxReadings*maxReadings:]
}

// segmentSize is from how many bytes on a segment is followed by another.
func segmentSize(limit int64) int64 { return min(16<<20, limit/8) }

// write writes to the last segment, or begins one.
func (s *spool) write(records []byte) error {
	if s.file != nil && s.segments[len(s.segments)-1].size >= segmentSize(s.limit) {
		s.closeFile()
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err := s.file.Write(records)
	if err == nil {
		err = syncFile(s.file)
	}
	if err != nil { // what it holds now is not known
		s.closeFile()
		if last := s.segments[len(s.segments)-1]; last.size > 0 {
			err = errors.Join(err, os.Truncate(s.path(last.number), last.size))
		} else {
			s.segments = s.segments[:len(s.segments)-1]
			s.remove(last.number)
		}
	}
	return err
}

// begin begins a segment.
func (s *spool) begin() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	number := s.next
	s.next++ // even if it fails: a file of this name may exist
	f, err := os.OpenFile(s.path(number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(syncDirectory(s.dir), syncDirectory(filepath.Dir(s.dir))); err != nil {
		_ = f.Close()
		s.remove(number)
		return err
	}
	s.file, s.segments = f, append(s.segments, segment{number: number})
	if len(s.segments) == 1 {
		s.head = 0
	}
	return nil
}

// syncFile makes the content of a file survive a power failure. Tests replace it: it takes most of their time.
var syncFile = (*os.File).Sync

// syncDirectory makes the names in a directory survive a power failure. Windows can sync no directory.
func syncDirectory(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncFile(d), d.Close())
}

// dropOldest removes the first segment for room.
func (s *spool) dropOldest() {
	first := s.segments[0]
	if first.pending > 0 && !s.full {
		s.full = true
		s.log.Error("Spool is full, dropping the oldest readings for this receiver", "directory", s.dir, "limit_bytes", s.limit)
	}
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		_, _ = s.scan(first.number, s.head, first.size, func(_ int64, samples []sample, _ int64) bool {
			logSamples(s.log, "Dropped a reading for room in the spool", samples)
			return true
		})
	}
	s.removeFirst()
}

// removeFirst removes the first segment; what is pending in it is dropped.
func (s *spool) removeFirst() {
	first := s.segments[0]
	s.dropped.Add(int64(first.pending))
	s.pending.Add(int64(-first.pending))
	s.remove(first.number)
	if s.segments, s.head = s.segments[1:], 0; len(s.segments) > 0 {
		s.oldest.Store(s.segments[0].began)
	}
}

// read returns the oldest readings, at most n, but at least those of one record; none if all are acknowledged.
func (s *spool) read(n int) (b batch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.segments) > 0 {
		first := s.segments[0]
		b.segment, b.more = first.number, len(s.segments) > 1
		_, err = s.scan(first.number, s.head, first.size, func(written int64, samples []sample, end int64) bool {
			switch {
			case len(b.samples) == 0:
				s.oldest.Store(written)
			case len(b.samples)+len(samples) > n:
				b.more = true
				return false
			}
			b.samples, b.end = append(b.samples, samples...), end
			return true
		})
		if len(b.samples) > 0 || !b.more || err != nil {
			break
		}
		s.removeFirst() // acknowledged, or damaged since
	}
	switch {
	case len(b.samples) > 0:
		err = nil // until it is reached
	case err == nil && s.pending.Load() > 0:
		s.closeFile() // damaged: the next record begins another
	}
	return b, err
}

// acknowledge removes the readings of a batch that was read before.
func (s *spool) acknowledge(b batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 || s.segments[0].number != b.segment {
		return nil // dropped since
	}
	s.segments[0].pending -= len(b.samples)
	left := s.pending.Add(int64(-len(b.samples)))
	s.head, s.full = b.end, s.full && left > 0
	return s.writePosition(b.segment, b.end)
}

const positionName = "position"

// writePosition overwrites the position in place: that needs no room on a full disk, and so few bytes are written whole. If they
// are not, the checksum shows it, and some readings are sent twice.
func (s *spool) writePosition(number uint64, offset int64) error {
	f, err := os.OpenFile(filepath.Join(s.dir, positionName), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	b := binary.LittleEndian.AppendUint64(nil, number)
	b = binary.LittleEndian.AppendUint64(b, uint64(offset))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err = f.Write(b); err == nil {
		err = syncFile(f)
	}
	return errors.Join(err, f.Close())
}

// readPosition returns the segment and the offset up to which readings are acknowledged; 0 if that is not known.
func (s *spool) readPosition() (number uint64, offset int64) {
	b, err := os.ReadFile(filepath.Join(s.dir, positionName))
	if err != nil || len(b) != 20 || crc32.Checksum(b[:16], castagnoli) != binary.LittleEndian.Uint32(b[16:]) {
		return 0, 0
	}
	return binary.LittleEndian.Uint64(b), max(0, int64(binary.LittleEndian.Uint64(b[8:])))
}

// lastReadings returns those that were stored last, of one record.
func (s *spool) lastReadings() []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *spool) setLimit(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

func (s *spool) bytes() (sum int64) {
	for _, one := range s.segments {
		sum += one.size
	}
	return sum
}

func segmentName(number uint64) string { return fmt.Sprintf("%020d", number) }

// segmentNumber returns the number in a name, if it is that of a segment.
func segmentNumber(name string) (number uint64, isSegment bool) {
	number, err := strconv.ParseUint(name, 10, 64)
	return number, err == nil && name == segmentName(number)
}

func (s *spool) path(number uint64) string { return filepath.Join(s.dir, segmentName(number)) }

func (s *spool) remove(number uint64) {
	if err := os.Remove(s.path(number)); err != nil {
		s.log.Warn("Failed to remove a spool file", "err", err)
	}
}

func (s *spool) closeFile() {
	if s.file != nil {
		_ = s.file.Close() // synced, or given up
		s.file = nil
	}
}

// close closes the files, and leaves none if all is acknowledged. The spool must not be used after it.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeFile()
	for s.pending.Load() == 0 && len(s.segments) > 0 {
		s.removeFirst()
	}
}
