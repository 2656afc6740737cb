package poller

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// limited is one 429.
type limited struct {
	at              time.Duration
	rate, remaining float64 // of the pacer, and the requests that it still had
}

// diary records each 429 of the first account. Several within a second, for requests in flight together, are recorded as
// one: the rate may have changed between them.
type diary struct {
	*scenario
	mu   sync.Mutex
	seen []limited
}

// record starts a diary. It continues over restarts.
func record(s *scenario) *diary {
	d := &diary{scenario: s}
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

// all returns the 429s so far.
func (d *diary) all() []limited {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// between counts the 429s of a period.
func (d *diary) between(from, to time.Duration) int {
	n := 0
	for _, l := range d.all() {
		if l.at >= from && l.at < to {
			n++
		}
	}
	return n
}

// wantUnavoidable fails for each 429 that could have been avoided: sent before a stated wait was over, with no remaining
// requests, or at a rate that was refused in the 24 h before.
func (d *diary) wantUnavoidable() {
	d.Helper()
	if n := d.api.Stats().TooEarly; n > 0 {
		d.Errorf("%d requests were sent before a stated wait was over", n)
	}
	seen := d.all()
	for i, l := range seen {
		if l.remaining < -1e-6 {
			d.Errorf("429 after %s with %v remaining requests", l.at, l.remaining)
		}
		for _, before := range seen[:i] {
			if l.at-before.at < 24*time.Hour && l.rate >= before.rate {
				d.Errorf("429 after %s at %.1f requests per hour: after %s, %.1f was refused", l.at, l.rate, before.at, before.rate)
			}
		}
	}
}

// wantRare fails if there was more than one 429 within 6 h, from a time on.
func (d *diary) wantRare(from time.Duration) {
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
		d.advance(10 * time.Second)
	}
	if len(d.all()) == 0 {
		d.Fatal("no 429 in 3 h")
	}
	return d.all()[0].at
}

func (s *scenario) rateNow() float64 { return s.gather()[rateA1] }

const (
	rateA1    = `innius_exporter_api_rate_limit_requests_per_hour{account="a1"}`
	loweredA1 = `innius_exporter_api_rate_limit_lowered{account="a1",cause="limit_or_shared"}`
	sharedA1  = `innius_exporter_api_rate_limit_lowered{account="a1",cause="shared"}`
)

var limitKinds = map[string]simulator.LimitKind{
	"token bucket": simulator.TokenBucket, "fixed hour": simulator.FixedHour, "sliding hour": simulator.SlidingHour,
}

// tight is a setting with an API limit that differs from the configured 200 requests per hour.
func tight(limits simulator.Limits) setup {
	limits.Burst = or(limits.Burst, 6)
	return setup{plant: testPlant(2, 5), perHour: 200, burst: 6, concurrency: 2, api: simulator.Options{Limits: limits}}
}

func TestLimiterSettlesBelowLowerLimit(t *testing.T) {
	long(t)
	forms := map[string]simulator.RetryAfterForm{"seconds": simulator.Seconds, "date": simulator.Date}
	for name, kind := range limitKinds {
		for form, retryAfter := range forms {
			for _, perHour := range []int{60, 160} {
				if form == "date" && (perHour != 60 || kind != simulator.FixedHour) || perHour == 160 && kind != simulator.TokenBucket {
					continue // the client reads the same wait; package ratelimit tests all rates
				}
				t.Run(fmt.Sprintf("%s, %s, %d", name, form, perHour), func(t *testing.T) {
					t.Parallel()
					limits := simulator.Limits{Kind: kind, PerHour: perHour, RetryAfter: retryAfter}
					runScenario(t, tight(limits), func(s *scenario) { record(s).settles(float64(perHour)) })
				})
			}
		}
	}
}

func (d *diary) settles(limit float64) {
	const horizon = 30 * time.Hour
	first := d.firstLimit()
	hour := first + time.Hour
	d.advance(hour - d.clock())
	ratio := d.rateNow() / limit
	if ratio < 0.95 || ratio > 1 {
		d.Errorf("%.3f of the true rate an hour after the first 429", ratio)
	}
	d.want(loweredA1, 1)
	d.want(sharedA1, 0)
	d.advance(horizon - d.clock())
	d.Logf("%.3f of the true rate an hour after the first 429, which came after %s; 429s in that hour %d, in the rest of 30 h %d",
		ratio, first.Round(time.Second), d.between(0, hour), d.between(hour, horizon))
	d.wantUnavoidable()
	d.wantRare(hour)
	d.want(sharedA1, 0)
	if n := d.api.Stats().Of("", http.StatusOK); float64(n) < 0.85*horizon.Hours()*limit {
		d.Errorf("%d responses in 30 h at %v requests per hour", n, limit)
	}
	d.wantLogged()
}

// wantLogged checks that log and status page name both causes.
func (d *diary) wantLogged() {
	d.Helper()
	lines := d.log.lines("level=WARN", "Request rate lowered below the configured limit", "lower than configured, or another tool uses the same key")
	if len(lines) < 1 || len(lines) > 2 || !strings.Contains(lines[0], "configured_requests_per_hour=200") { // two: a step up lay between
		d.Errorf("log lines: %q", lines)
	}
	status := d.view(1)
	if !strings.Contains(LoweredText[status.Lowered], "another tool uses the same key") || status.Configured != 200 || status.RequestsPerHour >= 200 {
		d.Errorf("status: %q, %v of %v requests an hour", status.Lowered, status.RequestsPerHour, status.Configured)
	}
}

func TestPollerLogsAWrongLimitOnceWhileItIsLearned(t *testing.T) {
	begin := setup{
		plant: testPlant(5, 10), perHour: 3600, burst: 30, api: simulator.Options{Limits: simulator.Limits{PerHour: 1800, Burst: 10}},
	}
	runScenario(t, begin, func(s *scenario) {
		d := record(s)
		s.advance(10 * time.Minute)
		if n := len(d.all()); n < 3 {
			t.Errorf("%d times limited, want at least 3", n)
		}
		for text, want := range map[string]int{
			"Request rate lowered": 1, "Rate limited, pausing requests": 0, "Requests succeed again": 0,
		} {
			lines := append(s.log.lines(text, "level=WARN"), s.log.lines(text, "level=INFO")...)
			if len(lines) != want {
				t.Errorf("want %d lines, got\n%s", want, strings.Join(lines, ""))
			}
		}
	})
}

func TestPollerLogsAPauseThatBecomesLong(t *testing.T) {
	var before breakerStatus
	log := &logBuffer{}
	l := &accountLog{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	b := &circuitBreaker{}
	for _, wait := range []time.Duration{4 * time.Second, 8 * time.Second, 30 * time.Second, 40 * time.Second} {
		before = b.breakerStatus
		b.pauseUntil(pausedLimit, dawn.Add(wait), dawn)
		l.breaker(&before, b, nil, dawn)
	}
	before, b.pause = b.breakerStatus, notPaused
	l.breaker(&before, b, nil, dawn.Add(time.Minute))
	if n, end := len(log.lines("Rate limited, pausing requests")), len(log.lines("Requests succeed again")); n != 1 || end != 1 {
		t.Errorf("%d lines of the pause and %d of its end, want one each:\n%s", n, end, log.text())
	}
}
