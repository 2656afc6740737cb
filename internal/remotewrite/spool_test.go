package remotewrite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func nan() float64 { return math.NaN() }

// atNoon is near the time of the bubble, in milliseconds since the epoch.
const atNoon = 1.8934992e12

// queue is a spool under test.
type queue struct {
	*spool
	t       testing.TB
	log     *logBuffer
	value   float64 // of the newest reading
	appends []int64 // size of the spool after each
}

func openQueue(t testing.TB, dir string, limit int64) *queue {
	t.Helper()
	log := &logBuffer{}
	s, err := openSpool(t.Context(), dir, limit, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	return &queue{spool: s, t: t, log: log}
}

// add appends n readings with ascending values, as one poll.
func (q *queue) add(n int) {
	var samples []sample
	for range n {
		q.value++
		samples = append(samples, sample{series{"acme", "Press 1", "Temperature"}, atNoon + int64(1e3*q.value), q.value})
	}
	q.append(samples)
	q.appends = append(q.appends, q.bytes())
}

// batch reads one batch.
func (q *queue) batch(n int) (values []float64) {
	q.t.Helper()
	b, err := q.read(n)
	if err != nil {
		q.t.Fatal(err)
	}
	return q.values(b.samples)
}

// drain reads and acknowledges all that is pending.
func (q *queue) drain(n int) (values []float64) {
	q.t.Helper()
	for {
		b, err := q.read(n)
		if err == nil && len(b.samples) == 0 {
			return values
		}
		if values = append(values, q.values(b.samples)...); err == nil {
			err = q.acknowledge(b)
		}
		if err != nil {
			q.t.Fatal(err)
		}
	}
}

// all returns all that is pending.
func (q *queue) all() (values []float64) {
	q.t.Helper()
	from := q.head
	for _, one := range q.segments {
		_, err := q.scan(one.number, from, one.size, func(_ int64, samples []sample, _ int64) bool {
			values = append(values, q.values(samples)...)
			return true
		})
		if err != nil {
			q.t.Fatal(err)
		}
		from = 0
	}
	return values
}

func (q *queue) values(samples []sample) (values []float64) {
	q.t.Helper()
	for _, s := range samples {
		if want := int64(atNoon + 1e3*s.value); s.time != want || s.series != (series{"acme", "Press 1", "Temperature"}) {
			q.t.Fatalf("read %+v, which was never written", s)
		}
		values = append(values, s.value)
	}
	return values
}

// from returns the values of from to to.
func from(from, to float64) (values []float64) {
	for v := from; v <= to; v++ {
		values = append(values, v)
	}
	return values
}

func (q *queue) want(what string, got, want []float64) {
	q.t.Helper()
	if !slices.Equal(got, want) {
		q.t.Fatalf("%s: read %v, want %v", what, got, want)
	}
}

func (q *queue) wantPending(n int64) {
	q.t.Helper()
	if got := q.pending.Load(); got != n {
		q.t.Fatalf("%d readings are pending, want %d", got, n)
	}
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "spool"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, "spool")
}

func TestSpoolReturnsWhatWasAppended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	q.want("new", q.batch(10), nil)
	q.add(3)
	q.add(1)
	q.add(40)
	q.wantPending(44)
	q.want("batch", q.batch(3), from(1, 3))
	q.want("larger batch", q.batch(21), from(1, 20))
	q.want("batch smaller than a record", q.batch(1), from(1, 3))
	b, _ := q.read(20)
	if !b.more {
		q.t.Error("the batch seems to be the last")
	}
	if err := q.acknowledge(b); err != nil {
		t.Fatal(err)
	}
	q.wantPending(24)
	q.want("rest", q.drain(16), from(21, 44))
	q.wantPending(0)
	q.add(2)
	q.want("after the end", q.drain(100), from(45, 46))
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	for _, name := range []string{positionName, segmentName(1)} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	q.close()
}

func TestSpoolSyncsBeforeItReturns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	synced := map[string]int64{} // size of each file when it was synced
	note := func(f *os.File) error {
		info, err := f.Stat()
		if err == nil {
			synced[f.Name()] = info.Size()
		}
		return err
	}
	onSync.Store(&note)
	defer onSync.Store(nil)
	for range 3 {
		q.add(20)
		if got := synced[q.path(1)]; got != q.bytes() {
			t.Errorf("synced at %d bytes of %d", got, q.bytes())
		}
	}
	b, _ := q.read(1)
	if err := q.acknowledge(b); err != nil || synced[filepath.Join(dir, positionName)] != 20 {
		t.Errorf("position is not synced: %v, %v", err, synced)
	}
	for _, name := range []string{dir, filepath.Dir(dir)} {
		if _, ok := synced[name]; !ok {
			t.Errorf("directory %s is not synced", name)
		}
	}
}

