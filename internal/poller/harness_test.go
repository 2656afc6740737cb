package poller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// Collector is collector.Collector.
type Collector interface {
	prometheus.Collector
	WriteText(w io.Writer, accounts, names []string) error
}

// NewCollector is collector.New. The external test package sets it: that package imports this one.
var NewCollector func(current func() *Poller) Collector

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long skips a simulation of many hours or sensors in short runs.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
}

// testKey is the key of every scenario. A scenario fails if it appears anywhere but in its header.
const testKey = "Canary-7f3a+/9"

// setup describes a scenario. The zero value of a field means its default.
type setup struct {
	plant       simulator.Plant
	api         simulator.Options // its key is testKey
	perHour     float64           // what the pacer keeps to; default: 95 % of the API's limit, or 1200
	burst       int               // default: the API's, or 30
	concurrency int               // default: 4
	company     innius.Company    // set by the user; default: the API names it
	client      innius.Options    // what it leaves out is filled in
	options     func(*Options)
	faults      []simulator.Fault // injected before the first request
	more        []setup           // further accounts
}

// scenario is a poller with the real client and simulated APIs, in virtual time. Its accounts are named a1, a2 ...
type scenario struct {
	*testing.T
	api       *simulator.Server // of the first account
	apis      []*simulator.Server
	fronts    []*relay
	key       *keySource // of the first account
	poller    *Poller
	collector Collector
	log       *logBuffer

	setups  []setup // per account, as of now
	keys    []*keySource
	cancel  context.CancelFunc
	running sync.WaitGroup
	closers []func()
	wall    atomic.Int64 // how far the wall clock was set ahead of virtual time, in nanoseconds
}

// runScenario runs a scenario in a synctest bubble, with the poller running from the start. Afterwards it checks that no goroutine, no
// exposed key and no invalid exposition is left.
func runScenario(t *testing.T, begin setup, body func(s *scenario)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, begin)
		defer s.stop()
		s.start()
		body(s)
		s.checkExposition()
		s.checkSecrets()
	})
}

// prepare makes everything without running it.
func prepare(t *testing.T, begin setup) *scenario {
	t.Helper()
	s := &scenario{T: t, log: &logBuffer{}, setups: append([]setup{begin}, begin.more...)}
	for _, one := range s.setups {
		s.serve(one)
	}
	s.api, s.key = s.apis[0], s.keys[0]
	s.newPoller(nil)
	return s
}

// serve makes an account's API.
func (s *scenario) serve(one setup) {
	one.api.Key = testKey
	server, front := simulator.New(one.plant, one.api), &relay{}
	for _, f := range one.faults {
		server.Inject(f)
	}
	front.Store(server)
	s.apis, s.fronts, s.keys = append(s.apis, server), append(s.fronts, front), append(s.keys, &keySource{key: testKey})
}

// newPoller makes a poller and its collector, as a process does at the start.
func (s *scenario) newPoller(saved *State) {
	s.poller = New(s.options(&Counters{}, saved))
	s.collector = NewCollector(func() *Poller { return s.poller })
}

func (s *scenario) options(counters *Counters, saved *State) Options {
	opts := Options{
		StaleAfter: 24 * time.Hour, // scenarios of outages need values that auto would drop after an hour
		Counters:   counters, State: saved, Wall: s.wallNow,
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for i := range s.setups {
		opts.Accounts = append(opts.Accounts, s.account(i, opts.Counters))
	}
	if change := s.setups[0].options; change != nil {
		change(&opts)
	}
	return opts
}

func (s *scenario) account(i int, counters *Counters) Account {
	one, name := s.setups[i], fmt.Sprintf("a%d", i+1)
	pacer := innius.NewPacer(or(one.perHour, or(0.95*float64(one.api.Limits.PerHour), 1200)), or(one.burst, or(one.api.Limits.Burst, 30)))
	client := one.client
	client.BaseURL, client.AllowHTTP = &url.URL{Scheme: "http", Host: "api.example"}, true
	client.Key, client.Pacer, client.UserAgent, client.Observe = s.keys[i].read, pacer, "test", counters.Of(name).Observe
	client.PageSize = or(client.PageSize, 5) // the newest readings are enough, and cheap
	var closeAll func()
	client.HTTPClient, closeAll = simulator.Pipe(s.fronts[i])
	s.fronts[i].guard(client.HTTPClient.Transport.(*http.Transport))
	made, err := innius.New(client)
	if err != nil {
		s.Fatal(err)
	}
	s.closers = append(s.closers, closeAll)
	return Account{Name: name, Origin: "api.example", Client: made, Pacer: pacer, Concurrency: or(one.concurrency, 4), Company: one.company}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (s *scenario) start() {
	ctx, cancel := context.WithCancel(s.Context())
	s.cancel = cancel
	s.running.Go(func() { s.poller.Run(ctx) })
	synctest.Wait()
}

// stop ends the poller, then the API. It may be called again.
func (s *scenario) stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.running.Wait()
	for _, closeAll := range s.closers {
		closeAll()
	}
	s.closers = nil
}

// advance lets virtual time pass, and everything that is due by then happen.
func (s *scenario) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// samples are the series of one scrape, as in the text format: name{label="value",...}.
type samples map[string]float64

// gather scrapes the metrics with these names, all if there are none.
func (s *scenario) gather(names ...string) samples {
	s.Helper()
	var text bytes.Buffer
	if err := s.collector.WriteText(&text, nil, names); err != nil {
		s.Errorf("metrics: %v", err)
	}
	all := samples{}
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ') // labels may hold spaces
		value, err := strconv.ParseFloat(line[end+1:len(line)-1], 64)
		if err != nil {
			s.Errorf("metrics: %q: %v", line, err)
		}
		all[line[:end]] = value
	}
	return all
}

