//go:build unix

package state

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller"
)

// writeTo passes the directory to a child process that is to be killed.
const writeTo = "INNIUS_TEST_WRITE_STATE_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeTo); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// generations is a Source whose state differs with each call. It prints the generation that was written before.
type generations struct{ latest int }

func (g *generations) Changed() <-chan struct{} { return nil }

func (g *generations) Save() poller.State {
	fmt.Println(g.latest)
	g.latest++
	s := stateOf(5, 20)
	s.At = time.Now()
	for i := range s.Accounts[0].Machines {
		for j := range s.Accounts[0].Machines[i].Sensors {
			sensor := &s.Accounts[0].Machines[i].Sensors[j]
			sensor.Value = valueOf(g.latest, sensor.ID)
		}
	}
	return s
}

// valueOf is a value that identifies sensor and generation.
func valueOf(generation int, id string) float64 {
	var machine, number int
	if _, err := fmt.Sscanf(id, "2b0c8a3e-%04d-4a55-9f10-%08d", &machine, &number); err != nil {
		return -1
	}
	return float64(generation*1_000_000 + machine*1000 + number)
}

// generationOf returns the generation of a state. All values must belong to it and to their own sensors.
func generationOf(t *testing.T, saved *poller.State) int {
	t.Helper()
	generation := int(saved.Accounts[0].Machines[0].Sensors[0].Value) / 1_000_000
	for _, m := range saved.Accounts[0].Machines {
		for _, s := range m.Sensors {
			if s.Value != valueOf(generation, s.ID) {
				t.Errorf("sensor %s has value %.0f in generation %d", s.ID, s.Value, generation)
			}
		}
	}
	return generation
}

// writeUntilKilled writes one generation after the other without a pause.
func writeUntilKilled(dir string) {
	s, loaded, err := Open(dir, mine(), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var g generations
	if loaded != nil {
		g.latest = int(loaded.Accounts[0].Machines[0].Sensors[0].Value) / 1_000_000
	}
	s.Run(&g, time.Microsecond, func() { select {} })
}

// killWriter kills a child process after it has begun a number of writes; with midWrite, when it has an unfinished file. It
// returns the last generation that was written completely.
func killWriter(t *testing.T, dir string, writes int, midWrite bool) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writeTo+"="+dir)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written, n := 0, 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); n++ {
		if _, err := fmt.Sscan(lines.Text(), &written); err != nil {
			t.Fatal(err)
		}
		if n == writes {
			go func() {
				for midWrite && len(unfinished(t, dir)) == 0 {
				}
				_ = cmd.Process.Kill()
			}()
		}
	}
	if err := cmd.Wait(); err == nil || n < writes || strings.Contains(log.String(), "level=ERROR") {
		t.Fatalf("not killed but ended with %v, after %d writes:\n%s", err, n, log.String())
	}
	return written
}

func unfinished(t *testing.T, dir string) []string {
	return (&fixture{T: t, Store: &Store{dir: dir}}).files(".state*")
}

func TestStoreSurvivesKillsDuringWrites(t *testing.T) {
	const seed, kills = 20261124, 40
	random := rand.New(rand.NewPCG(seed, seed))
	dir, hits := t.TempDir(), 0
	for kill := range kills {
		written := killWriter(t, dir, random.IntN(3), kill%2 == 0)
		left := unfinished(t, dir)
		hits += len(left)
		d := open(t, dir)
		if d.loaded == nil {
			if written > 0 {
				t.Fatalf("kill %d: generation %d was written and is lost:\n%s", kill, written, d.log.String())
			}
		} else if got := generationOf(t, d.loaded); got != written && got != written+1 {
			t.Errorf("kill %d: loaded generation %d, last written was %d", kill, got, written)
		}
		if d.loaded != nil && d.logged("clean_shutdown=false") != 1 || d.logged("level=WARN") != 0 {
			t.Errorf("kill %d: log of the start:\n%s", kill, d.log.String())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if files := d.files("*"); len(files) > 2 || len(left) > 1 {
			t.Fatalf("kill %d: left %s, and after the next start %s", kill, left, files)
		}
	}
	if hits == 0 {
		t.Error("no kill hit a write")
	}
	t.Logf("%d of %d kills hit a write", hits, kills)
}
