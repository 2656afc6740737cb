package app

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

// failure is an API that the exporter cannot work with yet.
type failure struct {
	name, kind string
	api        http.Handler
	lines      []string            // of the account in the config file
	mend       func(string) string // what the user changes in the snippet, as its comments say; nil: nothing
	incurable  bool                // no setting can help: the snippet, if any, only says where to look
	byHand     bool                // the snippet is for people: the check cannot try it
	raw        bool                // the answer must be shown
	says       []string
	severity   apicheck.Severity // default: Failure
}

const (
	windowed  = "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}"
	endpoints = "endpoints: {values: '" + windowed + "'}"
)

func TestEveryFailureIsToldApartAndItsSnippetCuresIt(t *testing.T) {
	for _, f := range append(append(statusFailures(), shapeFailures()...), plantFailures()...) {
		t.Run(f.name, func(t *testing.T) { f.play(t, serve(t, f.api)+"/v1") })
	}
}

// play runs the check, looks at what it says, pastes its snippet, and runs it again.
func (f *failure) play(t *testing.T, url string) {
	t.Helper()
	f.at(t, sit(t, url, f.lines...))
}

func (f *failure) at(t *testing.T, d *desk) {
	t.Helper()
	text, report, err := d.check()
	found := finding(t, report, f.kind)
	if f.severity == "" {
		f.severity = apicheck.Failure
	}
	if found.Severity != f.severity || (err != nil) != (f.severity == apicheck.Failure) || report.OK != (err == nil) {
		t.Errorf("severity %s, want %s; error %v, ok %t", found.Severity, f.severity, err, report.OK)
	}
	if err != nil && !errors.Is(err, errFailures) {
		t.Errorf("the check ended with %v", err)
	}
	if report.Requests > most {
		t.Errorf("%d requests", report.Requests)
	}
	f.looksRight(t, text, found)
	if tried := len(found.Settings) > 0; tried != (found.Set != "" && f.mend == nil && !f.incurable && !f.byHand) {
		t.Errorf("settings that were tried: %v", found.Settings)
	}
	if found.Set == "" {
		return
	}
	snippet := found.Set
	if f.mend != nil {
		snippet = f.mend(snippet)
	}
	d.paste(snippet)
	d.valid(snippet)
	if f.incurable {
		return
	}
	text, report, err = d.check()
	if err != nil || !report.OK {
		t.Errorf("the snippet does not cure it:\n%s\n%s", snippet, text)
	}
	for _, again := range report.Findings {
		if again.Kind == f.kind {
			t.Errorf("it is found again: %+v", again)
		}
	}
}

// most is the number of requests that a walk is promised to keep to.
const most = 10

func (f *failure) looksRight(t *testing.T, text string, found apicheck.Finding) {
	t.Helper()
	if (found.Raw != "") != f.raw {
		t.Errorf("raw answer shown: %t, want %t\n%s", found.Raw != "", f.raw, text)
	}
	for _, part := range f.says {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
			t.Errorf("%q is not said:\n%s", part, text)
		}
	}
	for line := range strings.Lines(text) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 100 && !strings.Contains(line, "GET ") && !strings.Contains(line, ": \"/") {
			t.Errorf("a line of more than 100 columns: %s", line)
		}
	}
}

func replaced(old, with string) func(string) string {
	return func(snippet string) string { return strings.Replace(snippet, old, with, 1) }
}

