package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// connectFrom connects from one of this machine's addresses, of which 127.0.0.0/8 has many, and requests a page. The connection
// stays open and idle until the test ends.
func connectFrom(t *testing.T, from, address string) error {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that fails
	if _, err = io.WriteString(conn, "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

func TestIdleConnectionsLeaveDescriptorsForPolling(t *testing.T) {
	const limit = 80
	api := simulator.New(simulator.Uniform(40), simulator.Options{Key: firstKey})
	server := httptest.NewUnstartedServer(api)
	server.Config.SetKeepAlivesEnabled(false) // each request needs a descriptor
	server.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	r := &reloadable{T: t, config: filepath.Join(dir, "config.yml"), keyFile: filepath.Join(dir, "key")}
	r.write(r.keyFile, firstKey)
	r.write(r.config, fmt.Sprintf("accounts:\n  - name: acme\n    url: %s\n    api_key_file: key\n"+
		"    rate_limit: {requests_per_hour: 36000, burst: 100}\nrefresh: {min_interval: 1s}\n", server.URL))
	p := startProcess(t, []string{fmt.Sprintf("%s=%d", descriptors, limit)}, "--config.file="+r.config, "--storage.path="+filepath.Join(dir, "state"))
	t.Cleanup(func() { p.end(syscall.SIGTERM) })
	awaitValues(t, p.address, 40)
	served := map[string]int{}
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		for served[from] < limit && connectFrom(t, from, p.address) == nil {
			served[from]++
		}
	}
	if served["127.0.0.2"] != 30 || served["127.0.0.3"] < 5 || served["127.0.0.3"] > 10 { // another may be the scrape's
		t.Errorf("connections served by address: %v", served)
	}
	before := api.Stats().Of(simulator.OpValues, http.StatusOK)
	for end := time.Now().Add(time.Minute); api.Stats().Of(simulator.OpValues, http.StatusOK) < before+20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("polling has stopped:\n%s", p.text())
		}
	}
	if log := p.text(); strings.Contains(log, "level=error") || strings.Contains(log, "too many open files") {
		t.Errorf("descriptors were missing:\n%s", log)
	}
}
