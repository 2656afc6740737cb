package poller

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// limited is a 429 as it was met.
type limited struct {
	at         time.Duration
	rate, held float64 // that the pacer kept to, and what its ledger held beside the request
}

// diary notes each 429 of a story's first account. Those that come together, to requests in flight at once, are one: the
// rate may have been changed between them.
type diary struct {
	*story
	mu   sync.Mutex
	seen []limited
}

// note begins a diary. It outlives restarts.
func note(s *story) *diary {
	d := &diary{story: s}
	refusing := func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.seen); n > 0 && d.clock()-d.seen[n-1].at < time.Second {
			return
		}
		pacer := d.poller.accounts[0].Pacer
		d.seen = append(d.seen, limited{d.clock(), pacer.PerHour(), pacer.State(time.Now()).Tokens})
	}
	s.fronts[0].refusing.Store(&refusing)
	return d
}

// all are the 429s noted so far.
func (d *diary) all() []limited {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// between counts them.
func (d *diary) between(from, to time.Duration) int {
	n := 0
	for _, l := range d.all() {
		if l.at >= from && l.at < to {
			n++
		}
	}
	return n
}

// foreseeable fails for each 429 that could have been foreseen: before a stated wait was over, with an empty ledger, or at
// a rate that was refused in the 24 h before.
func (d *diary) foreseeable() {
	d.Helper()
	if n := d.api.Stats().TooEarly; n > 0 {
		d.Errorf("%d requests came before a stated wait was over", n)
	}
	seen := d.all()
	for i, l := range seen {
		if l.held < -1e-6 {
			d.Errorf("429 after %s with a ledger of %v", l.at, l.held)
		}
		for _, before := range seen[:i] {
			if l.at-before.at < 24*time.Hour && l.rate >= before.rate {
				d.Errorf("429 after %s at %.1f an hour: after %s %.1f was refused", l.at, l.rate, before.at, before.rate)
			}
		}
	}
}

// rarely fails where more than one 429 came within 6 h, from a moment on.
func (d *diary) rarely(from time.Duration) {
	d.Helper()
	for _, l := range d.all() {
		if n := d.between(l.at, l.at+6*time.Hour); l.at >= from && n > 1 {
			d.Errorf("%d 429s in the 6 h from %s on", n, l.at)
		}
	}
}

// firstLimit lets time pass until the first 429.
func (d *diary) firstLimit() time.Duration {
	d.Helper()
	for len(d.all()) == 0 && d.clock() < 3*time.Hour {
		d.pass(10 * time.Second)
	}
	if len(d.all()) == 0 {
		d.Fatal("no 429 in 3 h")
	}
	return d.all()[0].at
}

func (s *story) rateNow() float64 { return s.gather()[allowanceA1] }

const (
	allowanceA1 = `innius_exporter_api_allowance_requests_per_hour{account="a1"}`
	loweredA1   = `innius_exporter_api_allowance_lowered{account="a1",cause="limit_or_shared"}`
	sharedA1    = `innius_exporter_api_allowance_lowered{account="a1",cause="shared"}`
)

var limitKinds = map[string]simulator.LimitKind{
	"token bucket": simulator.TokenBucket, "fixed hour": simulator.FixedHour, "sliding hour": simulator.SlidingHour,
}

// tight is a setting whose API permits another rate than the configured 200 an hour.
func tight(limits simulator.Limits) setting {
	limits.Burst = or(limits.Burst, 6)
	return setting{plant: works(2, 5), perHour: 200, burst: 6, concurrency: 2, api: simulator.Options{Limits: limits}}
}

func TestTheRateSettlesUnderALowerLimit(t *testing.T) {
	forms := map[string]simulator.RetryAfterForm{"seconds": simulator.Seconds, "date": simulator.Date}
	for name, kind := range limitKinds {
		for form, retryAfter := range forms {
			for _, perHour := range []int{60, 100, 160, 194} {
				if form == "date" && perHour != 60 {
					continue // to the client it is the same wait
				}
				t.Run(fmt.Sprintf("%s, %s, %d", name, form, perHour), func(t *testing.T) {
					t.Parallel()
					limits := simulator.Limits{Kind: kind, PerHour: perHour, RetryAfter: retryAfter}
					play(t, tight(limits), func(s *story) { note(s).settles(float64(perHour)) })
				})
			}
		}
	}
}

func (d *diary) settles(limit float64) {
	first := d.firstLimit()
	hour := first + time.Hour
	d.pass(hour - d.clock())
	ratio := d.rateNow() / limit
	if ratio < 0.95 || ratio > 1 {
		d.Errorf("%.3f of the true rate an hour after the first 429", ratio)
	}
	d.want(loweredA1, 1)
	d.want(sharedA1, 0)
	d.pass(48*time.Hour - d.clock())
	d.Logf("%.3f of the true rate an hour after the first 429, which came after %s; 429s in that hour %d, in the rest of 48 h %d",
		ratio, first.Round(time.Second), d.between(0, hour), d.between(hour, 48*time.Hour))
	d.foreseeable()
	d.rarely(hour)
	d.want(sharedA1, 0)
	if n := d.api.Stats().Of("", http.StatusOK); float64(n) < 0.85*48*limit {
		d.Errorf("%d answers in 48 h of %v an hour", n, limit)
	}
	d.saidOnce()
}

// saidOnce checks that both causes are named in one line, and on the status page.
func (d *diary) saidOnce() {
	d.Helper()
	lines := d.log.lines("level=WARN", "fewer requests per hour", "lower than configured, or another tool uses the same key")
	if len(lines) < 1 || len(lines) > 2 || !strings.Contains(lines[0], "configured=200") { // two: it was tried again in between
		d.Errorf("lines that say why: %q", lines)
	}
	status := d.poller.Status().Accounts[0]
	if !strings.Contains(status.Lowered, "another tool uses the same key") || status.Configured != 200 || status.RequestsPerHour >= 200 {
		d.Errorf("status: %q, %v of %v requests an hour", status.Lowered, status.RequestsPerHour, status.Configured)
	}
}
