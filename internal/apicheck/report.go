package apicheck

import (
	"slices"

	"innius_exporter/innius"
)

// Report is what the check of one account found.
type Report struct {
	Account  string     `json:"account"`
	URL      string     `json:"url"`
	Proxy    string     `json:"proxy,omitempty"` // used for the URL
	OK       bool       `json:"ok"`              // the exporter will understand this API
	Requests int        `json:"requests"`        // sent
	Steps    []Step     `json:"steps"`
	Findings []Finding  `json:"findings"`           // in the order in which they were found
	Machines []*Machine `json:"machines,omitempty"` // with --all
}

// Step is one request, its response, and what the exporter makes of it.
type Step struct {
	Number int    `json:"number"`
	Of     string `json:"of,omitempty"` // the object that the request concerns, for people
	*innius.Inspection
	Milliseconds int64  `json:"milliseconds"`
	Error        string `json:"error,omitempty"`
	More         bool   `json:"more"`               // next_key leads to another page
	Skipped      string `json:"filtered,omitempty"` // what the filters of the config leave out
	ClockAhead   *int64 `json:"clock_ahead_seconds,omitempty"`
}

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	Failure Severity = "failure" // the exporter does not work with this
	Warning Severity = "warning" // it works, but worse than it could
	Note    Severity = "note"    // to be checked once
)

// Finding is something that the user should know, and what to set.
type Finding struct {
	Kind     string    `json:"kind"` // a short name, such as "tls-name"
	Severity Severity  `json:"severity"`
	Text     []string  `json:"text"`               // paragraphs
	Settings []Setting `json:"settings,omitempty"` // they worked in this check; to be applied in this order
	Set      string    `json:"set,omitempty"`      // YAML to paste: the settings, or those to correct; empty if there is none
	Raw      string    `json:"raw,omitempty"`      // the response that was not understood: redacted and cut

	field   string      // the path of the setting that would change what was found
	suggest []Setting   // of which Set is made
	tries   [][]Setting // settings that may help, the most likely first; those of one try belong together
}

// Setting is one line of the config file, for a program to apply.
type Setting struct {
	Path  string `json:"path"`  // such as "accounts[0].endpoints.values"
	Value any    `json:"value"` // a string or an integer
}

// Machine is one machine of the inventory, with its sensors.
type Machine struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Filtered string   `json:"filtered,omitempty"` // the filter that leaves it out
	Sensors  []Sensor `json:"sensors"`
}

// Sensor is one sensor of the inventory.
type Sensor struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Unit     string `json:"unit,omitempty"`
	Filtered string `json:"filtered,omitempty"`
}

// Failed reports whether something must be set before the exporter can work.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Failure })
}

func failure(kind string, text ...string) *Finding {
	return &Finding{Kind: kind, Severity: Failure, Text: text}
}

func (f *Finding) add(text ...string) { f.Text = append(f.Text, text...) }

// correct names the settings that the user should check.
func (f *Finding) correct(settings ...Setting) *Finding {
	f.suggest = settings
	return f
}

// showing adds the response.
func (f *Finding) showing(in *innius.Inspection) *Finding {
	f.Raw = in.Raw
	return f
}
