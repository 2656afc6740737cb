package web

import (
	"compress/gzip"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

func TestStatusPageShowsNumbersAndAges(t *testing.T) {
	s := plant(1, 1, 3)
	a := &s.Accounts[0]
	a.MaxAge, a.RelaxedBy = map[poller.MaxAgeStatus]int{poller.MaxAgeRelaxed: 7}, 2.345
	a.Ages = &status.Ages{Median: 30, Most95: 3600, Oldest: 7200, Machine: "Press", Sensor: "Oil"}
	a.Machines[0].Ages = a.Ages
	a.Remarks, s.Unmatched = []string{"the API ignores <the> window"}, []string{"sensors[1] matches <nothing>"}
	a.Machines[0].Status = poller.MachineDegraded
	edit(&a.Machines[0], func(i int, s *status.Sensor) {
		if i == 2 {
			s.NextPoll, s.WaitsFor = now, poller.WaitsForResponse
			s.Min, s.Max = new(-1.5), new(2e6)
		}
	})
	_, body := get(t, s, "/status")
	for _, want := range []string{
		"2026-01-02T03:04:05Z", "13\u202f270\u202f480.5 <bdi>bar", "<td class=\"value\" title=\"min -1.5, max 2\u202f000\u202f000\">", ">1h 2m</span>", `<td class="interval">30s</td>`,
		`<td class="gap">8m</td>`, ">3m ago</span>", ">in 4m</span>",
		"in 4m</span></td>", `<td class="next">now</td>`, "7 relaxed", "by a factor of 2.3", "1\u202f234 requests per hour",
		"it suffices", "all seen", "4m 6s to poll every sensor once", "2 current", "1 stale", "stale since yesterday", "Readings missed in 50 % of the time",
		`<span class="badge degraded">degraded</span>`,
		"See <code>innius_exporter plan</code>", "Ages of the values: median ", "(<bdi>Press</bdi> / <bdi>Oil</bdi>)", "oldest 2h",
		"In the config: <bdi>sensors[1] matches &lt;nothing&gt;</bdi>",
		"Remark: <bdi>the API ignores &lt;the&gt; window</bdi>",
		`<span title="2026-01-02T02:02:25Z">`, "20 readings, ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in:\n%s", want, body)
		}
	}
}

func TestStatusPageShowsWhatTheNextPollWaitsFor(t *testing.T) {
	s := currentSensor("Oil", "s1")
	for waits, want := range map[poller.WaitsFor]string{
		poller.WaitsForResponse: ">now</td>", poller.WaitsForPause: ">in 4m</span> <small>pause</small></td>",
		poller.WaitsForInterval: ">in 4m</span></td>", poller.WaitsForRateLimit: ">in 4m</span></td>", "": `<td class="next"></td>`,
	} {
		s.WaitsFor = waits
		if row := string(markup{}.row(&s, now, false)); !strings.Contains(row, want) {
			t.Errorf("%q: %s", waits, row)
		}
	}
}

func TestStatusPageShowsState(t *testing.T) {
	s := currentSensor("State", "s1")
	s.Value, s.State, s.Recent = nil, "<RUN>", nil
	row := string(markup{}.row(&s, now, false))
	if !strings.Contains(row, "<bdi>&lt;RUN&gt;</bdi></td>") || strings.Contains(row, "bar") {
		t.Error(row)
	}
	if s.Value = new(0.5); !strings.Contains(string(markup{}.row(&s, now, false)), "0.5 <bdi>bar</bdi> <bdi>&lt;RUN&gt;</bdi></td>") {
		t.Error(string(markup{}.row(&s, now, false)))
	}
}