// value scrapes one series.
func (s *scenario) value(series string) (value float64, present bool) {
	s.Helper()
	name, _, _ := strings.Cut(series, "{")
	value, present = s.gather(name)[series]
	return value, present
}

// want fails unless a series has this value.
func (s *scenario) want(series string, value float64) {
	s.Helper()
	if got, ok := s.value(series); !ok || got != value {
		s.Errorf("%s after %s: got %v (present: %t), want %v", series, s.clock(), got, ok, value)
	}
}

func (s *scenario) wantAbsent(series string) {
	s.Helper()
	if got, ok := s.value(series); ok {
		s.Errorf("%s after %s: got %v, want it absent", series, s.clock(), got)
	}
}

// setWall sets the wall clock ahead, and leaves virtual time as it is.
func (s *scenario) setWall(by time.Duration) { s.wall.Add(int64(by)) }

func (s *scenario) wallNow() time.Time { return time.Now().Add(time.Duration(s.wall.Load())) }

// clock is the time since the start of the scenario.
func (s *scenario) clock() time.Duration { return time.Since(dawn) }

// dawn is the start of every scenario.
var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// wantSame fails if two scrapes differ, and prints the series that do.
func (s *scenario) wantSame(before, after samples) {
	s.Helper()
	for series := range before {
		if now, ok := after[series]; !ok || now != before[series] {
			s.Errorf("%s was %v, now %v (present: %t)", series, before[series], now, ok)
		}
	}
	for series := range after {
		if _, ok := before[series]; !ok {
			s.Errorf("%s is new: %v", series, after[series])
		}
	}
}

// count counts the series of a name.
func (all samples) count(name string) int {
	n := 0
	for series := range all {
		if strings.HasPrefix(series, name+"{") {
			n++
		}
	}
	return n
}

// values are the series of a name, by the rest of their text.
func (all samples) values(name string) samples {
	some := samples{}
	for series, v := range all {
		if rest, ok := strings.CutPrefix(series, name+"{"); ok {
			some["{"+rest] = v
		}
	}
	return some
}

// states counts the sensors of an account in a state.
func (s *scenario) states(account string, state SensorStatus) float64 {
	n, _ := s.value(fmt.Sprintf("innius_exporter_sensors{account=%q,status=%q}", account, state))
	return n
}

func (s *scenario) checkExposition() {
	s.Helper()
	for series, value := range s.gather() {
		if math.IsNaN(value) {
			s.Errorf("%s is not a number", series)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s.collector)
	families, err := registry.Gather()
	if err != nil {
		s.Errorf("gather: %v", err)
	}
	for _, f := range families {
		f.Metric = f.Metric[:1] // promlint compares each pair; the registry has found duplicates and other label names
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		s.Errorf("promlint: %v %v", problems, err)
	}
}

// view returns what is known of an account, by its number.
func (s *scenario) view(account int) *AccountView {
	return s.poller.View(time.Now()).Accounts[account-1]
}

// sensorNow is all that is known of a sensor.
type sensorNow struct {
	inventory.Sensor
	SensorView
	next Upcoming
}

// sensorsOf returns the sensors of an account, by its number.
func (s *scenario) sensorsOf(account int) (all []sensorNow) {
	v := s.poller.View(time.Now())
	next := v.Upcoming(account - 1)
	for _, m := range v.Inventory.Accounts[account-1].Machines {
		for _, one := range m.Sensors {
			all = append(all, sensorNow{*one, v.Sensor(one), next[len(all)]})
		}
	}
	return all
}

// facts returns everything that the status page is made of.
func (s *scenario) facts() string {
	var all []any
	for i, a := range s.poller.View(time.Now()).Accounts {
		all = append(all, a)
		for _, one := range s.sensorsOf(i + 1) {
			r := *one.Record
			if math.IsNaN(r.Value) { // JSON has no such number
				r.Value = 0
			}
			all = append(all, r, one.Sensor.Sensor, one.Machine.Machine)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		s.Errorf("facts as JSON: %v", err)
	}
	return string(text)
}

// checkSecrets looks for the key in everything that is exposed.
func (s *scenario) checkSecrets() {
	s.Helper()
	for place, text := range map[string]string{"log": s.log.text(), "status": s.facts(), "metrics": fmt.Sprint(s.gather())} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(testKey)) {
			s.Errorf("the key appears in the %s", place)
		}
	}
	for i, api := range s.apis {
		if n := api.Stats().KeyExposed; n > 0 {
			s.Errorf("account %d: the key was sent outside its header %d times", i+1, n)
		}
	}
}

