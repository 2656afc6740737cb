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
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// NewCollector is collector.New. The external test package sets it: that package imports this one.
var NewCollector func(current func() *Poller) prometheus.Collector

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is the key of every story: wherever it is seen but in its header, a story fails.
const canary = "Canary-7f3a+/9"

// setting is what a story begins with. The zero value of a field means its default.
type setting struct {
	plant       simulator.Plant
	api         simulator.Options // its key is the canary
	perHour     float64           // what the pacer keeps to; default: 95 % of the API's limit, or 1200
	burst       int               // default: the API's, or 30
	concurrency int               // default: 4
	company     innius.Company    // set by the user; default: the API names it
	client      innius.Options    // what it leaves out is filled in
	options     func(*Options)
	faults      []simulator.Fault // injected before the first request
	more        []setting         // further accounts
}

// story is a poller with the real client over simulated APIs, in virtual time. Its accounts are named a1, a2 ...
type story struct {
	*testing.T
	api      *simulator.Server // of the first account
	apis     []*simulator.Server
	fronts   []*relay
	key      *keySource // of the first account
	poller   *Poller
	registry *prometheus.Registry
	log      *book

	begun   []setting // per account, as it is now
	keys    []*keySource
	cancel  context.CancelFunc
	running sync.WaitGroup
	closers []func()
}

// play runs a story in a bubble: the poller runs from its first moment. Afterwards it must have left no goroutine,
// no key and no exposition that a registry or promlint would complain of.
func play(t *testing.T, begin setting, tell func(s *story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, begin)
		defer s.stop()
		s.run()
		tell(s)
		s.checkExposition()
		s.checkSecrets()
	})
}

// prepare makes everything but runs nothing.
func prepare(t *testing.T, begin setting) *story {
	t.Helper()
	s := &story{T: t, log: &book{}, begun: append([]setting{begin}, begin.more...)}
	for _, one := range s.begun {
		s.serve(one)
	}
	s.api, s.key = s.apis[0], s.keys[0]
	s.make(nil)
	return s
}

// serve makes an account's API.
func (s *story) serve(one setting) {
	one.api.Key = canary
	server, front := simulator.New(one.plant, one.api), &relay{}
	for _, f := range one.faults {
		server.Inject(f)
	}
	front.Store(server)
	s.apis, s.fronts, s.keys = append(s.apis, server), append(s.fronts, front), append(s.keys, &keySource{key: canary})
}

// make makes a poller with all that belongs to it, as a process does when it starts.
func (s *story) make(kept *State) {
	s.poller = New(s.options(&Counters{}, kept))
	s.registry = prometheus.NewPedanticRegistry()
	s.registry.MustRegister(NewCollector(func() *Poller { return s.poller }))
}

func (s *story) options(counters *Counters, kept *State) Options {
	opts := Options{
		StaleAfter: 24 * time.Hour, // stories of outages look at values that auto would drop after an hour
		Counters:   counters, State: kept,
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for i := range s.begun {
		opts.Accounts = append(opts.Accounts, s.account(i, opts.Counters))
	}
	if change := s.begun[0].options; change != nil {
		change(&opts)
	}
	return opts
}

func (s *story) account(i int, counters *Counters) Account {
	one, name := s.begun[i], fmt.Sprintf("a%d", i+1)
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

func (s *story) run() {
	ctx, cancel := context.WithCancel(s.Context())
	s.cancel = cancel
	s.running.Go(func() { s.poller.Run(ctx) })
	synctest.Wait()
}

// stop ends the poller, then the API. More than once does no harm.
func (s *story) stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.running.Wait()
	for _, closeAll := range s.closers {
		closeAll()
	}
	s.closers = nil
}

// pass lets virtual time pass, and everything that is due by then happen.
func (s *story) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// samples are the series of one scrape, as in the text format: name{label="value",...}.
type samples map[string]float64

func (s *story) gather() samples {
	s.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.Errorf("gather: %v", err)
	}
	all := samples{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all[f.GetName()+labelText(m)] = sampleOf(m)
		}
	}
	return all
}

