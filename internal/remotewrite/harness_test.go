package remotewrite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"innius_exporter/innius"
)

func TestMain(m *testing.M) {
	syncFile = func(f *os.File) error {
		if note := onSync.Load(); note != nil {
			return (*note)(f)
		}
		return nil
	}
	goleak.VerifyTestMain(m)
}

// onSync is called instead of syncing a file. No test can see whether a file was synced, only whether it was called for.
var onSync atomic.Pointer[func(*os.File) error]

// schema is that of remote write 1.0 in its specification, so that what is sent is not decoded by the mistakes of its encoder.
const schema = `
name: "remote.proto" package: "prometheus" syntax: "proto3"
message_type {
  name: "WriteRequest"
  field { name: "timeseries" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.TimeSeries" }
}
message_type {
  name: "TimeSeries"
  field { name: "labels" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Label" }
  field { name: "samples" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Sample" }
}
message_type {
  name: "Label"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
}
message_type {
  name: "Sample"
  field { name: "value" number: 1 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "timestamp" number: 2 label: LABEL_OPTIONAL type: TYPE_INT64 }
}`

var writeRequest = func() protoreflect.MessageDescriptor {
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(schema), file); err != nil {
		panic(err)
	}
	built, err := protodesc.NewFile(file, nil)
	if err != nil {
		panic(err)
	}
	return built.Messages().ByName("WriteRequest")
}()

// received is one sample of a request.
type received struct {
	labels string // as Prometheus writes them
	sensor string
	time   int64
	value  float64
}

// decodeRequest decodes a body. It fails for anything that the specification does not permit.
func decodeRequest(body []byte) ([]received, error) {
	plain, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	m := dynamicpb.NewMessage(writeRequest)
	if err := proto.Unmarshal(plain, m); err != nil {
		return nil, err
	}
	if n := len(m.GetUnknown()); n > 0 {
		return nil, fmt.Errorf("%d bytes of unknown fields", n)
	}
	get := func(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
		return m.Get(m.Descriptor().Fields().ByName(name))
	}
	var all []received
	seen := map[string]bool{}
	series := get(m, "timeseries").List()
	for i := range series.Len() {
		one, names, pairs, sensor := series.Get(i).Message(), []string{}, []string{}, ""
		labels := get(one, "labels").List()
		for j := range labels.Len() {
			name, value := get(labels.Get(j).Message(), "name").String(), get(labels.Get(j).Message(), "value").String()
			if value == "" {
				return nil, fmt.Errorf("label %s is empty", name)
			}
			if names = append(names, name); name == "sensor" {
				sensor = value
			}
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, value))
		}
		key := "{" + strings.Join(pairs, ", ") + "}"
		if !slices.IsSorted(names) || len(slices.Compact(names)) != labels.Len() || seen[key] {
			return nil, fmt.Errorf("labels %s are not sorted, or occur twice", key)
		}
		seen[key] = true
		samples := get(one, "samples").List()
		before := int64(math.MinInt64)
		for j := range samples.Len() {
			s := samples.Get(j).Message()
			at := get(s, "timestamp").Int()
			if at <= before {
				return nil, fmt.Errorf("samples of %s are not ascending, or occur twice", key)
			}
			before = at
			all = append(all, received{key, sensor, at, get(s, "value").Float()})
		}
	}
	return all, nil
}

// fake is a receiver in the same bubble.
type fake struct {
	t *testing.T

	mu       sync.Mutex
	respond  respond // nil: accepts them
	stored   []received
	requests []time.Time
	headers  http.Header // of the latest request
	hosts    map[string]bool
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// startFake starts a receiver that accepts everything unless respond is set, and returns the settings for it.
func startFake(t *testing.T, name string) (*fake, Receiver) {
	f := &fake{t: t, hosts: map[string]bool{}}
	l := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: f, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		f.mu.Lock()
		f.hosts[address] = true
		f.mu.Unlock()
		ours, theirs := net.Pipe()
		select {
		case l.connections <- theirs:
			return ours, nil
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}}
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return f, Receiver{
		Name: name, URL: &url.URL{Scheme: "http", Host: name + ".example", Path: "/api/v1/write"}, Transport: transport,
		Timeout: 30 * time.Second, Spool: 16 << 20, UserAgent: "innius_exporter/test",
		Authorization: func() (string, []string, error) { return "", nil, nil },
	}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // ended by the sender
	}
	samples, err := decodeRequest(body)
	if err != nil {
		f.t.Errorf("request is malformed: %v", err)
	}
	f.mu.Lock()
	f.requests, f.headers = append(f.requests, time.Now()), r.Header.Clone()
	respond := f.respond
	f.mu.Unlock()
	if respond != nil {
		respond(w, r, samples)
		return
	}
	f.store(samples)
	w.WriteHeader(http.StatusNoContent)
}

func (f *fake) store(samples []received) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = append(f.stored, samples...)
}

type respond = func(w http.ResponseWriter, r *http.Request, samples []received)

// onRequest sets what happens at a request, nil: it is accepted, and returns what happened before. Requests of this moment have
// got their responses by then.
func (f *fake) onRequest(next respond) (before respond) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	before, f.respond = f.respond, next
	return before
}

// unless makes the receiver respond with a status where a function reports so of any sample, and accept the others.
func (f *fake) unless(code int, text string, is func(received) bool) (before respond) {
	return f.onRequest(func(w http.ResponseWriter, _ *http.Request, samples []received) {
		if slices.ContainsFunc(samples, is) {
			http.Error(w, text, code)
			return
		}
		f.store(samples)
	})
}

