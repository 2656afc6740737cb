package freshness

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

const (
	key         = "Key-7f3a"
	share       = .95 // of the API's rate limit that the exporter uses
	burst       = 30
	maxInFlight = 64 // more requests than slow responses ever keep open
)

// figures are the result of one run of one scheduler.
type figures struct {
	lag, p95 float64 // seconds, weighted
	evenLag  float64 // seconds, without weights
	fresh    float64 // part of the weighted time without lag
	wasted   float64 // part of the polls without a new reading
	met      float64 // part of the time in which max-age targets were met
	limited  int     // 429s
	tooEarly int     // requests before a stated wait was over
	requests int     // of the whole run
}

// run is one scheduler in one row with one seed.
type run struct {
	*row
	subjects []*subject
	byID     map[string]*subject
	until    time.Time
	ledger   *ledger
	api      *simulator.Server
	wire     *wire
	poller   *poller.Poller
	helpers  sync.WaitGroup
}

// newRun makes poller, client and simulator. It must be called in a synctest bubble.
func newRun(t *testing.T, r *row, seed uint64, c contender) (one *run, closeAll func()) {
	one = &run{row: r, subjects: r.nature.make(seed), byID: map[string]*subject{}, until: time.Now().Add(r.warmUp + r.horizon)}
	for _, s := range one.subjects {
		one.byID[s.ID] = s
	}
	one.ledger = &ledger{run: one, groups: map[string][]string{}, tracks: map[string]*track{}}
	limits := simulator.Limits{PerHour: int(r.perHour()/share + 1), Burst: burst}
	one.api = simulator.New(plantOf(one.subjects[:r.nature.count()]), simulator.Options{Key: key, Limits: limits, Seed: seed})
	for _, f := range r.faults {
		one.api.Inject(f)
	}
	one.wire = &wire{api: one.api, random: rand.New(rand.NewPCG(seed, 2))}
	httpClient, closeAll := simulator.Pipe(one.wire)
	httpClient.Transport.(*http.Transport).MaxIdleConnsPerHost = maxInFlight
	pacer := innius.NewPacer(r.perHour(), burst)
	counters := &poller.Counters{}
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "api.example"}, AllowHTTP: true, HTTPClient: httpClient, Pacer: pacer,
		Key: func() (innius.Secret, error) { return innius.NewSecret(key), nil }, PageSize: or(r.page, 20), Observe: counters.Of("a1").Observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	one.poller = poller.New(poller.Options{
		Accounts: []poller.Account{{Name: "a1", Client: client, Pacer: pacer, Concurrency: maxInFlight}}, Counters: counters,
		DiscoveryInterval: or(r.discovery, 1000*hour), Rules: rules(one.subjects), Complete: r.complete,
		Logger:       slog.New(slog.DiscardHandler),
		NewScheduler: func(o schedule.Options) poller.Scheduler { return watched{c(one, o), one.ledger} },
	})
	return one, closeAll
}

// warm starts the exporter of a row and returns after the warm-up.
func (r *row) warm(t *testing.T) (one *run, stop func()) {
	one, closeAll := newRun(t, r, 1, exporters)
	ctx, cancel := context.WithCancel(t.Context())
	one.helpers.Go(func() { one.poller.Run(ctx) })
	time.Sleep(r.warmUp)
	synctest.Wait()
	return one, func() {
		cancel()
		one.helpers.Wait()
		closeAll()
	}
}

// measure does one run.
func (r *row) measure(t *testing.T, seed uint64, c contender) (f figures) {
	synctest.Test(t, func(t *testing.T) {
		one, closeAll := newRun(t, r, seed, c)
		defer closeAll()
		f = one.measure(t.Context(), seed)
	})
	return f
}

func (r *run) measure(ctx context.Context, seed uint64) figures {
	ctx, cancel := context.WithCancel(ctx)
	defer r.helpers.Wait()
	defer cancel()
	if r.meanwhile != nil {
		r.helpers.Go(func() { r.meanwhile(ctx, r, rand.New(rand.NewPCG(seed, 3))) })
	}
	r.helpers.Go(func() { r.poller.Run(ctx) })
	time.Sleep(r.warmUp)
	synctest.Wait()
	before := r.wire.count()
	r.ledger.count()
	time.Sleep(time.Until(r.until))
	synctest.Wait()
	y, after := r.ledger.count(), r.wire.count()
	return figures{
		lag: y.mean(), evenLag: y.evenMean(), p95: y.quantile(.95), fresh: y.fresh / y.time, met: y.metFor / max(1, y.targetTime),
		wasted:  float64(r.ledger.wasted) / float64(r.ledger.polls),
		limited: after.limited - before.limited, tooEarly: after.tooEarly - before.tooEarly, requests: after.requests,
	}
}

