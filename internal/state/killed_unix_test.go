//go:build unix

package state

import (
	"bufio"
	"bytes"
	"context"
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

// writeTo names the directory to a process that is there to be killed.
const writeTo = "INNIUS_TEST_WRITE_STATE_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeTo); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

// generations is a Source that is another one each time it is asked, and says which one was written before.
type generations struct{ latest int }

func (g *generations) Noteworthy() <-chan struct{} { return nil }

func (g *generations) Snapshot() poller.Snapshot {
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

// valueOf is a value that tells its sensor and its generation.
func valueOf(generation int, id string) float64 {
	var machine, number int
	if _, err := fmt.Sscanf(id, "2b0c8a3e-%04d-4a55-9f10-%08d", &machine, &number); err != nil {
		return -1
	}
	return float64(generation*1_000_000 + machine*1000 + number)
}

// generationOf returns the generation of a state, all of whose values must be of it and stand with their own sensors.
func generationOf(t *testing.T, kept *poller.Snapshot) int {
	t.Helper()
	generation := int(kept.Accounts[0].Machines[0].Sensors[0].Value) / 1_000_000
	for _, m := range kept.Accounts[0].Machines {
		for _, s := range m.Sensors {
			if s.Value != valueOf(generation, s.ID) {
				t.Errorf("sensor %s has the value %.0f in generation %d", s.ID, s.Value, generation)
			}
		}
	}
	return generation
}

// writeForEver writes one generation after the other, as an exporter does, but without a pause between.
func writeForEver(dir string) {
	s, err := Open(dir, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var g generations
	if kept := s.Load(mine()); kept != nil {
		g.latest = int(kept.Accounts[0].Machines[0].Sensors[0].Value) / 1_000_000
	}
	s.Run(context.Background(), &g, time.Microsecond)
}

// killWriter lets a process write until it has begun so many times and some time passed, and returns the last generation
// that it wrote to its end.
func killWriter(t *testing.T, dir string, writes int, after time.Duration) int {
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
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || n < writes || strings.Contains(log.String(), "level=ERROR") {
		t.Fatalf("not killed but ended with %v, after %d writes:\n%s", err, n, log.String())
	}
	return written
}

func TestAHundredKillsAmidWritesLoseNothingThatWasWritten(t *testing.T) {
	const seed = 20261124
	chance := rand.New(rand.NewPCG(seed, seed))
	dir, leftovers := t.TempDir(), 0
	for kill := range 100 {
		written := killWriter(t, dir, chance.IntN(3), time.Duration(chance.IntN(5000))*time.Microsecond)
		half := (&desk{T: t, Store: &Store{dir: dir}}).files(".state*")
		leftovers += len(half)
		d := openDesk(t, dir)
		kept := d.load()
		if kept == nil {
			if written > 0 {
				t.Fatalf("kill %d: generation %d was written and is gone:\n%s", kill, written, d.log.String())
			}
		} else if got := generationOf(t, kept); got != written && got != written+1 {
			t.Errorf("kill %d: generation %d is kept, %d was written last", kill, got, written)
		}
		if kept != nil && d.said("ended_in_order=false") != 1 || d.said("level=WARN") != 0 {
			t.Errorf("kill %d: the start says\n%s", kill, d.log.String())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if files := d.files("*"); len(files) > 2 || len(half) > 1 {
			t.Fatalf("kill %d: a kill left %s, and after the next start there are %s", kill, half, files)
		}
	}
	if leftovers < 10 {
		t.Errorf("only %d kills hit a write", leftovers)
	}
	t.Logf("%d of 100 kills hit a write", leftovers)
}
