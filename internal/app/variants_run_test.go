package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"innius_exporter/collector"
	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/simulator"
	"innius_exporter/internal/status"
)

// variantKey holds characters that URLs and JSON escape.
const variantKey = "Canary+7f/3A-9e=41"

// request is one that the simulated API received.
type request struct {
	at     time.Time
	uri    string
	status int
}

// api is the simulated API of a variant, in a bubble.
type api struct {
	*simulator.Server
	dial     dialFunc
	mu       sync.Mutex
	requests []request
	closeAll func()
}

func (v *variant) serve() *api {
	a := &api{Server: simulator.New(v.plant, v.opts)}
	for _, f := range v.faults {
		a.Inject(f)
	}
	client, closeAll := simulator.Pipe(a)
	a.dial, a.closeAll = client.Transport.(*http.Transport).DialContext, closeAll
	return a
}

// ServeHTTP implements http.Handler: it notes each request.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	noted := &noting{ResponseWriter: w}
	at := time.Now()
	a.Server.ServeHTTP(noted, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, request{at: at, uri: r.RequestURI, status: noted.status})
}

// history lists the requests, for the one variant that is looked at.
func (a *api) history() string {
	var b strings.Builder
	for _, r := range a.requests {
		fmt.Fprintf(&b, "%s %d %.300s\n", r.at.Format("15:04:05.000"), r.status, r.uri)
	}
	return b.String()
}

type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// minimal is the config that every user begins with: URL and key. The rest of it shortens the run and concerns no API.
func (v *variant) minimal() string {
	return fmt.Sprintf(`accounts:
  - name: acme
    url: http://%s.test%s
    api_key_env: KEY
    allow_http: true
    http_client: {proxy_from_environment: false}
discovery: {interval: 5m}
refresh: {max_interval: 2m}
`, v.name, v.opts.BasePath)
}

// described is the minimal config with the settings that describe the variant.
func (v *variant) described(t *testing.T) string {
	var own []apicheck.Setting
	for path, value := range v.settings {
		own = append(own, apicheck.Setting{Path: "accounts[0]." + path, Value: value})
	}
	slices.SortFunc(own, func(a, b apicheck.Setting) int { return strings.Compare(a.Path, b.Path) })
	return applySettings(t, v.minimal(), &apicheck.Report{Findings: []apicheck.Finding{{Settings: own}}})
}

func loadText(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Source{File: file}.Load(func(name string) string { return map[string]string{"KEY": variantKey}[name] })
}

// result is what a run of the exporter showed.
type result struct {
	right    map[string]bool // sensors with the right value and time at the end, by the plant's id
	problems []string
	log      string
}

func (r *result) problem(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	if len(text) > 600 {
		text = text[:600] + "..."
	}
	_, same, timed := strings.Cut(text, " the account ")
	known := timed && slices.ContainsFunc(r.problems, func(p string) bool { return strings.HasSuffix(p, same) })
	if len(r.problems) < 12 && !known {
		r.problems = append(r.problems, text)
	}
}

// buffer is a log that may be written from anywhere.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// watch is the run of an exporter against a variant.
type watch struct {
	*variant
	result
	cfg    *config.Config
	api    *api
	poller *poller.Poller
}

// run lets the exporter poll a variant under a config, and judges it. Problems that concern the rate limit count only
// where the config knows the limit.
func (v *variant) run(t *testing.T, text string) *result {
	cfg, err := loadText(t, text)
	w := &watch{variant: v, cfg: cfg, result: result{right: map[string]bool{}}}
	if err != nil {
		w.problem("the config does not load: %v", err)
		return &w.result
	}
	synctest.Test(t, func(t *testing.T) {
		w.api = v.serve()
		defer w.api.closeAll()
		var log buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		opts, err := (&Exporter{dial: w.api.dial}).options(w.cfg, &poller.Counters{}, logger)
		if err != nil {
			t.Fatal(err)
		}
		w.poller = poller.New(opts)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.poller.Run(ctx) })
		w.story()
		cancel()
		running.Wait()
		w.log = log.String()
		w.checkTexts()
		w.checkRequests()
	})
	if *variantsOnly != "" {
		t.Logf("%q\n%s\n%.20000s\n%s", v.on, text, w.log, w.api.history())
	}
	return &w.result
}

