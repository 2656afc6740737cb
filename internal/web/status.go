package web

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"time"
	"unicode/utf8"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

// maxStatusRequests bounds the status pages, and JSON responses, made at the same time: with 10,000 sensors each takes megabytes.
const maxStatusRequests = 4

// statusPage serves what a request selects of the status, written by page or json, in pieces. A response that cannot be
// completed is cut off, so that no client takes it for a whole one.
func statusPage(s Source, contentType string, page bool, write func(*view, *bufio.Writer) error) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, code := viewOf(r, s, page)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.WriteHeader(code)
		body := bufio.NewWriterSize(w, 64<<10)
		if write(v, body) != nil || body.Flush() != nil {
			panic(http.ErrAbortHandler)
		}
	}))
}

// view is the data of the page.
type view struct {
	*status.Status
	Query   status.Selection
	Problem string // with the request; empty if there is none
}

// viewOf returns what a request selects, and the status code of the response. On the page that is a summary of several accounts
// unless the request selects some of them, or few sensors. In JSON it is without the recent readings, which would be most of it,
// unless the request selects machines or sensors.
func viewOf(r *http.Request, s Source, page bool) (*view, int) {
	q, err := parseQuery(r.URL.RawQuery)
	v, code := &view{Status: &status.Status{}, Query: q}, http.StatusBadRequest
	if err == nil {
		code, v.Query.Recent = http.StatusNotFound, page || q.Filtered()
		v.Query.Summary = page && len(q.Accounts) == 0
		v.Status, err = s.Status(v.Query)
	}
	if err != nil {
		v.Problem = err.Error()
		return v, code
	}
	return v, http.StatusOK
}

// json writes the view as JSON, of several accounts with all their sensors.
func (v *view) json(w *bufio.Writer) error {
	if v.Problem != "" {
		return json.NewEncoder(w).Encode(map[string]string{"error": v.Problem})
	}
	return v.WriteJSON(w)
}

// page writes the view as a page.
func (v *view) page(w *bufio.Writer) error {
	if err := page.ExecuteTemplate(w, "head", v); err != nil {
		return err
	}
	open := v.Selected <= expandedUpTo || v.Query.Machine != "" || v.Query.Sensor != ""
	for i := 0; i < len(v.Accounts) && !v.Summary; i++ {
		if err := v.account(w, &v.Accounts[i], open); err != nil {
			return err
		}
	}
	return page.ExecuteTemplate(w, "foot", v)
}

func (v *view) account(w *bufio.Writer, a *status.Account, open bool) error {
	err := page.ExecuteTemplate(w, "account", struct {
		*view
		*status.Account
	}{v, a})
	for i := 0; i < len(a.Machines) && err == nil; i++ {
		m := &a.Machines[i]
		err = page.ExecuteTemplate(w, "machine", struct {
			One  *status.Machine
			Open bool
		}{m, open})
		for k := 0; k < m.Sensors.Len && err == nil; k++ {
			one := m.Sensors.At(k)
			_, err = w.Write(markup(w.AvailableBuffer()).row(&one, v.At))
		}
		if m.Sensors.Len > 0 {
			_, _ = w.WriteString("</table>\n</details>\n") // w keeps its first error
		}
	}
	_, _ = w.WriteString("</section>\n")
	return err
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

// page has all but the rows of sensors. html/template escapes everything in it, as row does: no name from the API can inject
// markup.
var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"style":     func() template.HTML { return template.HTML("<style>" + pageCSS + "</style>") }, // as is: the policy has its hash
	"script":    func() template.HTML { return template.HTML("<script>" + pageJS + "</script>") },
	"statuses":  func() []poller.SensorStatus { return poller.SensorStatuses[:] },
	"deref":     func(b *bool) bool { return *b },
	"maxRecent": func() int { return reading.MaxRecent },
	"time":      func(t time.Time) template.HTML { return template.HTML(markup(nil).time(t, humanize.Time(t))) },
	"distance":  func(t, now time.Time) template.HTML { return template.HTML(markup(nil).distance(t, now)) },
	"interval":  func(n float64) template.HTML { return template.HTML(markup(nil).seconds(n)) },
	"round":     humanize.Number, "seconds": seconds, "cut": cut, "counts": counts, "total": total,
}).Parse(pageHTML))

// expandedUpTo is the number of sensors up to which the tables of all machines are expanded.
const expandedUpTo = 200

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

// total adds up the numbers of accounts.
func total(accounts []status.Account) map[poller.SensorStatus]int {
	sum := map[poller.SensorStatus]int{}
	for i := range accounts {
		for status, n := range accounts[i].Sensors {
			sum[status] += n
		}
	}
	return sum
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

func seconds(n float64) string { return humanize.Duration(humanize.Seconds(n)) }