func TestSpoolForgetsWhatCannotBeSynced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	q.add(2)
	fail := func(*os.File) error { return errors.New("input/output error") }
	defer onSync.Store(nil)
	onSync.Store(&fail)
	q.add(2) // into a file with readings
	q.add(2) // into none
	onSync.Store(nil)
	q.add(2)
	if got := q.dropped.Load(); got != 4 || q.log.lines("level=ERROR") != 1 || q.log.lines("Dropped a reading") != 4 {
		t.Errorf("%d readings are dropped, log:\n%s", got, q.log)
	}
	want := append(from(1, 2), from(7, 8)...)
	q.want("pending", q.all(), want)
	q.close()
	again := openQueue(t, dir, 1<<20)
	again.want("reopened", again.all(), want)
	if again.log.lines("level=WARN") != 0 {
		t.Errorf("log:\n%s", again.log)
	}
}

// A process may be killed after any byte that it wrote.
func TestSpoolCutAtEveryByte(t *testing.T) {
	long(t)
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	counts := []int{3, 1, 16, 2}
	for _, n := range counts {
		q.add(n)
	}
	q.close()
	for size := int64(0); size <= q.bytes(); size++ {
		cut := copyDir(t, dir)
		if err := os.Truncate(filepath.Join(cut, segmentName(1)), size); err != nil {
			t.Fatal(err)
		}
		whole := 0.0
		for i, end := range q.appends {
			if end <= size {
				whole += float64(counts[i])
			}
		}
		for range 2 { // the second time, after what was appended the first time
			again := openQueue(t, cut, 1<<20)
			again.value = whole
			again.want("cut", again.all(), from(1, whole))
			again.add(2)
			again.want("appended", again.all(), from(1, whole+2))
			again.wantPending(int64(whole) + 2)
			again.close()
			whole += 2
		}
	}
}

func TestSpoolNeverReturnsDamagedRecords(t *testing.T) {
	long(t)
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	q.add(3)
	q.add(2)
	q.close()
	whole, err := os.ReadFile(q.path(1))
	if err != nil {
		t.Fatal(err)
	}
	reopen := func(content []byte) *queue {
		if err := os.WriteFile(q.path(1), content, 0o600); err != nil {
			t.Fatal(err)
		}
		again := openQueue(t, dir, 1<<20)
		again.closeFile()
		return again
	}
	for i := range whole {
		for bit := range 8 {
			content := slices.Clone(whole)
			content[i] ^= 1 << bit
			again := reopen(content)
			want := from(1, 3)
			if int64(i) < q.appends[0] {
				want = nil
			}
			again.want("damaged", again.all(), want)
			if again.log.lines("Cutting off the end") != 1 {
				t.Fatal("not logged")
			}
		}
	}
	again := reopen(append(slices.Clone(whole), make([]byte, 4096)...))
	again.want("zeros at the end", again.all(), from(1, 5))
	if info, err := os.Stat(q.path(1)); err != nil || info.Size() != int64(len(whole)) {
		t.Errorf("not cut off: %v, %v", info.Size(), err)
	}
}

func TestSpoolContinuesBehindAFileThatIsDamagedLater(t *testing.T) {
	for name, damage := range map[string]func(q *queue) error{
		"cut":     func(q *queue) error { return os.Truncate(q.path(1), q.appends[0]+3) },
		"removed": func(q *queue) error { return os.Remove(q.path(1)) },
		"all":     func(q *queue) error { return os.RemoveAll(q.dir) },
	} {
		t.Run(name, func(t *testing.T) {
			q := openQueue(t, filepath.Join(t.TempDir(), "spool"), 1<<20)
			q.add(2)
			q.add(2)
			q.want("before the damage", q.batch(2), from(1, 2))
			if err := damage(q); err != nil {
				t.Fatal(err)
			}
			left := q.drain(100)
			q.add(2)
			q.want("behind the damage", q.drain(100), from(5, 6))
			q.wantPending(0)
			if got := int(q.dropped.Load()); got+len(left) != 4 {
				t.Errorf("%d readings are dropped after %v", got, left)
			}
		})
	}
}

