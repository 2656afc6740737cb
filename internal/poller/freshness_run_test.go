package poller

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
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// figures are what one run of one schedule shows.
type figures struct {
	lag, p95 float64 // seconds, weighted
	alike    float64 // lag as if all weights were alike
	fresh    float64 // share of the weighted time without lag
	wasted   float64 // share of the answers about sensors that brought nothing new
	kept     float64 // share of the time in which promises were kept
	limited  int     // 429s that the loop got
	tooEarly int     // its requests before a stated wait was over
	requests int     // of the whole run
	wall     time.Duration
}

// contender makes the schedule that a run is about.
type contender func(r *run) func(schedule.Options) Scheduler

func roundRobinOf(*run) func(schedule.Options) Scheduler {
	return func(o schedule.Options) Scheduler { return roundRobin{schedule.New[*sensor](o), o.MinInterval} }
}

func oracleOf(r *run) func(schedule.Options) Scheduler {
	return func(schedule.Options) Scheduler { return newOracle(r.byID, r.until) }
}

// defaultOf is the schedule that the exporter runs with.
func defaultOf(*run) func(schedule.Options) Scheduler { return newScheduler }

// run is one schedule in one row with one seed: the real loop and the real client, against the simulator.
type run struct {
	*row
	subjects []*subject
	byID     map[string]*subject
	until    time.Time
	ledger   *ledger
	api      *simulator.Server
	wire     *wire
	poller   *Poller
	helpers  sync.WaitGroup // what happens beside the loop
}

// measure does one run.
func (r *row) measure(t *testing.T, seed uint64, c contender) figures {
	var f figures
	begin := time.Now()
	synctest.Test(t, func(t *testing.T) {
		one := &run{row: r, subjects: r.nature.make(seed), byID: map[string]*subject{}}
		for _, s := range one.subjects {
			one.byID[s.ID] = s
		}
		one.until = time.Now().Add(r.warmUp + r.horizon)
		one.ledger = newLedger(one.byID, one.until)
		closeAll := one.build(t, seed, c(one))
		defer closeAll()
		f = one.play(t.Context(), seed)
	})
	f.wall = time.Since(begin)
	return f
}

// build puts poller, client and simulator together.
func (r *run) build(t *testing.T, seed uint64, newScheduler func(schedule.Options) Scheduler) (closeAll func()) {
	limits := simulator.Limits{PerHour: int(r.perHour()/own + 1), Burst: 30}
	r.api = simulator.New(plantOf(r.subjects[:r.nature.count()]), simulator.Options{Key: canary, Limits: limits, Seed: seed})
	for _, f := range r.faults {
		r.api.Inject(f)
	}
	r.wire = &wire{api: r.api, chance: rand.New(rand.NewPCG(seed, 2))}
	httpClient, closeAll := simulator.Pipe(r.wire)
	httpClient.Transport.(*http.Transport).MaxIdleConnsPerHost = atOnce // or connections would be made anew all the time
	pacer := innius.NewPacer(r.perHour(), limits.Burst)
	metrics := NewMetrics()
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "api.example"}, AllowHTTP: true, HTTPClient: httpClient, Pacer: pacer,
		Key: func() (innius.Secret, error) { return innius.NewSecret(canary), nil }, PageSize: or(r.page, 20), Observe: metrics.Observer("a1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.poller = NewPoller(Options{
		Accounts: []Account{{Name: "a1", Client: client, Pacer: pacer, Concurrency: atOnce}}, Metrics: metrics,
		DiscoveryInterval: or(r.discovery, 1000*time.Hour), Rules: rules(r.subjects), Logger: slog.New(slog.DiscardHandler),
		newScheduler: func(o schedule.Options) Scheduler { return watch{newScheduler(o), r.ledger} },
	})
	return closeAll
}

// own is the share of the API's limit that the exporter takes.
const own = .95

// atOnce is how many requests may be in flight: more than slow answers ever make.
const atOnce = 64

// play lets the time of a run pass.
func (r *run) play(ctx context.Context, seed uint64) figures {
	ctx, cancel := context.WithCancel(ctx)
	defer r.helpers.Wait()
	defer cancel()
	if r.beside != nil {
		r.helpers.Go(func() { r.beside(ctx, r, rand.New(rand.NewPCG(seed, 3))) })
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
		lag: y.mean(), alike: y.alike(), p95: y.quantile(.95), fresh: y.fresh / y.time, kept: y.kept / max(1, y.promised),
		wasted:  float64(r.ledger.wasted) / float64(r.ledger.answers),
		limited: after.limited - before.limited, tooEarly: after.tooEarly - before.tooEarly, requests: after.requests,
	}
}

// wire is the way from the loop to the API and back. It makes answers take 0.2 to 2 s, the API looking at its readings in
// the middle of that, and counts what the loop does, without what others do with the same key.
type wire struct {
	api    http.Handler
	mu     sync.Mutex
	chance *rand.Rand
	counts wireCounts
	until  time.Time // end of the wait that the last 429 named
}

type wireCounts struct{ requests, limited, tooEarly int }

func (l *wire) count() wireCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// ServeHTTP implements http.Handler.
func (l *wire) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	half := l.arrive()
	time.Sleep(half)
	answer := held{ResponseWriter: w}
	l.api.ServeHTTP(&answer, req)
	time.Sleep(half)
	l.leave(&answer)
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // a client that went away misses nothing
}

// arrive counts a request and says how long it is under way in each direction.
func (l *wire) arrive() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.requests++
	if time.Now().Before(l.until) {
		l.counts.tooEarly++
	}
	return 100*time.Millisecond + time.Duration(l.chance.Int64N(int64(900*time.Millisecond)))
}

func (l *wire) leave(answer *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer.status == http.StatusTooManyRequests {
		l.counts.limited++
		if wait, err := strconv.Atoi(answer.Header().Get("Retry-After")); err == nil {
			l.until = time.Now().Add(time.Duration(wait) * time.Second)
		}
	}
}

// held is an answer that has not been sent yet.
type held struct {
	http.ResponseWriter
	status int
	body   []byte
}

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(status int) { h.status = status }

// Write implements io.Writer.
func (h *held) Write(body []byte) (int, error) {
	h.body = append(h.body, body...)
	return len(body), nil
}

// roundRobin polls the sensor that was polled longest ago, and none more often than an interval.
type roundRobin struct {
	*schedule.Scheduler[*sensor]
	interval time.Duration
}

func (r roundRobin) Succeeded(t *task, _ schedule.Result) { r.Requeue(t) }

func (r roundRobin) Due() (time.Time, bool) {
	due, ok := r.Scheduler.Due()
	if due.IsZero() {
		return due, ok
	}
	return due.Add(r.interval), ok
}
