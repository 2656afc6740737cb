package web

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Each request is answered for what it is, or refused with the status that says why.
func TestOddRequestsGetTheRightStatus(t *testing.T) {
	s := listen(t, 0, func(s *http.Server) { s.ReadTimeout = time.Second })
	host := "Host: exporter\r\n"
	for _, row := range []struct {
		name, request string
		code          int
	}{
		{"a header beyond bounds", "GET /metrics HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 80<<10), 431},
		{"headers beyond bounds", "GET /metrics HTTP/1.1\r\n" + host + strings.Repeat("X: x\r\n", 20<<10), 431},
		{"a URL beyond bounds", "GET /metrics?" + strings.Repeat("x", 80<<10), 431},
		{"a long URL", "GET /metrics?" + strings.Repeat("x", 30<<10) + " HTTP/1.1\r\n" + host + "\r\n", 200},
		{"a body with GET", "GET /metrics HTTP/1.1\r\n" + host + "Content-Length: 4\r\n\r\nbody", 200},
		{"an endless body with GET", "GET /metrics HTTP/1.1\r\n" + host + "Content-Length: 999999999999\r\n\r\nbody", 200},
		{"chunks that are none", "GET /metrics HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 200},
		{"a length that is none", "GET /metrics HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
		{"two lengths", "GET /metrics HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"an unknown coding of transfer", "GET /metrics HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
		{"HTTP/1.0 without a host", "GET /metrics HTTP/1.0\r\n\r\n", 200},
		{"HTTP/1.1 without a host", "GET /metrics HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET /metrics HTTP/1.1\r\n" + host + host + "\r\n", 400},
		{"a host that is garbage", "GET /metrics HTTP/1.1\r\nHost: \x01<script>\r\n\r\n", 400},
		{"a host of somebody else", "GET /metrics HTTP/1.1\r\nHost: elsewhere.invalid:99999\r\n\r\n", 200},
		{"an absolute URI", "GET http://elsewhere.invalid/metrics HTTP/1.1\r\n" + host + "\r\n", 200},
		{"a tunnel", "CONNECT elsewhere.invalid:443 HTTP/1.1\r\n" + host + "\r\n", 405},
		{"the server as a whole", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 200},
		{"no protocol of ours", "GET /metrics HTTP/3.7\r\n" + host + "\r\n", 505},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		{"no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		{"a path with a zero", "GET /metrics%00 HTTP/1.1\r\n" + host + "\r\n", 404},
		{"a path that is none", "GET /metrics%zz HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a path around corners", "GET /x/../metrics HTTP/1.1\r\n" + host + "\r\n", 307},
		{"POST", "POST /metrics HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n", 405},
		{"DELETE", "DELETE /metrics HTTP/1.1\r\n" + host + "\r\n", 405},
		{"TRACE", "TRACE /metrics HTTP/1.1\r\n" + host + "\r\n", 405},
		{"a method of one's own", "SCRAPE /metrics HTTP/1.1\r\n" + host + "\r\n", 405},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn := s.connect(row.request)
			s := &socket{T: t}
			if code, body := s.answer(conn); code != row.code {
				t.Errorf("status %d, want %d: %.200q", code, row.code, body)
			}
		})
	}
	s.scrape()
}

func TestHEADIsAScrapeWithoutItsBody(t *testing.T) {
	s := listen(t, 0, nil)
	conn := s.connect("HEAD /metrics HTTP/1.0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodHead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
	}
}

func TestRequestsInARowAreAnsweredInTheirOrder(t *testing.T) {
	s := listen(t, 0, nil)
	conn := s.connect("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + scrapeRequest)
	answers := bufio.NewReader(conn)
	for _, want := range []int{200, 404, 200} {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
		if err := resp.Body.Close(); err != nil { // reads the rest
			t.Fatal(err)
		}
	}
}