// watched is a Scheduler whose successful polls are recorded.
type watched struct {
	poller.Scheduler
	ledger *ledger
}

func (w watched) Set(group string, specs []poller.Spec) (added, removed int) {
	w.ledger.set(group, specs)
	return w.Scheduler.Set(group, specs)
}

func (w watched) Succeeded(t *poller.Task, r schedule.Result) {
	w.ledger.record(t.Sensor.ID, r)
	w.Scheduler.Succeeded(t, r)
}

// ledger adds up the lag of a run. The poller writes it, the run reads it.
type ledger struct {
	run    *run
	mu     sync.Mutex
	groups map[string][]string // ids of sensors
	tracks map[string]*track   // by sensor id; dead ones have none
	tally  *tally              // nil before the measurement
	polls  int                 // successful ones
	wasted int                 // those without a new reading
	read   map[string]int      // new readings by sensor id, from a moment on; nil before
}

// set starts to count for sensors that are new in a group, and stops for those that are gone.
func (l *ledger) set(group string, specs []poller.Spec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, present := time.Now(), map[string]bool{}
	var ids []string
	for _, s := range specs {
		present[s.ID] = true
		ids = append(ids, s.ID)
		if subject := l.run.byID[s.ID]; l.tracks[s.ID] == nil && subject.Period > 0 {
			l.tracks[s.ID] = newTrack(subject, now, l.run.until)
		}
	}
	for _, id := range l.groups[group] {
		if k := l.tracks[id]; k != nil && !present[id] {
			k.advance(now.UnixNano(), l.tally)
			delete(l.tracks, id)
		}
	}
	l.groups[group] = ids
}

func (l *ledger) record(id string, r schedule.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.tracks[id]; k != nil {
		var held int64
		if n := len(r.Times); n > 0 {
			held = r.Times[n-1].UnixNano()
		}
		k.stored(r.Received.UnixNano(), held, l.tally)
	}
	if l.read != nil {
		l.read[id] += len(r.Times)
	}
	if l.tally != nil {
		l.polls++
		if len(r.Times) == 0 {
			l.wasted++
		}
	}
}

// count counts up to now, and starts the measurement.
func (l *ledger) count() *tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.tracks {
		k.advance(time.Now().UnixNano(), l.tally)
	}
	if l.tally == nil {
		l.tally = &tally{}
	}
	return l.tally
}

// wire is the way to the API and back. A response takes 0.2 to 2 s, and the API reads its plant in the middle of that.
// wire counts what the poller does, not what others do with the same key.
type wire struct {
	api    http.Handler
	mu     sync.Mutex
	random *rand.Rand
	counts wireCounts
	until  time.Time // end of the wait that the last 429 stated
}

type wireCounts struct{ requests, limited, tooEarly int }

func (w *wire) count() wireCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

// ServeHTTP implements http.Handler.
func (w *wire) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	half := w.arrive()
	time.Sleep(half)
	response := buffered{ResponseWriter: rw}
	w.api.ServeHTTP(&response, req)
	time.Sleep(half)
	w.leave(&response)
	rw.WriteHeader(response.status)
	_, _ = rw.Write(response.body) // the client may have disconnected
}

// arrive counts a request and returns how long it takes in each direction.
func (w *wire) arrive() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.requests++
	if time.Now().Before(w.until) {
		w.counts.tooEarly++
	}
	return 100*time.Millisecond + time.Duration(w.random.Int64N(int64(900*time.Millisecond)))
}

func (w *wire) leave(response *buffered) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if response.status == http.StatusTooManyRequests {
		w.counts.limited++
		if seconds, err := strconv.Atoi(response.Header().Get("Retry-After")); err == nil {
			w.until = time.Now().Add(time.Duration(seconds) * time.Second)
		}
	}
}

// buffered is a response that has not been sent yet.
type buffered struct {
	http.ResponseWriter
	status int
	body   []byte
}

// WriteHeader implements http.ResponseWriter.
func (b *buffered) WriteHeader(status int) { b.status = status }

// Write implements io.Writer.
func (b *buffered) Write(body []byte) (int, error) {
	b.body = append(b.body, body...)
	return len(body), nil
}
