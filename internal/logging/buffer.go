package logging

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// maxQueued bounds the lines that wait to be written, in bytes: a thousand usual ones.
const maxQueued = 256 << 10

// flushWithin bounds how long Flush waits.
const flushWithin = time.Second

var dropped atomic.Uint64

// Dropped returns the number of lines that this process could not write to its log.
func Dropped() uint64 { return dropped.Load() }

// NewBuffered is New for a log that may not be read: a pipe whose reader has stopped must not stop what logs. Lines that do
// not fit into the buffer, and those of which the write fails, are dropped and counted; when all others are written, a line with
// their number follows.
func NewBuffered(w io.Writer, level, format string) (*slog.Logger, *Buffer) {
	b := &Buffer{to: w, direct: New(w, level, format), idle: make(chan struct{})}
	close(b.idle)
	return New(b, level, format), b
}

// Buffer passes lines on in the background. Its methods may be called from any goroutine.
type Buffer struct {
	to     io.Writer
	direct *slog.Logger // to the same writer

	mu     sync.Mutex
	lines  [][]byte
	queued int           // bytes of lines
	idle   chan struct{} // closed while there is nothing to write
	lost   int           // lines that were dropped and not reported yet
}

// Write takes one line and returns at once, without an error.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queued+len(line) > maxQueued {
		b.drop()
		return len(line), nil
	}
	b.lines, b.queued = append(b.lines, bytes.Clone(line)), b.queued+len(line)
	select {
	case <-b.idle:
		b.idle = make(chan struct{})
		go b.writeAll(b.idle)
	default:
	}
	return len(line), nil
}

func (b *Buffer) drop() {
	b.lost++
	dropped.Add(1)
}

// writeAll writes lines until none is left.
func (b *Buffer) writeAll(done chan<- struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer close(done)
	for len(b.lines) > 0 {
		line, lost := b.lines[0], 0
		b.mu.Unlock()
		_, err := b.to.Write(line)
		b.mu.Lock()
		b.lines, b.queued = b.lines[1:], b.queued-len(line)
		if err != nil {
			b.drop()
		} else if len(b.lines) == 0 {
			lost, b.lost = b.lost, 0
		}
		if lost > 0 {
			b.mu.Unlock()
			b.direct.Error("Log lines were dropped: the log was not read, or could not be written", "lines", lost)
			b.mu.Lock()
		}
	}
}

// Flush returns when all lines are written, after a second at the latest.
func (b *Buffer) Flush() {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(flushWithin):
	}
}
