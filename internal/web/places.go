package web

import (
	"net"
	"net/http"
	"sync"
)

// atOnce bounds how many answers of a kind are made at the same time, and with that the memory they take; what comes
// beyond gets a 503. One address gets three quarters of the places at most: a host that asks without end, or reads as
// slowly as it may, leaves room for two Prometheus servers and a person elsewhere.
func atOnce(most int, next http.Handler) http.Handler {
	p := &places{most: most, each: most - most/4, of: map[string]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _, _ := net.SplitHostPort(r.RemoteAddr) // a socket without ports is one address
		if !p.take(who) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too many of these pages are being made at once; try again.", http.StatusServiceUnavailable)
			return
		}
		defer p.leave(who)
		next.ServeHTTP(w, r)
	})
}

// places counts the answers that are being made, by the address that asked.
type places struct {
	most, each int

	mu  sync.Mutex
	all int
	of  map[string]int
}

func (p *places) take(who string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= p.most || p.of[who] >= p.each {
		return false
	}
	p.all++
	p.of[who]++
	return true
}

func (p *places) leave(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.of[who]--; p.of[who] == 0 {
		delete(p.of, who)
	}
}
