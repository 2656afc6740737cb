//go:build unix

package remotewrite

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// spoolOfChild is the variable with the directory in which a process of this test appends and acknowledges until it is killed. It
// prints what has returned.
const spoolOfChild = "INNIUS_TEST_SPOOL"

func TestSpoolOfAKilledProcess(t *testing.T) {
	if dir := os.Getenv(spoolOfChild); dir != "" {
		first, err := strconv.ParseFloat(os.Getenv("INNIUS_TEST_FIRST"), 64)
		if err != nil {
			t.Fatal(err)
		}
		appendAndAcknowledge(openQueue(t, dir, 1<<20), first)
	}
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(t.TempDir(), "spool")
	appended, acknowledged := 0.0, 0.0
	for range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), spoolOfChild+"="+dir, fmt.Sprintf("INNIUS_TEST_FIRST=%v", appended))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, last := bufio.NewScanner(out), 50+rand.IntN(200)
		for n := 0; lines.Scan(); n++ {
			what, text, _ := strings.Cut(lines.Text(), " ")
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			if what == "appended" {
				appended = value
			} else {
				acknowledged = value
			}
			if n == last { // later, at any moment; what is printed until then is read to the end
				time.AfterFunc(rand.N(3*time.Millisecond), func() { _ = cmd.Process.Kill() })
			}
		}
		_ = cmd.Wait() // killed
		q := openQueue(t, dir, 1<<20)
		got := q.all()
		// The process may have been killed between the end of a call and its line.
		if len(got) == 0 || got[len(got)-1] < appended || got[0] > acknowledged+17 || got[0] <= acknowledged {
			t.Fatalf("appended up to %v, acknowledged up to %v, pending %v", appended, acknowledged, got)
		}
		q.want("killed", got, from(got[0], got[len(got)-1]))
		appended = got[len(got)-1]
		q.close()
	}
}

// appendAndAcknowledge continues behind a value until the process is killed. Some readings always stay pending.
func appendAndAcknowledge(q *queue, behind float64) {
	q.value = behind
	for {
		n := 1 + rand.IntN(40)
		q.add(n)
		fmt.Println("appended", q.value)
		for q.pending.Load() > 60 {
			b, err := q.read(maxReadings)
			if err == nil {
				err = q.acknowledge(b)
			}
			if err != nil {
				fmt.Println("failed", err)
			}
			fmt.Println("acknowledged", b.samples[len(b.samples)-1].value)
		}
	}
}
