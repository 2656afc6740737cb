package web

import (
	"net"
	"net/http"
	"sync"
)

// maxConnections bounds the connections of clients at a time. At most half of the file descriptors are for them, the rest is for
// requests to innius and for files.
const maxConnections = 512

// limitConnections closes new connections above the limit, in total and per address, at once: the address is known only after
// they are accepted.
func limitConnections(server *http.Server, most int) {
	l := newLimiter(most)
	var counted sync.Map // net.Conn -> address
	server.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if address := clientOf(c.RemoteAddr().String()); l.acquire(address) {
				counted.Store(c, address)
			} else {
				_ = c.Close() // nothing was sent
			}
		case http.StateClosed, http.StateHijacked:
			if address, ok := counted.LoadAndDelete(c); ok {
				l.release(address.(string))
			}
		}
	}
}

// clientOf returns the address without its port. A socket without ports is one address.
func clientOf(remote string) string {
	address, _, _ := net.SplitHostPort(remote)
	return address
}
