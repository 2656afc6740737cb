//go:build !race

package cli

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// maxGrowth is what responses of any kind may add to the peak of the memory, over what the idle process had at its peak.
const maxGrowth = 150 << 20

// upTo repeats the n-th part until a text has so many bytes.
func upTo(size int, head, tail string, part func(n int) string) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for n := 0; b.Len() < size-len(tail)-200; n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(part(n))
	}
	b.WriteString(tail)
	return b.Bytes()
}

func list(size int, part func(n int) string) []byte { return upTo(size, `{"data":[`, `]}`, part) }

func each(text string) func(int) string { return func(int) string { return text } }

// hostileBodies are bodies beyond each bound, and the largest within them.
func hostileBodies() map[string][]byte {
	readings := func(fields int) func(int) string {
		more := ""
		for i := range fields - 2 {
			more += fmt.Sprintf(`,"field_%d":%d`, i, i)
		}
		return func(n int) string { return fmt.Sprintf(`{"t":%d,"v":%d%s}`, time.Now().UnixMilli()-int64(n), n, more) }
	}
	const beyond, within = 8 << 20, 4 << 20
	return map[string][]byte{
		"small objects, 8 MiB":     list(beyond, each(`{"a":1}`)),
		"small objects, permitted": list(217e3, each(`{"A":1}`)),
		"empty lists, 4 MiB":       list(within, each(`[]`)),
		"empty lists, permitted":   list(370e3, each(`[]`)),
		"readings, 4 MiB":          list(within, readings(2)),
		"readings, permitted":      list(770e3, readings(2)),
		"readings of ten fields":   list(1_240_000, readings(10)),
		"long names":               list(within, func(n int) string { return fmt.Sprintf(`{"%d%s":1}`, n, strings.Repeat("N", 1<<20)) }),
		"many names":               upTo(within, `{"data":{`, `}}`, func(n int) string { return fmt.Sprintf(`"N%08d%%41\\u0041":1`, n) }),
		"many objects of many names": list(2_000_000, func(int) string {
			return string(upTo(11_000, `{`, `}`, func(n int) string { return fmt.Sprintf(`"N%d":1`, n) }))
		}),
		"one text":                     upTo(within, `{"data":"`, `"}`, each(`%41&amp;\\u0041`)),
		"a text that is no JSON":       upTo(within, ``, ``, each(`%41&amp;\\u0041 x`)),
		"deep":                         []byte(`{"data":` + strings.Repeat("[", within-20)),
		"a reading with a long text":   []byte(fmt.Sprintf(`{"data":[{"t":%d,"v":"%s"}]}`, time.Now().UnixMilli(), strings.Repeat(`%41\\u0041`, 400e3))),
		"a message that is very long":  []byte(`{"message":"` + strings.Repeat(`%41\\u0041`, 400e3) + `"}`),
		"a next_key that is very long": []byte(`{"data":[],"next_key":"` + strings.Repeat("k", 4e6) + `"}`),
	}
}

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// peak is VmHWM of a process, in bytes.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// hostile is an API whose lists are good and whose values are responses of one kind, from a moment on.
type hostile struct {
	good     http.Handler
	bad      atomic.Pointer[http.HandlerFunc]
	arrived  atomic.Int64
	inFlight atomic.Int64
	most     atomic.Int64
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bad := h.bad.Load()
	if bad == nil || !strings.HasSuffix(r.URL.Path, "/values") {
		h.good.ServeHTTP(w, r)
		return
	}
	h.most.Store(max(h.most.Load(), h.inFlight.Add(1)))
	for i := 0; h.inFlight.Load() < 4 && i < 50; i++ {
		time.Sleep(time.Millisecond) // so that they are read at once
	}
	(*bad)(w, r)
	h.inFlight.Add(-1)
	h.arrived.Add(1)
}

var measureMemory = flag.Bool("memory", false, "measure the memory of a process")

func TestHostileResponsesTakeBoundedMemory(t *testing.T) {
	if !*measureMemory {
		t.Skip("make check-memory runs it")
	}
	bad := map[string]http.HandlerFunc{
		"many header fields": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 10_000 {
				w.Header()[fmt.Sprintf("X-%d", i)] = []string{""}
			}
		},
	}
	for name, body := range hostileBodies() {
		body := packed(t, body)
		bad[name] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			if strings.HasPrefix(name, "a message") {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = w.Write(body)
		}
	}
	h := &hostile{good: simulator.New(simulator.Uniform(2000), simulator.Options{Key: canaryKey})}
	server := httptest.NewServer(h)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "config.yml")
	(&reloadable{T: t}).write(file, fmt.Sprintf(`
accounts:
  - {name: hostile, url: %q, api_key_env: HOSTILE_KEY, concurrency: 4, rate_limit: {requests_per_hour: 3600000, burst: 4000, share: 1}}
refresh: {min_interval: 1s, max_interval: 2s}
`, server.URL))
	p := startProcess(t, []string{"HOSTILE_KEY=" + canaryKey}, "--config.file="+file)
	awaitValues(t, p.address, 1900)
	idle := peak(t, p.cmd.Process.Pid)
	for name, respond := range bad {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0) // begins a new VmHWM; a finer report only
		h.arrived.Store(0)
		h.most.Store(0)
		h.bad.Store(&respond)
		for deadline := time.Now().Add(time.Minute); h.arrived.Load() < 12 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		more := peak(t, p.cmd.Process.Pid) - idle
		t.Logf("%s: %d MB over the %d MB of the idle process, after %d responses, %d at once", name, more>>20, idle>>20, h.arrived.Load(), h.most.Load())
		if more > maxGrowth || h.arrived.Load() < 4 {
			t.Errorf("%s: %d MB, %d responses", name, more>>20, h.arrived.Load())
		}
	}
	p.end(syscall.SIGKILL)
}
