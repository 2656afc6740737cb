package freshness

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector"
	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/simulator"
)

// The flags of the soak test; `make month` sets the first.
var (
	soakRounds = flag.Int("soak.rounds", 0, "rounds of two simulated days with all faults; 15 are a month")
	soakSeed   = flag.Uint64("soak.seed", 1, "seed of the soak test")
)

const (
	soakPerHour = 2400
	maxRepeats  = 4 // requests that net/http may repeat; the pacer accounts for them afterwards
)

// soak is an exporter's life with all faults, in virtual time.
type soak struct {
	*testing.T
	random     *rand.Rand
	api        *simulator.Server
	poller     *poller.Poller
	counters   *poller.Counters
	registry   *prometheus.Registry
	log        *logBuffer
	keyMissing atomic.Bool

	cancel  context.CancelFunc
	running sync.WaitGroup
	closers []func()

	round      int
	machines   int       // that exist
	started    time.Time // the current process
	goroutines int       // at the beginning
	sentFrom   time.Time // see checkRate
	leastAhead float64
	mostAhead  float64
	report     soakReport
}

// TestSoak runs through all faults, restarts and reloads. At every moment: only readings that the API has returned are
// exposed, the rate limit holds, nothing leaks, the poller does not stall, the key stays secret. After each fault all
// sensors are polled again within a cycle.
func TestSoak(t *testing.T) {
	if *soakRounds == 0 {
		t.Skip("make month runs this")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // many requests on a small heap
	synctest.Test(t, func(t *testing.T) {
		s := &soak{
			T: t, random: rand.New(rand.NewPCG(*soakSeed, 1)), log: &logBuffer{}, machines: oddMachine, started: time.Now(), sentFrom: time.Now(),
			report: soakReport{longest: map[string]float64{}, blocked: map[string]time.Duration{}},
		}
		s.api = simulator.New(soakPlant(), simulator.Options{Key: key, Limits: soakLimits(simulator.Seconds), Seed: *soakSeed})
		defer s.stop()
		s.makePoller(nil)
		s.run()
		s.recovers("start")
		s.goroutines = runtime.NumGoroutine()
		for s.round = range *soakRounds {
			s.runRound()
		}
		s.judge()
	})
}

// soakLimits leave room for the exporter's share of the rate, and in the burst for repeated requests.
func soakLimits(form simulator.RetryAfterForm) simulator.Limits {
	return simulator.Limits{PerHour: soakPerHour * 20 / 19, Burst: burst + maxRepeats, RetryAfter: form}
}

// runRound lasts two days: each kind of fault alone, with an event after each, then all kinds at random.
func (s *soak) runRound() {
	begin := time.Now()
	forms := []simulator.RetryAfterForm{simulator.Seconds, simulator.Date, simulator.Absent}
	s.api.SetLimits(soakLimits(forms[s.round%len(forms)]))
	kinds, events := simulator.FaultKinds(), s.events()
	s.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i, kind := range kinds {
		s.faultAlone(kind)
		if kind == simulator.TooMany {
			s.coldStart() // or the lowered rate would last for the rest of the round
		}
		events[i%len(events)]()
	}
	for range 3 {
		s.faultsTogether()
		s.coldStart()
	}
	s.watch(48*time.Hour - time.Since(begin))
	s.log.reset()
	s.report.heaps = append(s.report.heaps, s.heap())
}

// makePoller starts a process, with the state that the one before has saved.
func (s *soak) makePoller(saved *poller.State) {
	s.counters = &poller.Counters{}
	s.poller = poller.New(s.options(saved))
	s.registry = prometheus.NewPedanticRegistry()
	s.registry.MustRegister(collector.New(func() *poller.Poller { return s.poller }))
}

func (s *soak) options(saved *poller.State) poller.Options {
	httpClient, closeAll := simulator.Pipe(s.api)
	s.closers = append(s.closers, closeAll)
	pacer := innius.NewPacer(soakPerHour, burst)
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "api.example"}, AllowHTTP: true, HTTPClient: httpClient, Pacer: pacer, Key: s.readKey,
		PageSize: 2, Observe: s.counters.Of("a1").Observe,
	})
	if err != nil {
		s.Fatal(err)
	}
	return poller.Options{
		Accounts: []poller.Account{{Name: "a1", Origin: "api.example", Client: client, Pacer: pacer, Concurrency: 4}}, Counters: s.counters,
		DiscoveryInterval: 15 * time.Minute, StaleAfter: 24 * time.Hour, State: saved,
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (s *soak) readKey() (innius.Secret, error) {
	if s.keyMissing.Load() {
		return innius.Secret{}, errors.New("no such file")
	}
	return innius.NewSecret(key), nil
}

func (s *soak) run() {
	ctx, cancel := context.WithCancel(s.Context())
	s.cancel, s.started = cancel, time.Now()
	s.running.Go(func() { s.poller.Run(ctx) })
	synctest.Wait()
}

// halt ends the poller, but not the connections.
func (s *soak) halt() {
	s.cancel()
	s.running.Wait()
}

func (s *soak) stop() {
	s.halt()
	s.closeConnections(0)
}

// closeConnections closes those of all clients but the newest ones.
func (s *soak) closeConnections(newest int) {
	for _, closeAll := range s.closers[:len(s.closers)-newest] {
		closeAll()
	}
	s.closers = s.closers[len(s.closers)-newest:]
}

// pass lets virtual time pass until everything that is due has happened.
func (s *soak) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// restart stops the process and starts the next one after a while.
func (s *soak) restart(saved *poller.State, down time.Duration, what string) {
	s.stop()
	if saved == nil && what != "cold start" {
		state := s.poller.Save()
		saved = &state
	}
	time.Sleep(down)
	s.makePoller(saved)
	s.report.restarts++
	s.run()
	s.recovers(what)
}

// events happen between the faults, each followed by a recovery.
func (s *soak) events() []func() {
	return []func(){
		func() { s.restart(nil, time.Duration(s.random.IntN(600))*time.Second, "restart") },
		s.machineAdded, s.keyRevoked(http.StatusUnauthorized), s.reload, s.outage(simulator.Unavailable), s.crash,
		s.machineRemoved, s.keyRevoked(http.StatusForbidden), s.keyUnreadable, s.outage(simulator.Reset), s.emptyList,
	}
}

// crash loses what has happened since the state was saved last.
func (s *soak) crash() {
	saved := s.poller.Save()
	s.watch(10 * time.Minute)
	for i := range saved.Accounts {
		saved.Accounts[i].Pacer = saved.Accounts[i].Pacer.Spent(time.Now())
	}
	s.restart(&saved, 0, "crash")
}

// coldStart starts without state. The burst is full again by then.
func (s *soak) coldStart() { s.restart(nil, 5*time.Minute, "cold start") }

func (s *soak) reload() {
	s.halt()
	s.poller = s.poller.HandOver(s.options(nil))
	s.run()
	s.closeConnections(1)
	s.report.reloads++
	s.recovers("reload")
}

func (s *soak) machineAdded() {
	s.api.AddMachine(guest())
	s.machines = guestMachine
	s.recovers("new machine")
}

func (s *soak) machineRemoved() {
	s.api.RemoveMachine(guest().ID)
	s.machines = oddMachine
	s.recovers("removed machine")
}

func (s *soak) keyRevoked(status int) func() {
	return func() {
		s.api.RevokeKey(status)
		s.watch(20 * time.Minute)
		s.api.SetKey(key)
		s.recovers("revoked key")
	}
}

func (s *soak) keyUnreadable() {
	s.keyMissing.Store(true)
	s.watch(10 * time.Minute)
	s.keyMissing.Store(false)
	s.recovers("unreadable key")
}

func (s *soak) outage(kind simulator.FaultKind) func() {
	return func() {
		remove := s.api.Inject(simulator.Fault{Kind: kind})
		s.watch(40 * time.Minute)
		remove()
		s.recovers("outage by " + string(kind))
	}
}

func (s *soak) emptyList() {
	s.api.EmptyMachines(true)
	s.watch(10 * time.Minute)
	s.api.EmptyMachines(false)
	s.recovers("empty list")
}

// faultAlone injects one kind of fault for an hour.
func (s *soak) faultAlone(kind simulator.FaultKind) {
	f := s.fault(kind)
	switch kind {
	case simulator.TooMany: // it would use up the requests of the hour
		f.Probability, f.Times = 0.05, 12
	case simulator.EndlessBody: // it takes the test too long
		f.Probability, f.Times = 0.5, 8
	default:
		f.Probability = pick(s.random, 0.4, 0.9, 1)
	}
	remove := s.api.Inject(f)
	s.watch(time.Hour)
	remove()
	s.recovers(string(kind))
}

// faultsTogether injects all kinds at random for two hours.
func (s *soak) faultsTogether() {
	var removes []func()
	for _, kind := range simulator.FaultKinds() {
		f := s.fault(kind)
		f.Probability = 0.01
		if kind == simulator.TooMany || kind == simulator.EndlessBody { // the one lowers the rate for hours, the other takes long
			f.Probability = 0.001
		}
		removes = append(removes, s.api.Inject(f))
	}
	s.watch(2 * time.Hour)
	for _, remove := range removes {
		remove()
	}
	s.recovers("mixed faults")
}

// fault is one of a kind, of random size.
func (s *soak) fault(kind simulator.FaultKind) simulator.Fault {
	f := simulator.Fault{Kind: kind}
	switch kind {
	case simulator.Slow:
		f.Delay = time.Duration(1+s.random.IntN(8)) * time.Second
	case simulator.TooMany:
		f.Delay = time.Duration(1+s.random.IntN(4)) * time.Minute
	case simulator.ClockOff:
		f.Delay = pick(s.random, 90*time.Second, 20*time.Minute, 5*time.Hour, 3*365*24*time.Hour)
		f.Delay *= pick(s.random, time.Duration(-1), 1)
	}
	return f
}

func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// soakReport is what a soak test logs at its end.
type soakReport struct {
	restarts, reloads int
	longest           map[string]float64       // recovery in cycles, by its cause
	blocked           map[string]time.Duration // the longest time of pauses and back-off before it
	heaps             []uint64                 // after each round
}

// judge fails if something did not happen, or has grown.
func (s *soak) judge() {
	stats := s.api.Stats()
	for _, kind := range simulator.FaultKinds() {
		if n := stats.Faults[kind]; n < 5**soakRounds {
			s.Errorf("fault %s: %d times, want %d", kind, n, 5**soakRounds)
		}
	}
	if stats.Requests < 50_000**soakRounds || stats.Of("", http.StatusOK) < stats.Requests/2 {
		s.Errorf("%d requests, %d of them with status 200", stats.Requests, stats.Of("", http.StatusOK))
	}
	if stats.Limited != 0 || stats.TooEarly != 0 {
		s.Errorf("%d requests over the rate limit, %d before a stated wait was over", stats.Limited, stats.TooEarly)
	}
	first, last := float64(s.report.heaps[0]), float64(s.report.heaps[len(s.report.heaps)-1])
	if last > 1.1*first+1<<20 {
		s.Errorf("the heap grows: %d bytes", s.report.heaps)
	}
	s.Logf("%.1f days: %d requests, %d with status 200, %d restarts, %d reloads; at most %.1f requests ahead of the rate; heap %d KiB, then %d KiB",
		time.Since(start).Hours()/24, stats.Requests, stats.Of("", http.StatusOK), s.report.restarts, s.report.reloads, s.mostAhead,
		s.report.heaps[0]>>10, s.report.heaps[len(s.report.heaps)-1]>>10)
	for _, cause := range slices.Sorted(maps.Keys(s.report.longest)) {
		s.Logf("%-24s %6d faults, recovery in %.2f cycles, %s blocked before", cause, stats.Faults[simulator.FaultKind(cause)],
			s.report.longest[cause], s.report.blocked[cause].Round(time.Second))
	}
}

// heap is what is in use after garbage collection.
func (s *soak) heap() uint64 {
	s.gather()
	var stats runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// logBuffer keeps the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(line)
}

func (b *logBuffer) contains(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.buf.String(), text)
}

func (b *logBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = bytes.Buffer{} // with the memory that it used
}

// gather is one scrape: values by metric and labels, as in the text format.
func (s *soak) gather() map[string]float64 {
	s.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue()
		}
	}
	return all
}