// logBuffer collects the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(line)
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines returns the lines that hold all of some texts.
func (b *logBuffer) lines(texts ...string) []string {
	var found []string
next:
	for line := range strings.Lines(b.text()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// relay forwards the requests of an account to its API, which a test may replace.
type relay struct {
	atomic.Pointer[simulator.Server]
	refusing atomic.Pointer[func()]   // called before each 429 is sent; may be nil
	bodies   map[string]func() string // responses by path; set before the scenario runs
	gone     atomic.Bool              // new connections are refused
	dials    atomic.Int64
}

// guard counts the connections of a transport, and refuses them while the API is gone.
func (r *relay) guard(transport *http.Transport) {
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		r.dials.Add(1)
		if r.gone.Load() {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		return dial(ctx, network, address)
	}
}

// ServeHTTP implements http.Handler.
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if refusing := r.refusing.Load(); refusing != nil {
		w = &watchedWriter{ResponseWriter: w, refusing: *refusing}
	}
	if body, odd := r.bodies[req.URL.Path]; odd {
		_, _ = io.WriteString(w, body())
		return
	}
	r.Load().ServeHTTP(w, req)
}

// watchedWriter reports a 429.
type watchedWriter struct {
	http.ResponseWriter
	refusing func()
}

func (w *watchedWriter) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		w.refusing()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a ResponseController through.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// keySource simulates a key file.
type keySource struct {
	mu      sync.Mutex
	key     string
	missing bool
}

func (k *keySource) read() (innius.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.missing {
		return innius.Secret{}, errors.New("no such file")
	}
	return innius.NewSecret(k.key), nil
}

func (k *keySource) set(key string, missing bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key, k.missing = key, missing
}

// testPlant is a plant of machines m1, m2 ... ("Machine 1" ...) with sensors m1-s1 ... ("Sensor 1" ...), each with a reading
// every 10 s that holds the Unix seconds of its own measurement: value and timestamp must always be equal.
func testPlant(machines, sensors int) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: "Works"}}
	for i := range machines {
		p.Company.Machines = append(p.Company.Machines, machineOf(i+1, sensors))
	}
	return p
}

func machineOf(number, sensors int) simulator.Machine {
	m := simulator.Machine{ID: fmt.Sprintf("m%d", number), Name: fmt.Sprintf("Machine %d", number)}
	for i := range sensors {
		m.Sensors = append(m.Sensors, sensorOf(m.ID, i+1))
	}
	return m
}

func sensorOf(machine string, number int) simulator.Sensor {
	return simulator.Sensor{
		ID: fmt.Sprintf("%s-s%d", machine, number), Name: fmt.Sprintf("Sensor %d", number), Unit: "bar", Period: 10 * time.Second,
	}
}

// series is the text of a sensor's series in the default plant.
func series(name string, machine, sensor int) string {
	return fmt.Sprintf("%s{company=\"Works\",machine=\"Machine %d\",sensor=\"Sensor %d\"}", name, machine, sensor)
}

// checkValues fails if a value is not that of its timestamp, in plants like testPlant.
func (s *scenario) checkValues() {
	s.Helper()
	all := s.gather()
	stamps := all.values("innius_sensor_timestamp_seconds")
	for sensor, value := range all.values("innius_sensor_value") {
		if stamps[sensor] != value {
			s.Errorf("%s has value %v and timestamp %v", sensor, value, stamps[sensor])
		}
	}
}

// slow makes every request take a while, so that requests really overlap.
func slow(d time.Duration) simulator.Fault { return simulator.Fault{Kind: simulator.Slow, Delay: d} }

func (b *logBuffer) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = bytes.Buffer{} // with its memory
}

// seconds returns a moment in seconds since the epoch.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
