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
	edit       func(string) string // what the user changes in the snippet; nil: nothing
	unfixable  bool                // no setting can help: the snippet only shows what to check
	manual     bool                // only a user can apply the snippet: the check cannot try it
	raw        bool                // the response must be shown
	contains   []string
	severity   apicheck.Severity // default: Failure
}

const (
	windowed  = "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}"
	endpoints = "endpoints: {values: '" + windowed + "'}"
)

func TestCheckAPIDiagnosesFailures(t *testing.T) {
	for _, f := range append(append(statusFailures(), shapeFailures()...), plantFailures()...) {
		t.Run(f.name, func(t *testing.T) { f.run(t, serve(t, f.api)+"/v1") })
	}
}

// run checks the API, applies the snippet, and checks again.
func (f *failure) run(t *testing.T, url string) {
	t.Helper()
	f.at(t, newWorkDir(t, url, f.lines...))
}

func (f *failure) at(t *testing.T, d *workDir) {
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
	f.checkText(t, text, found)
	if tried := len(found.Settings) > 0; tried != (found.Set != "" && f.edit == nil && !f.unfixable && !f.manual) {
		t.Errorf("settings that were tried: %v", found.Settings)
	}
	if found.Set == "" {
		return
	}
	snippet := found.Set
	if f.edit != nil {
		snippet = f.edit(snippet)
	}
	d.paste(snippet)
	d.valid(snippet)
	if f.unfixable {
		return
	}
	text, report, err = d.check()
	if err != nil || !report.OK {
		t.Errorf("the snippet does not fix it:\n%s\n%s", snippet, text)
	}
	for _, again := range report.Findings {
		if again.Kind == f.kind {
			t.Errorf("it is found again: %+v", again)
		}
	}
}

// most is the largest number of requests of a walk.
const most = 10

func (f *failure) checkText(t *testing.T, text string, found apicheck.Finding) {
	t.Helper()
	if (found.Raw != "") != f.raw {
		t.Errorf("raw response shown: %t, want %t\n%s", found.Raw != "", f.raw, text)
	}
	for _, part := range f.contains {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
			t.Errorf("%q is missing:\n%s", part, text)
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
		simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v2"}).ServeHTTP(w, r)
	})
	slash := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/companies/me" {
			http.Redirect(w, r, "/v1/companies/me/", http.StatusPermanentRedirect)
			return
		}
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		simulatedAPI(testPlant(), simulator.Format{}).ServeHTTP(w, r)
	})
	strict := simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v1", Limits: simulator.Limits{MaxPage: 50}})
	twenty := simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v1", Limits: simulator.Limits{MaxPage: 20}})
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
			contains: []string{"status 301", "does not follow, or your key would go there"},
		},
		{name: "a path that wants a slash at its end", kind: "redirect", api: slash},
		{
			name: "a redirect to another host", kind: "redirect", api: faulty(simulator.Fault{Kind: simulator.Redirect}), unfixable: true,
			contains: []string{"only if innius owns the host"},
		},
		{
			name: "a wrong path of the machines", kind: "path", api: simulatedAPI(testPlant(), simulator.Format{}), raw: true,
			lines:    []string{"endpoints: {machines: '/companies/{company}/assets'}"},
			edit:     replaced("assets", "machines"),
			contains: []string{`is "acme.example", from the response for the company`, "the path (endpoints.machines) is wrong"},
		},
		{
			name: "a wrong path of the values", kind: "path", api: simulatedAPI(testPlant(), simulator.Format{}), raw: true,
			lines: []string{"endpoints: {values: '/companies/{company}/machines/{machine}/sensors/{sensor}/data'}"},
			edit:  replaced("/data", "/values"),
		},
		{
			name: "values only with a window", kind: "parameter", api: simulatedAPI(testPlant(), simulator.Format{NeedWindow: true}),
			contains: []string{"the parameters from and to are required", "Sent were: limit=100", "This was tried, and it works"},
		},
		{
			name: "values only with a window by other names", kind: "parameter", api: windowNamed("startTime", "endTime"),
			contains: []string{"startTime={from_ms}&endTime={to_ms}"},
		},
		{
			name: "values only with a window by names of its own", kind: "parameter", api: windowNamed("van", "tot"),
			contains: []string{"van={from_ms}&tot={to_ms}"},
		},
		{
			name: "a window by wrong names", kind: "parameter", api: windowNamed("start", "end"), lines: []string{endpoints},
		},
		{
			name: "a machines parameter that is refused", kind: "parameter", raw: true, unfixable: true,
			api: faulty(simulator.Fault{Kind: simulator.BadRequest, Op: "machines"}),
		},
		{
			name: "a page that is too large", kind: "page-size", api: strict,
			contains: []string{"page_size: 50"},
		},
		{
			name: "a page that is too large, without a hint", kind: "page-size", api: mute,
			contains: []string{"page_size: 10"},
		},
		{
			name: "a refused parameter, then the rate limit", kind: "parameter", raw: true, unfixable: true,
			api: refusedThenLimited(),
		},
		{
			name: "a key that may not read", kind: "key", unfixable: true,
			api:      faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "company"}),
			contains: []string{"does not accept the key", "It comes from api_key_env: TEST_KEY"},
		},
		{
			name: "a key that may read no sensor", kind: "forbidden", unfixable: true,
			api: faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "sensors"}),
		},
		{
			name: "rate limit", kind: "rate-limit", unfixable: true,
			api: faulty(simulator.Fault{Kind: simulator.TooMany, Delay: 90 * time.Second}), contains: []string{"Try again in 1m 30s"},
		},
		{
			name: "rate limit without Retry-After", kind: "rate-limit", unfixable: true,
			api:      faulty(simulator.Fault{Kind: simulator.TooMany, RetryAfter: "soon"}),
			contains: []string{"does not state when to try again"},
		},
		{
			name: "a fault of the server", kind: "server", api: faulty(simulator.Fault{Kind: simulator.ServerError}), raw: true,
			contains: []string{"There is nothing to set"},
		},
		{
			name: "a gateway without a server", kind: "server", api: faulty(simulator.Fault{Kind: simulator.BadGatewayHTML}), raw: true,
		},
		{
			name: "a response that is cut off", kind: "broken", api: faulty(simulator.Fault{Kind: simulator.Cut}), unfixable: true,
		},
		{
			name: "an endless response", kind: "broken", unfixable: true,
			api:      faulty(simulator.Fault{Kind: simulator.EndlessBody, Op: "machines"}),
			contains: []string{"larger than 4 MiB"},
		},
		{
			name: "a connection that breaks", kind: "network", unfixable: true, api: faulty(simulator.Fault{Kind: simulator.Reset}),
		},
		{
			name: "a method that is not allowed", kind: "status", unfixable: true, raw: true,
			api: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusMethodNotAllowed)
				_, _ = w.Write([]byte(`{"message":"POST only"}`))
			}),
		},
		{
			name: "a slow API", kind: "timeout", manual: true, lines: []string{"timeout: 1s"},
			api: faulty(simulator.Fault{Kind: simulator.Slow, Op: "company", Delay: 2 * time.Second}),
		},
	}
}