// One verdict at a time: an account is up until it fails, whatever its latest request met.
func TestStatusPageShowsOneVerdictOnAnAccount(t *testing.T) {
	s := plant(1, 1, 1)
	a := &s.Accounts[0]
	a.LastError, a.LastErrorAt = "no response: refused", ago(0)
	head := func() string {
		_, body := get(t, s, "/status")
		_, body, _ = strings.Cut(body, `<section class="account">`)
		body, _, _ = strings.Cut(body, "<summary>Details")
		return body
	}
	if got := head(); !strings.Contains(got, `<span class="badge current">up</span>`) || strings.Contains(got, "refused") {
		t.Error(got)
	}
	a.PausedUntil, a.Health = ago(-time.Minute), "Up; paused until 2026-01-02T03:05:05Z"
	if got := head(); !strings.Contains(got, `<span class="badge delayed">paused</span>`) || strings.Contains(got, ">up<") || strings.Contains(got, "refused") ||
		!strings.Contains(got, "paused until") {
		t.Error(got)
	}
	a.Up, a.Failure, a.Health, a.LastErrorAt = new(false), "network", "Down since noon: innius cannot be reached", ago(time.Minute)
	a.Lowered, a.Configured = "another tool", 2000
	got := head()
	for _, want := range []string{
		`<span class="badge failing">down</span>`, `<p class="problem">Down since noon: innius cannot be reached`, "no response: refused",
		`<span title="2026-01-02T03:03:05Z">`, "Rate limit lowered: <bdi>another tool",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if _, body := get(t, s, "/status"); !strings.Contains(body, "instead of the 2\u202f000 configured") || strings.Count(got, `class="badge`) != 1 {
		t.Error(body)
	}
}

// What has not been listed yet is not 0 machines.
func TestStatusPageShowsWhatIsNotListed(t *testing.T) {
	s := plant(1, 0, 0)
	a := &s.Accounts[0]
	a.ByStatus = nil
	for what, d := range map[string]status.Discovery{
		"nothing": {Ended: true, Text: "not listed"}, "a part": {LastSuccess: now, Text: "not listed"}, "all": {Ended: true, LastSuccess: now, Text: "listed"},
	} {
		a.Discovery = d
		_, body := get(t, s, "/status")
		if head, _, _ := strings.Cut(body, "<summary>Details"); strings.Contains(head, "<p>not listed</p>") == (what == "all") {
			t.Errorf("%s: %s", what, head)
		}
		if regexp.MustCompile("0 machines|Machines:").MatchString(body) {
			t.Errorf("%s: %s", what, body)
		}
	}
}

// During the first discovery, the demand is that of the sensors known so far, so a small part of it.
func TestStatusPageShowsDemandAfterFirstDiscovery(t *testing.T) {
	s := plant(1, 1, 1)
	for _, ended := range []bool{true, false} {
		s.Accounts[0].Discovery.Ended = ended
		if _, body := get(t, s, "/status"); strings.Contains(body, "<dt>Demand") != ended {
			t.Errorf("first discovery ended: %t\n%s", ended, body)
		}
	}
}

// "1" is the unit of what has none. It must not look like a value, above all without one.
func TestStatusPageShowsUnitOnlyWithNumber(t *testing.T) {
	s := currentSensor("Flow switch", "s1")
	s.Unit = "1"
	if row := string(markup{}.row(&s, now, false)); !strings.Contains(row, "\u202f480.5</td>") {
		t.Error(row)
	}
	s.Value, s.Recent = nil, nil
	for _, s.Unit = range []string{"1", "bar"} {
		if row := string(markup{}.row(&s, now, false)); !strings.Contains(row, `<td class="value"></td>`) {
			t.Error(row)
		}
	}
}

func TestStatusPageShowsTheProcess(t *testing.T) {
	s := &source{status: plant(1, 1, 1)}
	defer func(before status.Exporter) { process = before }(process)
	for _, c := range []struct {
		change func()
		want   string
	}{
		{func() {}, "innius_exporter 1.2.3, started <span"},
		{func() {}, "config <bdi>/etc/&lt;innius&gt;.yml</bdi> loaded <span"},
		{func() {}, "state saved <span"},
		{func() { process.StateSaved = time.Time{} }, "state is not saved yet"},
		{func() { process.SavesState = false }, "state is not saved ·"},
		{func() { process.ReloadError, process.ReloadFailed = "line 3: <bad> key", ago(time.Minute) }, "1m ago</span>, and the one loaded at <time"},
		{func() {}, "stays in force: <bdi>line 3: &lt;bad&gt; key</bdi></p>"},
	} {
		c.change()
		if _, body := getFrom(t, s, "/status"); !strings.Contains(body, c.want) {
			t.Errorf("%q is missing in:\n%s", c.want, body)
		}
	}
	if _, body := getFrom(t, s, "/api/v1/status"); !strings.Contains(body, `"reload_error":"line 3: \u003cbad\u003e key"`) {
		t.Error(body)
	}
}

func TestStatusPageShowsReceivers(t *testing.T) {
	s := plant(1, 1, 1)
	const failure = `<p class="problem">Remote write to <bdi>central</bdi> fails (<span title="2026-01-02T03:03:05Z">1m ago</span>): <bdi>&lt;503&gt;`
	r := status.Receiver{Name: "central", Pending: 1, OldestPending: ago(time.Hour), Accepted: 1234567, Refused: 1000, Dropped: 2}
	show := func(wants ...string) string {
		s.Receivers = []status.Receiver{r}
		_, body := get(t, s, "/status")
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%q is missing in:\n%s", want, body)
			}
		}
		return body
	}
	show("<dt><bdi>central</bdi></dt>", "1 reading pending, the oldest stored <span", "no success yet",
		"1\u202f234\u202f567 accepted, 1\u202f000 refused, 2 dropped")
	r.Pending, r.LastError, r.LastErrorAt = 5000, "<503>", ago(time.Minute)
	show("5\u202f000 readings pending", failure)
	r.LastSuccess = ago(0)
	if body := show("; last error <span"); strings.Contains(body, failure) {
		t.Errorf("a receiver that works again fails:\n%s", body)
	}
}

