package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fetch asks a page with headers of the test's own; what it gets is not unpacked.
func (s *socket) fetch(path string, headers map[string]string) (code int, header http.Header, body []byte) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.address+path, http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(resp.Body); err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

const (
	plainText   = "text/plain; version=0.0.4"
	openMetrics = "application/openmetrics-text; version="
	protobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

func TestAnyAcceptGetsAFormatThatItTakesOrPlainText(t *testing.T) {
	s := listen(t, 0, nil)
	for accept, want := range map[string]string{
		"":                                plainText,
		"*/*":                             plainText,
		"garbage":                         plainText,
		";;;,,,q=;=":                      plainText,
		"text/html;q=nonsense":            plainText,
		"text/plain;q=0":                  plainText,
		"application/json":                plainText,
		"application/openmetrics-text":    openMetrics + "0.0.1",
		openMetrics + "1.0.0":             openMetrics + "1.0.0",
		openMetrics + "9.9.9":             plainText,
		protobuf:                          protobuf,
		"application/vnd.google.protobuf": plainText,
		"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2": openMetrics + "1.0.0",
		"application/openmetrics-text;version=1.0.0;q=0.1,text/plain;version=0.0.4;q=0.9":           plainText,
		strings.Repeat("text/x,", 5000): plainText,
	} {
		code, header, body := s.fetch("/metrics", map[string]string{"Accept": accept})
		if got := header.Get("Content-Type"); code != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("%.80q: status %d, %s, want %s", accept, code, got, want)
		}
		switch {
		case want == plainText:
			wantExposition(t, code, string(body))
		case strings.HasPrefix(want, openMetrics) && !strings.HasSuffix(string(body), "# EOF\n"):
			t.Errorf("%.80q: not whole: %.200q", accept, body)
		}
	}
}

func TestNobodyGetsACodingThatIsRefused(t *testing.T) {
	s := listen(t, 0, nil)
	for coding, packed := range map[string]bool{
		"": false, "gzip": true, "gzip;q=0.5": true, "deflate, gzip;q=1.0, *;q=0.5": true, "br,gzip": true,
		"gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=nonsense": false, "identity": false, "identity;q=0": false, "*;q=0": false, "zstd": false,
		"nonsense": false, ",;,;q": false, "notgzip": false, strings.Repeat("x,", 10_000): false,
	} {
		for _, path := range []string{"/metrics", "/status", "/api/v1/status"} {
			code, header, body := s.fetch(path, map[string]string{"Accept-Encoding": coding})
			got := header.Get("Content-Encoding") == "gzip"
			if got {
				unpacked, err := gzip.NewReader(bytes.NewReader(body))
				if err == nil {
					body, err = io.ReadAll(unpacked)
				}
				if err != nil {
					t.Errorf("%s, %.40q: %v", path, coding, err)
				}
			}
			if code != http.StatusOK || got != packed || !bytes.ContainsAny(body, "#<{") {
				t.Errorf("%s, %.40q: status %d, packed: %v, want %v, %.100q", path, coding, code, got, packed, body)
			}
		}
	}
}

func TestNamesChooseMetricsAndUnknownOnesNothing(t *testing.T) {
	s := listen(t, 0, nil)
	for query, lines := range map[string]int{
		"name[]=large": 3, "name[]=large&name[]=large": 3, "name[]=nonsense": 0, "name[]=": 0, "name[]=%ff%00": 0,
		"name[]=large&name[]=nonsense": 3, strings.TrimSuffix(strings.Repeat("name[]=x&", 5000), "&"): 0,
	} {
		code, _, body := s.fetch("/metrics?"+strings.ReplaceAll(query, "[]", url.QueryEscape("[]")), nil)
		if got := bytes.Count(body, []byte("\n")); code != http.StatusOK || got != lines {
			t.Errorf("%.60s: status %d, %d lines, want %d", query, code, got, lines)
		}
	}
}
