package web

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
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

// statusPage serves what a request selects of the status, written by page or json, in pieces. A response that cannot be
// completed is cut off, so that no client takes it for a whole one.
func statusPage(o *Options, contentType string, page bool, write func(*view, *bufio.Writer) error) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, code := viewOf(r, o, page)
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
	Query   query
	Problem string   // with the request; empty if there is none
	Near    []string // names that are near to one that does not exist
	columns string   // head of a table of sensors; empty: not made yet
}

// viewOf returns what a request selects, and the status code of the response. On the page that is a summary of several accounts
// unless the request selects some of them, or few sensors; and a search without a match is no error there. JSON is without the
// recent readings, which would be most of it, unless the request selects machines or sensors.
func viewOf(r *http.Request, o *Options, page bool) (*view, int) {
	q, err := parseQuery(r.URL.RawQuery, page)
	v := &view{Status: &status.Status{}, Query: q}
	if err != nil {
		v.Problem = err.Error()
		return v, http.StatusBadRequest
	}
	v.Query.Recent = page || q.Filtered()
	v.Query.Summary = page && len(q.Accounts) == 0
	v.Status, err = o.Source.Status(v.Query.Selection)
	v.Exporter = o.Exporter()
	if err == nil {
		return v, http.StatusOK
	}
	v.Problem = err.Error()
	if missing, ok := errors.AsType[*status.NotFoundError](err); ok && page && !missing.Account {
		v.Near = missing.Near
		return v, http.StatusOK
	}
	return v, http.StatusNotFound
}

// json writes the view as JSON, of several accounts with all their sensors.
func (v *view) json(w *bufio.Writer) error {
	if v.Problem != "" {
		return json.NewEncoder(w).Encode(map[string]string{"error": v.Problem})
	}
	return v.WriteJSON(w)
}

// page writes the view as a page, with what fails first.
func (v *view) page(w *bufio.Writer) error {
	slices.SortStableFunc(v.Accounts, func(a, b status.Account) int { return strings.Compare(b.Failure, a.Failure) })
	err := page.ExecuteTemplate(w, "head", v)
	switch {
	case err != nil || v.Summary || v.Problem != "":
	case v.Query.Flat:
		err = v.flat(w)
	default:
		for i := 0; i < len(v.Accounts) && err == nil; i++ {
			err = v.account(w, &v.Accounts[i])
		}
	}
	if err != nil {
		return err
	}
	return page.ExecuteTemplate(w, "foot", v)
}

// flat writes the selected sensors as one table.
func (v *view) flat(w *bufio.Writer) error {
	if v.Flat.Len < v.Selected {
		_, _ = fmt.Fprintf(w, "<p>%d of %s. Search to narrow them.</p>\n", v.Flat.Len, count(v.Selected, "sensor"))
	}
	_, _ = w.WriteString(`<section class="account">` + "\n") // w keeps its first error
	err := v.table(w, "", &v.Flat)
	_, _ = w.WriteString("</section>\n")
	return err
}

// account writes an account with its machines, those with a fault first.
func (v *view) account(w *bufio.Writer, a *status.Account) error {
	err := page.ExecuteTemplate(w, "account", struct {
		*view
		*status.Account
	}{v, a})
	slices.SortStableFunc(a.Machines, func(a, b status.Machine) int { return cmp.Compare(severity(&a), severity(&b)) })
	for i := 0; i < len(a.Machines) && err == nil; i++ {
		m := &a.Machines[i]
		open := v.opened(m)
		err = page.ExecuteTemplate(w, "machine", struct {
			One  *status.Machine
			Open bool
			At   time.Time
			Link string
		}{m, open, v.At, v.Query.Link("open", m.ID)})
		if open && m.Sensors.Len > 0 && err == nil {
			err = v.table(w, m.Machine, &m.Sensors)
		}
		if m.Sensors.Len > 0 || m.Note == "" {
			_, _ = w.WriteString("</details>\n") // w keeps its first error
		}
	}
	_, _ = w.WriteString("</section>\n")
	return err
}

// table writes the table of some sensors, of one machine or of several (empty).
func (v *view) table(w *bufio.Writer, machine string, sensors *status.Sensors) (err error) {
	if v.columns == "" {
		var b strings.Builder
		err = page.ExecuteTemplate(&b, "columns", &v.Query)
		v.columns = b.String()
	}
	head := markup(w.AvailableBuffer()).raw("<table>\n<caption>Sensors <bdi>").text(cut(machine)).raw("</bdi></caption>\n")
	_, _ = w.Write(head.raw(v.columns)) // w keeps its first error
	for k := 0; k < sensors.Len && err == nil; k++ {
		one := sensors.At(k)
		_, err = w.Write(markup(w.AvailableBuffer()).row(&one, v.At, v.Query.Flat))
	}
	_, _ = w.WriteString("</table>\n") // w keeps its first error
	return err
}

