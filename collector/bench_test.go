package collector

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"innius_exporter/internal/poller"
)

// BenchmarkScrape compares a scrape by WriteText with one by a registry, which checks and sorts each series.
func BenchmarkScrape(b *testing.B) {
	for _, sensors := range []int{1_000, 10_000, 100_000} {
		p := stored(1, sensors)
		c := New(func() *poller.Poller { return p })
		registry := prometheus.NewRegistry()
		registry.MustRegister(c)
		for name, h := range map[string]http.Handler{
			"stream":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = c.WriteText(w, nil, nil) }),
			"registry": promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		} {
			b.Run(fmt.Sprintf("sensors=%d/by=%s", sensors, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody))
					b.SetBytes(int64(w.Body.Len()))
				}
			})
		}
	}
}