func always(received) bool { return true }

// likePrometheus makes the receiver accept or refuse as a Prometheus with an out-of-order window does, 0: none. It refuses a
// request as a whole, and readings that are older than an hour and the window, or than the newest of their series and the window.
// tooOld is its status for those that are older than the window.
func (f *fake) likePrometheus(window time.Duration, tooOld int) {
	type key struct {
		labels string
		time   int64
	}
	newest, stored := map[string]int64{}, map[key]float64{}
	f.onRequest(func(w http.ResponseWriter, _ *http.Request, samples []received) {
		now := map[string]int64{}
		for _, s := range samples {
			latest := max(newest[s.labels], now[s.labels])
			value, known := stored[key{s.labels, s.time}]
			switch age := time.Since(time.UnixMilli(s.time)); {
			case window == 0 && age > time.Hour:
				http.Error(w, "out of bounds", http.StatusBadRequest)
				return
			case known && value == s.value && s.time == latest: // once more
			case known && value != s.value:
				http.Error(w, "duplicate sample for timestamp", http.StatusBadRequest)
				return
			case window == 0 && s.time <= latest:
				http.Error(w, "out of order sample", http.StatusBadRequest)
				return
			case window > 0 && age > window:
				http.Error(w, "too old sample", tooOld)
				return
			}
			now[s.labels] = max(latest, s.time)
		}
		for _, s := range samples {
			newest[s.labels], stored[key{s.labels, s.time}] = max(newest[s.labels], s.time), s.value
		}
		f.store(samples)
	})
}

// values returns what was stored of a sensor, in the order of the first arrival: a reading may be sent twice.
func (f *fake) values(sensor string) (values []float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[received]bool{}
	for _, s := range f.stored {
		if s.sensor == sensor && !seen[s] {
			seen[s] = true
			values = append(values, s.value)
		}
	}
	return values
}

// header returns a header of the latest request.
func (f *fake) header(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.headers.Get(name)
}

// forget forgets the requests so far.
func (f *fake) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

// wantOneHost fails if the sender connected to another host than that of the URL.
func (f *fake) wantOneHost() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hosts) != 1 {
		f.t.Errorf("connected to %v", f.hosts)
	}
}

// sent returns the number of requests so far.
func (f *fake) sent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

// wantFewRequests fails if some minute had more requests than a batch with its parts may need.
func (f *fake) wantFewRequests(perMinute int) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, at := range f.requests {
		n := i
		for n < len(f.requests) && f.requests[n].Sub(at) < time.Minute {
			n++
		}
		if n-i > perMinute {
			f.t.Fatalf("%d requests in the minute from %s", n-i, at)
		}
	}
}

// plant appends readings as a poller does.
type plant struct {
	*Writer
	t     *testing.T
	log   *logBuffer
	dir   string
	count map[string]float64 // readings of each sensor so far
	times map[string][]int64 // and their times
}

type logBuffer struct {
	mu      sync.Mutex
	discard bool
	bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.discard {
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// lines returns the number of lines that contain a text.
func (b *logBuffer) lines(text string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func newPlant(t *testing.T, receivers ...Receiver) *plant {
	p := &plant{t: t, dir: t.TempDir(), log: &logBuffer{}, count: map[string]float64{}, times: map[string][]int64{}}
	p.start(receivers...)
	t.Cleanup(func() { p.Close() })
	return p
}

// start starts the writer, as after a restart.
func (p *plant) start(receivers ...Receiver) {
	p.t.Helper()
	p.Writer = New(p.dir, slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err := p.Configure(p.t.Context(), receivers); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the writer as SIGKILL does: nothing more is sent or written.
func (p *plant) kill() {
	for _, r := range p.receivers {
		r.cancel()
		r.ended.Wait()
		r.settings.Load().closeIdleConnections()
		r.spool.closeFile()
	}
	p.receivers = nil
}

// poll appends readings of a sensor with values 1, 2, ..., the newest of now and each a second after the one before.
func (p *plant) poll(sensor string, n int) {
	now := time.Now()
	var readings []innius.Reading
	for i := range n {
		p.count[sensor]++
		at := now.Add(time.Duration(i-n+1) * time.Second)
		readings = append(readings, innius.Reading{Time: at, Value: p.count[sensor]})
		p.times[sensor] = append(p.times[sensor], at.UnixMilli())
	}
	p.Append("acme", "Press 1", sensor, readings)
}

// pollFor polls some sensors, each every 30 s with three readings, for some time.
func (p *plant) pollFor(d time.Duration, sensors ...string) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, sensor := range sensors {
			p.poll(sensor, 3)
			time.Sleep(30 * time.Second / time.Duration(len(sensors)))
		}
	}
}

// wantAll fails unless a receiver has all readings of a sensor but some, in their order, each once.
func (p *plant) wantAll(f *fake, sensor string, but ...float64) {
	p.t.Helper()
	var want []float64
	for v := 1.0; v <= p.count[sensor]; v++ {
		if !slices.Contains(but, v) {
			want = append(want, v)
		}
	}
	if got := f.values(sensor); !slices.Equal(got, want) {
		p.t.Errorf("%s: stored %v, want %v", sensor, got, want)
	}
}

// long skips, in short runs, a test that only takes more time than others with the same goroutines.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
}

// inBubble runs a test with virtual time, from noon on.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(noon))
		test(t)
	})
}
