package remotewrite

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"innius_exporter/internal/poller/schedule"
)

const (
	interval  = 5 * time.Second // between two batches, unless more than a batch is pending
	maxBatch  = 2000            // readings
	firstWait = 5 * time.Second // after the first failure, doubled with each
	maxWait   = 5 * time.Minute
	maxTries  = 10        // of readings that alone get a 5xx while others are accepted
	lasting   = 6         // failures in a row, in about 3 min, that are logged although such a failure was logged before
	quiet     = time.Hour // without a failure, after which a failure is logged again
)

// splitWait is the wait before a batch is split again. To split one takes at most 16 requests for its readings and 3 that show
// whether the receiver accepts others.
const splitWait = time.Minute

// Status is what is known of a receiver. The counts are those of this process.
type Status struct {
	Name                       string
	Accepted, Refused, Dropped uint64    // readings; Dropped may include some that were on their way
	Pending                    int       // readings in the spool
	Oldest                     time.Time // when the oldest of them was stored; zero without one
	LastSuccess                time.Time
	LastError                  string // safe to show
	LastErrorAt                time.Time
	Requests                   map[string]uint64 // by status code; error: no response
}

// receiver sends the readings of a spool. What is not safe for concurrent use belongs to the goroutine of run.
type receiver struct {
	spool    *spool
	log      *slog.Logger
	settings atomic.Pointer[Receiver]
	changed  chan struct{} // signals new settings
	stop     chan struct{} // closed: send what is pending, then end
	cancel   func()        // ends run at once
	ended    sync.WaitGroup

	size     int             // readings in the next batch, at most
	failures int             // in a row
	tries    int             // in a row of batches that get a 5xx while others are accepted
	stuck    map[series]bool // of which no reading was accepted since one was refused after maxTries: they get no more tries
	canary   []sample        // the latest reading that was accepted, by an earlier process too; sent again, it shows whether any is
	unknown  []sample        // the newest of the latest batch that got no response, or one that concerns all: it may be stored
	early    []sample        // readings that were accepted out of turn, and may still be in the spool
	logged   map[string]bool // kinds of failures
	failed   time.Time       // latest failure
	failing  bool            // a failure was logged, and its end was not

	mu     sync.Mutex
	status Status
}

// newReceiver returns a receiver that does not run yet.
func newReceiver(s *spool, logger *slog.Logger) *receiver {
	return &receiver{
		spool: s, log: logger, changed: make(chan struct{}, 1), stop: make(chan struct{}), size: maxBatch,
		canary: newest(s.done), stuck: map[series]bool{}, logged: map[string]bool{}, status: Status{Requests: map[string]uint64{}},
	}
}

// apply puts settings in force with the next request, which is sent at once.
func (r *receiver) apply(settings *Receiver) {
	before := r.settings.Swap(settings)
	r.spool.setLimit(settings.Spool)
	if before == nil {
		return
	}
	before.closeIdleConnections()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// end stops a receiver and waits for it.
func (r *receiver) end() {
	close(r.stop)
	r.ended.Wait()
	r.cancel()
	r.settings.Load().closeIdleConnections()
	r.spool.close()
}

// run sends until ctx ends. When stop is closed it ends with the last pending reading or the next failure.
func (r *receiver) run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		b, err := r.spool.read(r.size)
		switch {
		case err != nil:
			r.report("spool", "Spool cannot be read, retrying", &failure{text: err.Error()})
			if !r.pause(ctx, maxWait) {
				return
			}
		case len(b.samples) == 0:
			if !r.pause(ctx, interval) {
				return
			}
		case !r.deliver(ctx, b):
			return
		case !b.more && time.Since(began) < interval:
			r.pause(ctx, interval)
		}
	}
}

// pause waits, until ctx or stop ends it or the settings change. It returns false if stop was closed before.
func (r *receiver) pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-r.stop:
		return false
	default:
	}
	select {
	case <-ctx.Done():
	case <-r.stop:
	case <-r.changed: // new settings may work, and whether they do is logged
		r.failures = 0
		clear(r.logged)
	case <-time.After(wait):
	}
	return true
}

