// Package remotewrite sends every new reading, with its own time, to receivers that take Prometheus remote write 1.0.
//
// Append stores readings in a spool on disk for each receiver. One goroutine per receiver sends them in batches, oldest first,
// and removes what is accepted or refused. A receiver that does not respond delays neither Append nor another receiver.
//
// Of remote write (https://prometheus.io/docs/specs/prw/remote_write_spec/) documented are: the message, the headers, and that
// 5xx and perhaps 429 are to be retried. Observed are: Prometheus stores nothing of a request if it refuses one of its samples
// with 400, and its version 2.42 responds with 500 to samples that are older than its out-of-order window.
//
// A response of 400, 409, 413 or 422 concerns some of the readings of a request. Small batches are sent, and the readings of one
// that is not accepted, one by one, until it is known which. They count as refused if the receiver accepts others at that time:
// otherwise it fails, and everything is kept. The same holds for a 5xx that only some readings get, after 10 tries, or at once if
// the readings of their sensor before them got so many. Every other failure is one of the receiver.
package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
)

// Writer stores readings and sends them. It is safe for concurrent use.
type Writer struct {
	dir string
	log *slog.Logger

	configuring sync.Mutex   // held by Configure and Close as a whole; Append must not wait until a large spool is open
	mu          sync.RWMutex // while it is read, no receiver ends
	closed      bool
	receivers   []*receiver
	shown       atomic.Pointer[[]*receiver] // the same, for those that must not wait for mu
}

// New returns a Writer without receivers, with its spools below a directory that belongs to this process.
func New(dir string, logger *slog.Logger) *Writer {
	w := &Writer{dir: dir, log: logger}
	w.shown.Store(new([]*receiver))
	return w
}

// Configure puts receivers in force. Those that have the name of one before, in any case of letters, continue with its counts and
// its spool. The spool of one that is removed stays on disk, for when it returns. After an error everything is as before. The end
// of ctx ends the opening of spools, which takes seconds if they are large, with an error. It stops no receiver: Close does, when
// the last readings were appended.
func (w *Writer) Configure(ctx context.Context, receivers []Receiver) error {
	w.configuring.Lock()
	defer w.configuring.Unlock()
	if w.closed {
		return errClosed
	}
	next := make([]*receiver, len(receivers))
	for i, settings := range receivers {
		dir := filepath.Join(w.dir, spoolName(settings.Name))
		if known := slices.IndexFunc(w.receivers, func(r *receiver) bool { return r.spool.dir == dir }); known >= 0 {
			next[i] = w.receivers[known]
			continue
		}
		log := w.log.With("receiver", settings.Name)
		s, err := openSpool(ctx, dir, settings.Spool, log)
		if err != nil {
			return fmt.Errorf("remote_write %q: %w", settings.Name, err)
		}
		next[i] = newReceiver(s, log)
	}
	w.mu.Lock()
	for _, r := range w.receivers {
		if !slices.Contains(next, r) {
			r.cancel()
			r.end()
		}
	}
	for i, r := range next {
		r.apply(&receivers[i])
		if !slices.Contains(w.receivers, r) {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			r.cancel = cancel
			r.ended.Go(func() { r.run(ctx) })
		}
	}
	w.receivers = next
	w.shown.Store(&next)
	w.mu.Unlock()
	w.reportOrphans()
	return nil
}

// reportOrphans logs each spool that no receiver sends, after a start too: a name may have been changed in between.
func (w *Writer) reportOrphans() {
	segments, _ := fs.Glob(os.DirFS(w.dir), spoolPrefix+"*/0*") // the pattern is valid
	reported := ""
	for _, segment := range segments {
		dir := filepath.Join(w.dir, path.Dir(segment))
		if dir == reported || slices.ContainsFunc(w.receivers, func(r *receiver) bool { return r.spool.dir == dir }) {
			continue
		}
		reported = dir
		w.log.Warn("A spool belongs to no receiver. Its readings are sent when one has its name; if none shall, delete the directory",
			"directory", dir)
	}
}

const spoolPrefix = "remote_write-"

// spoolName returns the name of the directory of a receiver's spool, which differs for all receivers on any file system.
func spoolName(receiver string) string {
	name := spoolPrefix + strings.ToLower(url.QueryEscape(receiver))
	if base, dotted := strings.CutSuffix(name, "."); dotted { // Windows drops it
		name = base + "%2e"
	}
	return name
}

var errClosed = errors.New("remote write is closed")

// Append stores new readings of a sensor, oldest first, for each receiver, and returns when they are synced to disk. It does not
// wait for receivers. What cannot be stored is dropped, counted and logged. States without a number are left out.
func (w *Writer) Append(company, machine, sensor string, readings []innius.Reading) {
	var samples []sample
	for _, r := range readings {
		if !math.IsNaN(r.Value) {
			samples = append(samples, sample{series{company, machine, sensor}, r.Time.UnixMilli(), r.Value})
		}
	}
	if len(samples) == 0 {
		return
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, r := range w.receivers {
		r.spool.append(samples)
	}
}

// Status returns the status of each receiver, in the order of the config. It waits neither for the disk nor for the network.
func (w *Writer) Status() []Status {
	var all []Status
	for _, r := range *w.shown.Load() {
		all = append(all, r.view())
	}
	return all
}

// flushWithin bounds how long Close sends.
const flushWithin = 2 * time.Second

// Close sends what is pending for at most 2 s, and keeps the rest for the next start. Nothing may be appended after it.
func (w *Writer) Close() {
	w.configuring.Lock()
	defer w.configuring.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	var ending sync.WaitGroup
	for _, r := range w.receivers {
		timer := time.AfterFunc(flushWithin, r.cancel)
		defer timer.Stop()
		ending.Go(r.end)
	}
	ending.Wait()
	w.closed, w.receivers = true, nil
}
