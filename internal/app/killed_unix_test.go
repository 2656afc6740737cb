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

// victim is an exporter that is killed again and again, and its API.
type victim struct {
	*testing.T
	dir    string
	closed atomic.Bool // the API does not answer
	known  scraped     // what the state must hold, for two writes were seen after it was served
	lives  int         // that came to serve
	news   int         // how often known moved on
}

func newVictim(t *testing.T) *victim {
	v := &victim{T: t, dir: t.TempDir()}
	api := simulator.New(telling(), simulator.Options{Key: "canary-key-0123456789"})
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

// live starts an exporter, looks at what it serves, and kills it after a time: from its first answer on, or from its start.
func (v *victim) live(span time.Duration, answered bool) {
	v.Helper()
	v.closed.Store(true) // what is served first was kept
	cmd := exec.CommandContext(v.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), runConfig+"="+filepath.Join(v.dir, "config.yml"))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		v.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		v.Fatal(err)
	}
	killAfter := func(span time.Duration) { time.AfterFunc(span, func() { _ = cmd.Process.Kill() }) }
	killAfter(time.Minute) // should it never answer
	if !answered {
		killAfter(span)
	}
	log, address := v.listen(stderr)
	if address != "" {
		v.lives++
		v.serve(address, log, func() { killAfter(span) }) // where it has not been killed before
	}
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); cmd.ProcessState.Exited() || bytes.Contains(rest, []byte("level=error")) {
		v.Fatalf("it was not killed but ended with %v:\n%s%s", err, log, rest)
	}
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// listen reads the log until the exporter serves, and returns it and the address; none where it was killed before.
func (v *victim) listen(stderr io.Reader) (log, address string) {
	v.Helper()
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log += lines.Text() + "\n"
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			return log, m[1]
		}
	}
	return log, ""
}

// serve scrapes until the exporter is killed.
func (v *victim) serve(address, log string, answered func()) {
	v.Helper()
	first, ok := v.scrape(address)
	answered()
	v.closed.Store(false)
	if !ok {
		return
	}
	for sensor, at := range v.known.times {
		if first.times[sensor] < at {
			v.Errorf("sensor %d is served as of %d, but a reading of %d was kept:\n%s", sensor, first.times[sensor], at, log)
		}
	}
	if len(v.known.times) > 0 && strings.Count(log, `msg="going on with kept state"`) != 1 || strings.Contains(log, "level=warn") {
		v.Errorf("the start says\n%s", log)
	}
	v.wantTidy()
	for pending, writes := first, 0; ; {
		s, ok := v.scrape(address)
		if !ok {
			return
		}
		if s.written > pending.written {
			writes++
			pending.written = s.written
		}
		if writes == 2 { // the second began after the scrape that is pending
			v.known, pending, writes = pending, s, 0
			v.news++
		}
	}
}

// wantTidy fails where more lies in the directory than the state, its lock, and the file being written.
func (v *victim) wantTidy() {
	v.Helper()
	entries, err := os.ReadDir(filepath.Join(v.dir, "state"))
	if err != nil || len(entries) > 3 {
		v.Errorf("%v, %v", entries, err)
	}
}

func TestAHundredKillsOfAnExporterLoseNothingThatItWrote(t *testing.T) {
	const seed, kills = 20261124, 100
	chance := rand.New(rand.NewPCG(seed, seed))
	v := newVictim(t)
	v.live(2*time.Second, true) // long enough to see all sensors, however slow the machine
	for kill := range kills - 1 {
		v.live(time.Duration(chance.IntN(150))*time.Millisecond, kill%2 == 0)
	}
	if v.lives < kills/2 || v.news < kills/10 || len(v.known.times) != 20 {
		t.Errorf("%d of %d came to serve, %d states were looked for, %d of 20 sensors were seen", v.lives, kills, v.news, len(v.known.times))
	}
	t.Logf("%d of %d came to serve before they were killed; %d states were looked for", v.lives, kills, v.news)
}