func TestStatusPageOpensFewSensors(t *testing.T) {
	open := regexp.MustCompile(`<details class="machine" data-id="[^"]*" open>`)
	for _, c := range []struct {
		machines, sensors int
		query             string
		open, rows        int
	}{
		{10, 20, "", 10, 200},
		{11, 20, "", 0, 0},
		{11, 20, "machine=m3", 1, 20},
		{11, 20, "status=stale", 11, 11},
		{11, 20, "q=sensor+17", 11, 11},
		{11, 20, "open=m3&open=m4", 2, 40},
		{2, 2, "open=none", 0, 0},
		{11, 20, "open=all", 11, 220},
	} {
		_, body := getFrom(t, polled{restored(1, c.machines, c.sensors)}, "/status?"+c.query)
		if n, rows := len(open.FindAllString(body, -1)), strings.Count(body, `<th scope="row"`); n != c.open || rows != c.rows {
			t.Errorf("%d machines of %d, %s: %d are open with %d sensors, want %d with %d", c.machines, c.sensors, c.query, n, rows, c.open, c.rows)
		}
	}
}

// Links are relative, so that a proxy may serve the pages under any path.
func TestPagesLinkRelatively(t *testing.T) {
	for _, path := range []string{"/", "/status", "/status?q=nix"} {
		_, body := getFrom(t, polled{restored(1, 12, 20)}, path)
		if links := regexp.MustCompile(`(href|action|src)="(/[^"]*)`).FindAllString(body, -1); len(links) > 0 || !strings.Contains(body, "href=") {
			t.Errorf("%s: %q", path, links)
		}
	}
}

// The status filters count what the search selects, and each removes itself.
func TestStatusFiltersCountTheSearch(t *testing.T) {
	_, body := getFrom(t, polled{restored(1, 3, 4)}, "/status?q=m2&status=stale&open=m1")
	for _, want := range []string{
		`<a class="tile current main" href="?q=m2&amp;status=current"><b>3</b> current</a>`,
		`<a class="tile stale" href="?q=m2" aria-current="true"><b>1</b> stale</a>`,
		`<a class="tile failing main none" href="?q=m2&amp;status=failing"><b>0</b> failing</a>`,
		`<output id="found">1 sensor</output>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in:\n%.3000s", want, body)
		}
	}
}

func TestStatusPageShowsAllSensorsOldestFirst(t *testing.T) {
	p := polled{restored(1, 300, 2)} // the second of each is a day older, and later machines are older
	_, body := getFrom(t, p, "/status?view=sensors")
	rows := regexp.MustCompile(`<th scope="row" class="sensor" title="([^"]*)"><bdi>[^<]*</bdi> <small><bdi>([^<]*)`).FindAllStringSubmatch(body, -1)
	if len(rows) != 500 || rows[0][1] != "m300-s2" || rows[0][2] != "Machine 300" || rows[300][1] != "m300-s1" {
		t.Fatalf("%d rows: %.300q", len(rows), rows)
	}
	for _, want := range []string{"500 of 600 sensors", `<th scope="col" class="age" aria-sort="descending"><a href="?sort=age&amp;view=sensors">`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in %.5000s", want, body)
		}
	}
}