// statusFailures are refusals.
func statusFailures() []failure {
	moved := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/"); ok {
			http.Redirect(w, r, "/v2/"+rest, http.StatusMovedPermanently)
			return
		}
		simulator.New(press(), simulator.Options{Key: canary, BasePath: "/v2"}).ServeHTTP(w, r)
	})
	slash := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/companies/me" {
			http.Redirect(w, r, "/v1/companies/me/", http.StatusPermanentRedirect)
			return
		}
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		pretend(press(), simulator.Format{}).ServeHTTP(w, r)
	})
	strict := simulator.New(press(), simulator.Options{Key: canary, BasePath: "/v1", Limits: simulator.Limits{MaxPage: 50}})
	twenty := simulator.New(press(), simulator.Options{Key: canary, BasePath: "/v1", Limits: simulator.Limits{MaxPage: 20}})
	mute := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		twenty.ServeHTTP(rec, r)
		if w.WriteHeader(rec.Code); rec.Code == http.StatusOK {
			_, _ = w.Write(rec.Body.Bytes())
			return
		}
		_, _ = w.Write([]byte(`{"message":"Bad Request"}`))
	})
	return []failure{
		{
			name: "the base path moved", kind: "redirect", api: moved,
			says: []string{"status 301", "does not follow, or your key would go there"},
		},
		{name: "a path that wants a slash at its end", kind: "redirect", api: slash},
		{
			name: "a redirect to another host", kind: "redirect", api: faulty(simulator.Fault{Kind: simulator.Redirect}), incurable: true,
			says: []string{"only if innius owns the host"},
		},
		{
			name: "a wrong path of the machines", kind: "path", api: pretend(press(), simulator.Format{}), raw: true,
			lines: []string{"endpoints: {machines: '/companies/{company}/assets'}"},
			mend:  replaced("assets", "machines"),
			says:  []string{`is "acme.example", from the response for the company`, "the path (endpoints.machines) is wrong"},
		},
		{
			name: "a wrong path of the values", kind: "path", api: pretend(press(), simulator.Format{}), raw: true,
			lines: []string{"endpoints: {values: '/companies/{company}/machines/{machine}/sensors/{sensor}/data'}"},
			mend:  replaced("/data", "/values"),
		},
		{
			name: "values only with a window", kind: "parameter", api: pretend(press(), simulator.Format{NeedWindow: true}),
			says: []string{"the parameters from and to are required", "Sent were: limit=100", "This was tried, and it works"},
		},
		{
			name: "values only with a window by other names", kind: "parameter", api: windowNamed("startTime", "endTime"),
			says: []string{"startTime={from_ms}&endTime={to_ms}"},
		},
		{
			name: "values only with a window by names of its own", kind: "parameter", api: windowNamed("van", "tot"),
			says: []string{"van={from_ms}&tot={to_ms}"},
		},
		{
			name: "a window by wrong names", kind: "parameter", api: windowNamed("start", "end"), lines: []string{endpoints},
		},
		{
			name: "a machines parameter that is refused", kind: "parameter", raw: true, incurable: true,
			api: faulty(simulator.Fault{Kind: simulator.BadRequest, Op: "machines"}),
		},
		{
			name: "a page that is too large", kind: "page-size", api: strict,
			says: []string{"page_size: 50"},
		},
		{
			name: "a page that is too large, in an answer that does not say so", kind: "page-size", api: mute,
			says: []string{"page_size: 10"},
		},
		{
			name: "a parameter that is refused, and then the allowance is spent", kind: "parameter", raw: true, incurable: true,
			api: refusedThenLimited(),
		},
		{
			name: "a key that may not read", kind: "key", incurable: true,
			api:  faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "company"}),
			says: []string{"does not accept the key", "It comes from api_key_env: TEST_KEY"},
		},
		{
			name: "a key that may read no sensor", kind: "forbidden", incurable: true,
			api: faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "sensors"}),
		},
		{
			name: "a spent allowance", kind: "rate-limit", incurable: true,
			api: faulty(simulator.Fault{Kind: simulator.TooMany, Delay: 90 * time.Second}), says: []string{"Try again in 1m 30s"},
		},
		{
			name: "a spent allowance without an end", kind: "rate-limit", incurable: true,
			api:  faulty(simulator.Fault{Kind: simulator.TooMany, RetryAfter: "soon"}),
			says: []string{"does not state when to try again"},
		},
		{
			name: "a fault of the server", kind: "server", api: faulty(simulator.Fault{Kind: simulator.ServerError}), raw: true,
			says: []string{"There is nothing to set"},
		},
		{
			name: "a gateway without a server", kind: "server", api: faulty(simulator.Fault{Kind: simulator.BadGatewayHTML}), raw: true,
		},
		{
			name: "an answer that is cut", kind: "broken", api: faulty(simulator.Fault{Kind: simulator.Cut}), incurable: true,
		},
		{
			name: "an answer that does not end", kind: "broken", incurable: true,
			api:  faulty(simulator.Fault{Kind: simulator.EndlessBody, Op: "machines"}),
			says: []string{"larger than 4 MiB"},
		},
		{
			name: "a connection that breaks", kind: "network", incurable: true, api: faulty(simulator.Fault{Kind: simulator.Reset}),
		},
		{
			name: "a method that is not allowed", kind: "status", incurable: true, raw: true,
			api: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusMethodNotAllowed)
				_, _ = w.Write([]byte(`{"message":"POST only"}`))
			}),
		},
		{
			name: "a slow API", kind: "timeout", byHand: true, lines: []string{"timeout: 1s"},
			api: faulty(simulator.Fault{Kind: simulator.Slow, Op: "company", Delay: 1100 * time.Millisecond}),
		},
	}
}

