package app

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// tape records what several goroutines write.
type tape struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *tape) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *tape) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// proxy is a real proxy on a socket, for CONNECT, plain http:// and SOCKS5. It records every byte that it sees: from the
// client before and in the tunnel, and from the API. Only it knows where innius.test is.
type proxy struct {
	user, password string // demanded where set
	refuse         int    // status code of the response to CONNECT; 0: 200
	reply          string // instead of any other response; %s is the header Proxy-Authorization
	seen           tape

	listener net.Listener
	mu       sync.Mutex
	targets  []string // requested so far
}

// serveProxy serves until the test ends; config is nil for a proxy that speaks no TLS itself.
func serveProxy(t *testing.T, p *proxy, config *tls.Config, serve func(*proxy, net.Conn) error) *proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	p.listener = listener
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			open.Go(func() { _ = serve(p, conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = listener.Close() })
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// requested returns the targets so far.
func (p *proxy) requested() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.targets...)
}

// dial connects to a target, of which only innius.test is known.
func (p *proxy) dial(target string) (net.Conn, error) {
	p.mu.Lock()
	p.targets = append(p.targets, target)
	p.mu.Unlock()
	host, port, err := net.SplitHostPort(target)
	if err != nil || host != "innius.test" {
		return nil, fmt.Errorf("unknown host %q", host)
	}
	return net.Dial("tcp", "127.0.0.1:"+port) //nolint:noctx // it ends with the test's connections
}

// pass leads bytes both ways until either side ends.
func (p *proxy) pass(client net.Conn, from io.Reader, api net.Conn) {
	var both sync.WaitGroup
	copyTo := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		_, _ = client.Close(), api.Close()
	}
	both.Go(func() { copyTo(api, from) })
	both.Go(func() { copyTo(client, io.TeeReader(api, &p.seen)) })
	both.Wait()
}

// serveHTTP is an HTTP proxy: CONNECT opens a tunnel, any other request is passed on as it is.
func serveHTTP(p *proxy, client net.Conn) error {
	from := bufio.NewReader(io.TeeReader(client, &p.seen))
	request, err := http.ReadRequest(from)
	if err != nil {
		return answerConnect(client, http.StatusBadRequest)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.user+":"+p.password))
	if p.user != "" && request.Header.Get("Proxy-Authorization") != want {
		return answerConnect(client, http.StatusProxyAuthRequired)
	}
	if p.reply != "" {
		_, err := fmt.Fprintf(client, p.reply+"\r\n\r\n", request.Header.Get("Proxy-Authorization"))
		return err
	}
	if p.refuse != 0 {
		return answerConnect(client, p.refuse)
	}
	api, err := p.dial(request.Host)
	if err != nil {
		return answerConnect(client, http.StatusBadGateway)
	}
	if request.Method == http.MethodConnect {
		if err := answerConnect(client, http.StatusOK); err != nil {
			return err
		}
	} else if err := request.Write(api); err != nil {
		return err
	}
	p.pass(client, from, api)
	return nil
}

func answerConnect(client net.Conn, status int) error {
	_, err := fmt.Fprintf(client, "HTTP/1.1 %d words of the proxy\r\n\r\n", status)
	return err
}

// holdsSecret reports whether a text holds another one, or its form for an HTTP header.
func holdsSecret(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret)))
}