// The page must stay one that a browser opens: with everything that a sensor can have.
func TestStatusPageOf10000SensorsIsSmall(t *testing.T) {
	if _, body := get(t, plant(1, 500, 20), "/status?open=all"); len(body) > 10e6 {
		t.Errorf("%d bytes with all sensors", len(body))
	}
	s := plant(1, 500, 20)
	s.Selected = 10_000
	if _, body := get(t, s, "/status"); len(body) > 300e3 {
		t.Errorf("%d bytes without", len(body))
	}
}

func TestStatusPageShowsNoteOfEmptyMachine(t *testing.T) {
	s := plant(1, 1, 0)
	s.Accounts[0].Machines[0].Note = "its sensors have not been listed yet"
	if _, body := get(t, s, "/status"); !strings.Contains(body, "its sensors have not been listed yet") {
		t.Error(body)
	}
}

// The page's own style and script must run, and nothing else: a browser compares their hashes with the policy.
func TestPagePolicyPermitsOnlyItsStyleAndScript(t *testing.T) {
	_, body, header := request(t, handler(t, &source{status: plant(1, 1, 1)}, false), "GET", "/status")
	csp := header.Get("Content-Security-Policy")
	for _, element := range []string{"style", "script"} {
		parts := strings.Split(body, "<"+element+">")
		if len(parts) != 2 {
			t.Fatalf("%d elements %s", len(parts)-1, element)
		}
		text, _, _ := strings.Cut(parts[1], "</"+element+">")
		if !strings.Contains(csp, element+"-src "+hashOf(text)) {
			t.Errorf("the %s is not the one that the policy lets in: %s", element, csp)
		}
	}
	if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %s", csp)
	}
	if at := regexp.MustCompile(`style="|\son[a-z]+=|javascript:`).FindString(body); at != "" {
		t.Errorf("%q is on the page, which the policy forbids", at)
	}
}

func TestSecureSetsHeadersOnEveryPage(t *testing.T) {
	h := handler(t, &source{ready: true}, true)
	for _, path := range []string{"/", "/status", "/api/v1/status", "/config", "/-/healthy", "/nowhere", "/status?x=1", "/debug/pprof/"} {
		_, _, header := request(t, h, "GET", path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}

func TestConfigPageIsPlainTextInForce(t *testing.T) {
	inForce := "labels: name\n"
	h := secure(configPage(func() string { return inForce }))
	for _, want := range []string{"labels: name\n", "labels: id\n"} {
		inForce = want
		_, body, header := request(t, h, "GET", "/config")
		if body != want || header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q as %s", body, header.Get("Content-Type"))
		}
	}
}

// A response that cannot be completed is cut off: no client takes it for a whole one.
func TestStatusCutsOffIncompleteResponses(t *testing.T) {
	unsound := plant(1, 1, 1)
	unsound.Accounts[0].Demand = math.NaN()
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // a panic, as net/http compares it
			t.Error("it is complete")
		}
	}()
	get(t, unsound, "/api/v1/status")
}

