package apicheck

import "innius_exporter/innius"

// Report is what the check of one account found.
type Report struct {
	Account  string    `json:"account"`
	URL      string    `json:"url"`
	Proxy    string    `json:"proxy,omitempty"` // that leads there
	OK       bool      `json:"ok"`              // the exporter will understand this API
	Requests int       `json:"requests"`        // spent of the key's allowance
	Steps    []Step    `json:"steps"`
	Findings []Finding `json:"findings"`           // in the order of their finding
	Machines []Machine `json:"machines,omitempty"` // with --all
}

// Step is one request, what came and how it was understood.
type Step struct {
	Number       int            `json:"number"`
	Operation    string         `json:"operation"`
	Of           string         `json:"of,omitempty"` // the object that was asked about, in words
	Asked        string         `json:"asked"`        // path and query below the URL
	Status       int            `json:"status"`       // 0: no answer
	Milliseconds int64          `json:"milliseconds"`
	Error        string         `json:"error,omitempty"`
	ListAt       string         `json:"list_at,omitempty"` // where in the answer the list, or the company, was found
	Items        int            `json:"items"`
	NextKey      string         `json:"next_key,omitempty"` // what it is: a number, text, null; empty where there is none
	More         bool           `json:"more"`               // next_key leads to another page
	Facts        []innius.Fact  `json:"facts,omitempty"`
	Unknown      []innius.Field `json:"not_understood,omitempty"`
	Values       *Values        `json:"values,omitempty"`
	Skipped      string         `json:"filtered,omitempty"` // what the config's filters leave out
	ClockAhead   *int64         `json:"clock_ahead_seconds,omitempty"`
}

// Values is what a page of values shows.
type Values struct {
	innius.Values
	Age int64 `json:"newest_age_seconds,omitempty"`
}

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Failure Severity = "failure" // the exporter will not work like this
	Warning Severity = "warning" // it will, worse than it could
	Note    Severity = "note"    // to be looked at once
)

// Finding is something that a person should know, and what to set.
type Finding struct {
	Kind     string    `json:"kind"` // a word for each sort of finding, such as "tls-name"
	Severity Severity  `json:"severity"`
	Text     []string  `json:"text"`               // paragraphs in plain words
	Settings []Setting `json:"settings,omitempty"` // tried in this check, and they worked; in the order to apply them
	Set      string    `json:"set,omitempty"`      // YAML to paste: the settings, or a hint with comments; empty where there is none
	Raw      string    `json:"raw,omitempty"`      // the answer that was not understood: scrubbed and cut

	tries [][]Setting // what may cure it, the likeliest first: each is one or more settings together
}

// Setting is one line of the config file, for a program to apply.
type Setting struct {
	Path  string `json:"path"`  // such as "accounts[0].endpoints.values"
	Value any    `json:"value"` // a string or an integer
}

// Machine is one entry of the catalogue, with its sensors.
type Machine struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Filtered string   `json:"filtered,omitempty"` // why it is left out
	Sensors  []Sensor `json:"sensors"`
}

// Sensor is one sensor of the catalogue.
type Sensor struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Unit     string `json:"unit,omitempty"`
	Filtered string `json:"filtered,omitempty"`
}

// Failed reports whether something must be set before the exporter can work.
func (r *Report) Failed() bool {
	for _, f := range r.Findings {
		if f.Severity == Failure {
			return true
		}
	}
	return false
}
