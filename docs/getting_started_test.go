package docs_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

// standIns are commands that a test must not run: what they would do is reduced to what the page relies on.
var standIns = map[string]string{
	// The target itself is tested by all others that use it.
	"make": `[ "$*" = build ] && cd "$REPOSITORY" && go build -o "$WORK/innius_exporter" .`,
	"sudo": `case $1 in systemctl) exit 0 ;; *) exec "$@" ;; esac`,
	// Each volume exists, and the flags are those of the exporter with other paths.
	"podman": `
for arg; do
  case $arg in ./*:*) from=${arg%%:*}; [ -e "$from" ] || { echo "no $from" >&2; exit 1; } ;; esac
done
while [ "$1" != localhost/innius_exporter ]; do shift; done; shift
mkdir -p image/etc/innius image/state && cp config.yml key image/etc/innius/
set -- "${@/=\//=image/}"
exec innius_exporter "$@"`,
}

// TestGettingStartedWorksToTheLetter runs each command of the page, in its order, against the simulated API.
func TestGettingStartedWorksToTheLetter(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	repository, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "docs/getting-started.md")
	const key = "fake-key-of-getting-started"
	api := httptest.NewServer(http.StripPrefix("/v1", simulator.New(simulator.Demo(time.Now()), simulator.Options{
		Key: key, Limits: simulator.Limits{PerHour: 36000, Burst: 100},
	})))
	defer api.Close()
	work, address := t.TempDir(), testport.Free(t)
	bin := filepath.Join(work, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, body := range standIns {
		write(t, bin, name, "#!/bin/bash\n"+body+"\n")
		if err := os.Chmod(filepath.Join(bin, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	here := strings.NewReplacer("https://innius-api.invalid", api.URL, "/usr/local/bin/", bin+"/", "/etc/innius_exporter/", work+"/",
		"localhost:10466", address)
	p := page{"docs/getting-started.md", here.Replace(text)}
	for _, block := range p.blocks("yaml") {
		if strings.HasPrefix(block, "accounts:") {
			write(t, work, "config.yml", block)
			continue
		}
		write(t, work, "prometheus.yml", block)
		checkPrometheusConfig(t, filepath.Join(work, "prometheus.yml"))
	}
	run := func(ctx context.Context, script string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
		cmd.Dir, cmd.Stdin = work, strings.NewReader(key+"\n")
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "REPOSITORY="+repository, "WORK="+work)
		cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 10*time.Second
		return cmd.CombinedOutput()
	}
	blocks := p.blocks("sh")
	for _, script := range blocks {
		if !strings.Contains(script, "--storage.path=") {
			if out, err := run(t.Context(), script); err != nil {
				t.Fatalf("%s%v\n%s", script, err, out)
			}
			continue
		}
		// The exporter runs until it is stopped. Who follows one block has not made the state of another.
		if err := os.RemoveAll(filepath.Join(work, "state")); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan string, 1)
		go func() {
			out, err := run(ctx, strings.ReplaceAll(strings.TrimSpace(script), "podman", "exec podman")+" --web.listen-address="+address)
			ended <- fmt.Sprint(string(out), err)
		}()
		awaitPage(t, "http://"+address+"/metrics", "innius_sensor_value{", ended)
		awaitPage(t, "http://"+address+"/status", "Chiller roof", ended)
		stop()
		<-ended
	}
	if len(blocks) < 7 {
		t.Errorf("only %d blocks were found", len(blocks))
	}
}

// checkPrometheusConfig checks a config with promtool, where that is installed.
func checkPrometheusConfig(t *testing.T, file string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Logf("%v: the config of Prometheus is not checked (Debian package: prometheus)", err)
		return
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "config", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// awaitPage waits until a page of the exporter contains a text.
func awaitPage(t *testing.T, url, text string, ended <-chan string) {
	t.Helper()
	for body := ""; !strings.Contains(body, text); time.Sleep(50 * time.Millisecond) {
		select {
		case out := <-ended:
			t.Fatalf("the exporter has ended: %s", out)
		default:
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			data, _ := io.ReadAll(resp.Body) // it is tried again
			_ = resp.Body.Close()
			body = string(data)
		}
	}
}