// A page of 2000 accounts is a summary: it has no machine, and its size does not depend on the number of sensors.
func TestStatusSummarizesSeveralAccounts(t *testing.T) {
	_, few := getFrom(t, polled{restored(40, 1, 2)}, "/status")
	_, many := getFrom(t, polled{restored(40, 10, 20)}, "/status")
	if strings.Contains(many, `class="machine"`) || len(many) > len(few)+40*10*3 || len(few) > 40*1000+20000 {
		t.Errorf("%d bytes with few sensors, %d with many:\n%.3000s", len(few), len(many), many)
	}
	for _, want := range []string{
		`<a href="?account=a7"><bdi>a7</bdi></a>`, "<bdi>Works 40</bdi>", `<td class="ages">median `,
		`<td class="machines"><span class="counts"><span class="badge ok">10 ok</span>`,
		`<a class="badge stale" href="?account=a3&amp;status=stale">10 stale</a>`,
		`<a class="tile stale" href="?status=stale"><b>400</b> stale</a>`,
	} {
		if !strings.Contains(many, want) {
			t.Errorf("%q is missing in:\n%.3000s", want, many)
		}
	}
	_, opened := getFrom(t, polled{restored(2, 2, 2)}, "/status?account=a2")
	for _, want := range []string{
		`<a href="?">all accounts</a>`, `<input type="hidden" name="account" value="a2">`, "Account <bdi>a2</bdi>", "Machine 2",
		`href="?account=a2&amp;status=stale">2 stale`, `<a href="api/v1/status?account=a2">as JSON</a>`,
	} {
		if !strings.Contains(opened, want) {
			t.Errorf("%q is missing in:\n%s", want, opened)
		}
	}
	if strings.Contains(opened, "<bdi>a1</bdi>") {
		t.Error("another account is on the page")
	}
}

// A filter that selects too many sensors of several accounts shows the accounts, each with how many, and as a link to them.
func TestStatusSummarizesFilterOfManySensors(t *testing.T) {
	saved := restored(5, 3, 100).Save() // 3 of each are stale
	saved.Accounts[4].Machines = nil
	p := polled{restore(saved)}
	for path, want := range map[string]struct {
		rows int
		text string
	}{
		"/status?status=current":                                {4, `<a href="?account=a2&amp;status=current"><bdi>a2</bdi>`},
		"/status?status=current&machine=":                       {4, `<span class="counts">297 sensors</span>`},
		"/status?status=stale":                                  {12, "Account <bdi>a4</bdi>"},
		"/status?q=M1-s&open=all":                               {400, "Account <bdi>a4</bdi>"},
		"/status?sensor=Sensor+2&status=current":                {0, "Nothing here is current."},
		"/status?account=a1&account=a2&status=current&open=all": {594, "Account <bdi>a2</bdi>"},
		"/status?account=a2&machine=m1&status=current":          {99, "Account <bdi>a2</bdi>"},
	} {
		code, body := getFrom(t, p, path)
		if rows := strings.Count(body, `<th scope="row"`); code != 200 || rows != want.rows || !strings.Contains(body, want.text) {
			t.Errorf("%s: status %d, %d rows, want %d and %q in %.3000s", path, code, rows, want.rows, want.text, body)
		}
	}
	_, body := getFrom(t, p, "/api/v1/status?status=current")
	if sensors := strings.Count(body, `"sensor":`); sensors != 4*297 {
		t.Errorf("%d sensors in JSON", sensors)
	}
}

// A summary shows an account of which nothing is known yet, and the reason of one that fails.
func TestStatusSummaryShowsFailures(t *testing.T) {
	s := plant(3, 1, 1)
	s.Accounts[0].Up, s.Accounts[0].Company = nil, ""
	s.Accounts[1].Up, s.Accounts[1].Failure, s.Accounts[1].Health = new(false), "key", "Down: the key is <refused>"
	_, body := get(t, s, "/status")
	if strings.Index(body, "<bdi>a2</bdi>") > strings.Index(body, "<bdi>a1</bdi>") {
		t.Error("the account that fails is not first")
	}
	for _, want := range []string{
		"no response yet", `<span class="badge current">up</span>`,
		`<span class="badge failing">down</span>`, "Down: the key is &lt;refused&gt;",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in:\n%s", want, body)
		}
	}
}

