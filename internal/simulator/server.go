package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const contentType = "application/json; charset=utf-8"

// Server is the pretend API. Its methods may be called at any time from any goroutine; it starts none itself.
type Server struct {
	opts     Options // the parts that never change: BasePath, Format
	counters counters
	faults   faults

	mu      sync.Mutex // guards all below; never held while waiting or writing
	key     string
	revoked map[string]int // former keys, with the status that they get
	plant   *plant         // replaced whole, never changed in place
	meter   meter
}

// New makes a Server with its own copy of the plant.
func New(p Plant, o Options) *Server {
	o.Format = o.Format.withDefaults()
	return &Server{
		opts:     o,
		counters: newCounters(),
		faults:   newFaults(o.Seed),
		key:      o.Key,
		revoked:  map[string]int{},
		plant:    newPlant(p),
		meter:    meter{limits: o.Limits},
	}
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.counters.arrive(r)
	defer s.counters.leave()
	c := s.open(w, r)
	s.disturbClock(c)
	if refusal, refused := s.admit(c); refused {
		s.send(c, refusal)
		return
	}
	c.admitted = true
	if f, ok := s.faults.meet(c, Slow); ok && !pause(r, f.Delay) {
		s.counters.response(c, 0) // the client went away meanwhile
		return
	}
	if f, ok := s.faults.meetReplacement(c); ok {
		s.replace(c, f)
		return
	}
	s.send(c, c.respond())
}

// base is where the API is mounted: empty for the root, never with a slash at its end.
func (s *Server) base() string { return strings.TrimRight(s.opts.BasePath, "/") }

// open reads a request's path: which operation, on what.
func (s *Server) open(w http.ResponseWriter, r *http.Request) *call {
	s.mu.Lock()
	c := &call{w: w, r: r, format: &s.opts.Format, faults: &s.faults, limits: s.meter.limits, plant: s.plant, op: OpUnknown}
	s.mu.Unlock()
	rest, inside := strings.CutPrefix(r.URL.EscapedPath(), s.base())
	c.outside = !inside || !strings.HasPrefix(rest, "/")
	if segments, ok := unescape(rest); ok && !c.outside {
		c.route(segments)
	}
	return c
}

// admit refuses what never comes to an operation: other methods, paths outside, wrong keys, requests over the limit.
func (s *Server) admit(c *call) (refusal reply, refused bool) {
	if s.opts.Format.GatewayPaths && c.op == OpUnknown {
		return c.format.failure(http.StatusForbidden, "Missing Authentication Token"), true
	}
	if c.outside {
		return c.format.failure(http.StatusNotFound, s.outsideMessage(c.r)), true
	}
	if status, message := s.judgeKey(c.r.Header.Get("x-api-key")); status != 0 {
		return c.format.failure(status, message), true
	}
	if c.r.Method != http.MethodGet {
		return c.format.failure(http.StatusMethodNotAllowed, "only GET is known"), true
	}
	if wait := s.charge(); wait > 0 {
		r, stated := c.limited(wait)
		s.counters.limited(false, roundUp(wait), stated)
		return r, true
	}
	return reply{}, false
}

func (s *Server) outsideMessage(r *http.Request) string {
	return fmt.Sprintf("the simulated API is mounted below %s\nnothing is served at %s", s.base(), r.URL.EscapedPath())
}

// judgeKey returns the status and message that a key is refused with, or 0.
func (s *Server) judgeKey(key string) (status int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status := s.revoked[key]; status != 0 {
		return status, "this key was revoked"
	}
	switch {
	case s.key == key || s.key == "" && len(s.revoked) == 0:
		return 0, ""
	case key == "":
		return http.StatusUnauthorized, "the header x-api-key is missing"
	}
	return http.StatusUnauthorized, "the key is not valid"
}

// charge takes one request from the rate limit.
func (s *Server) charge() (wait time.Duration) {
	s.counters.charged()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meter.charge(time.Now())
}

// disturbClock makes the API's clock wrong, or hides it, in any response.
func (s *Server) disturbClock(c *call) {
	if f, ok := s.faults.meet(c, ClockOff); ok {
		c.clock = f.Delay
	}
	_, c.noDate = s.faults.meet(c, NoDate)
}

// send writes a response, whole unless a Cut meets it.
func (s *Server) send(c *call, r reply) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	for name, value := range r.header {
		h.Set(name, value)
	}
	if r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	h["Date"] = c.date()
	s.counters.response(c, r.status)
	body := r.body
	if c.admitted && len(body) > 0 {
		if _, cut := s.faults.meet(c, Cut); cut {
			body = body[:len(body)/2] // net/http closes a connection whose handler announced more
		}
	}
	c.w.WriteHeader(r.status)
	_, _ = c.w.Write(body) // a client that went away is none of the server's business
}

// replace carries out a fault that replaces the response.
func (s *Server) replace(c *call, f Fault) {
	switch f.Kind {
	case TooMany:
		s.sendInjectedLimit(c, f)
	case Hang:
		s.counters.response(c, 0)
		<-c.r.Context().Done()
		panic(http.ErrAbortHandler) // or net/http would send 200 to a client that still listens
	case Reset:
		s.counters.response(c, 0)
		reset(c.w)
	case EndlessBody:
		s.counters.response(c, http.StatusOK)
		endless(c)
	default:
		r := fixedReply(c, f.Kind)
		if f.Kind == Unavailable && f.RetryAfter != "" {
			r.header = map[string]string{"Retry-After": f.RetryAfter}
			s.counters.noteWait(f.RetryAfter)
		}
		s.send(c, r)
	}
}

// sendInjectedLimit sends a 429 although the rate limit has room: no client can foresee it.
func (s *Server) sendInjectedLimit(c *call, f Fault) {
	wait := f.Delay
	if wait == 0 {
		wait = time.Minute
	}
	r, stated := c.limited(wait)
	if f.RetryAfter != "" {
		r.header = map[string]string{"Retry-After": f.RetryAfter}
		stated = false
	}
	s.counters.limited(true, wait, stated)
	s.send(c, r)
}
