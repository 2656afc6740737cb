//go:build unix

package app

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// victim is an exporter that is killed many times, and its API.
type victim struct {
	*testing.T
	dir     string
	closed  atomic.Bool // the API does not respond
	known   scraped     // what the state must hold, for two writes were seen after it was served
	lives   int         // that came to serve
	checked int         // states that were checked
}

func newVictim(t *testing.T) *victim {
	v := &victim{T: t, dir: t.TempDir()}
	api := simulator.New(encodedPlant(), simulator.Options{Key: "canary-key-0123456789"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for v.closed.Load() && r.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	v.write("key", "canary-key-0123456789")
	v.write("config.yml", "accounts:\n  - {name: acme, url: '"+server.URL+"', api_key_file: key, rate_limit: {requests_per_hour: 3600000, burst: 100}}\n"+
		"refresh: {min_interval: 1s}\n")
	return v
}

func (v *victim) write(name, text string) {
	v.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
		v.Fatal(err)
	}
}

// Where a life ends: after so many lines of the log, or after so many writes of the state have been seen. Both are counts of
// work, so that a slow machine makes the test slower and nothing else.
type end struct{ lines, writes int }

// live starts an exporter, checks what it serves, and kills it at its end.
func (v *victim) live(e end) {
	v.Helper()
	v.closed.Store(true) // what is served first comes from the state
	cmd := exec.CommandContext(v.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), runConfig+"="+filepath.Join(v.dir, "config.yml"))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		v.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		v.Fatal(err)
	}
	log, address := v.listen(stderr, e.lines)
	if address != "" {
		v.lives++
		v.serve(address, log, e.writes)
	}
	_ = cmd.Process.Kill()
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); cmd.ProcessState.Exited() || bytes.Contains(rest, []byte("level=error")) {
		v.Fatalf("it was not killed but ended with %v:\n%s%s", err, log, rest)
	}
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// listen reads the log until the exporter serves, and returns it and the address; none after so many lines (0: no bound).
func (v *victim) listen(stderr io.Reader, most int) (log, address string) {
	v.Helper()
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log += lines.Text() + "\n"
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			return log, m[1]
		}
		if most--; most == 0 {
			break
		}
	}
	return log, ""
}

// serve scrapes until so many writes of the state were seen.
func (v *victim) serve(address, log string, most int) {
	v.Helper()
	first := v.scrape(address)
	v.closed.Store(false)
	for sensor, at := range v.known.times {
		if first.times[sensor] < at {
			v.Errorf("sensor %d is served as of %d, but a reading of %d was saved:\n%s", sensor, first.times[sensor], at, log)
		}
	}
	if len(v.known.times) > 0 && strings.Count(log, " written=") != 1 || strings.Contains(log, "level=warn") {
		v.Errorf("the log of the start is\n%s", log)
	}
	v.wantTidy()
	pending, writes := first, 0
	for seen := 0; seen < most; {
		s := v.scrape(address)
		if s.written > pending.written {
			writes++
			seen++
			pending.written = s.written
		}
		if writes == 2 { // the second began after the scrape that is pending
			v.known, pending, writes = pending, s, 0
			v.checked++
		}
	}
}

// wantTidy fails if the directory holds more than the state, its lock, and the file being written.
func (v *victim) wantTidy() {
	v.Helper()
	entries, err := os.ReadDir(filepath.Join(v.dir, "state"))
	if err != nil || len(entries) > 3 {
		v.Errorf("%v, %v", entries, err)
	}
}

func TestKilledExporterLosesNothingThatItSaved(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	const seed, kills = 20261124, 40
	chance := rand.New(rand.NewPCG(seed, seed))
	v := newVictim(t)
	for len(v.known.times) < 20 { // until all sensors are in the state
		v.live(end{writes: 4})
	}
	for kill := range kills {
		if kill%2 == 0 {
			v.live(end{writes: chance.IntN(5)})
		} else {
			v.live(end{lines: 1 + chance.IntN(3)})
		}
	}
	if v.lives < kills/2 || v.checked < kills/10 {
		t.Errorf("%d of %d came to serve, %d states were checked", v.lives, kills, v.checked)
	}
	t.Logf("%d came to serve before they were killed; %d states were checked", v.lives, v.checked)
}
