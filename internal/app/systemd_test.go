package app

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/simulator"
)

// manager takes the place of systemd.
type manager struct {
	mu     sync.Mutex
	states []string
	log    strings.Builder
}

func (m *manager) systemd(watchdog time.Duration) *systemd {
	return &systemd{send: m.receive, watchdog: watchdog, log: slog.New(slog.NewTextHandler(&m.log, nil))}
}

func (m *manager) receive(state string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states = append(m.states, state)
}

// fed is how often the watchdog was fed.
func (m *manager) fed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, state := range m.states {
		if state == "WATCHDOG=1" {
			n++
		}
	}
	return n
}

func TestSystemdIsNotifiedWhenTheListenerIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var m manager
		listening := make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() { m.systemd(0).run(ctx, listening, func() string { return "" }) })
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(m.states) != 0 {
			t.Errorf("notified of %q before the listener is open", m.states)
		}
		close(listening)
		synctest.Wait()
		if !slices.Equal(m.states, []string{"READY=1"}) {
			t.Errorf("notified of %q, want READY=1", m.states)
		}
		cancel()
		running.Wait()
	})
}

func TestWatchdogIsNotFedWhileAPollerIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var m manager
		var mu sync.Mutex
		stuck := ""
		set := func(account string) { mu.Lock(); defer mu.Unlock(); stuck = account }
		var running sync.WaitGroup
		running.Go(func() {
			m.systemd(90*time.Second).feed(ctx, func() string { mu.Lock(); defer mu.Unlock(); return stuck })
		})
		time.Sleep(15*time.Minute + time.Second)
		if n := m.fed(); n < 20 { // twice within its time: one may come late
			t.Errorf("fed %d times in 15 min of 90 s", n)
		}
		set("acme")
		time.Sleep(time.Minute)
		before := m.fed()
		time.Sleep(time.Hour)
		if n := m.fed(); n != before {
			t.Errorf("fed %d times while a poller was stuck", n-before)
		}
		set("")
		time.Sleep(time.Minute)
		if m.fed() == before {
			t.Error("not fed after the poller continued")
		}
		cancel()
		running.Wait()
		if text := m.log.String(); strings.Count(text, "is stuck") != 1 || !strings.Contains(text, "acme") {
			t.Errorf("want one line that names the account:\n%s", text)
		}
	})
}

// The API may require a pause of ten hours: a restart would change nothing.
func TestWatchdogIsFedDuringALongPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := simulator.New(simulator.Uniform(20), simulator.Options{Key: "key"})
		opts, closeAll := optionsOver(t, "acme", api)
		l := newReloadable(poller.New(opts))
		ctx, cancel := context.WithCancel(t.Context())
		var m manager
		begin := make(chan struct{})
		close(begin)
		var running sync.WaitGroup
		running.Go(func() { l.run(ctx, begin) })
		running.Go(func() { m.systemd(90*time.Second).run(ctx, begin, l.Stuck) })
		time.Sleep(10 * time.Minute)
		api.Inject(simulator.Fault{Kind: simulator.TooMany, Delay: 10 * time.Hour})
		time.Sleep(time.Minute)
		sent, fed := api.Stats().Requests, m.fed()
		time.Sleep(9 * time.Hour)
		if n := api.Stats().Requests; n != sent {
			t.Errorf("%d requests during the pause", n-sent)
		}
		if n := m.fed() - fed; n < 9*80-1 {
			t.Errorf("fed %d times in 9 h of 90 s", n)
		}
		cancel()
		running.Wait()
		closeAll()
	})
}

// optionsOver are those of a poller of one account over a simulated API.
func optionsOver(t *testing.T, name string, api *simulator.Server) (opts poller.Options, closeAll func()) {
	t.Helper()
	client, closeAll := simulator.Pipe(api)
	pacer, counters := innius.NewPacer(1000, 30), &poller.Counters{}
	made, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "api.example"}, AllowHTTP: true, Pacer: pacer, HTTPClient: client,
		Key: func() (innius.Secret, error) { return innius.NewSecret("key"), nil }, Observe: counters.Of(name).Observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	return poller.Options{
		Accounts: []poller.Account{{Name: name, Client: made, Pacer: pacer}}, Counters: counters, Logger: slog.New(slog.DiscardHandler),
	}, closeAll
}

func TestSystemdIsNotifiedThroughItsSocket(t *testing.T) {
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	t.Setenv("NOTIFY_SOCKET", address.Name)
	t.Setenv("WATCHDOG_USEC", "90000000")
	s := newSystemd(slog.New(slog.DiscardHandler))
	if s.watchdog != 90*time.Second {
		t.Errorf("watchdog of %s", s.watchdog)
	}
	for _, row := range []struct {
		want   string
		notify func()
	}{{"READY=1", s.ready}, {"RELOADING=1\nMONOTONIC_USEC=", s.reloading}, {"STOPPING=1", s.stopping}} {
		row.notify()
		got := make([]byte, 256)
		n, err := socket.Read(got)
		if err != nil || !strings.HasPrefix(string(got[:n]), row.want) {
			t.Errorf("notified of %q (%v), want %q", got[:n], err, row.want)
		}
	}
}

func TestReadyStaysTrueWhenAReloadAddsAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := simulator.New(simulator.Uniform(20), simulator.Options{Key: "key"})
		opts, closeAll := optionsOver(t, "acme", api)
		defer closeAll()
		l := newReloadable(poller.New(opts))
		if l.Ready() {
			t.Error("ready before the first discovery")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		begin := make(chan struct{})
		close(begin)
		running.Go(func() { l.run(ctx, begin) })
		time.Sleep(time.Minute)
		if !l.Ready() {
			t.Error("not ready after the first discovery")
		}
		dead := simulator.New(simulator.Uniform(20), simulator.Options{Key: "other"})
		dead.Inject(simulator.Fault{Kind: simulator.Hang})
		other, closeOther := optionsOver(t, "other", dead)
		defer closeOther()
		opts.Accounts = append(opts.Accounts, other.Accounts...)
		if err := l.replace(opts); err != nil {
			t.Error(err)
		}
		if !l.Ready() {
			t.Error("a reload made it unready")
		}
		cancel()
		running.Wait()
		if err := l.replace(poller.Options{}); err == nil {
			t.Error("reloaded after the end")
		}
	})
}

func TestSystemdIsNotNotifiedAfterStopping(t *testing.T) {
	var m manager
	s := m.systemd(0)
	s.stopping()
	s.reloading()
	s.ready()
	if !slices.Equal(m.states, []string{"STOPPING=1"}) {
		t.Errorf("notified of %q", m.states)
	}
}
