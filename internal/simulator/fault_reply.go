package simulator

import (
	"io"
	"net"
	"net/http"
	"time"
)

// fixedReply is the response of a fault that has a fixed one.
func fixedReply(c *call, kind FaultKind) reply {
	switch kind {
	case BadGatewayHTML:
		return page(http.StatusBadGateway, "502 Bad Gateway")
	case Maintenance:
		return page(http.StatusOK, "We&rsquo;ll be back soon")
	case EmptyBody:
		return reply{status: http.StatusOK}
	case Redirect:
		location := "https://elsewhere.example" + c.r.URL.RequestURI()
		return reply{status: http.StatusFound, header: map[string]string{"Location": location}}
	case EchoKey:
		return c.format.failure(http.StatusInternalServerError,
			"no handler for key "+c.r.Header.Get("x-api-key")+"\x1b[31m\r\n\x00\u202e")
	case ServerError:
		return c.format.failure(http.StatusInternalServerError, "Internal server error")
	case Unavailable:
		return c.format.failure(http.StatusServiceUnavailable, "Service Unavailable")
	case GatewayTimeout:
		return c.format.failure(http.StatusGatewayTimeout, "Endpoint request timed out")
	case Forbidden:
		return c.format.failure(http.StatusForbidden, "the key may not read this object")
	case NotFound:
		return c.format.failure(http.StatusNotFound, "no such object")
	case BadRequest:
		return c.format.failure(http.StatusBadRequest, "malformed parameter")
	}
	return c.format.failure(http.StatusNotImplemented, "the simulator knows no fault of the kind "+string(kind))
}

// page is a response of a gateway: HTML.
func page(status int, title string) reply {
	return reply{
		status: status,
		header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
		body: []byte("<!DOCTYPE html>\n<html><head><title>" + title + "</title></head>\n" +
			"<body><h1>" + title + "</h1></body></html>\n"),
	}
}

// reset closes the connection at once; with a TCP connection the peer sees a reset, with a pipe the end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and recorders have no connection to take over
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// endless writes list items until the client goes away. It rests a moment after each chunk: virtual time must move, or
// a client's deadline would never come.
func endless(c *call) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header()["Date"] = c.date()
	chunk := make([]byte, 0, 64<<10)
	for len(chunk) < cap(chunk)-len(`{"id":"again"},`) {
		chunk = append(chunk, `{"id":"again"},`...)
	}
	_, err := io.WriteString(c.w, `{"data":[`)
	for err == nil && pause(c.r, time.Millisecond) {
		_, err = c.w.Write(chunk)
	}
	panic(http.ErrAbortHandler)
}

// pause waits, and reports whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
