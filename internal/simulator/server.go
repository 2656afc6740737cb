package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const contentType = "application/json; charset=utf-8"

// Server is the pretend API. Its methods may be called at any time from any goroutine; it starts none itself.
type Server struct {
	opts Options // the parts that never change: BasePath, Format

	mu        sync.Mutex // guards all below; never held while waiting or writing
	key       string
	revoked   map[string]int // former keys, with the status that they get
	plant     *plant         // replaced whole, never changed in place
	empty     bool           // the list of machines comes empty
	meter     meter
	rules     []*rule
	chance    *rand.Rand
	stats     Stats
	waitFrom  time.Time // requests between these two moments disregard the last 429
	waitUntil time.Time
}

// New makes a Server with its own copy of the plant.
func New(p Plant, o Options) *Server {
	o.Format = o.Format.withDefaults()
	return &Server{
		opts:    o,
		key:     o.Key,
		revoked: map[string]int{},
		plant:   newPlant(p),
		meter:   meter{limits: o.Limits},
		chance:  rand.New(rand.NewPCG(o.Seed, o.Seed)), // to be repeated, not to be secret
		stats:   newStats(),
	}
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.arrive(r)
	defer s.leave()
	c := s.open(w, r)
	s.disturbClock(c)
	if refusal, refused := s.admit(c); refused {
		s.send(c, refusal)
		return
	}
	c.admitted = true
	if f, ok := s.injected(c, Slow); ok && !pause(r, f.Delay) {
		s.countResponse(c, 0) // the client went away meanwhile
		return
	}
	if f, ok := s.injectedReplacement(c); ok {
		s.replace(c, f)
		return
	}
	s.send(c, s.respond(c))
}

// admit refuses what never comes to an operation: other methods, paths outside, wrong keys, requests over the limit.
func (s *Server) admit(c *call) (refusal reply, refused bool) {
	if s.opts.Format.GatewayPaths && c.op == OpUnknown {
		return s.failure(http.StatusForbidden, "Missing Authentication Token"), true
	}
	if c.outside {
		return s.failure(http.StatusNotFound, s.outsideMessage(c.r)), true
	}
	if status, message := s.judgeKey(c.r.Header.Get("x-api-key")); status != 0 {
		return s.failure(status, message), true
	}
	if c.r.Method != http.MethodGet {
		return s.failure(http.StatusMethodNotAllowed, "only GET is known"), true
	}
	if wait := s.charge(); wait > 0 {
		r, stated := s.limited(c, wait)
		s.countLimited(false, roundUp(wait), stated)
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

// charge takes one request from the rate limit and notes whether it came before a stated wait was over.
func (s *Server) charge() (wait time.Duration) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.waitFrom) && now.Before(s.waitUntil) {
		s.stats.TooEarly++
	}
	return s.meter.charge(now)
}

// limited makes a 429, and reports whether it names its wait.
func (s *Server) limited(c *call, wait time.Duration) (r reply, stated bool) {
	s.mu.Lock()
	form := s.meter.limits.RetryAfter
	header := s.meter.limits.retryAfter(c.now(), wait)
	s.mu.Unlock()
	r = s.failure(http.StatusTooManyRequests, "Too Many Requests")
	if header == "" {
		return r, false
	}
	r.header = map[string]string{"Retry-After": header}
	return r, form != Zero && form != One
}

// disturbClock makes the API's clock wrong, or hides it, in any response.
func (s *Server) disturbClock(c *call) {
	if f, ok := s.injected(c, ClockOff); ok {
		c.clock = f.Delay
	}
	_, c.noDate = s.injected(c, NoDate)
}

// reply is a response that is ready to be sent. JSON unless a header sets another type.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

func (s *Server) failure(status int, message string) reply {
	return reply{status: status, body: appendObject(nil, object{{s.opts.Format.Fields.Message, message}})}
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
	s.countResponse(c, r.status)
	body := r.body
	if c.admitted && len(body) > 0 {
		if _, cut := s.injected(c, Cut); cut {
			body = body[:len(body)/2] // net/http closes a connection whose handler announced more
		}
	}
	c.w.WriteHeader(r.status)
	_, _ = c.w.Write(body) // a client that went away is none of the server's business
}
