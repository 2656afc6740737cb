package remotewrite

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestWriterContinuesAfterKill(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.unless(503, "", always)
		p := newPlant(t, receiver)
		p.pollFor(10*time.Minute, "A", "B")
		p.kill()
		p.start(receiver)
		if s := p.Status()[0]; s.Pending != 120 || time.Since(s.Oldest) != 10*time.Minute {
			t.Errorf("status %+v", s)
		}
		f.onRequest(func(w http.ResponseWriter, _ *http.Request, samples []received) {
			f.store(samples)
			panic(http.ErrAbortHandler) // stored, and the sender is killed before it knows
		})
		time.Sleep(time.Second)
		p.kill()
		f.onRequest(nil)
		p.start(receiver)
		time.Sleep(time.Second)
		p.wantAll(f, "A")
		p.wantAll(f, "B")
		p.kill()
		sent := f.sent()
		p.start(receiver)
		time.Sleep(time.Minute)
		if f.sent() != sent {
			t.Error("sent again what was acknowledged")
		}
	})
}

// After a kill the poller reads again what it had read since it wrote its state. A receiver without a window refuses that, and has to
// show that it accepts others before anything newer is sent out of turn.
func TestWriterLosesNothingWhenItSendsAgainAfterAKill(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.likePrometheus(0, 400)
		p := newPlant(t, receiver)
		sensors := []string{"A", "B", "C"}
		p.pollFor(10*time.Minute, sensors...)
		time.Sleep(10 * time.Second)
		p.kill()
		time.Sleep(time.Minute)
		p.start(receiver)
		for _, sensor := range sensors {
			var again []innius.Reading
			for i, at := range p.times[sensor] {
				again = append(again, innius.Reading{Time: time.UnixMilli(at), Value: float64(i + 1)})
			}
			p.Append("acme", "Press 1", sensor, again)
			p.poll(sensor, 40)
		}
		time.Sleep(time.Minute)
		for _, sensor := range sensors {
			p.wantAll(f, sensor)
		}
	})
}

// A receiver may be killed when it has stored a batch and not responded.
func TestWriterLosesNothingWhenItSendsAgainAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.likePrometheus(0, 400)
		p := newPlant(t, receiver)
		poll := func() {
			p.poll("A", 40)
			p.poll("B", 40)
			time.Sleep(50 * time.Second)
		}
		poll()
		well := f.onRequest(nil)
		f.onRequest(func(w http.ResponseWriter, r *http.Request, samples []received) {
			well(w, r, samples)
			panic(http.ErrAbortHandler)
		})
		poll()
		f.unless(503, "", always)
		poll()
		poll()
		f.onRequest(well)
		poll()
		time.Sleep(5 * time.Minute)
		p.wantAll(f, "A")
		p.wantAll(f, "B")
	})
}

func TestWriterCloseSendsForTwoSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		good, first := startFake(t, "good")
		failing, second := startFake(t, "failing")
		hanging, third := startFake(t, "hanging")
		failing.unless(503, "", always)
		hanging.onRequest(func(_ http.ResponseWriter, r *http.Request, _ []received) { <-r.Context().Done() })
		p := newPlant(t, first, second, third)
		p.pollFor(2*time.Minute, "A")
		time.Sleep(time.Second)
		p.poll("A", 4)
		began := time.Now()
		p.Close()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
		p.wantAll(good, "A")
		if s := p.Status()[2]; s.Requests["error"] != 3 {
			t.Errorf("a request that was ended here is a failure of the receiver: %+v", s)
		}
		failing.onRequest(nil)
		hanging.onRequest(nil)
		p.start(first, second, third)
		time.Sleep(time.Second)
		p.wantAll(failing, "A")
		p.wantAll(hanging, "A")
		if s := p.Status()[0]; s.Accepted != 0 {
			t.Errorf("sent again what was acknowledged: %+v", s)
		}
		began = time.Now()
		p.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s without readings", took)
		}
	})
}

func TestWriterLogsNoFailureOfARequestThatItEnds(t *testing.T) {
	for name, end := range map[string]func(p *plant) error{
		"close":  func(p *plant) error { p.Close(); return nil },
		"remove": func(p *plant) error { return p.Configure(p.t.Context(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				f.onRequest(func(_ http.ResponseWriter, r *http.Request, _ []received) { <-r.Context().Done() })
				p := newPlant(t, receiver)
				p.poll("A", 1)
				time.Sleep(6 * time.Second)
				if err := end(p); err != nil || p.log.lines("accepts no readings") != 0 {
					t.Errorf("%v, log:\n%s", err, p.log)
				}
			})
		})
	}
}

