package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/testport"
)

// savedState is the state that a demo leaves behind.
func savedState(t *testing.T) []byte {
	t.Helper()
	dir, address := t.TempDir(), testport.Free(t)
	log, stop := start(t, "--demo", "--storage.path="+dir, "--web.listen-address="+address)
	log.await(t, "First discovery ended")
	awaitValues(t, address, 20)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestRunStartsWithAnyStateFile(t *testing.T) {
	kept := savedState(t)
	flipped := bytes.Clone(kept)
	flipped[len(flipped)/2] ^= 4
	for name, row := range map[string]struct {
		content []byte
		reason  string // in the name of what is set aside
	}{
		"empty":                {nil, "damaged"},
		"cut":                  {kept[:len(kept)/3], "damaged"},
		"one bit flipped":      {flipped, "damaged"},
		"garbage":              {bytes.Repeat([]byte("garbage\x00"), 4096), "damaged"},
		"of a newer version":   {bytes.Replace(kept, []byte("state 1\n"), []byte("state 2\n"), 1), "newer"},
		"of another account":   {kept, "other-account"},
		"larger than sensible": {nil, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, address := t.TempDir(), testport.Free(t)
			file := filepath.Join(dir, "state")
			if err := os.WriteFile(file, row.content, 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--storage.path=" + dir, "--web.listen-address=" + address}
			switch name {
			case "larger than sensible":
				if err := os.Truncate(file, 2<<30); err != nil { // it takes no room
					t.Fatal(err)
				}
			case "of another account":
				t.Setenv("INNIUS_URL", "http://"+testport.Free(t))
				t.Setenv("INNIUS_API_KEY", firstKey)
			}
			if row.reason != "other-account" {
				args = append(args, "--demo")
			}
			log, stop := start(t, args...)
			log.await(t, "Listening on")
			if metrics := get(t, "http://"+address+"/metrics"); row.reason == "other-account" && strings.Contains(metrics, "\ninnius_sensor") {
				t.Errorf("another account's sensors are served:\n%s", metrics)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			aside, err := filepath.Glob(filepath.Join(dir, "state."+row.reason+"-*"))
			if err != nil || len(aside) != 1 || strings.Count(log.String(), "State file is unusable") != 1 || !strings.Contains(log.String(), aside[0]) {
				t.Fatalf("set aside: %s, %v, log:\n%s", aside, err, log)
			}
			if name == "larger than sensible" {
				return
			}
			if got, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(got, row.content) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
		})
	}
}

// A directory in the lock's place stands for a disk that cannot be written to: it hinders root, too.
func TestRunWorksWhereNoStateCanBeWritten(t *testing.T) {
	dir, address := t.TempDir(), testport.Free(t)
	if err := os.Mkdir(filepath.Join(dir, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	log, stop := start(t, "--demo", "--storage.path="+dir, "--web.listen-address="+address)
	log.await(t, "Listening on")
	if body := awaitValues(t, address, 20); !strings.Contains(body, "\n"+stateWritten+" 0\n") {
		t.Errorf("the metric does not report it:\n%s", body)
	}
	if err := stop(); err != nil || strings.Count(log.String(), "Failed to write the state") != 1 || !strings.Contains(log.String(), dir) {
		t.Errorf("%v, log:\n%s", err, log)
	}
}
