package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

// maxStatusRequests bounds the status pages, and JSON responses, made at the same time: with 10,000 sensors each takes megabytes.
const maxStatusRequests = 4

// statusPage renders the status for people. html/template escapes everything: no name from the API can inject markup.
func statusPage(s Source) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, part, code, err := selectStatus(r, s)
		v := viewOf(q, part)
		if err != nil {
			v.Problem = err.Error()
		}
		var body bytes.Buffer
		if err := page.Execute(&body, &v); err != nil {
			http.Error(w, "render the status page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.WriteHeader(code)
		_, _ = w.Write(body.Bytes()) // ignored: the client disconnected
	}))
}

// statusJSON serves the content of the page as JSON. Without a selection the recent readings are left out: they would be most of
// it.
func statusJSON(s Source) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, part, code, err := selectStatus(r, s)
		if err != nil {
			writeJSON(w, code, map[string]string{"error": err.Error()})
			return
		}
		if q.empty() {
			dropRecent(part)
		}
		writeJSON(w, code, part)
	}))
}

// selectStatus returns the part of the status that a request selects, and the HTTP status of the response.
func selectStatus(r *http.Request, s Source) (q query, part status.Status, code int, err error) {
	if q, err = parseQuery(r.URL.RawQuery); err != nil {
		return q, part, http.StatusBadRequest, err
	}
	if part, err = q.apply(s.Status()); err != nil {
		return q, part, http.StatusNotFound, err
	}
	return q, part, http.StatusOK, nil
}

// dropRecent removes the recent readings from a status that query.apply has copied.
func dropRecent(s status.Status) {
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			for i := range m.Sensors {
				m.Sensors[i].Recent = nil
			}
		}
	}
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "encode the status: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}

var (
	//go:embed status.html
	pageHTML string
	//go:embed status.css
	pageCSS string
	//go:embed status.js
	pageJS string
)

// pagePolicy permits only the page's own style and script, by their hashes.
var pagePolicy = policy("style-src " + hashOf(pageCSS) + "; script-src " + hashOf(pageJS))

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"style":     func() template.HTML { return template.HTML("<style>" + pageCSS + "</style>") }, // as is: the policy has its hash
	"script":    func() template.HTML { return template.HTML("<script>" + pageJS + "</script>") },
	"deref":     func(b *bool) bool { return *b },
	"maxRecent": func() int { return reading.MaxRecent },
	"number":    number, "round": humanize.Number, "seconds": seconds, "cut": cut, "counts": counts,
	"time": exactTime, "distance": distance, "age": age, "interval": interval, "next": next, "spark": sparkline,
}).Parse(pageHTML))

// expandedUpTo is the number of sensors up to which the tables of all machines are expanded.
const expandedUpTo = 200

// view is the data of the page.
type view struct {
	status.Status
	Query    query
	Problem  string // with the request; empty if there is none
	Open     bool   // the tables of all machines are expanded
	Statuses []poller.SensorStatus
}

func viewOf(q query, s status.Status) view {
	sensors := 0
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			sensors += len(m.Sensors)
		}
	}
	open := sensors <= expandedUpTo || q.Machine != "" || q.Sensor != ""
	return view{Status: s, Query: q, Open: open, Statuses: poller.SensorStatuses[:]}
}

// Selected reports whether only a part is shown.
func (v *view) Selected() bool { return !v.Query.empty() }

// JSON returns the path of the same content as JSON.
func (v *view) JSON() string {
	parameters := url.Values{}
	q := &v.Query
	for name, wanted := range map[string]string{"machine": q.Machine, "sensor": q.Sensor, "status": string(q.Status)} {
		if wanted != "" {
			parameters.Set(name, wanted)
		}
	}
	return strings.TrimSuffix("/api/v1/status?"+parameters.Encode(), "?")
}

// count is the number of sensors with a status.
type count struct {
	Status poller.SensorStatus
	Number int
}

// counts returns the numbers in the order of the statuses, without zeros.
func counts(numbers map[poller.SensorStatus]int) []count {
	var some []count
	for _, status := range poller.SensorStatuses {
		if numbers[status] > 0 {
			some = append(some, count{status, numbers[status]})
		}
	}
	return some
}

// maxText is how much of a text from the API or a query a page shows, in bytes: as much as a label holds.
const maxText = 160

// cut shortens a text for a page, at a character boundary.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func number(value *float64) string {
	if value == nil {
		return ""
	}
	return humanize.Exact(*value)
}

func seconds(n float64) string { return humanize.Duration(humanize.Seconds(n)) }

// timeTag writes a text with the exact time as its title.
func timeTag(t time.Time, text string) template.HTML {
	exact := humanize.Time(t)
	return template.HTML(`<time datetime="` + exact + `" title="` + exact + `">` + template.HTMLEscapeString(text) + `</time>`)
}

func exactTime(t time.Time) template.HTML { return timeTag(t, humanize.Time(t)) }

func distance(t, now time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return timeTag(t, humanize.Distance(t, now))
}

// age writes how old a reading is.
func age(s *status.Sensor) template.HTML {
	switch {
	case s.Age == nil:
		return ""
	case *s.Age < 0:
		return timeTag(s.Timestamp, seconds(-*s.Age)+" ahead")
	}
	return timeTag(s.Timestamp, seconds(*s.Age))
}

// interval writes the reporting interval.
func interval(s *status.Sensor) template.HTML {
	if s.Interval == 0 {
		return ""
	}
	exact := strconv.FormatFloat(s.Interval, 'f', 1, 64)
	return template.HTML(`<time datetime="PT` + exact + `S">` + seconds(s.Interval) + `</time>`)
}

// next writes about when a sensor is polled next, and what delays it.
func next(s *status.Sensor, now time.Time) template.HTML {
	switch s.WaitsFor {
	case "":
		return ""
	case poller.WaitsForResponse:
		return "now"
	case poller.WaitsForInterval:
		return distance(s.NextPoll, now)
	}
	return distance(s.NextPoll, now) + template.HTML(" <small>"+template.HTMLEscapeString(string(s.WaitsFor))+"</small>")
}
