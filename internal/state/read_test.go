package state

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReadChangesNothing(t *testing.T) {
	dir, want := filepath.Join(t.TempDir(), "state"), stateOf(2, 3)
	d := open(t, dir) // an exporter that runs holds the lock
	d.writeLast(sourceOf(want))
	before := listing(t, dir)
	got, err := Read(dir)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v; got\n%+v, want\n%+v", err, got, want)
	}
	if after := listing(t, dir); !reflect.DeepEqual(before, after) {
		t.Errorf("the directory was\n%v, and is\n%v", before, after)
	}
	d.writeLast(sourceOf(stateOf(1, 1)))
	if got, err := Read(dir); err != nil || len(got.Accounts[0].Machines) != 1 {
		t.Errorf("after the next write: %v, %+v", err, got)
	}
}

func TestReadErrors(t *testing.T) {
	whole := encoded(t, stateOf(1, 2), true)
	for name, row := range map[string]struct {
		file []byte
		want string
	}{
		"torn":    {whole[:len(whole)/2], "its checksum is wrong"},
		"foreign": {[]byte("hello\n"), "it is not a state file of innius_exporter"},
		"newer":   {[]byte("innius_exporter state 2\n" + strings.Repeat("x", 40)), "it has version 2"},
		"damaged": {bytes.Replace(whole, []byte("Temperature"), []byte("temperature"), 1), "its checksum is wrong"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), row.file, 0o600); err != nil {
			t.Fatal(err)
		}
		before := listing(t, dir)
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, row.want)
		}
		if after := listing(t, dir); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: the directory was\n%v, and is\n%v", name, before, after)
		}
	}
}

func TestReadWithoutState(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "absent")} {
		if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
	if left := listing(t, empty); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// fileState is what changes when a file is touched.
type fileState struct {
	content string
	mode    fs.FileMode
	changed time.Time
}

// listing returns the files of a directory.
func listing(t *testing.T, dir string) map[string]fileState {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]fileState{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = fileState{string(content), info.Mode(), info.ModTime()}
	}
	return all
}