// The page shows one moment: a client that reads slowly sees what was known when it sent its request.
func TestStatusShowsOneMomentToSlowClients(t *testing.T) {
	const newer = 777777777777 // more digits than a fraction of a second has
	for _, path := range []string{"/status?open=all", "/api/v1/status"} {
		p := restored(1, 20, 20)
		w := &pausing{ResponseRecorder: httptest.NewRecorder(), pause: func() {
			for _, m := range p.View(time.Now()).Inventory.Accounts[0].Machines {
				for _, s := range m.Sensors {
					s.Entry.Change(func(r *reading.Record) { r.Value, r.Time, r.Silent = newer, time.Now(), true })
				}
			}
		}}
		handler(t, polled{p}, false).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, http.NoBody))
		if body := w.Body.String(); w.pause != nil || strings.Contains(body, strconv.Itoa(newer)) || strings.Count(body, "m20-s20") != 1 {
			t.Errorf("%s: %d bytes with values that are newer than the request", path, len(body))
		}
	}
}

// pausing is a client that pauses after the first piece.
type pausing struct {
	*httptest.ResponseRecorder
	pause func()
}

func (p *pausing) Write(b []byte) (int, error) {
	n, err := p.ResponseRecorder.Write(b)
	if p.pause != nil {
		p.pause()
		p.pause = nil
	}
	return n, err
}

// Each sensor more takes little memory: neither page nor JSON is ever whole in memory.
func TestStatusTakesLittleMemory(t *testing.T) {
	for _, path := range []string{"/status?open=all", "/api/v1/status"} {
		allocated := func(machines int) int64 {
			h := handler(t, polled{restored(1, machines, 50)}, false)
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, http.NoBody)
			w := &held{ResponseRecorder: httptest.NewRecorder()}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			w.at = func() { runtime.GC(); runtime.ReadMemStats(&after) }
			h.ServeHTTP(w, r)
			return int64(after.HeapAlloc) - int64(before.HeapAlloc)
		}
		if perSensor := (allocated(220) - allocated(20)) / (200 * 50); perSensor > 200 {
			t.Errorf("%s: %d bytes per sensor", path, perSensor)
		}
	}
}

// held discards what is written, and calls at in the middle of it.
type held struct {
	*httptest.ResponseRecorder
	writes int
	at     func()
}

func (h *held) Write(b []byte) (int, error) {
	if h.writes++; h.writes == 2 {
		h.at()
	}
	return len(b), nil
}

func TestStatusJSONHasContentOfPage(t *testing.T) {
	_, body, header := request(t, handler(t, &source{status: plant(1, 1, 1)}, false), "GET", "/api/v1/status")
	sensor := decode(t, body).Accounts[0].Machines[0].Sensors[0]
	if sensor.Sensor != "Sensor 1" || *sensor.Value != 13270480.5 || *sensor.Age != 3700 || sensor.Interval != 30 || sensor.WaitsFor != poller.WaitsForInterval {
		t.Errorf("got %+v", sensor)
	}
	if header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers %v", header)
	}
}

func TestPagesAreCompressedOnRequest(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/status", http.NoBody)
	r.Header.Set("Accept-Encoding", "gzip, br")
	w := httptest.NewRecorder()
	handler(t, &source{status: plant(1, 10, 20)}, false).ServeHTTP(w, r)
	packed := w.Body.Len()
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil || !strings.HasSuffix(string(body), "</html>\n") || packed*3 > len(body) {
		t.Errorf("%d bytes packed, %d unpacked, %v", packed, len(body), err)
	}
}

func TestLimitConcurrencyRefusesExcess(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	h := limitConcurrency(2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { enter <- struct{}{}; <-leave }))
	done := make(chan int)
	for range 2 {
		go func() { code, _, _ := request(t, h, "GET", "/"); done <- code }()
		<-enter
	}
	if code, _, header := request(t, h, "GET", "/"); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("one more: status %d", code)
	}
	close(leave)
	for range 2 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
}

func TestDistanceShowsTimeAndExactTitle(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 30 * time.Second: "30s ago", 95 * time.Second: "1m 35s ago", 3 * time.Hour: "3h ago", 80 * time.Hour: "3d 8h ago",
		-90 * time.Minute: "in 1h 30m", -20 * time.Second: "in 20s",
	} {
		if got := string(markup(nil).distance(ago(d), now)); !strings.Contains(got, ">"+want+"<") {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := markup(nil).distance(time.Time{}, now); len(got) > 0 {
		t.Errorf("an unknown moment: %q", got)
	}
}
