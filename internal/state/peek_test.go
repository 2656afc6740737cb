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

func TestPeekingTakesNothingAndLeavesNoTrace(t *testing.T) {
	dir, want := filepath.Join(t.TempDir(), "state"), stateOf(2, 3)
	d := openDesk(t, dir) // its exporter runs, and holds the lock
	d.End(sourceOf(want))
	before := picture(t, dir)
	got, err := Peek(dir)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v; got\n%+v, want\n%+v", err, got, want)
	}
	if after := picture(t, dir); !reflect.DeepEqual(before, after) {
		t.Errorf("the directory was\n%v, and is\n%v", before, after)
	}
	d.End(sourceOf(stateOf(1, 1)))
	if got, err := Peek(dir); err != nil || len(got.Accounts[0].Machines) != 1 {
		t.Errorf("after the exporter's next write: %v, %+v", err, got)
	}
}

func TestPeekingSaysWhatIsWrongAndTouchesNothing(t *testing.T) {
	whole := encoded(t, stateOf(1, 2), true)
	for name, row := range map[string]struct {
		file []byte
		want string
	}{
		"torn":    {whole[:len(whole)/2], "its checksum is wrong"},
		"foreign": {[]byte("hello\n"), "it is not a state of innius_exporter"},
		"newer":   {[]byte("innius_exporter state 2\n" + strings.Repeat("x", 40)), "it has version 2"},
		"damaged": {bytes.Replace(whole, []byte("Temperature"), []byte("temperature"), 1), "its checksum is wrong"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), row.file, 0o600); err != nil {
			t.Fatal(err)
		}
		before := picture(t, dir)
		if _, err := Peek(dir); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, row.want)
		}
		if after := picture(t, dir); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: the directory was\n%v, and is\n%v", name, before, after)
		}
	}
}

func TestPeekingWhereNothingIsKeptMakesNothing(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "absent")} {
		if _, err := Peek(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
	if left := picture(t, empty); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// trace is what a file shows of who touched it.
type trace struct {
	content string
	mode    fs.FileMode
	changed time.Time
}

// picture is all files of a directory.
func picture(t *testing.T, dir string) map[string]trace {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]trace{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = trace{string(content), info.Mode(), info.ModTime()}
	}
	return all
}