// faultsFirst is the order of machines on the page.
var faultsFirst = []poller.MachineStatus{poller.MachineDegraded, poller.MachineUnknown, poller.MachineOff, poller.MachineOK}

func severity(m *status.Machine) int { return slices.Index(faultsFirst, m.Status) }

// opened reports whether the sensors of a machine are on the page: as requested, or if they are few.
func (v *view) opened(m *status.Machine) bool {
	if open := v.Query.open; len(open) > 0 {
		return open[0] == "all" || slices.Contains(open, m.ID)
	}
	return v.Selected <= expandedUpTo || v.Query.Machine != "" || v.Query.Sensor != ""
}

// filter is the link to the sensors with a status.
type filter struct {
	Status   poller.SensorStatus
	Number   int
	Main, On bool
	Link     string
}

// Filters returns the four that matter most, and those of which there are sensors.
func (v *view) Filters() (all []filter) {
	for i, s := range []poller.SensorStatus{
		poller.SensorCurrent, poller.SensorDelayed, poller.SensorSilent, poller.SensorFailing, poller.SensorStale, poller.SensorPending,
		poller.SensorUnreadable, poller.SensorNoReadings, poller.SensorExcluded,
	} {
		f := filter{s, v.ByStatus[s], i < 4, s == v.Query.Status, v.Query.Link("status", string(s), "open", "")}
		if f.On {
			f.Link = v.Query.Link("status", "", "open", "")
		}
		if f.Main || f.On || f.Number > 0 {
			all = append(all, f)
		}
	}
	return all
}

var (
	//go:embed status.html
	pageHTML string
	//go:embed status.css
	pageCSS string
	//go:embed status.js
	pageJS string
)

// pagePolicy permits only the page's own style and script, by their hashes, and that the script requests the page again.
var pagePolicy = policy("style-src " + hashOf(pageCSS) + "; script-src " + hashOf(pageJS) + "; connect-src 'self'")

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page has all but the rows of sensors. html/template escapes everything in it, as row does: no name from the API can inject
// markup.
var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"style":     func() template.HTML { return template.HTML("<style>" + pageCSS + "</style>") }, // as is: the policy has its hash
	"script":    func() template.HTML { return template.HTML("<script>" + pageJS + "</script>") },
	"deref":     func(b *bool) bool { return *b },
	"maxRecent": func() int { return reading.MaxRecent },
	"time":      func(t time.Time) template.HTML { return template.HTML(markup(nil).sentence(humanize.Time(t))) },
	"sentence":  func(text string) template.HTML { return template.HTML(markup(nil).sentence(text)) },
	"distance":  func(t, now time.Time) template.HTML { return template.HTML(markup(nil).distance(t, now)) },
	"columns":   func() []column { return columns },
	"lasting": func(t, now time.Time) template.HTML {
		return template.HTML(markup(nil).time(t, humanize.Duration(now.Sub(t))))
	},
	"grouped": func(n any) string { return humanize.Grouped(fmt.Sprint(n)) },
	"round":   humanize.Number, "seconds": seconds, "cut": cut, "count": count,
	"counts": sensorCounts, "machineCounts": machineCounts,
}).Parse(pageHTML))

// expandedUpTo is the number of sensors up to which the tables of all machines are expanded.
const expandedUpTo = 200

// number is how many sensors or machines have a status.
type number[S ~string] struct {
	Status S
	Number int
}

// counts returns the numbers in the order of the statuses, without zeros.
func counts[S ~string](numbers map[S]int, statuses []S) []number[S] {
	var some []number[S]
	for _, status := range statuses {
		if numbers[status] > 0 {
			some = append(some, number[S]{status, numbers[status]})
		}
	}
	return some
}

func machineCounts(numbers map[poller.MachineStatus]int) []number[poller.MachineStatus] {
	return counts(numbers, faultsFirst)
}

func sensorCounts(numbers map[poller.SensorStatus]int) []number[poller.SensorStatus] {
	return counts(numbers, poller.SensorStatuses[:])
}

// count writes a number with its noun.
func count(n int, noun string) string { return humanize.Grouped(humanize.Plural(n, noun)) }

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