// story lets time pass: after three cycles each sensor must have been read, and at the end it must still be.
func (w *watch) story() {
	w.pass(w.warm())
	if since := time.Since(start); w.outage[1] == 0 || since < w.outage[0] {
		w.checkSensors(false)
	}
	if w.changesUnit {
		w.changeUnit()
	}
	w.pass(max(w.end-time.Since(start), 4*w.cycle()+3*time.Minute))
	if w.outage[1] > 0 {
		w.pass(w.outage[1] + 3*w.cycle() + 2*time.Minute - time.Since(start))
	}
	if w.changesUnit {
		w.pass(30 * time.Duration(w.lists()) * w.gap()) // known lists take a twentieth of the requests
	}
	w.checkSensors(true)
}

// cycle is the time to poll every sensor once, with all the pages that takes.
func (w *watch) cycle() time.Duration {
	requests := 1 + w.opts.Format.Sparse
	if w.crawls() || w.opts.Format.Order == simulator.Ascending && requests > 1 {
		requests = 5 // at most: the newest page has to be found
	}
	return max(10*time.Second, time.Duration(requests*w.plant.Sensors())*w.gap())
}

// gap is the usual time between two requests, at the rate in force.
func (w *watch) gap() time.Duration {
	return time.Duration(float64(time.Hour) / described(w.poller).Accounts[0].RequestsPerHour)
}

// warm is when every sensor must have been read: discovery, three cycles, and where the oldest reading is always the first
// as many as the history needs at five pages a poll.
func (w *watch) warm() time.Duration {
	cycles := 3
	if w.crawls() {
		page := min(w.cfg.Accounts[0].PageSize, 100)
		if w.opts.Limits.MaxPage > 0 {
			page = min(page, w.opts.Limits.MaxPage)
		}
		pages := (1 + int(w.opts.Format.History/(10*time.Second))/page) * (1 + w.opts.Format.Sparse)
		cycles += (pages + 4) / 5
	}
	return time.Duration(w.lists())*w.gap() + time.Duration(cycles)*w.cycle() + 20*time.Second
}

// lists is how many requests read all lists once.
func (w *watch) lists() int { return (2 + len(w.plant.Company.Machines)) * (1 + w.opts.Format.Sparse) }

// pass lets time pass, and looks every few seconds whether the account fails.
func (w *watch) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(5*time.Second, time.Until(end)))
		synctest.Wait()
		since := time.Since(start)
		if since >= w.outage[0] && since < w.outage[1] {
			continue
		}
		a := described(w.poller).Accounts[0]
		if a.Failure != "" || a.Up != nil && !*a.Up {
			w.problem("after %v the account fails (%s): %s", since, a.Failure, a.LastError)
		}
		if !a.PausedUntil.IsZero() && a.PauseReason != "limit" && w.outage[1] == 0 {
			w.problem("after %v the account pauses: %s; %s", since, a.PauseReason, a.LastError)
		}
	}
}

func (w *watch) changeUnit() {
	for _, m := range w.plant.Company.Machines {
		for _, s := range m.Sensors {
			s.Unit = "psi"
			w.api.AddSensor(m.ID, s)
		}
	}
}

