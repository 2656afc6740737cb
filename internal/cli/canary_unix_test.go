//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

const canaryKey = "Canary/Key+0123456789="

// assertNoKey fails where a text of some place holds the key, however it is written.
func assertNoKey(t *testing.T, place, text string) {
	t.Helper()
	if packed, err := gzip.NewReader(strings.NewReader(text)); err == nil { // a profile
		unpacked, err := io.ReadAll(packed)
		if err != nil {
			t.Errorf("%s: %v", place, err)
		}
		text += string(unpacked)
	}
	lower := strings.ToLower(text)
	for _, form := range []string{
		canaryKey, url.QueryEscape(canaryKey), url.PathEscape(canaryKey), base64.RawStdEncoding.EncodeToString([]byte(canaryKey))[:28],
		hex.EncodeToString([]byte(canaryKey)), "key+0123456789",
	} {
		if i := strings.Index(lower, strings.ToLower(form)); i >= 0 {
			t.Errorf("%s: the key is in it: %q", place, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// echoing is an API that repeats the key wherever it can: in header fields, texts and messages, and in the names of one machine's
// sensors.
func echoing(t *testing.T) (address string, api *simulator.Server) {
	plant := simulator.Uniform(40)
	echoed, sensors := plant.Company.Machines[0].Sensors, plant.Company.Machines[1].Sensors
	echoed[1].Name = "a" + strings.ToUpper(canaryKey) + "b"
	sensors[2].Value = func(time.Time) any { return "state " + canaryKey }
	api = simulator.New(plant, simulator.Options{Key: canaryKey})
	api.Inject(simulator.Fault{Kind: simulator.EchoKey, Op: simulator.OpValues, Object: sensors[3].ID})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", canaryKey)
		w.Header().Set("X-Request-Id", url.QueryEscape(canaryKey))
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, api
}

// everyPage is all that the exporter serves, its errors and profiles among it.
func everyPage() []string {
	pages := []string{"/", "/metrics", "/status", "/api/v1/status", "/config", "/-/healthy", "/-/ready", "/nowhere", "/status?q=none", "/-/reload"}
	for _, profile := range []string{
		"", "cmdline", "symbol", "heap", "heap?debug=1", "allocs?debug=1", "goroutine?debug=1", "goroutine?debug=2", "block?debug=1", "mutex?debug=1",
		"threadcreate?debug=1", "trace?seconds=0.2", "profile?seconds=1",
	} {
		pages = append(pages, "/debug/pprof/"+profile)
	}
	return pages
}

func TestExporterSendsTheKeyInItsHeaderOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	(&reloadable{T: t}).write(file, canaryKey+"\n")
	for from, row := range map[string]struct{ env, args []string }{
		"a variable": {env: []string{"INNIUS_API_KEY=" + canaryKey}},
		"a file":     {env: []string{"INNIUS_API_KEY="}, args: []string{"--innius.api-key-file=" + file}},
	} {
		t.Run("from "+from, func(t *testing.T) {
			t.Parallel()
			address, api := echoing(t)
			dir := filepath.Join(t.TempDir(), "state")
			env := append([]string{"INNIUS_URL=" + address}, row.env...)
			args := append([]string{"--log.level=debug", "--web.enable-pprof", "--web.enable-lifecycle", "--storage.path=" + dir}, row.args...)
			p := startProcess(t, env, args...)
			awaitValues(t, p.address, 18)
			status, came := "", false
			for end := time.Now().Add(2 * time.Minute); !came && time.Now().Before(end); {
				status = get(t, "http://"+p.address+"/api/v1/status")
				came = strings.Contains(status, `state \u003csecret\u003e`) && strings.Contains(status, "the API returned the key")
			}
			if !came || api.Stats().Of("", http.StatusUnauthorized) != 0 {
				t.Errorf("the key did not arrive, or did not come back:\n%s", status)
			}
			for _, page := range everyPage() {
				assertNoKey(t, page, get(t, "http://"+p.address+page))
			}
			(&reloadable{T: t, address: p.address}).reload()
			assertNoKey(t, "the log", p.end(syscall.SIGTERM))
			if state := everyFile(t, dir); !strings.Contains(state, "<secret>") {
				t.Error("the state does not hold what came back")
			} else {
				assertNoKey(t, "the state", state)
			}
			p = startProcess(t, env, args...)
			awaitValues(t, p.address, 18)
			dump := p.end(syscall.SIGQUIT)
			if strings.Count(dump, "\ngoroutine ") < 5 {
				t.Errorf("no dump:\n%s", dump)
			}
			assertNoKey(t, "a dump of all goroutines", dump)
			for _, command := range [][]string{{"check", "config"}, {"check", "api", "--all"}, {"check", "api", "--output=json"}, {"plan", "--sensors=5"}, {"--help"}} {
				out := runSelf(t, append(env, beExporter+"=1"), append(command, row.args...)...)
				_ = out.cmd.Wait() // its content counts
				if len(out.text()) < 500 {
					t.Errorf("%s prints little: %s", command, out.text())
				}
				assertNoKey(t, strings.Join(command, " "), out.text())
			}
		})
	}
}

// overlong is a server whose responses go on behind their ends, with the key of the request.
func overlong(t *testing.T) (address string) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"data\":{\"id\":\"acme\"}}")
				_, _ = fmt.Fprintf(conn, "X-Seen: %s\x1b[31m", r.Header.Get("x-api-key"))
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestLogHoldsNoKeyThatTheTransportReports(t *testing.T) {
	const report = "Unsolicited response received on idle HTTP channel"
	p := startProcess(t, []string{"INNIUS_API_KEY=" + canaryKey, "INNIUS_URL=" + overlong(t)}, "--log.level=debug")
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(p.text(), report) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	text := p.end(syscall.SIGTERM)
	if !strings.Contains(text, `msg="`+report) || strings.Contains(text, "\x1b") {
		t.Errorf("the report is not in the log, or not as a line of it:\n%s", text)
	}
	assertNoKey(t, "the log", text)
}

func TestPanicShowsNoKey(t *testing.T) {
	for _, value := range []string{"key", "source", "account", "config"} {
		p := runSelf(t, []string{panicWith + "=" + value, "INNIUS_API_KEY=" + canaryKey})
		if err := p.cmd.Wait(); err == nil || !bytes.Contains(p.log.Bytes(), []byte("\npanic: ")) && !bytes.HasPrefix(p.log.Bytes(), []byte("panic: ")) {
			t.Errorf("%s: no panic: %v, %s", value, err, p.text())
		}
		assertNoKey(t, "a panic with the "+value, p.text())
	}
}