// BenchmarkSpool appends a poll of 6 readings, synced as in the product, and opens a spool of 64 MiB.
func BenchmarkSpool(b *testing.B) {
	sync := (*os.File).Sync
	onSync.Store(&sync)
	defer onSync.Store(nil)
	b.Run("append", func(b *testing.B) {
		q := openQueue(b, filepath.Join(b.TempDir(), "spool"), 1<<30)
		for b.Loop() {
			q.add(6)
		}
		b.ReportMetric(float64(q.bytes())/float64(b.N)/6, "bytes/reading")
		q.close()
	})
	b.Run("open", func(b *testing.B) {
		onSync.Store(nil)
		dir := filepath.Join(b.TempDir(), "spool")
		q := openQueue(b, dir, 1<<30)
		for q.bytes() < 64<<20 {
			q.add(6)
		}
		q.close()
		for b.Loop() {
			openQueue(b, dir, 1<<30).close()
		}
	})
}

// The length in a header that is torn, or of another file, may be anything.
func TestSpoolBelievesNoLengthOfATornHeader(t *testing.T) {
	for _, content := range []string{"\x00\x00\x00\xf0", "\x00\x00\x00\xf0X", "\x00\x00\x00\xf0checksum"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(1)), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		openQueue(t, dir, 1<<20).wantPending(0)
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 512<<10 {
			t.Errorf("%q takes %d bytes of memory", content, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

func TestSpoolContinuesAtItsPosition(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	for range 5 {
		q.add(2)
		q.close()
		q.spool = openQueue(t, dir, 1<<20).spool // a file for each
	}
	for done := 0.0; done <= 10; done += 2 {
		q.wantPending(int64(10 - done))
		q.want("reopened", q.all(), from(done+1, 10))
		b, err := q.read(2)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.acknowledge(b); err != nil && len(b.samples) > 0 {
			t.Fatal(err)
		}
		q.close()
		q.spool = openQueue(t, dir, 1<<20).spool
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "0*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	q.add(2) // must not take the number of a file that is acknowledged
	q.close()
	q.spool = openQueue(t, dir, 1<<20).spool
	q.want("after all files were removed", q.all(), from(11, 12))
}

func TestSpoolWithDamagedPositionLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, 1<<20)
	q.add(2)
	q.add(2)
	b, _ := q.read(2)
	if err := q.acknowledge(b); err != nil {
		t.Fatal(err)
	}
	q.close()
	whole, err := os.ReadFile(filepath.Join(dir, positionName))
	if err != nil || len(whole) != 20 {
		t.Fatal(err, len(whole))
	}
	for i := range whole {
		flipped := slices.Clone(whole)
		flipped[i] ^= 1
		for _, content := range [][]byte{whole[:i], flipped} {
			if err := os.WriteFile(filepath.Join(dir, positionName), content, 0o600); err != nil {
				t.Fatal(err)
			}
			again := openQueue(t, dir, 1<<20)
			again.want("damaged position", again.all(), from(1, 4))
		}
	}
}

// Windows drops dots and spaces at the end of a name.
func TestSpoolNameIsItsOwnOnWindows(t *testing.T) {
	names := map[string]string{}
	for _, receiver := range []string{"x", "x.", "x..", "x ", "x. ", "x/", "x%2e", "x:y", "con", ".", ".."} {
		name := spoolName(receiver)
		onWindows := strings.TrimRight(name, ". ")
		if other, known := names[onWindows]; known || strings.ContainsAny(name, `<>:"/\|?*`) {
			t.Errorf("%q has directory %q, %q too", receiver, name, other)
		}
		names[onWindows] = receiver
	}
}

func TestReadingTakesAtMostMaxReadingBytes(t *testing.T) {
	label := strings.Repeat("x", 128)
	now := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	one := sample{series{label, label, label}, now.AddDate(-100, 0, 0).UnixMilli(), 1}
	if got := len(appendRecords(now, []sample{one})); got > MaxReadingBytes || got < MaxReadingBytes-30 {
		t.Errorf("one takes %d bytes", got)
	}
	if got := len(appendRecords(now, slices.Repeat([]sample{one}, 100))); got > 100*MaxReadingBytes {
		t.Errorf("100 take %d bytes", got)
	}
}

func TestSpoolDropsTheOldestBeyondItsLimit(t *testing.T) {
	const limit = 16 << 10
	dir := filepath.Join(t.TempDir(), "spool")
	q := openQueue(t, dir, limit)
	for range 300 {
		q.add(10)
		size := int64(0)
		files, _ := filepath.Glob(filepath.Join(dir, "0*"))
		for _, name := range files {
			if info, err := os.Stat(name); err == nil {
				size += info.Size()
			}
		}
		if size > limit {
			t.Fatalf("%d bytes on disk, the limit is %d", size, limit)
		}
	}
	dropped := q.dropped.Load()
	q.wantPending(3000 - dropped)
	if kept := q.bytes(); kept < limit*3/4 {
		t.Errorf("keeps %d bytes", kept)
	}
	if dropped < 1000 || q.log.lines("level=ERROR") != 1 || q.log.lines("Dropped a reading") != int(dropped) {
		t.Errorf("dropped %d, logged %d and %d", dropped, q.log.lines("level=ERROR"), q.log.lines("Dropped a reading"))
	}
	b, _ := q.read(10)
	for range 300 {
		q.add(10) // drops what was read, too
	}
	if err := q.acknowledge(b); err != nil {
		t.Fatal(err)
	}
	dropped = q.dropped.Load()
	q.want("rest", q.drain(100), from(float64(dropped)+1, 6000))
	q.wantPending(0)
	for range 300 {
		q.add(10)
	}
	if q.log.lines("level=ERROR") != 2 {
		t.Errorf("logged %d times after it was empty", q.log.lines("level=ERROR"))
	}
}

func TestSpoolKnowsItsOldestReading(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const limit = 16 << 10
		dir := filepath.Join(t.TempDir(), "spool")
		q := openQueue(t, dir, limit)
		stored := map[float64]int64{} // when each was
		want := func(when string) {
			t.Helper()
			if got := q.oldest.Load(); got != stored[q.all()[0]] {
				t.Errorf("%s: the oldest is of %d, want %d", when, got, stored[q.all()[0]])
			}
		}
		for range 300 {
			q.add(10)
			for v := q.value - 9; v <= q.value; v++ {
				stored[v] = time.Now().UnixMilli()
			}
			want("dropping the oldest")
			time.Sleep(time.Minute)
		}
		for i := range 100 {
			b, err := q.read(10)
			if err != nil {
				t.Fatal(err)
			}
			want("reading")
			if err := q.acknowledge(b); err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 {
				q.close()
				q.spool = openQueue(t, dir, limit).spool
				want("reopened")
			}
		}
		q.close()
	})
}

func TestSpoolInUnreadableDirectoryIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openSpool(t.Context(), path, 1<<20, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

// FuzzSpool opens a directory with any content. It must never fail, never return what has no checksum, and keep what is appended.
func FuzzSpool(f *testing.F) {
	at := time.UnixMilli(1.8e12)
	intact := appendRecord(nil, at, []sample{{series{"a", "m", "s"}, 1.8e12, 1}})
	f.Add(intact, []byte{})
	f.Add([]byte("\x00\x00\x00\xf0X"), []byte{}) // half a header, with a large length
	f.Add(slices.Concat(intact, intact, []byte{9}), []byte{1, 0, 0, 0, 0, 0, 0, 0, byte(len(intact)), 0, 0, 0, 0, 0, 0, 0})
	f.Add(slices.Concat(intact, intact), []byte{1, 0, 0, 0, 0, 0, 0, 0, byte(len(intact) + 5), 0, 0, 0, 0, 0, 0, 0}) // within a record
	f.Fuzz(func(t *testing.T, content, position []byte) {
		dir := t.TempDir()
		position = binary.LittleEndian.AppendUint32(position, crc32.Checksum(position, castagnoli))
		for name, b := range map[string][]byte{segmentName(1): content, positionName: position} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		q := openQueue(t, dir, 1<<20)
		b, err := q.read(math.MaxInt)
		if err != nil || int64(len(b.samples)) != q.pending.Load() || len(b.samples) > len(content)/9 {
			t.Fatalf("%d readings, %d pending, %v", len(b.samples), q.pending.Load(), err)
		}
		q.add(2)
		q.closeFile()
		again := openQueue(t, dir, 1<<20)
		if got := again.pending.Load(); got != int64(len(b.samples))+2 {
			t.Fatalf("%d readings after %d and 2", got, len(b.samples))
		}
	})
}

// FuzzRecord decodes any content with a valid checksum.
func FuzzRecord(f *testing.F) {
	at := time.UnixMilli(5)
	f.Add(appendRecord(nil, at, []sample{{series{"a", "m", "s"}, 3, 1}})[recordHeader:])
	f.Add(appendRecord(nil, at, make([]sample, maxReadings+1))[recordHeader:])
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, samples := decodeRecord(content, nil); len(samples) > maxReadings || 9*len(samples) > len(content) {
			t.Errorf("%d readings in %d bytes", len(samples), len(content))
		}
	})
}
