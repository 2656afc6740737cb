package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkStatusPage10000 is the page of ten thousand sensors, each with a full line of recent readings. The status it
// is made of is timed in package collector.
func BenchmarkStatusPage10000(b *testing.B) {
	s := &source{status: plant(1, 500, 20)}
	h := statusPage(s)
	var size int
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/status", http.NoBody))
		size = w.Body.Len()
		_, _ = io.Copy(io.Discard, w.Body)
	}
	b.ReportMetric(float64(size)/1e6, "MB/page")
}

// The page must stay one that a browser opens: with everything that a sensor can have.
func TestStatusPageOf10000SensorsIsSmall(t *testing.T) {
	if _, body := get(t, plant(1, 500, 20), "/status"); len(body) > 9e6 {
		t.Errorf("%d bytes", len(body))
	}
}