// checkSensors compares what the exporter holds with the truth.
func (w *watch) checkSensors(last bool) {
	a := described(w.poller).Accounts[0]
	if a.Up == nil || !*a.Up {
		if since := time.Since(start); since < w.outage[0] || since >= w.outage[1] {
			w.problem("after %v the account is not up: %s", since, a.LastError)
		}
	}
	for _, p := range w.probes() {
		if p.failing {
			continue
		}
		held := w.find(&a, &p)
		wrong := "not in the inventory"
		if held != nil {
			wrong = w.compare(&p, held)
		}
		if wrong != "" {
			name := p.sensor
			w.problem("after %v sensor %.20q: %s", time.Since(start), name, wrong)
		}
		if last {
			w.right[p.truth.ID] = wrong == ""
		}
		if last && w.changesUnit && held != nil && held.Unit != "psi" {
			w.problem("after %v sensor %.20q: unit %q, want psi", time.Since(start), p.sensor, held.Unit)
		}
	}
}

func (w *watch) find(a *status.Account, p *probe) *status.Sensor {
	machine, sensor := w.api.WireID(p.machine), w.api.WireID(p.sensor)
	for i := range a.Machines {
		if a.Machines[i].ID != machine {
			continue
		}
		for n := range a.Machines[i].Sensors.Len {
			if s := a.Machines[i].Sensors.At(n); s.ID == sensor || p.prefix && strings.HasPrefix(s.ID, p.sensor) {
				return &s
			}
		}
	}
	return nil
}

// compare describes what is wrong with what the exporter holds of a sensor; empty where nothing is.
func (w *watch) compare(p *probe, held *status.Sensor) string {
	polledAt, readingAt := time.Time(held.LastSuccess), time.Time(held.Timestamp)
	if polledAt.IsZero() {
		return "never read: " + held.Reason
	}
	due := 2*time.Minute + 3*w.cycle()
	if w.outage[1] > 0 { // the rate rises again over minutes
		due += w.outage[1] - w.outage[0]
	}
	if age := time.Since(polledAt); age > due {
		return fmt.Sprintf("last read %v ago; %s", age, held.Reason)
	}
	if p.future {
		if !readingAt.IsZero() && readingAt.Sub(polledAt) > 5*time.Minute {
			return fmt.Sprintf("has a reading of the future: %v, read at %v", readingAt, polledAt)
		}
		return ""
	}
	f, shown := w.opts.Format, polledAt.Add(-w.beyond(p))
	stamp, value, ok := p.newest(f, shown)
	if readingAt.IsZero() {
		reach := 24 * time.Hour
		if f.History > 0 {
			reach = min(reach, f.History)
		}
		reach = min(reach, w.cfg.Accounts[0].Lookback)
		if ok && polledAt.Sub(stamp) < reach-2*time.Minute {
			return fmt.Sprintf("no reading, want %v at %v; %s", value, stamp, held.Reason)
		}
		return ""
	}
	for back := time.Duration(0); back <= 30*time.Second+w.cycle(); back += time.Second { // pages of other sensors may come between two of its own
		if stamp, value, ok = p.newest(f, shown.Add(-back)); ok && readingAt.Equal(stamp) && *held.Value == value {
			return ""
		}
	}
	stamp, value, ok = p.newest(f, shown)
	return fmt.Sprintf("has %v at %v, want %v at %v (%t), read at %v", *held.Value, readingAt, value, stamp, ok, polledAt)
}

// beyond is how far the clock of a sensor is ahead of the end of the windows that polls request, which is now by the API's.
func (w *watch) beyond(p *probe) time.Duration {
	if !strings.Contains(w.cfg.Accounts[0].Endpoints.Values, "{to_") || w.opts.Format.Window.Ignored {
		return 0
	}
	ahead := p.truth.Skew
	for _, f := range w.faults {
		if f.Kind == simulator.ClockOff {
			ahead -= f.Delay
		}
	}
	return max(0, ahead)
}