func labelText(m *dto.Metric) string {
	pairs := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		pairs[i] = fmt.Sprintf("%s=%q", l.GetName(), l.GetValue())
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// sampleOf is a sample's value; of a histogram its count.
func sampleOf(m *dto.Metric) float64 {
	return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
}

// want fails where a series has not this value.
func (s *story) want(series string, value float64) {
	s.Helper()
	if got, ok := s.gather()[series]; !ok || got != value {
		s.Errorf("%s after %s: got %v (present: %t), want %v", series, s.clock(), got, ok, value)
	}
}

func (s *story) wantAbsent(series string) {
	s.Helper()
	if got, ok := s.gather()[series]; ok {
		s.Errorf("%s after %s: got %v, want it absent", series, s.clock(), got)
	}
}

// clock is how long the story has lasted: bubbles begin in 2000.
func (s *story) clock() time.Duration { return time.Since(dawn) }

// dawn is when every bubble begins.
var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

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

// values are the series of a name by the rest of their text.
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
func (s *story) states(account string, state SensorStatus) float64 {
	return s.gather()[fmt.Sprintf("innius_exporter_sensors{account=%q,status=%q}", account, state)]
}

func (s *story) checkExposition() {
	s.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.Errorf("gather: %v", err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		s.Errorf("promlint: %v %v", problems, err)
	}
	for series, v := range s.gather() {
		if math.IsNaN(v) {
			s.Errorf("%s is no number", series)
		}
	}
}

// view returns what is known of an account, by its number.
func (s *story) view(account int) *AccountView { return &s.poller.View(time.Now()).Accounts[account-1] }

// sensorNow is all that is known of a sensor.
type sensorNow struct {
	inventory.Sensor
	SensorView
	next Upcoming
}

// sensorsOf returns the sensors of an account, by its number.
func (s *story) sensorsOf(account int) (all []sensorNow) {
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
func (s *story) facts() string {
	var all []any
	for i, a := range s.poller.View(time.Now()).Accounts {
		all = append(all, a)
		for _, one := range s.sensorsOf(i + 1) {
			all = append(all, one.Record, one.Sensor.Sensor, one.Machine.Machine)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		s.Errorf("facts as JSON: %v", err)
	}
	return string(text)
}

// checkSecrets looks for the key everywhere that a person or a machine may read.
func (s *story) checkSecrets() {
	s.Helper()
	for place, text := range map[string]string{"log": s.log.text(), "status": s.facts(), "metrics": fmt.Sprint(s.gather())} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
			s.Errorf("the key stands in the %s", place)
		}
	}
	for i, api := range s.apis {
		if n := api.Stats().KeyExposed; n > 0 {
			s.Errorf("account %d: the key was sent outside its header %d times", i+1, n)
		}
	}
}

// book keeps the log.
type book struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(line)
}

func (b *book) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines returns the lines that hold all of some texts.
func (b *book) lines(texts ...string) []string {
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

// relay is where an account's requests go: to another API when a test puts one there.
type relay struct {
	atomic.Pointer[simulator.Server]
	refusing atomic.Pointer[func()] // called before each 429, while nothing else has been told of it; nil: nobody wants to know
	bodies   map[string]string      // what is answered instead, by the path; set before the story runs
	gone     atomic.Bool            // new connections are refused
	dials    atomic.Int64
}

// guard has a transport's connections counted, and refused while the API is gone.
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
		w = &watched{ResponseWriter: w, refusing: *refusing}
	}
	if body, odd := r.bodies[req.URL.Path]; odd {
		_, _ = io.WriteString(w, body)
		return
	}
	r.Load().ServeHTTP(w, req)
}

// watched is an answer that tells of a 429.
type watched struct {
	http.ResponseWriter
	refusing func()
}

func (w *watched) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		w.refusing()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a ResponseController through.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// keySource stands for a key file.
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

// works is a plant of machines m1, m2 ... ("Machine 1" ...) with sensors m1-s1 ... ("Sensor 1" ...), each with a reading
// every 10 s that holds the Unix seconds of its own measurement: value and timestamp must always be equal.
func works(machines, sensors int) simulator.Plant {
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

// checkValues fails where a value is not the one of its timestamp, in plants like works.
func (s *story) checkValues() {
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

func (b *book) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = bytes.Buffer{} // with what it had grown to
}

// seconds returns a moment in seconds since the epoch.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
