package poller

import (
	"net/http"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

const (
	pausedUntil = `innius_exporter_api_paused_until_timestamp_seconds{account="a1"}`
	upA1        = `innius_up{account="a1"}`
)

// overLimit is a 429 for every request in flight at a time, which no client can foresee.
func overLimit(at, wait time.Duration) simulator.Fault {
	return simulator.Fault{Kind: simulator.TooMany, From: dawn.Add(at), Until: dawn.Add(at + 5*time.Second), Delay: wait}
}

func TestPollerPausesUntilRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		form simulator.RetryAfterForm
		wait time.Duration
	}{
		"seconds":     {simulator.Seconds, 10 * time.Minute},
		"date":        {simulator.Date, 10 * time.Minute},
		"absent":      {simulator.Absent, time.Minute},
		"a whole day": {simulator.Seconds, 24 * time.Hour},
		"day as date": {simulator.Date, 24 * time.Hour},
		"short":       {simulator.Seconds, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if t.Parallel(); c.wait > time.Hour {
				long(t)
			}
			begin := setup{plant: testPlant(6, 5), api: simulator.Options{Limits: simulator.Limits{RetryAfter: c.form}}}
			begin.perHour, begin.burst, begin.options = 1800, 60, calmly
			begin.faults = []simulator.Fault{overLimit(10*time.Minute, c.wait), slow(time.Second)}
			runScenario(t, begin, func(s *scenario) { s.throughLimit(c.wait) })
		})
	}
}

func (s *scenario) throughLimit(wait time.Duration) {
	s.advance(10*time.Minute - time.Second)
	s.wantAbsent(pausedUntil)
	for s.api.Stats().Unforeseen == 0 {
		s.advance(100 * time.Millisecond)
	}
	s.advance(3 * time.Second) // requests in flight end
	paused, sent := s.gather()[pausedUntil], s.api.Stats().Requests
	until := time.Unix(0, int64(paused*1e9)).Sub(dawn)
	if begun := until - wait; begun < 10*time.Minute || begun > 10*time.Minute+5*time.Second {
		s.Errorf("paused until %s: the wait was %s", until, wait)
	}
	s.advance(until - s.clock() - time.Millisecond)
	if more := s.api.Stats().Requests - sent; more != 0 {
		s.Errorf("%d requests during the pause", more)
	}
	s.want(upA1, 1)
	s.wantReason("")
	s.advance(500 * time.Millisecond)
	if more := s.api.Stats().Requests - sent; more != 1 {
		s.Errorf("%d requests at the end of the pause, want 1", more)
	}
	s.advance(time.Minute)
	if more := s.api.Stats().Requests - sent; more < 20 || more > 33 {
		s.Errorf("%d requests in the minute after the pause, want about 30: the rate without a burst", more)
	}
	s.afterLimit()
}

func (s *scenario) afterLimit() {
	s.wantAbsent(pausedUntil)
	if n := s.api.Stats().TooEarly; n != 0 {
		s.Errorf("%d requests were sent too early", n)
	}
	start, end := s.log.lines("Rate limited, pausing requests"), s.log.lines("Requests succeed again")
	if len(start) != 1 || len(end) != 1 {
		s.Errorf("log lines of start and end: %q %q", start, end)
	}
	s.advance(3 * time.Minute)
	if fresh := s.states("a1", SensorCurrent); fresh != 30 {
		s.Errorf("%v current sensors after the pause, want 30", fresh)
	}
}

func TestPollerBacksOffAfter429WithoutWait(t *testing.T) {
	for name, text := range map[string]string{"absent": "", "unreadable": "soon"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(1, 3), concurrency: 1}
			begin.api.Limits.RetryAfter = simulator.Absent
			runScenario(t, begin, func(s *scenario) {
				s.advance(10 * time.Minute)
				s.api.Inject(simulator.Fault{Kind: simulator.TooMany, RetryAfter: text})
				tries := s.tries(6 * time.Hour)
				want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60, 60}
				for i := range min(len(want), len(tries)-1) {
					if gap := tries[i+1] - tries[i]; gap.Round(time.Minute) != want[i]*time.Minute {
						t.Errorf("try %d came after %s, want %d min", i+2, gap, want[i])
					}
				}
				if len(tries) < 11 {
					t.Errorf("only %d tries in 6 h: %v", len(tries), tries)
				}
				s.want(upA1, 1)
			})
		})
	}
}

// tries returns the times of 429s during a period.
func (s *scenario) tries(during time.Duration) []time.Duration {
	var tries []time.Duration
	for end := s.clock() + during; s.clock() < end; s.advance(5 * time.Second) {
		if n := s.api.Stats().Unforeseen; n > len(tries) {
			tries = append(tries, s.clock())
		}
	}
	return tries
}

func TestPollerKeepsToLowerLimit(t *testing.T) {
	for name, kind := range map[string]simulator.LimitKind{
		"token bucket": simulator.TokenBucket, "fixed hour": simulator.FixedHour, "sliding hour": simulator.SlidingHour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(4, 5), perHour: 1000, burst: 30}
			begin.api.Limits = simulator.Limits{Kind: kind, PerHour: 300, Burst: 10}
			runScenario(t, begin, func(s *scenario) {
				s.advance(150 * time.Minute)
				stats := s.api.Stats()
				if stats.Limited == 0 || stats.TooEarly != 0 {
					t.Errorf("%d 429s, %d requests too early, want some and none", stats.Limited, stats.TooEarly)
				}
				if n := stats.Of("", http.StatusOK); n < 560 {
					t.Errorf("%d responses in 2.5 h at 300 requests per hour: want most of the limit used", n)
				}
				s.want(upA1, 1)
			})
		})
	}
}

func TestPollerPauseOutlastsEarlierSuccess(t *testing.T) {
	begin := setup{plant: testPlant(6, 5), perHour: 7200, burst: 60}
	one := overLimit(10*time.Minute, 10*time.Minute)
	one.Times = 1
	begin.faults = []simulator.Fault{one, slow(3 * time.Second)}
	runScenario(t, begin, func(s *scenario) {
		s.advance(10*time.Minute + 10*time.Second)
		stats := s.api.Stats()
		if stats.Unforeseen != 1 || stats.MaxInFlight < 2 {
			t.Fatalf("want one 429 among several requests: %+v", stats)
		}
		s.advance(5 * time.Minute)
		paused, sent := s.gather()[pausedUntil], s.api.Stats().Requests
		if n := len(s.log.lines("Requests succeed again")); n != 0 || paused == 0 {
			t.Fatalf("paused until %v, %d log lines of the end before it", paused, n)
		}
		s.advance(time.Until(time.Unix(int64(paused), 0)) + 2500*time.Millisecond)
		if n := s.api.Stats().Requests - sent; n != 1 || s.api.Stats().TooEarly != 0 {
			t.Errorf("%d requests before the first response, want 1", n)
		}
	})
}