// deliver sends a batch until each reading is accepted or refused, then acknowledges it. A large batch that is not accepted is
// left to smaller ones. It returns false if it is time to end.
func (r *receiver) deliver(ctx context.Context, b batch) bool {
	left := slices.DeleteFunc(b.samples, func(s sample) bool { return slices.Contains(r.early, s) })
	early := len(b.samples) - len(left)
	for len(left) > 0 {
		v, f := r.send(ctx, left)
		wait := time.Duration(0)
		switch {
		case v == accepted:
			r.recovered(left)
			left = nil
		case v == unavailable:
			r.unknown = newest(left)
			wait = r.backOff(ctx, f)
		case len(left) > maxReadings:
			r.size = maxReadings
			return true
		default:
			left, wait = r.split(ctx, left, f)
		}
		if len(left) > 0 && (!r.pause(ctx, wait) || ctx.Err() != nil) {
			return false
		}
	}
	r.count(func(s *Status) { s.Accepted += uint64(early) })
	if err := r.spool.acknowledge(b); err != nil {
		r.report("spool", "Position in the spool cannot be written: a restart would send readings again", &failure{text: err.Error()})
	}
	return true
}

// split sends each reading of a batch that was not accepted, the oldest first. It returns those that are undecided, and the wait
// before they are sent again.
func (r *receiver) split(ctx context.Context, left []sample, f *failure) ([]sample, time.Duration) {
	slices.SortStableFunc(left, byTime)
	var failed, again []sample // all that were not accepted; those of them that may be later
	working := false           // the latest was accepted
	for i := range left {
		one := left[i : i+1]
		v, f := r.send(ctx, one)
		switch working = v == accepted; v {
		case accepted:
			r.taken(one)
			continue
		case unavailable:
			return append(failed, left[i:]...), max(splitWait, r.backOff(ctx, f))
		case broken:
			if !r.stuck[one[0].series] {
				again = append(again, one...)
			}
		}
		failed = append(failed, one...)
	}
	if !working && !r.acceptsOthers(ctx, left) {
		return failed, max(splitWait, r.backOff(ctx, f))
	}
	if len(again) == 0 {
		r.tries = 0
	} else {
		r.tries++
		r.report(strconv.Itoa(f.code), "Receiver fails for some readings only, retrying", f)
	}
	if r.tries >= maxTries {
		for _, s := range again {
			r.stuck[s.series] = true
		}
		again = nil
	}
	r.refuse(slices.DeleteFunc(failed, func(s sample) bool { return slices.Contains(again, s) }), f)
	return again, splitWait
}

// acceptsOthers reports whether the receiver accepts readings that are not in a batch: the latest that it accepted, which it has
// already, the newest of a batch that it may have stored before it failed, or those stored last, which are the least likely to be
// refused for their age. They are those of one poll, because a receiver may accept no older ones of the same series afterwards.
func (r *receiver) acceptsOthers(ctx context.Context, batch []sample) bool {
	accepts := func(some []sample) bool {
		v, _ := r.send(ctx, some)
		return v == accepted
	}
	if len(r.canary) > 0 && accepts(r.canary) {
		return true
	}
	for _, some := range [][]sample{r.unknown, r.spool.lastReadings()} {
		if len(some) > 0 && !slices.Contains(batch, some[len(some)-1]) && accepts(some) {
			r.early, r.canary = some, newest(some)
			return true
		}
	}
	return false
}

// refuse counts readings as refused.
func (r *receiver) refuse(samples []sample, f *failure) {
	if len(samples) == 0 {
		return
	}
	r.count(func(s *Status) { s.Refused += uint64(len(samples)) })
	r.report("refused", "Receiver refuses some readings and accepts others, continuing without the refused ones. "+
		"If they are too old or out of order, set the receiver's out-of-order window", f)
	logSamples(r.log, "Receiver refused a reading", samples)
}

