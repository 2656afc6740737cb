package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/remotewrite"
	"innius_exporter/internal/testport"
)

var update = flag.Bool("update", false, "write the golden files")

// logBuffer collects the log of several goroutines; await blocks until it holds a text.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
	came chan struct{}
}

func newLogBuffer() *logBuffer { return &logBuffer{came: make(chan struct{}, 1)} }

func (j *logBuffer) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.came <- struct{}{}:
	default:
	}
	return j.text.Write(p)
}

func (j *logBuffer) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *logBuffer) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(2 * time.Minute) // far beyond what a loaded machine needs
	for !strings.Contains(j.String(), text) {
		select {
		case <-j.came:
		case <-deadline:
			t.Fatalf("%q did not come in the log:\n%s", text, j)
		}
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return New(stdout).run(ctx, args, stderr)
}

// start runs a command until the test ends or stop is called, which returns how the command ended.
func start(t *testing.T, args ...string) (log *logBuffer, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, ended := newLogBuffer(), make(chan error, 1)
	go func() { ended <- run(ctx, args, io.Discard, log) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return log, stop
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// awaitMetrics scrapes until an exposition lacks nothing, and returns it.
func awaitMetrics(t *testing.T, address string, lacks func(exposition string) string) string {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		body := get(t, "http://"+address+"/metrics")
		lack := lacks(body)
		if lack == "" {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s:\n%s", lack, body)
		}
	}
}

// awaitValues scrapes until so many sensors have a value.
func awaitValues(t *testing.T, address string, want int) string {
	t.Helper()
	return awaitMetrics(t, address, func(exposition string) string {
		if got := strings.Count(exposition, "\ninnius_sensor_value{"); got < want {
			return fmt.Sprintf("%d sensors have a value, want %d", got, want)
		}
		return ""
	})
}

func TestDemoServesAllPagesAndStops(t *testing.T) {
	address := testport.Free(t)
	log, stop := start(t, "--demo", "--web.listen-address="+address)
	log.await(t, "The demo is running, open http://"+address+"/status")
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); !strings.Contains(lines[len(lines)-1], "/status") {
		t.Errorf("the log ends with %q, want the address of the status page", lines[len(lines)-1])
	}
	awaitValues(t, address, 55)
	awaitMetricsPage(t, address)
	if err := checkHealth(t, "--url=http://"+address+"/-/healthy"); err != nil {
		t.Errorf("check health: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// awaitMetricsPage scrapes until docs/metrics.md is true of the demo, which lacks a pause, the state and receivers.
func awaitMetricsPage(t *testing.T, address string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, text string) []string {
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	others := []string{"innius_exporter_api_paused_until_timestamp_seconds", stateWritten}
	descs := make(chan *prometheus.Desc, 100)
	remotewrite.New("", slog.New(slog.DiscardHandler)).Describe(descs)
	close(descs)
	for d := range descs {
		others = append(others, names(`fqName: "(\S+)"`, d.String())...)
	}
	documented := names("(?m)^\\| `(innius_\\w+)` \\|", string(page))
	awaitMetrics(t, address, func(exposition string) string {
		exposed := append(names(`(?m)^# TYPE (innius_\S+)`, exposition), others...)
		for _, name := range exposed {
			if !slices.Contains(documented, name) {
				return "docs/metrics.md has no row for " + name
			}
		}
		for _, name := range documented {
			if !slices.Contains(exposed, name) {
				return "docs/metrics.md has " + name + ", which the demo does not expose"
			}
		}
		return ""
	})
}

func TestRunReadsOneAccountFromTheEnvironment(t *testing.T) {
	api, address := testport.Free(t), testport.Free(t)
	simulation, _ := start(t, "simulate", "--listen-address="+api, "--sensors=40", "--burst=60", "--api-key=canary-key-0123456789")
	simulation.await(t, "Serving the simulated API")
	t.Setenv("INNIUS_URL", "http://"+api)
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	log, stop := start(t, "--web.listen-address="+address, "--log.level=debug")
	log.await(t, "Listening on")
	awaitValues(t, address, 20)
	pages := get(t, "http://"+address+"/metrics") + get(t, "http://"+address+"/status") + get(t, "http://"+address+"/api/v1/status")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if strings.Contains(pages+log.String(), "canary-key") {
		t.Error("the key is in a page or in the log")
	}
}

func TestRunThatFailsToStartSendsNoRequest(t *testing.T) {
	api := testport.Free(t)
	simulation, _ := start(t, "simulate", "--listen-address="+api)
	simulation.await(t, "Serving the simulated API")
	t.Setenv("INNIUS_URL", "http://"+api)
	t.Setenv("INNIUS_API_KEY", "simulated")
	if err := run(t.Context(), []string{"--web.config.file=nowhere.yml"}, io.Discard, io.Discard); err == nil {
		t.Error("started without its web config")
	}
	if stats := get(t, "http://"+api+"/-/stats"); !strings.Contains(stats, `"requests":0`) {
		t.Errorf("requests were sent: %s", stats)
	}
}

const stateWritten = "innius_exporter_state_last_write_timestamp_seconds"

func TestRestartRestoresEverythingWithoutRequests(t *testing.T) {
	api, address, dir := testport.Free(t), testport.Free(t), filepath.Join(t.TempDir(), "state")
	simulation, stopAPI := start(t, "simulate", "--listen-address="+api, "--sensors=40", "--burst=80", "--api-key=canary-key-0123456789")
	simulation.await(t, "Serving the simulated API")
	t.Setenv("INNIUS_URL", "http://"+api)
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	t.Setenv("STATE_DIRECTORY", dir+string(filepath.ListSeparator)+"/nonexistent")
	log, stop := start(t, "--web.listen-address="+address)
	log.await(t, "Listening on")
	held := strings.Count(awaitValues(t, address, 20), "\ninnius_sensor_value{")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := stopAPI(); err != nil { // whatever is served now was kept
		t.Error(err)
	}
	log, stop = start(t, "--web.listen-address="+address, "--storage.path="+dir)
	log.await(t, "Listening on")
	if got := strings.TrimSpace(get(t, "http://"+address+"/-/ready")); got != "innius_exporter is ready." {
		t.Errorf("readiness: %s", got)
	}
	if body := awaitValues(t, address, held); !strings.Contains(body, "\n"+stateWritten+" ") {
		t.Errorf("the time of the last write is missing:\n%s", body)
	}
	planReadsOnly(t, dir, "account \"default\": 40 sensors on 2 machines, as known at ")
	err := run(t.Context(), []string{"--web.listen-address=" + testport.Free(t), "--storage.path=" + dir}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "another exporter uses this state directory") {
		t.Errorf("a second exporter on the directory: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if strings.Contains(everyFile(t, dir)+log.String(), "canary-key") {
		t.Error("the key is in the state or in the log")
	}
}

// planReadsOnly plans from what a running exporter keeps, which stays as it is.
func planReadsOnly(t *testing.T, dir, want string) {
	t.Helper()
	var out strings.Builder
	before := everyFile(t, dir)
	if err := run(t.Context(), []string{"plan", "--storage.path=" + dir}, &out, io.Discard); err != nil {
		t.Error(err)
	}
	if after := everyFile(t, dir); after != before {
		t.Error("a plan changed the state")
	}
	if !strings.HasPrefix(out.String(), want) || strings.Contains(out.String(), "canary-key") {
		t.Errorf("the plan is not of %q:\n%s", want, out.String())
	}
	t.Setenv("INNIUS_URL", "https://elsewhere.invalid")
	err := run(t.Context(), []string{"plan", "--storage.path=" + dir}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "is of other accounts") {
		t.Errorf("a plan from another account's state: %v", err)
	}
}

// everyFile is the content of all files below a directory, with their names.
func everyFile(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.WriteString(d.Name())
		all.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if all.Len() == 0 {
		t.Error("there is no state")
	}
	return all.String()
}

func TestRunWithoutStorageWarnsOnceExceptInADemo(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	demo, stop := start(t, "--demo", "--web.listen-address="+testport.Free(t))
	demo.await(t, "Listening on")
	if err := stop(); err != nil || strings.Contains(demo.String(), "level=warn") {
		t.Errorf("the demo: %v\n%s", err, demo)
	}
	t.Setenv("INNIUS_URL", "http://"+testport.Free(t))
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	log, stop := start(t, "--web.listen-address="+testport.Free(t))
	log.await(t, "Listening on")
	if err := stop(); err != nil || strings.Count(log.String(), "State is not saved") != 1 || !strings.Contains(log.String(), "requests_per_hour=950") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestDemoSavesStateOnlyWithStoragePath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("STATE_DIRECTORY", dir)
	for _, args := range [][]string{{}, {"--storage.path=" + dir}, {"--storage.path=" + dir}} {
		log, stop := start(t, append(args, "--demo", "--web.listen-address="+testport.Free(t))...)
		log.await(t, "Listening on")
		if err := stop(); err != nil {
			t.Error(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2*len(args) { // the state and its lock
			t.Errorf("with %s: %v, %v", args, entries, err)
		}
	}
}

func TestCommandLineErrorsNameTheCure(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	for _, row := range []struct {
		name, want string
		args       []string
	}{
		{"an unknown flag", "unknown long flag '--nonsense'; see --help", []string{"--nonsense"}},
		{"an unknown command", "see --help", []string{"fly"}},
		{"no account", "--innius.url (INNIUS_URL)", nil},
		{"the demo with a config", "--demo needs no config", []string{"--demo", "--config.file=x.yml"}},
		{"a missing config file", "x.yml", []string{"--config.file=x.yml"}},
		{"metrics on another page", `--web.telemetry-path "/status": is the path of another page`, []string{"--demo", "--web.telemetry-path=/status"}},
		{"an address in use", "--web.listen-address: listen tcp " + busy.Addr().String(), []string{"--demo", "--web.listen-address=" + busy.Addr().String()}},
		{"an address without a port", "--web.listen-address: listen tcp: address x: missing port", []string{"--demo", "--web.listen-address=x"}},
		{"a simulation at an address in use", "--listen-address: ", []string{"simulate", "--listen-address=" + busy.Addr().String()}},
		{"no socket of systemd", "--web.systemd-socket: ", []string{"--demo", "--web.systemd-socket"}},
		{"the syntax of no file", "--config.file is missing", []string{"check", "config", "--syntax-only"}},
		{"a value of a switch", `--demo takes no value, not "yes"; see --help`, []string{"--demo=yes"}},
		{"a level that is none", `--log.level: "loud" is not one of info, debug, warn, error; see --help`, []string{"--log.level=loud"}},
		{"an unclean path", "must be a plain path", []string{"--demo", "--web.telemetry-path=//x"}},
		{"fewer sensors than none", "--sensors must be at least 0", []string{"check", "config", "--sensors=-1"}},
		{"a form of report that is none", `--output: "xml" is not one of text, json; see --help`, []string{"check", "api", "--output=xml"}},
		{"an API without an account", "--innius.url (INNIUS_URL)", []string{"check", "api"}},
		{"a plan of nothing", "read them from the state of an exporter (--storage.path), or give their number (--sensors=N)", []string{"plan"}},
		{"a plan for fewer sensors than none", "--sensors must be at least 0", []string{"plan", "--sensors=-1"}},
		{"a plan for too many sensors", "at most 1000000", []string{"plan", "--sensors=1000001"}},
		{"a plan for a number that is none", `--sensors: "many" is not a whole number`, []string{"plan", "--sensors=many"}},
		{"a plan without requests", "--requests-per-hour must be above 0", []string{"plan", "--sensors=5", "--requests-per-hour=-1"}},
		{"a plan with no requests", "--requests-per-hour must be above 0", []string{"plan", "--sensors=5", "--requests-per-hour=0"}},
		{"a plan for no sensor", "--sensors=N", []string{"plan", "--sensors=0"}},
		{"a plan with too many requests", "at most 10000000", []string{"plan", "--sensors=5", "--requests-per-hour=1e8"}},
		{"a plan with requests that are no number", "--requests-per-hour must be", []string{"plan", "--sensors=5", "--requests-per-hour=NaN"}},
		{"an interval of known sensors", "--sensors=N", []string{"plan", "--every=10m"}},
		{"an interval that is none", `--every: "-10m" is not a duration such as 10m`, []string{"plan", "--sensors=5", "--every=-10m"}},
		{"a plan from a directory that is none", `"nowhere" contains no state yet`, []string{"plan", "--storage.path=nowhere"}},
		{"a plan from what is no state", "is not a regular file", []string{"plan", "--storage.path=.."}},
		{"a plan of the demo with a config", "--demo needs no config", []string{"plan", "--demo", "--config.file=x.yml"}},
		{"a simulation without a key", "--api-key must not be empty", []string{"simulate", "--api-key="}},
		{"a directory that cannot be", `--storage.path "cli.go/below"`, []string{"--demo", "--storage.path=cli.go/below"}},
		{"a simulation without requests", "at least 1", []string{"simulate", "--burst=0"}},
		{"no exporter for check health", "no response", []string{"check", "health", "--url=http://" + testport.Free(t) + "/-/healthy"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := run(t.Context(), row.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func TestRunLogsOneLinePerError(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	for _, args := range [][]string{nil, {"check", "config"}, {"check", "api", "--log.format=json"}} {
		log := new(strings.Builder)
		if code := Run(t.Context(), args, io.Discard, log); code != 1 || strings.Count(log.String(), "Command failed") != 2 {
			t.Errorf("%q: exit code %d, want two errors, for the URL and the key:\n%s", args, code, log)
		}
	}
}

func TestErrorsOfArgumentsFollowTheLogFormat(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"--no-such-flag"}, "level=error msg=\"Invalid arguments\" err=\"unknown long flag '--no-such-flag'; see --help\"\n"},
		{[]string{"--no-such-flag", "--log.format=json"}, `"level":"error","msg":"Invalid arguments","err":"unknown long`},
		{[]string{"--log.format", "json", "plan", "--sensors=many"}, `"msg":"Invalid arguments","err":"--sensors: \"many\" is not`},
		{[]string{"--log.level=loud", "--log.format=xml"}, `level=error msg="Invalid arguments"`},
		{[]string{"--no-such-flag", "--log.format"}, `level=error msg="Invalid arguments"`},
	} {
		log := new(strings.Builder)
		if code := Run(t.Context(), row.args, io.Discard, log); code != 1 || !strings.Contains(log.String(), row.want) {
			t.Errorf("%q: exit code %d, want %s in\n%s", row.args, code, row.want, log)
		}
	}
}

func TestCheckHealthFailsForAnUnhealthyExporter(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if err := checkHealth(t, "--url="+server.URL); err == nil || !strings.Contains(err.Error(), "unhealthy: status 404") {
		t.Errorf("got %v", err)
	}
}

// checkHealth runs the command until it has a result within its timeout.
func checkHealth(t *testing.T, args ...string) error {
	t.Helper()
	for {
		err := run(t.Context(), append([]string{"check", "health"}, args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
			return err
		}
	}
}

func TestCheckConfigExplainsTheExample(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	var out strings.Builder
	if err := run(t.Context(), []string{"check", "config", "--config.file=../../config.example.yml", "--sensors=500"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	golden(t, "check-config.txt", out.String())
}

func TestCheckAPIReportsOnTheSimulator(t *testing.T) {
	address := testport.Free(t)
	log, _ := start(t, "simulate", "--listen-address="+address, "--api-key=canary-key-0123456789")
	log.await(t, "Serving the simulated API")
	t.Setenv("INNIUS_URL", "http://"+address)
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	for output, want := range map[string]string{"text": "OK: 4 requests", "json": `"requests": 4`} {
		var out strings.Builder
		err := run(t.Context(), []string{"check", "api", "--output=" + output}, &out, io.Discard)
		if err != nil || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "canary") {
			t.Errorf("%v, want %q in:\n%s", err, want, out.String())
		}
	}
	err := run(t.Context(), []string{"check", "api", "--account=acme"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `it has: "default"`) {
		t.Errorf("got %v", err)
	}
}

func TestPlanNeedsNeitherKeyNorAccount(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	t.Setenv("STATE_DIRECTORY", "")
	var out strings.Builder
	for _, args := range [][]string{{}, {"--every=10m", "--requests-per-hour=5000"}, {"--config.file=../../config.example.yml"}} {
		if err := run(t.Context(), append([]string{"plan", "--sensors=500"}, args...), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out)
	}
	golden(t, "plan.txt", out.String())
}

func TestCheckConfigExplainsHowToGetAPlan(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("INNIUS_API_KEY", "canary-key-0123456789")
	for _, args := range [][]string{{}, {"--storage.path=nowhere"}, {"--storage.path=cli.go"}} {
		var out strings.Builder
		err := run(t.Context(), append([]string{"check", "config", "--config.file=../../config.example.yml"}, args...), &out, io.Discard)
		last := strings.TrimSpace(out.String())
		last = last[strings.LastIndexByte(last, '\n')+1:]
		if _, made := os.Stat("nowhere"); made == nil {
			t.Error("a directory for state was made")
		}
		if err != nil || !strings.HasPrefix(last, "no plan: ") || strings.Contains(out.String(), "canary") {
			t.Errorf("%v: %v, %s", args, err, last)
		}
	}
}

func TestHelpOfTheProgramIsGolden(t *testing.T) {
	var out strings.Builder
	cli := New(&out)
	ended := -1
	cli.Terminate(func(status int) { ended = status })
	if _, err := cli.Parse([]string{"--help"}); err != nil || ended != 0 {
		t.Errorf("--help ends with status %d, error %v", ended, err)
	}
	golden(t, "help.txt", out.String())
}

// golden compares a text with a file under testdata; -update writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./internal/cli -update writes it) %s", file, differing(got, string(want)))
	}
	if strings.Contains(got, "canary-key") {
		t.Error(fmt.Sprint("the key is in ", name))
	}
}

// differing returns the first lines that differ.
func differing(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < min(len(g), len(w))-1 && g[i] == w[i] {
		i++
	}
	end := func(lines []string) string { return strings.Join(lines[i:min(len(lines), i+3)], "\n") }
	return fmt.Sprintf("from line %d:\n%s\nwant:\n%s", i+1, end(g), end(w))
}
