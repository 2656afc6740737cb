// Package web serves the exporter's pages: landing, metrics, status, config, health, readiness and reload. Apart from reload they
// only read.
package web

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/collector"
	"innius_exporter/internal/status"
)

// Source provides what the pages show. Its methods may be called from any goroutine.
type Source interface {
	Status(status.Selection) (*status.Status, error) // see status.Of; the status is never nil
	Ready() bool
	Stuck() string // the account whose loop is stuck; empty if none is
}

// Options configures the pages. All but Pprof and Reload are required.
type Options struct {
	Source      Source
	Exporter    func() status.Exporter
	Config      func() string        // the config in force as YAML, without secrets
	Collector   *collector.Collector // of what is polled
	Registry    *prometheus.Registry // of all other metrics; those of the pages are added
	MetricsPath string               // --web.telemetry-path
	Version     string
	Pprof       bool
	Reload      func() error // loads the config again; nil: disabled
	Logger      *slog.Logger
}

// Handler returns the handler of all pages.
func Handler(o Options) (http.Handler, error) {
	landing, err := landingPage(o)
	if err != nil {
		return nil, err
	}
	pack, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", landing)
	mux.Handle("GET "+o.MetricsPath, limitConcurrency(maxScrapes, pack(metrics(o))))
	mux.Handle("GET /status", pack(statusPage(&o, "text/html; charset=utf-8", true, (*view).page)))
	mux.Handle("GET /api/v1/status", pack(statusPage(&o, "application/json; charset=utf-8", false, (*view).json)))
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
	return secure(mux), nil
}

// metrics serves the exposition: what is polled, then the metrics of the process, unless ?account= selects accounts. ?name[]=
// selects families. A series of the process that fails is left out and counted, the scrape succeeds. Handler compresses it:
// promhttp's slower compressor would double the time of a scrape.
func metrics(o Options) http.Handler {
	process := promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
		ErrorLog: scrapeLog{o.Logger}, ErrorHandling: promhttp.ContinueOnError, Registry: o.Registry,
		DisableCompression: true, AcceptedFormats: []expfmt.Format{expfmt.FmtText},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		for name := range query {
			if name != "account" && name != "name[]" {
				err = fmt.Errorf("unknown parameter %q; known are account and name[]", cut(name))
			}
		}
		if err != nil { // a misspelled account would make it a scrape of all
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Type", string(expfmt.NegotiateAccept(r.Header, textFormat1, expfmt.FmtText)))
		h.Add("Vary", "Accept")
		err = o.Collector.WriteText(w, query["account"], query["name[]"])
		if unknown := collector.UnknownAccountError(""); errors.As(err, &unknown) {
			http.Error(w, unknown.Error(), http.StatusNotFound)
		} else if err == nil && !query.Has("account") {
			process.ServeHTTP(body{w}, r)
		}
	})
}

// textFormat1 is the text format with names in UTF-8, which Prometheus 3 prefers. Names without them are written as in 0.0.4.
const textFormat1 = expfmt.Format("text/plain; version=1.0.0; charset=utf-8")

// body is a response whose header has been set.
type body struct{ http.ResponseWriter }

// Header implements http.ResponseWriter.
func (body) Header() http.Header { return http.Header{} }

// maxScrapes bounds the scrapes served at a time, and with them the cache entries that slow ones keep in memory. The others get a
// 503.
const maxScrapes = 24

// scrapeLog logs what promhttp reports. A client that disconnected is not an error.
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

// landingPage links the pages relatively, so that a proxy may serve them under any path.
func landingPage(o Options) (http.Handler, error) {
	const here = "./"
	landing, err := toolkit.NewLandingPage(toolkit.LandingConfig{
		RoutePrefix: here,
		Name:        "innius_exporter",
		Description: "Prometheus exporter for innius: the newest reading of every sensor, as fresh as the rate limit permits.",
		Version:     o.Version,
		Profiling:   fmt.Sprint(o.Pprof),
		Links: []toolkit.LandingLinks{
			{Address: o.MetricsPath, Text: "Metrics", Description: "for Prometheus"},
			{Address: "/status", Text: "Status", Description: "for people: every sensor, its age and what is wrong"},
			{Address: "/api/v1/status", Text: "Status as JSON", Description: "one sensor with ?machine=...&sensor=..."},
			{Address: "/config", Text: "Config", Description: "in force, with defaults, without secrets"},
			{Address: "/-/healthy", Text: "Health", Description: "200 if the exporter runs"},
			{Address: "/-/ready", Text: "Readiness", Description: "200 once every account has polled a sensor, has failed or is paused"},
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = here // the only one that it serves
		landing.ServeHTTP(w, r)
	}), err
}

// healthy returns 503 if the loop of an account has made no decision for a minute past its planned sleep.
func healthy(s Source) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if account := s.Stuck(); account != "" {
			http.Error(w, fmt.Sprintf("the loop of account %q is stuck", account), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "innius_exporter is healthy.")
	}
}

// ready returns 200 once each account serves values or cannot, and from then on.
func ready(s Source) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !s.Ready() {
			http.Error(w, "An account has not completed its first poll yet.", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "innius_exporter is ready.")
	}
}

// CheckMetricsPath returns an error for a path of the metrics that cannot be served or that is the path of another page.
func CheckMetricsPath(p string) error {
	switch {
	case p == "" || p[0] != '/':
		return errors.New("must start with \"/\"")
	case strings.ContainsAny(p, "{}?# \t%"), path.Clean(p) != p:
		return errors.New("must be a plain path")
	case p == "/" || slices.Contains(pagePaths, p) || strings.HasPrefix(p, "/-/") || strings.HasPrefix(p, "/debug/"):
		return errors.New("is the path of another page; choose another one")
	}
	return nil
}

// pagePaths are the paths of the other pages.
var pagePaths = []string{"/status", "/api/v1/status", "/config"}

// configPage shows the config in force, without secrets, as plain text: saved to a file it is a valid config.
func configPage(inForce func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, inForce()) // ignored: the client disconnected
	}
}

// reload loads the config again: 200 if it is in force now, else 400 with the reason, and the previous one stays. A page
// of another site cannot make a browser send this request.
func reload(config func() error) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if config == nil {
			http.Error(w, "Reload by request is disabled. Set --web.enable-lifecycle, or send SIGHUP.", http.StatusForbidden)
			return
		}
		if err := config(); err != nil {
			http.Error(w, "The previous config stays in force: "+err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte("The config was reloaded.\n")) // ignored: the client disconnected
	}))
}

// policy is the Content-Security-Policy of a page with the given sources of styles and scripts: nothing from another host, no
// frame around it, no form to another site.
func policy(sources string) string {
	return "default-src 'none'; " + sources + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// secure sets the headers of every response: no caching, no referrer, no foreign content. Pages with a stricter policy of their
// own replace this one, which permits the styles of the landing page and of pprof.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy("style-src 'unsafe-inline'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