func TestAWrongBasePathIsToldByThe404(t *testing.T) {
	f := failure{kind: "path", raw: true, mend: replaced("/old", "")}
	f.play(t, serve(t, pretend(press(), simulator.Format{}))+"/v1/old")
}

func TestAWrongKeyIsToldAndWhereItCameFrom(t *testing.T) {
	d := sit(t, serve(t, pretend(press(), simulator.Format{}))+"/v1")
	t.Setenv("TEST_KEY", "Another-key-of-mine")
	text, report, err := d.check()
	found := finding(t, report, "key")
	if err == nil || strings.Contains(text, "Another-key") || !strings.Contains(text, "api_key_env: TEST_KEY") {
		t.Errorf("%v\n%s", err, text)
	}
	d.paste(found.Set)
	t.Setenv("TEST_KEY", canary)
	if text, _, err := d.check(); err != nil {
		t.Errorf("with a valid key there: %v\n%s", err, text)
	}
}

func TestAKeyFileThatBecameUnreadableIsTold(t *testing.T) {
	d := sit(t, serve(t, normal())+"/v1")
	path := filepath.Join(d.dir, "key")
	write := func(key string) {
		if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(canary)
	text, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	d.write(strings.Replace(string(text), "api_key_env: TEST_KEY", "api_key_file: key", 1))
	cfg, err := d.source().Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	write("two words")
	report, err := (&APICheck{}).check(t.Context(), cfg, 0, &apicheck.Text{W: io.Discard, ConfigFile: d.file})
	if err != nil {
		t.Fatal(err)
	}
	found := finding(t, report, "key-source")
	if report.OK || report.Requests != 0 || strings.Contains(strings.Join(found.Text, ""), "two words") {
		t.Errorf("got %+v", report)
	}
	write(canary)
	d.paste(found.Set)
	if text, _, err := d.check(); err != nil {
		t.Errorf("the snippet does not cure it: %v\n%s", err, text)
	}
}

// refusedThenLimited answers a probe with a 429, which proves nothing.
func refusedThenLimited() http.Handler {
	s := faulty(simulator.Fault{Kind: simulator.BadRequest, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.TooMany, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.BadRequest, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.TooMany, Op: "machines", Times: 1})
	return s
}

// windowNamed wants a window of time for values, by these names.
func windowNamed(from, to string) http.Handler {
	api := pretend(press(), simulator.Format{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if operation(r.URL.Path) == "values" && (!q.Has(from) || !q.Has(to)) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"message":"query parameters ` + from + `, ` + to + ` are required (ms since epoch)"}`))
			return
		}
		q.Set("from", q.Get(from))
		q.Set("to", q.Get(to))
		if r.URL.RawQuery = q.Encode(); operation(r.URL.Path) != "values" {
			r.URL.RawQuery = ""
		}
		api.ServeHTTP(w, r)
	})
}
