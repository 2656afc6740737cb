package poller

import (
	"cmp"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/reading"
)

// Counters counts events per account since the process started. It is made before the clients, which report each request to
// it, and passes from a poller to the one that replaces it. The zero value is ready; it is safe for concurrent use.
type Counters struct{ accounts sync.Map } // name -> *AccountCounters

// Of returns the counters of an account.
func (c *Counters) Of(account string) *AccountCounters {
	of, known := c.accounts.Load(account)
	if !known {
		of, _ = c.accounts.LoadOrStore(account, newAccountCounters())
	}
	return of.(*AccountCounters)
}

// AccountCounters counts the events of one account.
type AccountCounters struct {
	PollsWithoutNewReading atomic.Uint64
	Readings, LateReadings atomic.Uint64
	Gaps                   atomic.Uint64
	gapMilliseconds        atomic.Uint64
	Skipped                map[innius.SkipReason]*atomic.Uint64 // readings that are not exposed; the map never changes
	ReadingLag             *Histogram
	RequestDuration        *Histogram

	requests sync.Map     // RequestKind -> *atomic.Uint64
	accepted atomic.Int64 // requests that innius counted since the loop last looked
}

// RequestKind distinguishes requests by what became of them.
type RequestKind struct {
	Operation innius.Operation
	Code      string // HTTP status; error: no response
}

func newAccountCounters() *AccountCounters {
	c := &AccountCounters{
		Skipped:         map[innius.SkipReason]*atomic.Uint64{},
		ReadingLag:      newHistogram(10, 60, 300, 1800, 7200),
		RequestDuration: newHistogram(.1, .5, 1, 5, 10),
	}
	// A rate over a series that begins at 1 misses the first event, so those that alerts use begin at 0.
	for _, code := range []string{"200", strconv.Itoa(http.StatusTooManyRequests), "error"} {
		c.request(innius.OpValues, code)
	}
	for _, reason := range []innius.SkipReason{
		innius.SkipNumber, innius.SkipText, innius.SkipTime, innius.SkipFuture,
	} {
		c.Skipped[reason] = new(atomic.Uint64)
	}
	return c
}

// Requests yields the number of requests of each kind seen, by code and operation.
func (c *AccountCounters) Requests() iter.Seq2[RequestKind, uint64] {
	return func(yield func(RequestKind, uint64) bool) {
		var kinds []RequestKind
		c.requests.Range(func(kind, _ any) bool { kinds = append(kinds, kind.(RequestKind)); return true })
		slices.SortFunc(kinds, func(a, b RequestKind) int {
			return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(string(a.Operation), string(b.Operation)))
		})
		for _, kind := range kinds {
			if !yield(kind, c.request(kind.Operation, kind.Code).Load()) {
				return
			}
		}
	}
}

func (c *AccountCounters) request(op innius.Operation, code string) *atomic.Uint64 {
	n, _ := c.requests.LoadOrStore(RequestKind{op, code}, new(atomic.Uint64))
	return n.(*atomic.Uint64)
}

// Observe counts a request; a client calls it after each.
func (c *AccountCounters) Observe(a innius.Attempt) {
	code := "error"
	if a.Status != 0 {
		code = strconv.Itoa(a.Status)
	}
	if costs(a.Status) {
		c.accepted.Add(1)
	}
	c.request(a.Operation, code).Add(1)
	c.RequestDuration.Observe(a.Duration.Seconds())
}

// costs reports whether innius counted a request towards the rate limit, by its status. Assumed, as nothing is documented: a
// request that was refused costs nothing, and one without a response may not have arrived.
func costs(status int) bool {
	return status != 0 && status != http.StatusTooManyRequests && status != http.StatusUnauthorized
}

// count counts the result of a poll. The lag is by this machine's clock.
func (c *AccountCounters) count(r reading.PollResult) {
	switch {
	case !r.New:
		c.PollsWithoutNewReading.Add(1)
	case !r.First:
		c.ReadingLag.Observe(max(0, r.Lag.Seconds()))
	}
	for reason, n := range r.Skipped {
		c.Skipped[reason].Add(uint64(n))
	}
	c.Readings.Add(uint64(r.Readings))
	c.LateReadings.Add(uint64(r.Late))
	c.Gaps.Add(uint64(len(r.Missed)))
	for _, span := range r.Missed {
		c.gapMilliseconds.Add(uint64(span.To.Sub(span.From).Milliseconds()))
	}
}

// GapSeconds is the time in which readings may have been missed, of all sensors together: of 100,000 sensors a time.Duration
// could hold a day.
func (c *AccountCounters) GapSeconds() float64 { return float64(c.gapMilliseconds.Load()) / 1e3 }

// Histogram counts values in buckets. It is safe for concurrent use.
type Histogram struct {
	mu     sync.Mutex
	bounds []float64 // upper bounds, inclusive, ascending
	counts []uint64  // per bound, and above all
	sum    float64
}

func newHistogram(bounds ...float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

// Observe adds a value.
func (h *Histogram) Observe(value float64) {
	i, _ := slices.BinarySearch(h.bounds, value)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[i]++
	h.sum += value
}

// Bucket is the number of values up to a bound.
type Bucket struct {
	UpTo  float64
	Count uint64
}

// Read returns the buckets, the number of all values and their sum.
func (h *Histogram) Read() (buckets []Bucket, count uint64, sum float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, bound := range h.bounds {
		count += h.counts[i]
		buckets = append(buckets, Bucket{bound, count})
	}
	return buckets, count + h.counts[len(h.bounds)], h.sum
}
