package web

import (
	"net"
	"net/http"
	"sync"
)

// limitConcurrency serves at most that many requests of a handler at a time, and with that bounds the memory they take; the
// others get a 503. One client address gets three quarters at most: a host that floods the exporter or reads slowly leaves
// room for two Prometheus servers and a person elsewhere.
func limitConcurrency(most int, next http.Handler) http.Handler {
	l := &limiter{total: most, perAddress: most - most/4, byAddress: map[string]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _, _ := net.SplitHostPort(r.RemoteAddr) // a socket without ports is one address
		if !l.acquire(address) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too many requests for this page at once; try again.", http.StatusServiceUnavailable)
			return
		}
		defer l.release(address)
		next.ServeHTTP(w, r)
	})
}

// limiter counts the requests being served, by client address.
type limiter struct {
	total, perAddress int

	mu        sync.Mutex
	active    int
	byAddress map[string]int
}

func (l *limiter) acquire(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active >= l.total || l.byAddress[address] >= l.perAddress {
		return false
	}
	l.active++
	l.byAddress[address]++
	return true
}

func (l *limiter) release(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.byAddress[address]--; l.byAddress[address] == 0 {
		delete(l.byAddress, address)
	}
}