func TestCheckAPIDiagnosesWrongBasePath(t *testing.T) {
	f := failure{kind: "path", raw: true, edit: replaced("/old", ""), contains: []string{"Present values, to correct in the"}}
	f.run(t, serve(t, simulatedAPI(testPlant(), simulator.Format{}))+"/v1/old")
}

func TestCheckAPIDiagnosesWrongKey(t *testing.T) {
	d := newWorkDir(t, serve(t, simulatedAPI(testPlant(), simulator.Format{}))+"/v1")
	t.Setenv("TEST_KEY", "Another-key-of-mine")
	text, report, err := d.check()
	if found := finding(t, report, "key"); found.Set != "" {
		t.Errorf("no line of the config would help, got\n%s", found.Set)
	}
	if err == nil || strings.Contains(text, "Another-key") || !strings.Contains(text, "api_key_env: TEST_KEY. Replace it there") {
		t.Errorf("%v\n%s", err, text)
	}
	t.Setenv("TEST_KEY", canary)
	if text, _, err := d.check(); err != nil {
		t.Errorf("with a valid key there: %v\n%s", err, text)
	}
}

func TestCheckAPIDiagnosesUnreadableKeyFile(t *testing.T) {
	d := newWorkDir(t, serve(t, normal())+"/v1")
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
		t.Errorf("the snippet does not fix it: %v\n%s", err, text)
	}
}

// refusedThenLimited responds with 400, and to what is tried then with 429, which proves nothing.
func refusedThenLimited() http.Handler {
	s := faulty(simulator.Fault{Kind: simulator.BadRequest, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.TooMany, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.BadRequest, Op: "machines", Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.TooMany, Op: "machines", Times: 1})
	return s
}

// windowNamed requires a window of time for values, with these names.
func windowNamed(from, to string) http.Handler {
	api := simulatedAPI(testPlant(), simulator.Format{})
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
