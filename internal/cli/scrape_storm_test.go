package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// storm is an exporter under many clients, and the outcome of their scrapes.
type storm struct {
	*reloadable
	served, refused, broken atomic.Int64
}

// dialer returns one that uses an address of this machine.
func dialer(address string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
}

// scraper returns a client that uses an address of this machine and a new connection for each request.
func scraper(address string) *http.Client {
	transport := &http.Transport{DialContext: dialer(address).DialContext, DisableKeepAlives: true}
	return &http.Client{Transport: transport, Timeout: 5 * time.Minute}
}

// scrape expects a complete exposition, whose newest successful poll it returns, or a refusal with a reason.
func (s *storm) scrape(ctx context.Context, c *http.Client) (newest time.Time, served bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", http.NoBody)
	if err != nil {
		s.Error(err)
		return newest, false
	}
	resp, err := c.Do(req)
	if err != nil {
		s.fails("no response: %v", err)
		return newest, false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err == nil && resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), "try again"):
		s.refused.Add(1)
		return newest, false
	case err != nil || resp.StatusCode != http.StatusOK:
		s.fails("status %d, %v: %.200q", resp.StatusCode, err, body)
		return newest, false
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil || len(families["innius_sensor_value"].GetMetric()) != 40 {
		s.fails("not whole: %v, %d bytes", err, len(body))
		return newest, false
	}
	s.served.Add(1)
	seconds := 0.0
	for _, m := range families["innius_sensor_last_success_timestamp_seconds"].GetMetric() {
		seconds = max(seconds, m.GetGauge().GetValue())
	}
	return time.UnixMilli(int64(seconds * 1e3)), true
}

func (s *storm) fails(format string, args ...any) {
	if s.broken.Add(1) < 5 {
		s.Errorf(format, args...)
	}
}

// idle opens connections of an address that send a text and nothing more.
func (s *storm) idle(address string, count int, text string) {
	s.Helper()
	for range count {
		conn, err := dialer(address).DialContext(s.Context(), "tcp", s.address)
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, text)
	}
}

// Two hundred clients of one address scrape without pause, others of it read nothing, and those of a second address hold
// connections: further addresses are served each time, and polling continues. Each address stays well below its limit of
// connections, above which it gets no response, however late a busy exporter notices that a connection is closed.
func TestManyScrapersDelayNeitherOtherClientsNorPolling(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	const mostBytes = 96 << 20
	scrapers := 200
	if testing.Short() {
		scrapers = 20
	}
	s := &storm{reloadable: newReloadable(t)}
	quiet := inUse()
	s.idle("127.0.0.5", 50, "")
	s.idle("127.0.0.5", 50, "GET /metrics HTTP/1.1\r\nHost: ")
	s.idle("127.0.0.1", 20, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 100)) // none of which it reads
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range scrapers {
		all.Go(func() {
			for c := scraper("127.0.0.1"); ctx.Err() == nil; time.Sleep(250 * time.Millisecond) {
				s.scrape(context.WithoutCancel(ctx), c) // what began is completed
			}
		})
	}
	first, begin, peak := s.api.Stats().Requests, time.Now(), int64(0)
	var newest time.Time
	for rounds := 0; rounds < 5 || s.api.Stats().Requests < first+5 || newest.Before(begin); rounds++ { // the test's timeout ends it
		for _, address := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
			at, served := s.scrape(t.Context(), scraper(address))
			if !served {
				t.Errorf("%s is not served", address)
			}
			newest = at
		}
		peak = max(peak, inUse()-quiet)
	}
	stop()
	all.Wait()
	t.Logf("%d served, %d refused; %d MB, all clients included", s.served.Load(), s.refused.Load(), peak>>20)
	if peak > mostBytes {
		t.Errorf("%d bytes of memory, at most %d are permitted", peak, mostBytes)
	}
}

// inUse returns the bytes of objects, those not yet collected included, and of stacks.
func inUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
