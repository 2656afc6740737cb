//go:build unix

package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stalledLog is an exporter that logs to a pipe, of which its start was read and nothing since.
type stalledLog struct {
	*testing.T
	cmd     *exec.Cmd
	log     *os.File
	lines   *bufio.Scanner
	address string
}

func startStalledLog(t *testing.T) *stalledLog {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	s := &stalledLog{T: t, log: read, lines: bufio.NewScanner(read)}
	s.cmd = exec.CommandContext(ctx, os.Args[0], "--demo", "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle")
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), beExporter+"=1"), write
	err = s.cmd.Start()
	_ = write.Close() // the process has its own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = s.cmd.Wait() })
	for !strings.Contains(s.lines.Text(), "The demo is running") {
		if !s.lines.Scan() {
			t.Fatal("the demo does not run")
		}
		if m := listening.FindStringSubmatch(s.lines.Text() + "\n"); m != nil {
			s.address = m[1]
		}
	}
	return s
}

// reload makes the process log a line, and reports whether it responds.
func (s *stalledLog) reload() bool {
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/-/reload", http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body) // the connection is used again
	return resp.Body.Close() == nil
}

// dropped returns how many log lines are lost.
func (s *stalledLog) dropped() int {
	s.Helper()
	const name = `innius_exporter_log_lines_dropped_total`
	m := regexp.MustCompile(`(?m)^` + name + ` (\d+)$`).FindStringSubmatch(get(s.T, "http://"+s.address+"/metrics?name[]="+name))
	if m == nil {
		s.Fatal(name + " is missing")
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// drop reloads until that many log lines are lost.
func (s *stalledLog) drop(least int) {
	s.Helper()
	for range 100 {
		for range 100 {
			if !s.reload() {
				s.Fatal("the exporter does not respond while its log is not read")
			}
		}
		if s.dropped() >= least {
			return
		}
	}
	s.Fatal("no line was lost")
}

// assertPolls waits for further requests to the API.
func (s *stalledLog) assertPolls() {
	s.Helper()
	requests := func() string {
		return get(s.T, "http://"+s.address+"/metrics?name[]=innius_exporter_api_requests_total")
	}
	for before, end := requests(), time.Now().Add(2*time.Minute); requests() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatal("polling has stopped")
		}
	}
}

// assertStops expects that the process ends by itself, without an error.
func (s *stalledLog) assertStops() {
	s.Helper()
	kill := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // how it ends is checked
	if err := s.cmd.Wait(); err != nil {
		s.Errorf("after SIGTERM: %v", err)
	}
}

func TestLogThatIsNotReadStopsNothing(t *testing.T) {
	s := startStalledLog(t)
	s.drop(1)
	s.assertPolls()
	s.assertStops()
}

func TestLogThatIsReadAgainReportsItsLostLines(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of reloads")
	}
	s := startStalledLog(t)
	s.drop(1)
	const report = ` level=error msg="Log lines were dropped: the log was not read, or could not be written" lines=`
	for !strings.Contains(s.lines.Text(), report) {
		if !s.lines.Scan() {
			t.Fatalf("the log ends without %q", report)
		}
	}
	if want := report + strconv.Itoa(s.dropped()); !strings.HasSuffix(s.lines.Text(), want) { // the exporter's own lines are lost, too
		t.Errorf("%q, want %q", s.lines.Text(), want)
	}
	s.assertStops()
}

func TestLogWhoseReaderEndsStopsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of reloads")
	}
	s := startStalledLog(t)
	_ = s.log.Close()
	s.drop(10)
	s.assertPolls()
	s.assertStops()
}

// systemd takes the end by SIGPIPE for a clean one.
func TestStartThatFailsIsAnErrorWithoutAReaderOfItsLog(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--demo", "--web.telemetry-path=/status")
	cmd.Env, cmd.Stderr = append(os.Environ(), beExporter+"=1"), write
	_ = cmd.Run() // how it ends is checked
	_ = write.Close()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("it ends with %s", cmd.ProcessState)
	}
}
