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
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// desk is a store over a directory of the test, with its log.
type desk struct {
	*testing.T
	*Store
	log bytes.Buffer
}

func openDesk(t *testing.T, dir string) *desk {
	t.Helper()
	d := &desk{T: t}
	var err error
	if d.Store, err = Open(dir, slog.New(slog.NewTextHandler(&d.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// mine are the accounts of stateOf.
func mine() []poller.Account {
	return []poller.Account{{Name: "acme", Origin: "api.example"}, {Name: "second", Origin: "api.example"}}
}

func (d *desk) load() *poller.Snapshot {
	d.Helper()
	return d.Load(mine())
}

func (d *desk) files(pattern string) []string {
	d.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, pattern))
	if err != nil {
		d.Fatal(err)
	}
	return files
}

func (d *desk) said(text string) int { return strings.Count(d.log.String(), text) }

// source is a Source that says what it is told to.
type source struct {
	kept   poller.Snapshot
	paused chan struct{}
}

func (s source) Snapshot() poller.Snapshot { return s.kept }

func (s source) Noteworthy() <-chan struct{} { return s.paused }

func sourceOf(s poller.Snapshot) source { return source{s, make(chan struct{}, 1)} }

func TestWhatIsWrittenAtTheEndIsThereAtTheNextStart(t *testing.T) {
	dir, want := filepath.Join(t.TempDir(), "new", "directory"), stateOf(2, 3)
	d := openDesk(t, dir)
	if d.load() != nil {
		t.Error("something was kept before anything was written")
	}
	d.Begin(sourceOf(want))
	d.End(sourceOf(want))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	next := openDesk(t, dir)
	if got := next.load(); got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if log := next.log.String(); !strings.Contains(log, "sensors=6") || !strings.Contains(log, "ended_in_order=true") {
		t.Errorf("log: %s", log)
	}
	if time.Since(d.Written()) > time.Minute {
		t.Errorf("written at %s", d.Written())
	}
}

func TestTheFileIsForItsOwnerAlone(t *testing.T) {
	d := openDesk(t, filepath.Join(t.TempDir(), "state"))
	d.End(sourceOf(stateOf(1, 1)))
	if err := os.Chmod(d.path(), 0o644); err != nil {
		t.Fatal(err)
	}
	d.End(sourceOf(stateOf(1, 1)))
	for name, want := range map[string]os.FileMode{".": 0o700, fileName: 0o600, lockName: 0o600} {
		info, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestAfterAnEndOutOfOrderTheAllowanceCountsAsSpent(t *testing.T) {
	d := openDesk(t, t.TempDir())
	kept := stateOf(1, 1)
	kept.At = time.Now()
	kept.Accounts[0].Ledger = innius.PacerState{At: kept.At.Add(-time.Hour), Tokens: 30}
	d.Begin(sourceOf(kept))
	if got := d.load().Accounts[0].Ledger; got.Tokens != 0 || time.Since(got.At) > time.Minute {
		t.Errorf("the ledger is %+v, want it empty as of now", got)
	}
	d.End(sourceOf(kept))
	if got := d.load().Accounts[0].Ledger; got.Tokens != 30 {
		t.Errorf("after an orderly end the ledger is %+v", got)
	}
	if got := d.load().Accounts[0].Ledger; got.Tokens != 0 {
		t.Errorf("one orderly end counted twice: the ledger is %+v", got)
	}
}

func TestADirectoryHasOneExporter(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	if _, err := Open(dir, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another exporter") {
		t.Errorf("a second one got %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	openDesk(t, dir)
}

func TestADirectoryThatCannotBeMadeIsAnErrorAtTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "below"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a directory below a file was opened")
	}
}

func TestADirectoryThatIsGoneIsSaidOnce(t *testing.T) {
	d := openDesk(t, t.TempDir())
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	d.Begin(sourceOf(stateOf(1, 1)))
	d.End(sourceOf(stateOf(1, 1)))
	if n := strings.Count(d.log.String(), "cannot be written"); n != 1 {
		t.Errorf("said %d times:\n%s", n, d.log.String())
	}
}

func TestWhatCannotBeUsedIsSetAsideAndSaidOnce(t *testing.T) {
	whole := encoded(t, stateOf(1, 2), true)
	other := stateOf(1, 1)
	other.Accounts[0].Name = "other"
	elsewhere := stateOf(1, 1)
	elsewhere.Accounts[0].Origin = "other.example"
	for name, row := range map[string]struct {
		file []byte
		want reason
	}{
		"empty":            {nil, torn},
		"torn":             {whole[:len(whole)/2], torn},
		"damaged":          {bytes.Replace(whole, []byte("Temperature"), []byte("temperature"), 1), torn},
		"foreign":          {[]byte("hello\n"), foreign},
		"newer":            {[]byte("innius_exporter state 2\nhello\n"), newer},
		"large":            {nil, large},
		"another name":     {encoded(t, other, true), others},
		"another host":     {encoded(t, elsewhere, true), others},
		"checksum is fine": {withChecksum("innius_exporter state 1\nhello"), foreign},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, t.TempDir())
			if err := os.WriteFile(d.path(), row.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if row.want == large {
				if err := os.Truncate(d.path(), maxSize+1); err != nil {
					t.Fatal(err)
				}
			}
			if d.load() != nil {
				t.Error("it was used")
			}
			aside := d.files("state." + string(row.want) + "-*")
			if lines := strings.Count(d.log.String(), "set aside"); len(aside) != 1 || lines != 1 ||
				!strings.Contains(d.log.String(), aside[0]) || !strings.Contains(d.log.String(), row.want.cure()) {
				t.Errorf("set aside as %s (all: %s), said %d times:\n%s", aside, d.files("*"), lines, d.log.String())
			}
			if row.want != large {
				if got, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(got, row.file) {
					t.Errorf("what was set aside is not what was there: %v", err)
				}
			}
			if d.Begin(sourceOf(stateOf(1, 1))); d.load() == nil {
				t.Error("the exporter does not start anew")
			}
		})
	}
}

func TestAFewFilesStayOfThoseSetAside(t *testing.T) {
	d := openDesk(t, t.TempDir())
	if err := os.WriteFile(d.path()+".my-copy", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if err := os.WriteFile(d.path(), fmt.Appendf(nil, "innius_exporter state %d\n", i%2*7), 0o600); err != nil { // foreign, newer
			t.Fatal(err)
		}
		d.load()
	}
	if files := d.files("state.[fn]*"); len(files) != asideAtMost {
		t.Errorf("%d files stay: %s", len(files), files)
	}
	if copies := d.files("state.my-*"); len(copies) != 1 {
		t.Error("a copy that somebody made is gone")
	}
}

func TestTheAccountsThatAreStillThereAreTaken(t *testing.T) {
	d := openDesk(t, t.TempDir())
	kept := stateOf(1, 2)
	kept.Accounts = append(kept.Accounts, poller.KeptAccount{Name: "gone", Origin: "api.example"})
	d.End(sourceOf(kept))
	got := d.load()
	if len(got.Accounts) != 1 || got.Accounts[0].Name != "acme" || len(d.files("state.*")) != 0 {
		t.Errorf("taken: %+v, files %s", got.Accounts, d.files("*"))
	}
	if !strings.Contains(d.log.String(), "account=gone") {
		t.Errorf("not said: %s", d.log.String())
	}
}

func TestTheStateOfAnotherCompanyIsNotWrittenOver(t *testing.T) {
	d := openDesk(t, t.TempDir())
	d.End(sourceOf(stateOf(1, 2)))
	d.load()
	now := stateOf(1, 1)
	now.Accounts[0].Company.ID = "mill.example"
	d.End(sourceOf(now))
	d.End(sourceOf(now))
	aside := d.files("state.other-account-*")
	if len(aside) != 1 {
		t.Fatalf("set aside: %s", aside)
	}
	file, err := os.ReadFile(aside[0])
	if err != nil {
		t.Fatal(err)
	}
	if was, _, err := decode(file); err != nil || was.Accounts[0].Company.ID != "acme.example" {
		t.Errorf("%v, company %+v", err, was.Accounts[0].Company)
	}
	if got := d.load(); got.Accounts[0].Company.ID != "mill.example" {
		t.Errorf("in force is that of %+v", got.Accounts[0].Company)
	}
}

func TestWhatAKilledWriterLeftIsSweptAndTheOldFileHolds(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	d.End(sourceOf(stateOf(1, 2)))
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
	next := openDesk(t, dir)
	if next.load() == nil {
		t.Error("the old file does not hold")
	}
	if left := next.files(".*"); len(left) != 1 || left[0] != other {
		t.Errorf("left: %s, want what is not ours", left)
	}
}

func TestAWriteThatFailsIsSaidOnceAndLeavesTheOldFile(t *testing.T) {
	d := openDesk(t, t.TempDir())
	d.limit = 1 << 16
	want := stateOf(1, 2)
	d.End(sourceOf(want))
	before := d.Written()
	huge := stateOf(1, 1)
	huge.Accounts[0].Machines[0].Sensors[0].Interval.Saved = make([]byte, 1<<17)
	for range 3 {
		d.End(sourceOf(huge))
	}
	if n := strings.Count(d.log.String(), "cannot be written"); n != 1 || !strings.Contains(d.log.String(), "larger than") {
		t.Errorf("said %d times: %s", n, d.log.String())
	}
	if got, err := Peek(d.dir); err != nil || !reflect.DeepEqual(*got, want) || len(d.files(".state*")) != 0 || !d.Written().Equal(before) {
		t.Errorf("got %+v, %v, left %s", got, err, d.files(".*"))
	}
	d.End(sourceOf(want))
	d.End(sourceOf(huge))
	if n := strings.Count(d.log.String(), "can be written again"); n != 1 || strings.Count(d.log.String(), "cannot be written") != 2 {
		t.Errorf("the recovery, or the next failure, is not said: %s", d.log.String())
	}
}

func TestTheStateIsWrittenEveryMinuteAndAtEachPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, t.TempDir())
		from := sourceOf(stateOf(1, 1))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.Store.Run(ctx, from, Interval) }()
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
		from.paused <- struct{}{}
		wait(0)
		wantWritten(61 * time.Second)
		wait(time.Minute)
		wantWritten(2 * time.Minute)
		cancel()
		<-ended
	})
}

func TestLoadingReportsNothingButUsableStates(t *testing.T) {
	d := openDesk(t, t.TempDir())
	if err := os.WriteFile(d.path(), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	if err := d.setAside(&unusable{torn, "it is cut short"}); err == nil {
		t.Error("nothing could be set aside, and there was no error")
	} else if u, ok := errors.AsType[*unusable](err); !ok || u.reason != torn {
		t.Errorf("%v does not say why", err)
	}
}
