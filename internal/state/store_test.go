package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// fixture is a store in a directory of the test, with its log.
type fixture struct {
	*testing.T
	*Store
	loaded *poller.State // by Open
	log    bytes.Buffer
}

func open(t *testing.T, dir string) *fixture {
	t.Helper()
	d := &fixture{T: t}
	var err error
	if d.Store, d.loaded, err = Open(dir, mine(), slog.New(slog.NewTextHandler(&d.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// mine are the accounts of stateOf.
func mine() []poller.Account {
	return []poller.Account{{Name: "acme", Origin: "api.example"}, {Name: "second", Origin: "api.example"}}
}

// load reads the directory again, as the next process does.
func (d *fixture) load() *poller.State {
	d.Helper()
	return d.Store.load(mine())
}

func (d *fixture) files(pattern string) []string {
	d.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, pattern))
	if err != nil {
		d.Fatal(err)
	}
	return files
}

func (d *fixture) logged(text string) int { return strings.Count(d.log.String(), text) }

// source is a Source with a fixed state.
type source struct {
	state   poller.State
	changed chan struct{}
}

func (s source) Save() poller.State { return s.state }

func (s source) Changed() <-chan struct{} { return s.changed }

func sourceOf(s poller.State) source { return source{s, make(chan struct{}, 1)} }

func TestStoreRestoresState(t *testing.T) {
	dir, want := filepath.Join(t.TempDir(), "new", "directory"), stateOf(2, 3)
	d := open(t, dir)
	if d.loaded != nil {
		t.Error("state before the first write")
	}
	d.Store.Run(sourceOf(want), time.Hour, func() {
		if got, err := Read(dir); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("before the work begins: %+v, %v", got, err)
		}
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	next := open(t, dir)
	if got := next.loaded; len(got.Accounts) != 2 {
		t.Errorf("%d accounts, the second one without state", len(got.Accounts))
	} else if got.Accounts = got.Accounts[:1]; !reflect.DeepEqual(*got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if log := next.log.String(); !strings.Contains(log, "sensors=6") || !strings.Contains(log, "clean_shutdown=true") {
		t.Errorf("log: %s", log)
	}
	if time.Since(d.Written()) > time.Minute {
		t.Errorf("written at %s", d.Written())
	}
}

func TestStoreFilePermissions(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "state"))
	d.writeLast(sourceOf(stateOf(1, 1)))
	if err := os.Chmod(d.path(), 0o644); err != nil {
		t.Fatal(err)
	}
	d.writeLast(sourceOf(stateOf(1, 1)))
	for name, want := range map[string]os.FileMode{".": 0o700, fileName: 0o600, lockName: 0o600} {
		info, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestStoreSpendsRateLimitAfterUncleanShutdown(t *testing.T) {
	d := open(t, t.TempDir())
	state := stateOf(1, 1)
	state.At = time.Now()
	state.Accounts[0].Pacer = innius.PacerState{At: state.At.Add(-time.Hour), Tokens: 30}
	d.writeFirst(sourceOf(state))
	if got := d.load().Accounts[0].Pacer; got.Tokens != 0 || time.Since(got.At) > time.Minute {
		t.Errorf("tokens %+v, want none as of now", got)
	}
	d.writeLast(sourceOf(state))
	if got := d.load().Accounts[0].Pacer; got.Tokens != 30 {
		t.Errorf("tokens after a clean shutdown: %+v", got)
	}
	if got := d.load().Accounts[0].Pacer; got.Tokens != 0 {
		t.Errorf("a clean shutdown counted twice: tokens %+v", got)
	}
}

func TestStoreLocksDirectory(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	if _, _, err := Open(dir, mine(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another exporter") {
		t.Errorf("second exporter: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestStoreLocksADirectoryAgainOfWhichTheContentWasRemoved(t *testing.T) {
	d := open(t, t.TempDir())
	remove(t, d.files("*"))
	if err := d.acquire(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(d.dir, mine(), slog.New(slog.DiscardHandler)); !errors.Is(err, ErrTaken) {
		t.Errorf("second exporter: %v", err)
	}
}

func TestStoreEndsWritingWhenAnotherHasTakenItsDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the store checks its lock each second, but not between the two steps of another
		d := open(t, t.TempDir())
		other, taken := new(fixture), make(chan struct{}, 10)
		d.OnTaken = func() { taken <- struct{}{} }
		d.Store.Run(sourceOf(stateOf(2, 3)), time.Hour, func() {
			remove(t, d.files("*"))
			other = open(t, d.dir)
			other.writeFirst(sourceOf(stateOf(1, 1)))
			<-taken
		})
		if got, err := Read(d.dir); err != nil || sensors(got) != 1 {
			t.Errorf("the state is not that of the second exporter: %v, %v", got, err)
		}
		if d.logged("another exporter uses this state directory") != 1 || other.logged("level=ERROR") != 0 {
			t.Errorf("logs:\n%s\n%s", d.log.String(), other.log.String())
		}
	})
}

func remove(t *testing.T, files []string) {
	t.Helper()
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenFailsWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(filepath.Join(file, "below"), mine(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a directory below a file was opened")
	}
}

func TestStoreLogsMissingDirectoryOnce(t *testing.T) {
	d := open(t, t.TempDir())
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	d.writeFirst(sourceOf(stateOf(1, 1)))
	d.writeLast(sourceOf(stateOf(1, 1)))
	if n := strings.Count(d.log.String(), "Failed to write the state"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, d.log.String())
	}
}

func TestStoreQuarantinesUnusableFile(t *testing.T) {
	whole := encoded(t, stateOf(1, 2), true)
	other := stateOf(1, 1)
	other.Accounts[0].Name = "other"
	elsewhere := stateOf(1, 1)
	elsewhere.Accounts[0].Origin = "other.example"
	for name, row := range map[string]struct {
		file []byte
		want reason
	}{
		"empty":          {nil, damaged},
		"torn":           {whole[:len(whole)/2], damaged},
		"damaged":        {bytes.Replace(whole, []byte("Temperature"), []byte("temperature"), 1), damaged},
		"foreign":        {[]byte("hello\n"), damaged},
		"newer":          {[]byte("innius_exporter state 2\nhello\n"), newer},
		"large":          {nil, damaged},
		"another name":   {encoded(t, other, true), otherAccount},
		"another host":   {encoded(t, elsewhere, true), otherAccount},
		"valid checksum": {withChecksum("innius_exporter state 1\nhello"), damaged},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			if err := os.WriteFile(d.path(), row.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "large" {
				if err := os.Truncate(d.path(), maxSize+1); err != nil {
					t.Fatal(err)
				}
			}
			if d.load() != nil {
				t.Error("an unusable file was used")
			}
			renamed := d.files("state." + string(row.want) + "-*")
			if lines := strings.Count(d.log.String(), "State file is unusable"); len(renamed) != 1 || lines != 1 ||
				!strings.Contains(d.log.String(), renamed[0]) || !strings.Contains(d.log.String(), row.want.cure()) {
				t.Errorf("renamed to %s (all: %s), logged %d times:\n%s", renamed, d.files("*"), lines, d.log.String())
			}
			if name != "large" {
				if got, err := os.ReadFile(renamed[0]); err != nil || !bytes.Equal(got, row.file) {
					t.Errorf("the renamed file differs: %v", err)
				}
			}
			if d.writeFirst(sourceOf(stateOf(1, 1))); d.load() == nil {
				t.Error("no new state after the unusable one")
			}
		})
	}
}

func TestStoreKeepsNewestQuarantinedFiles(t *testing.T) {
	d := open(t, t.TempDir())
	if err := os.WriteFile(d.path()+".my-copy", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if err := os.WriteFile(d.path(), fmt.Appendf(nil, "innius_exporter state %d\n", i%2*7), 0o600); err != nil { // damaged, newer
			t.Fatal(err)
		}
		d.load()
	}
	if files := d.files("state.[dn]*"); len(files) != maxQuarantined {
		t.Errorf("%d files: %s", len(files), files)
	}
	if copies := d.files("state.my-*"); len(copies) != 1 {
		t.Error("a user's copy is gone")
	}
}

func TestStoreDropsAccountsNotInConfig(t *testing.T) {
	d := open(t, t.TempDir())
	state := stateOf(1, 2)
	state.Accounts = append(state.Accounts, poller.SavedAccount{Name: "gone", Origin: "api.example"})
	d.writeLast(sourceOf(state))
	got := d.load()
	if len(got.Accounts) != 1 || got.Accounts[0].Name != "acme" || len(d.files("state.*")) != 0 {
		t.Errorf("loaded %+v, files %s", got.Accounts, d.files("*"))
	}
	if !strings.Contains(d.log.String(), "account=gone") {
		t.Errorf("not logged: %s", d.log.String())
	}
}

func TestStoreQuarantinesStateOfOtherCompany(t *testing.T) {
	d := open(t, t.TempDir())
	d.writeLast(sourceOf(stateOf(1, 2)))
	d.load()
	now := stateOf(1, 1)
	now.Accounts[0].Company.ID = "" // not discovered yet, as after a reload that brings an account back
	d.writeLast(sourceOf(now))
	if renamed := d.files("state.other-account-*"); len(renamed) > 0 {
		t.Errorf("renamed before the company is known: %s", renamed)
	}
	d.writeLast(sourceOf(stateOf(1, 2)))
	now.Accounts[0].Company.ID = "mill.example"
	d.writeLast(sourceOf(now))
	d.writeLast(sourceOf(now))
	renamed := d.files("state.other-account-*")
	if len(renamed) != 1 {
		t.Fatalf("renamed: %s", renamed)
	}
	file, err := os.ReadFile(renamed[0])
	if err != nil {
		t.Fatal(err)
	}
	if was, err := decode(file); err != nil || was.State.Accounts[0].Company.ID != "acme.example" {
		t.Errorf("%v, company %+v", err, was.State.Accounts[0].Company)
	}
	if got := d.load(); got.Accounts[0].Company.ID != "mill.example" {
		t.Errorf("the state is of %+v", got.Accounts[0].Company)
	}
}

func TestStoreRemovesUnfinishedFile(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	d.writeLast(sourceOf(stateOf(1, 2)))
	half := filepath.Join(dir, ".state1234567890")
	other := filepath.Join(dir, ".stateful")
	for _, name := range []string{half, other} {
		if err := os.WriteFile(name, []byte("innius_exporter st"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	next := open(t, dir)
	if next.loaded == nil {
		t.Error("the complete file was not loaded")
	}
	if left := next.files(".*"); len(left) != 1 || left[0] != other {
		t.Errorf("left: %s, want only the file of another program", left)
	}
}

func TestStoreLogsFailedWriteOnce(t *testing.T) {
	d := open(t, t.TempDir())
	d.limit = 1 << 16
	want := stateOf(1, 2)
	d.writeLast(sourceOf(want))
	before := d.Written()
	huge := stateOf(1, 1)
	huge.Accounts[0].Machines[0].Sensors[0].Cursor.Key = strings.Repeat("x", 1<<17)
	for range 3 {
		d.writeLast(sourceOf(huge))
	}
	if n := strings.Count(d.log.String(), "Failed to write the state"); n != 1 || !strings.Contains(d.log.String(), "larger than") {
		t.Errorf("logged %d times: %s", n, d.log.String())
	}
	if got, err := Read(d.dir); err != nil || !reflect.DeepEqual(*got, want) || len(d.files(".state*")) != 0 || !d.Written().Equal(before) {
		t.Errorf("got %+v, %v, left %s", got, err, d.files(".*"))
	}
	d.writeLast(sourceOf(want))
	d.writeLast(sourceOf(huge))
	if n := strings.Count(d.log.String(), "State is written again"); n != 1 || strings.Count(d.log.String(), "Failed to write the state") != 2 {
		t.Errorf("log of the recovery and the next failure: %s", d.log.String())
	}
}

func TestStoreWritesEveryMinuteAndAtChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		from := sourceOf(stateOf(1, 1))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.writeRegularly(ctx.Done(), from, Interval) }()
		start := time.Now()
		wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		wantWritten := func(after time.Duration) {
			t.Helper()
			if got := d.Written().Sub(start); got != after {
				t.Errorf("written after %s, want %s", got, after)
			}
		}
		wait(61 * time.Second)
		wantWritten(time.Minute)
		from.changed <- struct{}{}
		wait(0)
		wantWritten(61 * time.Second)
		wait(time.Minute)
		wantWritten(2 * time.Minute)
		cancel()
		<-ended
	})
}

func TestQuarantineError(t *testing.T) {
	d := open(t, t.TempDir())
	if err := os.WriteFile(d.path(), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	if err := d.quarantine(&unusableError{damaged, "it is cut short"}); err == nil {
		t.Error("no error, although nothing could be renamed")
	} else if u, ok := errors.AsType[*unusableError](err); !ok || u.reason != damaged {
		t.Errorf("%v lacks the reason", err)
	}
}

func TestOpenCountsRequestsAsSpentInUsedDirectory(t *testing.T) {
	whole := encoded(t, stateOf(1, 2), true)
	elsewhere := stateOf(1, 1)
	elsewhere.Accounts[0].Origin = "other.example"
	for name, files := range map[string]map[string][]byte{
		"torn":                     {fileName: whole[:len(whole)/2]},
		"empty":                    {fileName: nil},
		"foreign":                  {fileName: []byte("hello")},
		"of another host":          {fileName: encoded(t, elsewhere, true)},
		"without the other":        {fileName: whole}, // it has the first account only
		"renamed, and a full disk": {"state.damaged-20261128T040000.000000000Z": whole[:9]},
		"lock only":                {lockName: nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			loaded := open(t, dir).loaded
			for _, a := range mine() {
				i := slices.IndexFunc(loaded.Accounts, func(k poller.SavedAccount) bool { return k.Of(a) })
				if i < 0 {
					t.Fatalf("no state of %s: a full burst", a.Name)
				}
				kept := name == "without the other" && a.Name == "acme"
				if p := loaded.Accounts[i].Pacer; p.Tokens > 0 != kept || p.At.IsZero() {
					t.Errorf("%s may send %v requests at once", a.Name, p.Tokens)
				}
			}
		})
	}
}
