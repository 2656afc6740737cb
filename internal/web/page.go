package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/url"
	"strings"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
)

var (
	//go:embed status.html
	pageHTML string
	//go:embed status.css
	pageCSS string
	//go:embed status.js
	pageJS string
)

// pagePolicy lets nothing in but the page's own style and script, told by their hashes.
var pagePolicy = policy("style-src " + hashOf(pageCSS) + "; script-src " + hashOf(pageJS))

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"style":      func() template.HTML { return template.HTML("<style>" + pageCSS + "</style>") }, // the template would change it, and its hash
	"script":     func() template.HTML { return template.HTML("<script>" + pageJS + "</script>") },
	"deref":      func(b *bool) bool { return *b },
	"recentKept": func() int { return reading.MaxRecent },
	"number":     number, "rate": rate, "seconds": seconds, "times": times, "cut": cut, "counts": counts,
	"moment": moment, "away": away, "age": age, "pace": pace, "next": next, "spark": sparkline,
}).Parse(pageHTML))

// openUpTo is how many sensors a page shows without a click.
const openUpTo = 200

// view is what the page is made of.
type view struct {
	poller.Status
	Query   query
	Problem string // why there is nothing to see; empty where there is
	Open    bool   // the sensors of all machines are shown at once
	States  []poller.State
}

func viewOf(q query, s poller.Status) view {
	sensors := 0
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			sensors += len(m.Sensors)
		}
	}
	return view{Status: s, Query: q, Open: sensors <= openUpTo || q.Machine != "" || q.Sensor != "", States: poller.States[:]}
}

// Moment is when the view was taken; nil where there is none.
func (v *view) Moment() *time.Time {
	if v.At.IsZero() {
		return nil
	}
	return &v.At
}

// Restricted reports whether less than everything is shown.
func (v *view) Restricted() bool { return v.Query.restricts() }

// JSON is where the same is told as JSON.
func (v *view) JSON() string {
	parameters := url.Values{}
	for name, wanted := range map[string]string{"machine": v.Query.Machine, "sensor": v.Query.Sensor, "state": string(v.Query.State)} {
		if wanted != "" {
			parameters.Set(name, wanted)
		}
	}
	return strings.TrimSuffix("/api/v1/status?"+parameters.Encode(), "?")
}

// row is a sensor in the view, which knows when now is.
type row struct {
	*poller.SensorStatus
	view *view
}

// Rows returns the sensors of a machine.
func (v *view) Rows(m poller.MachineStatus) []row {
	rows := make([]row, len(m.Sensors))
	for i := range m.Sensors {
		rows[i] = row{&m.Sensors[i], v}
	}
	return rows
}

// count is how many sensors are in a state.
type count struct {
	State  poller.State
	Number int
}

// counts orders the states' numbers, without those of which there is none.
func counts(states map[poller.State]int) []count {
	var some []count
	for _, state := range poller.States {
		if states[state] > 0 {
			some = append(some, count{state, states[state]})
		}
	}
	return some
}