// recovered records that a batch was accepted.
func (r *receiver) recovered(samples []sample) {
	r.taken(samples)
	r.size = min(2*r.size, maxBatch)
	r.failures, r.tries = 0, 0
	if r.failing {
		r.failing = false
		r.log.Info("Receiver accepts readings again")
	}
}

// taken records that readings were accepted.
func (r *receiver) taken(samples []sample) {
	r.count(func(s *Status) { s.Accepted += uint64(len(samples)) })
	r.canary = newest(samples)
	for _, s := range samples {
		delete(r.stuck, s.series)
	}
}

// newest returns one of the newest of some readings; none if there are none.
func newest(samples []sample) []sample {
	if len(samples) == 0 {
		return nil
	}
	return []sample{slices.MaxFunc(samples, byTime)}
}

// backOff logs a failure of the receiver and returns how long to wait: no less than the receiver requests.
func (r *receiver) backOff(ctx context.Context, f *failure) time.Duration {
	if ctx.Err() != nil {
		return 0 // the request was ended here
	}
	kind := strconv.Itoa(f.code)
	if r.failures++; r.failures == lasting && !r.failing {
		delete(r.logged, kind) // else the log would end with "accepts readings again"
	}
	r.report(kind, "Receiver accepts no readings, keeping them and retrying with back-off", f)
	return max(f.wait, schedule.BackOff(r.failures, firstWait, maxWait))
}

// report logs a failure, unless it has logged one of its kind and there was never a long time without one since.
func (r *receiver) report(kind, message string, f *failure) {
	if time.Since(r.failed) > quiet {
		clear(r.logged)
	}
	r.failed = time.Now()
	if !r.logged[kind] {
		r.logged[kind] = true
		r.failing = r.failing || kind != "refused"
		r.log.Warn(message, "err", f)
	}
}

// verdict is what a response means for the readings of a request.
type verdict int

const (
	accepted    verdict = iota
	refused             // 400, 409, 413, 422: for at least one of them
	broken              // 5xx: perhaps for one of them
	unavailable         // for none of them
)

// send sends one request. The failure is nil if it was accepted.
func (r *receiver) send(ctx context.Context, samples []sample) (verdict, *failure) {
	code, f := r.settings.Load().post(ctx, samples)
	if f != nil && ctx.Err() != nil {
		return unavailable, f // the request was ended here
	}
	r.count(func(s *Status) {
		if code == 0 {
			s.Requests["error"]++
		} else {
			s.Requests[strconv.Itoa(code)]++
		}
		if f == nil {
			s.LastSuccess = time.Now()
		} else {
			s.LastError, s.LastErrorAt = f.Error(), time.Now()
		}
	})
	switch {
	case f == nil:
		return accepted, nil
	case code == http.StatusBadRequest, code == http.StatusConflict, code == http.StatusRequestEntityTooLarge,
		code == http.StatusUnprocessableEntity:
		return refused, f
	case code >= 500:
		return broken, f
	}
	return unavailable, f
}

func (r *receiver) count(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}

// view returns the status.
func (r *receiver) view() Status {
	r.mu.Lock()
	s := r.status
	s.Requests = maps.Clone(s.Requests)
	r.mu.Unlock()
	s.Name = r.settings.Load().Name
	s.Pending, s.Dropped = int(r.spool.pending.Load()), uint64(r.spool.dropped.Load())
	if s.Pending > 0 {
		s.Oldest = time.UnixMilli(r.spool.oldest.Load())
	}
	return s
}

// logSamples logs at level debug what became of each reading.
func logSamples(logger *slog.Logger, message string, samples []sample) {
	for _, s := range samples {
		logger.Debug(message, "company", s.company, "machine", s.machine, "sensor", s.sensor, "time_ms", s.time, "value", s.value)
	}
}
