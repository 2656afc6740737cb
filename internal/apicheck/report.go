package apicheck

import "innius_exporter/innius"

// Report is what the check of one account found.
type Report struct {
	Account  string    `json:"account"`
	URL      string    `json:"url"`
	Proxy    string    `json:"proxy,omitempty"` // that leads there
	OK       bool      `json:"ok"`              // the exporter will understand this API
	Requests int       `json:"requests"`        // sent
	Steps    []Step    `json:"steps"`
	Findings []Finding `json:"findings"`           // in the order of their finding
	Machines []Machine `json:"machines,omitempty"` // with --all
}

// Step is one request, what came and how it was understood.
type Step struct {
	Number int    `json:"number"`
	Of     string `json:"of,omitempty"` // the object that the request concerns, in words
	*innius.Inspection
	Milliseconds int64  `json:"milliseconds"`
	Error        string `json:"error,omitempty"`
	More         bool   `json:"more"`               // next_key leads to another page
	Skipped      string `json:"filtered,omitempty"` // what the config's filters leave out
	ClockAhead   *int64 `json:"clock_ahead_seconds,omitempty"`
}

// Severity is how much a finding matters.
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
	Set      string    `json:"set,omitempty"`      // YAML to paste: the settings, or those to correct; empty where there is none
	Raw      string    `json:"raw,omitempty"`      // the response that was not understood: redacted and cut

	about string      // the setting that may change what was found
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
