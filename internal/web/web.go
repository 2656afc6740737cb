// Package web serves the exporter's pages: landing, metrics, status, config, health, readiness and reload. But for the last
// it reads the poller and changes nothing.
package web

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/internal/poller"
)

// Source is what the pages show.
type Source interface {
	Status() poller.Status
	Ready() bool
	Stuck() string // the account whose loop is stuck; empty where none is
}

// Options configures the pages. All but Pprof and Reload are required.
type Options struct {
	Source      Source
	Config      func() string                    // the config in force as YAML, without secrets
	Gatherer    prometheus.TransactionalGatherer // of all metrics
	Registry    prometheus.Registerer            // for those of the pages
	MetricsPath string                           // --web.telemetry-path
	Version     string
	Pprof       bool
	Reload      func() error // puts the config in force anew; nil: not by request
	Logger      *slog.Logger
}

// Handler returns the handler of all pages.
func Handler(o Options) (http.Handler, error) {
	mux, err := pagesOf(o)
	if err != nil {
		return nil, err
	}
	return secure(mux), nil
}

// pages is a mux that knows its patterns, so that no test of all pages can forget a new one.
type pages struct {
	http.ServeMux
	patterns []string
}

// Handle registers a page.
func (p *pages) Handle(pattern string, h http.Handler) {
	p.patterns = append(p.patterns, pattern)
	p.ServeMux.Handle(pattern, h)
}

// HandleFunc registers a page.
func (p *pages) HandleFunc(pattern string, h http.HandlerFunc) { p.Handle(pattern, h) }

func pagesOf(o Options) (*pages, error) {
	landing, err := landingPage(o)
	if err != nil {
		return nil, err
	}
	pack, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		return nil, err
	}
	mux := &pages{}
	mux.Handle("GET /{$}", landing)
	mux.Handle("GET "+o.MetricsPath, atOnce(scrapesAtOnce, buffered(pack(buffered(metrics(o))))))
	mux.Handle("GET /status", pack(statusPage(o.Source)))
	mux.Handle("GET /api/v1/status", pack(statusJSON(o.Source)))
	mux.HandleFunc("GET /config", configPage(o.Config))
	mux.HandleFunc("GET /-/healthy", healthy(o.Source))
	mux.HandleFunc("GET /-/ready", ready(o.Source))
	for _, method := range []string{http.MethodPost, http.MethodPut} { // as Prometheus has it
		mux.Handle(method+" /-/reload", reload(o.Reload))
	}
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux, nil
}

// NewServer makes the server of the pages, with timeouts against clients that are slow on purpose or by accident.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           &patient{readers, h},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,     // until the first byte of an answer; from then on readers decides. A profile adds its own time
		IdleTimeout:       5 * time.Minute, // longer than any usual scrape interval, so that connections are used again
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: readers.stall}, // a deadline of a stream does not end its connection
		ErrorLog:          log.New(serverLog{logger}, "", 0),
	}
}

// metrics serves the exposition: one bad series costs itself, not the scrape, and is counted. It is packed by Handler: a
// faster compressor than promhttp's makes half of what a scrape takes.
func metrics(o Options) http.Handler {
	return promhttp.HandlerForTransactional(o.Gatherer, promhttp.HandlerOpts{
		ErrorLog:           scrapeLog{o.Logger},
		ErrorHandling:      promhttp.ContinueOnError,
		Registry:           o.Registry,
		EnableOpenMetrics:  true,
		DisableCompression: true,
	})
}

// scrapesAtOnce bounds the memory that scrapes take; what comes beyond gets a 503. It is more than the Prometheus
// servers that ask at the same moment.
const scrapesAtOnce = 12

// scrapeLog logs what promhttp reports: a client that hung up is no error of ours.
type scrapeLog struct{ *slog.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	text := strings.TrimSpace(fmt.Sprintln(v...))
	if strings.HasPrefix(text, "error encoding and sending") {
		l.Debug(text)
		return
	}
	l.Error(text)
}

func landingPage(o Options) (http.Handler, error) {
	return toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        "innius_exporter",
		Description: "Prometheus exporter for innius: the newest reading of every sensor, as fresh as the request allowance permits.",
		Version:     o.Version,
		Profiling:   fmt.Sprint(o.Pprof),
		Links: []toolkit.LandingLinks{
			{Address: o.MetricsPath, Text: "Metrics", Description: "for Prometheus"},
			{Address: "/status", Text: "Status", Description: "what to look at when a number seems wrong"},
			{Address: "/api/v1/status", Text: "Status as JSON", Description: "of one sensor with ?machine=...&sensor=..."},
			{Address: "/config", Text: "Config", Description: "in force, with defaults filled in and no secret"},
			{Address: "/-/healthy", Text: "Health", Description: "is the exporter alive"},
			{Address: "/-/ready", Text: "Readiness", Description: "has it looked at each account once"},
		},
	})
}

// healthy answers 503 when a loop has neither decided anything nor been asleep until a known moment for a minute.
func healthy(s Source) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if account := s.Stuck(); account != "" {
			http.Error(w, fmt.Sprintf("the loop of account %q is stuck", account), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "innius_exporter is healthy.")
	}
}

// ready answers 200 once each account has completed or failed one discovery; then it stays.
func ready(s Source) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !s.Ready() {
			http.Error(w, "The first discovery is still under way.", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "innius_exporter is ready.")
	}
}

// CheckMetricsPath refuses a path for the metrics that cannot be served or that another page has.
func CheckMetricsPath(p string) error {
	switch {
	case p == "" || p[0] != '/':
		return errors.New("must start with \"/\"")
	case strings.ContainsAny(p, "{}?# \t%"), path.Clean(p) != p:
		return errors.New("must be a plain path")
	case p == "/" || slices.Contains(taken, p) || strings.HasPrefix(p, "/-/") || strings.HasPrefix(p, "/debug/"):
		return errors.New("is another page; choose a path of its own")
	}
	return nil
}

// taken are the paths of the other pages.
var taken = []string{"/status", "/api/v1/status", "/config"}
