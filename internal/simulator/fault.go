package simulator

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Fault is a rule: which requests go wrong, when, and how. Only requests with a valid key, within the rate limit, meet
// faults, but for ClockOff and NoDate, which meet all. Rules are tried in the order of their injection: the first one
// that replaces the response does so. Slow, ClockOff and NoDate add to whatever follows; NotAList, NextLoop, Shrink and Cut
// change a response that was made. One rule of each of these kinds meets a request at most.
type Fault struct {
	Kind        FaultKind
	Op          string        // OpCompany, OpMachines, OpSensors or OpValues; empty: any, unknown paths too
	Object      string        // the plant's id of a company, machine or sensor that the request names; empty: any
	From, Until time.Time     // in force from From until just before Until; zero: unbounded
	Times       int           // ends after so many; 0: never
	Probability float64       // of each matching request, drawn by Options.Seed; 0: always
	Delay       time.Duration // Slow: the wait; ClockOff: how far Date is ahead; TooMany: the wait stated, 0 being a minute
	RetryAfter  string        // TooMany, Unavailable: the header's text, instead of the one of Limits or of none
}

// FaultKind names a fault; it is also the key of Stats.Faults.
type FaultKind string

// The faults that replace the response.
const (
	TooMany        FaultKind = "too_many"         // 429
	ServerError    FaultKind = "server_error"     // 500 with a message
	BadGatewayHTML FaultKind = "bad_gateway_html" // 502 with an HTML page
	Maintenance    FaultKind = "maintenance"      // 200 with an HTML page
	Unavailable    FaultKind = "unavailable"      // 503
	GatewayTimeout FaultKind = "gateway_timeout"  // 504
	Hang           FaultKind = "hang"             // no response until the client disconnects
	// Reset closes the connection without a response. Go's http.Transport sends a GET again by itself when that happens
	// on a connection that had served before: a single Reset (Times: 1) may then never reach the caller.
	Reset       FaultKind = "reset"
	EmptyBody   FaultKind = "empty_body"   // 200 without a body
	Redirect    FaultKind = "redirect"     // 302 to another host
	EchoKey     FaultKind = "echo_key"     // 500 whose message holds the request's x-api-key, and control characters
	Forbidden   FaultKind = "forbidden"    // 403
	NotFound    FaultKind = "not_found"    // 404
	BadRequest  FaultKind = "bad_request"  // 400
	EndlessBody FaultKind = "endless_body" // 200 whose list never ends
)

// The faults that add to the response or change it.
const (
	Slow     FaultKind = "slow"       // waits for Delay, then continues
	ClockOff FaultKind = "clock_off"  // Date is ahead by Delay (behind, if negative)
	NoDate   FaultKind = "no_date"    // no Date
	NotAList FaultKind = "not_a_list" // data is text
	NextLoop FaultKind = "next_loop"  // next_key leads to the same page again, without end
	Shrink   FaultKind = "shrink"     // only the first item of a list, and no next_key
	Cut      FaultKind = "cut"        // the body ends in its middle, shorter than Content-Length
)

// replacing are the faults that replace the response, changing those that do not.
var (
	replacing = []FaultKind{
		TooMany, ServerError, BadGatewayHTML, Maintenance, Unavailable, GatewayTimeout, Hang, Reset, EmptyBody, Redirect,
		EchoKey, Forbidden, NotFound, BadRequest, EndlessBody,
	}
	changing = []FaultKind{Slow, ClockOff, NoDate, NotAList, NextLoop, Shrink, Cut}
)

// FaultKinds lists them all.
func FaultKinds() []FaultKind { return slices.Concat(replacing, changing) }

// rule is a Fault in force.
type rule struct {
	Fault
	times int
}

// faults are the rules in force, in the order of their injection. They have a lock of their own.
type faults struct {
	mu     sync.Mutex
	rules  []*rule
	chance *rand.Rand
	counts map[FaultKind]int // faults that really happened
}

func newFaults(seed uint64) faults {
	return faults{
		chance: rand.New(rand.NewPCG(seed, seed)), // to be repeated, not to be secret
		counts: map[FaultKind]int{},
	}
}

// add adds a fault and returns what removes it again.
func (s *faults) add(f Fault) (remove func()) {
	r := &rule{Fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rules = slices.DeleteFunc(s.rules, func(o *rule) bool { return o == r })
	}
}

func (s *faults) counted() map[FaultKind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// meet returns the first fault of a kind that meets this request, and counts it as happened.
func (s *faults) meet(c *call, kind FaultKind) (Fault, bool) {
	return s.meetIf(c, func(k FaultKind) bool { return k == kind })
}

// meetReplacement returns the fault that replaces the response to this request, if one does.
func (s *faults) meetReplacement(c *call) (Fault, bool) {
	return s.meetIf(c, func(k FaultKind) bool { return !slices.Contains(changing, k) })
}

func (s *faults) meetIf(c *call, wanted func(FaultKind) bool) (Fault, bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if !wanted(r.Kind) || !r.meets(c, now) || r.Probability > 0 && s.chance.Float64() >= r.Probability {
			continue
		}
		r.times++
		s.counts[r.Kind]++
		return r.Fault, true
	}
	return Fault{}, false
}

func (r *rule) meets(c *call, now time.Time) bool {
	return (r.Op == "" || r.Op == c.op) &&
		(r.Object == "" || slices.Contains(c.names(), r.Object)) &&
		(r.From.IsZero() || !now.Before(r.From)) &&
		(r.Until.IsZero() || now.Before(r.Until)) &&
		(r.Times == 0 || r.times < r.Times)
}
