package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The operations, as they are named in Fault.Op and Stats.
const (
	OpCompany  = "company"
	OpMachines = "machines"
	OpSensors  = "sensors"
	OpValues   = "values"
	OpUnknown  = "unknown" // a path that is none of them; in Stats only
)

// ResponseKind is operation and status of a response. Status 0 is a connection that ended without a response.
type ResponseKind struct {
	Op     string
	Status int
}

// Stats counts requests and responses since New.
type Stats struct {
	Responses   map[ResponseKind]int // responses begun, by operation and status
	Faults      map[FaultKind]int    // faults that really happened
	Values      map[string]int       // requests for values that succeeded, by the plant's sensor id
	Requests    int                  // requests received, with or without a response yet
	Limited     int                  // 429s because the rate limit was reached: a client that knows the limits can foresee them
	Unforeseen  int                  // 429s by the fault TooMany
	TooEarly    int                  // requests sent before the moment that the last 429, or 503 with Retry-After, named
	KeyExposed  int                  // requests with the key in the URL or in any header but x-api-key
	InFlight    int                  // requests that are being served now
	MaxInFlight int                  // the most at once so far

	FirstRequest, LastRequest time.Time // zero before the first
}

// Seconds is the time from the first request to the last.
func (s Stats) Seconds() float64 { return s.LastRequest.Sub(s.FirstRequest).Seconds() }

// MarshalJSON writes the counts that do not depend on the plant.
func (s Stats) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Requests    int     `json:"requests"`
		Limited     int     `json:"limited"`
		MaxInFlight int     `json:"max_in_flight"`
		Seconds     float64 `json:"seconds"`
	}{s.Requests, s.Limited, s.MaxInFlight, s.Seconds()})
}

// Of counts the responses of one operation with one status; "" and -1 match any.
func (s Stats) Of(op string, status int) int {
	n := 0
	for a, count := range s.Responses {
		if (op == "" || op == a.Op) && (status == -1 || status == a.Status) {
			n += count
		}
	}
	return n
}

// counters count what happens, and requests that came before a stated wait was over. They have a lock of their own.
type counters struct {
	mu        sync.Mutex
	stats     Stats     // all but Faults
	waitFrom  time.Time // requests between these two moments disregard the last 429
	waitUntil time.Time
}

func newCounters() counters {
	return counters{stats: Stats{Responses: map[ResponseKind]int{}, Values: map[string]int{}}}
}

func (s *counters) snapshot() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.stats
	now.Responses, now.Values = maps.Clone(now.Responses), maps.Clone(now.Values)
	return now
}

// arrive counts a request that comes in.
func (s *counters) arrive(r *http.Request) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.stats.InFlight++
	s.stats.MaxInFlight = max(s.stats.MaxInFlight, s.stats.InFlight)
	if s.stats.FirstRequest.IsZero() {
		s.stats.FirstRequest = now
	}
	s.stats.LastRequest = now
	if exposed(r) {
		s.stats.KeyExposed++
	}
}

func (s *counters) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.InFlight--
}

// exposed reports whether the key of a request is anywhere but in its own header.
func exposed(r *http.Request) bool {
	key := r.Header.Get("x-api-key")
	if key == "" {
		return false
	}
	for name, values := range r.Header {
		if name != "X-Api-Key" && strings.Contains(strings.Join(values, "\n"), key) {
			return true
		}
	}
	return strings.Contains(r.RequestURI, key)
}

func (s *counters) response(c *call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Responses[ResponseKind{c.op, status}]++
	if c.op == OpValues && status == http.StatusOK && c.series != nil {
		s.stats.Values[c.series.ID]++
	}
}

// charged notes whether a request came before a stated wait was over.
func (s *counters) charged() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.waitFrom) && now.Before(s.waitUntil) {
		s.stats.TooEarly++
	}
}

// reaction is how long after a 429 a request may still arrive that was sent before it.
const reaction = 100 * time.Millisecond

// limited counts a 429 and remembers, where it named one, the moment that the client must wait for.
func (s *counters) limited(injected bool, wait time.Duration, stated bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if injected {
		s.stats.Unforeseen++
	} else {
		s.stats.Limited++
	}
	if stated {
		s.waitFrom, s.waitUntil = now.Add(reaction), now.Add(wait)
	}
}

// noteWait remembers the moment that a Retry-After of whole seconds names, outside of a 429.
func (s *counters) noteWait(retryAfter string) {
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waitFrom, s.waitUntil = now.Add(reaction), now.Add(time.Duration(seconds)*time.Second)
}