func TestWriterConfigureKeepsQueues(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		old, central := startFake(t, "central")
		other, second := startFake(t, "other")
		moved, target := startFake(t, "central")
		old.unless(401, "", always)
		other.unless(401, "", always)
		p := newPlant(t, central, second)
		p.pollFor(time.Hour, "A")
		target.Headers = map[string]innius.Secret{"X-Scope-OrgID": innius.NewSecret("plant")}
		if err := p.Configure(t.Context(), []Receiver{target}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // not the back-off
		p.wantAll(moved, "A")
		if s := p.Status(); len(s) != 1 || s[0].Accepted != 360 || s[0].Requests["401"] == 0 {
			t.Errorf("status %+v", s)
		}
		sent := other.sent()
		p.pollFor(time.Hour, "A")
		if other.sent() != sent {
			t.Error("a receiver that was removed gets requests")
		}
		other.onRequest(nil)
		if err := p.Configure(t.Context(), []Receiver{second, target}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := len(other.values("A")); got != 360 {
			t.Errorf("%d readings of the spool of a receiver that returned", got)
		}
		p.wantAll(moved, "A")
		bad := Receiver{Name: "bad", URL: &url.URL{}, Spool: 1 << 20}
		if err := os.WriteFile(filepath.Join(p.dir, "remote_write-bad"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		err := p.Configure(t.Context(), []Receiver{{Name: "new", URL: &url.URL{}, Spool: 1 << 20}, bad})
		if err == nil || !strings.Contains(err.Error(), `"bad"`) {
			t.Errorf("error %v", err)
		}
		if s := p.Status(); len(s) != 2 || s[0].Name != "other" || s[1].Name != "central" {
			t.Errorf("after a failed reload: %+v", s)
		}
	})
}

// A name may be changed while the exporter is down.
func TestWriterReportsSpoolsOfNoReceiver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "old")
		receiver.Name = "old.example:9090"
		_, renamed := startFake(t, "new")
		f.unless(503, "", always)
		p := newPlant(t, receiver, renamed)
		p.poll("A", 3)
		p.kill()
		for i, row := range []struct {
			receivers []Receiver
			lines     int // so far
		}{
			{[]Receiver{renamed}, 1},
			{nil, 2}, // that of the other is acknowledged
			{[]Receiver{receiver}, 2},
			{[]Receiver{renamed}, 2},
		} {
			p.start(row.receivers...)
			time.Sleep(10 * time.Second)
			f.onRequest(nil) // it fails at first
			time.Sleep(10 * time.Second)
			p.Close()
			dir := filepath.Join(p.dir, spoolName(receiver.Name))
			if all, of := p.log.lines("belongs to no receiver"), p.log.lines(dir+"\n"); all != row.lines || of != row.lines {
				t.Errorf("start %d: %d lines, %d of them of %s:\n%s", i, all, of, dir, p.log)
			}
		}
		p.wantAll(f, "A")
	})
}

// onLog calls a function at each line of a log.
type onLog func()

func (f onLog) Write(p []byte) (int, error) { f(); return len(p), nil }

// To open a large spool takes seconds, in which polls go on. Here they come when it logs that the end of a file is torn.
func TestWriterAppendsWhileASpoolIsOpened(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		_, added := startFake(t, "added")
		p := newPlant(t, receiver)
		dir := filepath.Join(p.dir, spoolName(added.Name))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, segmentName(1)), []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		poll := func() {
			if !p.mu.TryRLock() {
				t.Error("polls would wait")
				return
			}
			p.mu.RUnlock()
			p.poll("A", 1)
		}
		p.Writer.log = slog.New(slog.NewTextHandler(onLog(poll), nil))
		if err := p.Configure(t.Context(), []Receiver{receiver, added}); err != nil || p.count["A"] != 1 {
			t.Errorf("%v, %v polls", err, p.count["A"])
		}
		time.Sleep(10 * time.Second)
		p.wantAll(f, "A")
	})
}

func TestWriterStopsToOpenASpoolWhenItMustEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.unless(503, "", always)
		p := newPlant(t, receiver)
		p.poll("A", 3)
		p.kill()
		p.start()
		ended, end := context.WithCancel(t.Context())
		end()
		if err := p.Configure(ended, []Receiver{receiver}); !errors.Is(err, context.Canceled) || len(p.Status()) != 0 {
			t.Errorf("error %v, status %+v", err, p.Status())
		}
	})
}

// The directories of such names are one where file names have no case.
func TestWriterContinuesQueueOfANameInOtherCase(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		receiver.Name = "Central/ÄÖ"
		f.unless(503, "", always)
		p := newPlant(t, receiver)
		p.poll("A", 3)
		for _, receiver.Name = range []string{"central/ÄÖ", "CENTRAL/ÄÖ"} {
			if err := p.Configure(t.Context(), []Receiver{receiver}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			p.poll("A", 1)
		}
		p.kill()
		receiver.Name = "central/ÄÖ"
		p.start(receiver)
		if dirs, err := os.ReadDir(p.dir); err != nil || len(dirs) != 1 {
			t.Errorf("directories %v, %v", dirs, err)
		}
		f.onRequest(nil)
		time.Sleep(2 * time.Minute) // the request at the start has failed
		p.wantAll(f, "A")
	})
}

func TestWriterGetsCredentialsForEachRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		type credentials struct {
			header string
			err    error
		}
		var current atomic.Pointer[credentials]
		receiver.Authorization = func() (string, []string, error) {
			c := current.Load()
			return c.header, []string{c.header}, c.err
		}
		current.Store(&credentials{})
		p := newPlant(t, receiver)
		for _, header := range []string{"Bearer first-secret-1", "Bearer second-secret-2"} {
			current.Store(&credentials{header: header})
			p.poll("A", 1)
			time.Sleep(6 * time.Second)
			if got := f.header("Authorization"); got != header {
				t.Errorf("Authorization %q, want %q", got, header)
			}
		}
		failure := errors.New("read credentials: no such file")
		current.Store(&credentials{err: failure})
		p.poll("A", 1)
		time.Sleep(5 * time.Minute)
		if s := p.Status()[0]; f.sent() != 2 || s.LastError != failure.Error() || p.log.lines("level=WARN") != 1 {
			t.Errorf("%d requests, %+v, log:\n%s", f.sent(), s, p.log)
		}
		current.Store(&credentials{})
		time.Sleep(6 * time.Minute)
		p.wantAll(f, "A")
	})
}

func TestWriterShowsNoSecret(t *testing.T) {
	const secret, token, key, tenant = "Pa55+word/7f3A9e41", "t0ken-in-query", "k3y-that-is-a-query", "tenant-4711"
	both := base64.StdEncoding.EncodeToString([]byte("plant:" + secret))
	for name, respond := range map[string]func(w http.ResponseWriter, r *http.Request){
		"echo": func(w http.ResponseWriter, r *http.Request) {
			text := r.Header.Get("Authorization") + " " + secret + "\x1b[31m\n" + r.URL.String() + " " + r.Header.Get("X-Scope-OrgID")
			http.Error(w, text+" "+url.QueryEscape(secret)+strings.Repeat("long ", 10000), http.StatusForbidden)
		},
		"echo of the query": func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.RawQuery, http.StatusForbidden) },
		"no response":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/?"+secret, http.StatusFound)
		},
		"malformed": func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = c.Write([]byte("HTTP/1.1 " + r.Header.Get("Authorization") + "\r\n\r\n"))
				_ = c.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				receiver.Authorization = func() (string, []string, error) { return "Basic " + both, []string{both, secret}, nil }
				receiver.URL.RawQuery = "token=" + token + "&" + key
				receiver.Headers = map[string]innius.Secret{"X-Scope-OrgID": innius.NewSecret(tenant)}
				f.onRequest(func(w http.ResponseWriter, r *http.Request, _ []received) { respond(w, r) })
				p := newPlant(t, receiver)
				p.pollFor(time.Minute, "A")
				s := p.Status()[0]
				if s.LastError == "" || len(s.LastError) > maxText+50 || strings.ContainsAny(s.LastError, "\n\x1b") {
					t.Errorf("error %q", s.LastError)
				}
				for _, hidden := range []string{secret, token, key, tenant, both, "7f3A9e41"} {
					if strings.Contains(s.LastError, hidden) || p.log.lines(hidden) > 0 {
						t.Errorf("%s is shown: %q\n%s", hidden, s.LastError, p.log)
					}
				}
				f.wantOneHost()
			})
		})
	}
}

// A receiver that never responds costs disk, but no memory.
func TestWriterHoldsNoReadingsInMemory(t *testing.T) {
	long(t)
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		receiver.Spool = 1 << 20
		f.onRequest(func(_ http.ResponseWriter, r *http.Request, _ []received) { <-r.Context().Done() })
		p := newPlant(t, receiver)
		p.log.discard = true
		readings := make([]innius.Reading, 5000)
		heap := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		var before uint64
		for i := range 40 {
			for j := range readings {
				readings[j] = innius.Reading{Time: time.Now().Add(time.Duration(j) * time.Millisecond), Value: float64(j)}
			}
			p.Append("acme", "Press 1", "A", readings)
			time.Sleep(10 * time.Second)
			if i == 10 {
				before = heap()
			}
		}
		if grown := int64(heap()) - int64(before); grown > 1<<20 { // of 11 MiB
			t.Errorf("the heap has grown by %d bytes", grown)
		}
		if s := p.Status()[0]; s.Dropped == 0 || s.Pending+int(s.Dropped) != 40*5000 {
			t.Errorf("status %+v", s)
		}
	})
}