// checkTexts looks at what is read: no key, no line without an end, and innius_up.
func (w *watch) checkTexts() {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector.New(func() *poller.Poller { return w.poller }))
	families, err := registry.Gather()
	if err != nil {
		w.problem("gather: %v", err)
	}
	exposed := fmt.Sprint(families)
	if !strings.Contains(exposed, "name:\"innius_up\"") {
		w.problem("no innius_up")
	}
	for place, text := range map[string]string{"log": w.log, "status": statusText(w.poller), "metrics": exposed} {
		if strings.Contains(text, variantKey) {
			w.problem("the key is in the %s", place)
		}
	}
	for line := range strings.Lines(w.log) {
		if len(line) > 4096 {
			w.problem("a log line of %d bytes: %.200s", len(line), line)
		}
	}
	if n := w.api.Stats().KeyExposed; n > 0 && len(w.facts) == 0 {
		w.problem("%d requests with the key outside its header", n)
	}
}

// checkRequests judges what was sent.
func (w *watch) checkRequests() {
	s := w.api.Stats()
	known := w.cfg.Accounts[0].RateLimit.RequestsPerHour <= float64(w.opts.Limits.PerHour)
	if known && s.Limited > 0 || s.TooEarly > 0 {
		w.problem("%d requests over the rate limit, %d before the end of a stated wait", s.Limited, s.TooEarly)
	}
	if s.Unforeseen > 14 { // a minute, doubled each time, would be 3 in 5 min; four may be under way at once
		w.problem("%d requests refused with 429", s.Unforeseen)
	}
	elapsed := time.Since(start)
	times := map[string][]request{}
	for _, r := range w.api.requests {
		times[r.uri] = append(times[r.uri], r)
	}
	for uri, all := range times {
		failed, close := 0, 0
		for i, r := range all {
			if r.status >= 400 && r.status != http.StatusTooManyRequests && r.status != http.StatusServiceUnavailable {
				failed++
			}
			if i >= 2 && r.at.Sub(all[i-2].at) < 9*time.Second {
				close++
			}
		}
		most := 3 + int(elapsed/(5*time.Minute)) // discovery, and one request that confirms
		switch {
		case w.isValues(uri):
			most = int(elapsed/(10*time.Second)) + 2 // a poll every 10 s
		case w.decides(uri) && len(w.faults) > 0:
			most = 3 + int(elapsed/time.Minute) // it decides whether the circuit opens
		}
		switch {
		case close > 0:
			w.problem("%.200s: %d times three requests within 9 s", uri, close)
		case failed > 4+int(elapsed/time.Minute):
			w.problem("%.200s: failed %d times in %v", uri, failed, elapsed)
		case failed == 0 && len(all) > most:
			w.problem("%.200s: requested %d times in %v", uri, len(all), elapsed)
		}
	}
}

func (w *watch) isValues(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	return strings.HasSuffix(path, "/values") || strings.HasSuffix(path, "/data")
}

// decides reports whether a request may have been sent to find out whether the account is to blame for failures.
func (w *watch) decides(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	if w.fixedCompany {
		return strings.HasSuffix(path, "/machines") || strings.HasSuffix(path, "/assets")
	}
	return strings.HasSuffix(path, "/companies/me") || strings.HasSuffix(path, "/company")
}

// checkAPI runs `check api` under a config.
func (v *variant) checkAPI(t *testing.T, text string) *apicheck.Report {
	report := &apicheck.Report{}
	cfg, err := loadText(t, text)
	if err != nil {
		return report
	}
	synctest.Test(t, func(t *testing.T) {
		a := v.serve()
		defer a.closeAll()
		c := &APICheck{Output: "json", dial: a.dial}
		report, err = c.check(t.Context(), cfg, 0, &apicheck.Text{W: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if *variantsOnly != "" {
			t.Logf("check api\n%s", a.history())
		}
	})
	return report
}

// sameConfig reports whether two configs are the same.
func sameConfig(t *testing.T, a, b string) bool {
	t.Helper()
	var first, second any
	if yaml.Unmarshal([]byte(a), &first) != nil || yaml.Unmarshal([]byte(b), &second) != nil {
		t.Fatal("no YAML")
	}
	return fmt.Sprint(first) == fmt.Sprint(second)
}
