//go:build unix

package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// Variables that select what a process of this test binary does.
const (
	beExporter  = "INNIUS_TEST_BE_EXPORTER"
	descriptors = "INNIUS_TEST_DESCRIPTORS" // limit of its file descriptors
	panicWith   = "INNIUS_TEST_PANIC_WITH"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(beExporter) != "":
		if limit, err := strconv.ParseUint(os.Getenv(descriptors), 10, 64); err == nil {
			_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: limit}) // seen in what fails
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	case os.Getenv(panicWith) != "":
		panicNow(os.Getenv(panicWith))
	}
	os.Exit(m.Run())
}

// panicNow panics with a value that holds the key.
func panicNow(value string) {
	c, err := config.Source{URL: "https://innius.invalid"}.Load(os.Getenv)
	if err != nil {
		panic(err)
	}
	key, _ := c.Accounts[0].Key.Key()
	values := map[string]any{"key": key, "source": c.Accounts[0].Key, "account": c.Accounts[0], "config": c}
	func(innius.Secret, string) { panic(values[value]) }(key, key.Reveal()) // a trace shows arguments
}

// exporterProcess is the program in a process of its own.
type exporterProcess struct {
	cmd     *exec.Cmd
	address string
	mu      sync.Mutex
	log     bytes.Buffer
}

// Write takes the log.
func (p *exporterProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *exporterProcess) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// runSelf starts this test binary as something else.
func runSelf(t *testing.T, env []string, args ...string) *exporterProcess {
	t.Helper()
	p := &exporterProcess{cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=all"), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)\n`)

func startProcess(t *testing.T, env []string, args ...string) *exporterProcess {
	t.Helper()
	p := runSelf(t, append(env, beExporter+"=1"), append(args, "--web.listen-address=127.0.0.1:0")...)
	for deadline := time.Now().Add(2 * time.Minute); p.address == ""; time.Sleep(5 * time.Millisecond) {
		if m := listening.FindStringSubmatch(p.text()); m != nil {
			p.address = m[1]
		} else if time.Now().After(deadline) {
			t.Fatalf("it does not serve:\n%s", p.text())
		}
	}
	return p
}

// end ends the process by a signal and returns all that it wrote.
func (p *exporterProcess) end(s syscall.Signal) string {
	_ = p.cmd.Process.Signal(s) // how it ended is in its log
	_ = p.cmd.Wait()
	return p.text()
}
