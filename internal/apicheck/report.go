package apicheck

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

// Report is what the check of one account found. encoding/json writes it for programs, Text for people.
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
	present bool        // Set holds the present values: one of them is wrong
	suggest []Setting   // what Set is made of
	tries   [][]Setting // settings that may help, the most likely first; those of one try belong together
}

// Setting is one line of the config file, for a program to apply.
type Setting struct {
	Path  string `json:"path"`  // such as "accounts[0].endpoints.values"
	Value any    `json:"value"` // a string or an integer
}

// Machine is one machine of the inventory.
type Machine struct {
	Sensor
	Sensors []Sensor `json:"sensors"`
}

// Sensor is one sensor of the inventory, or what a machine has in common with it.
type Sensor struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Unit     string `json:"unit,omitempty"`
	Filtered string `json:"filtered,omitempty"` // the filter of the config that leaves it out
}

func failure(kind string, text ...string) *Finding {
	return &Finding{Kind: kind, Severity: Failure, Text: text}
}

func warning(kind string, text ...string) *Finding {
	return &Finding{Kind: kind, Severity: Warning, Text: text}
}

func note(kind string, text ...string) *Finding {
	return &Finding{Kind: kind, Severity: Note, Text: text}
}

func (f *Finding) add(text ...string) *Finding {
	f.Text = append(f.Text, text...)
	return f
}

// because names the cause of a failure.
func (f *Finding) because(kind, text string) *Finding {
	f.Kind = kind
	return f.add(text)
}

// check names the settings that the user should check, with their present values.
func (f *Finding) check(settings ...Setting) *Finding {
	f.suggest, f.present = settings, true
	return f
}

// correct names settings with values that may help, or that are to be replaced by the user's own.
func (f *Finding) correct(settings ...Setting) *Finding {
	f.suggest, f.present = settings, false
	return f
}

// try adds settings that may help; those of one try belong together.
func (f *Finding) try(tries ...[]Setting) *Finding {
	f.tries = append(f.tries, tries...)
	return f
}

// showing adds the response.
func (f *Finding) showing(in *innius.Inspection) *Finding {
	f.Raw = in.Raw
	return f
}

const (
	width  = 98 // of the lines of a report, except YAML
	indent = "      "
)

// Text prints a report for people, step by step. Write errors are ignored: W is a terminal.
type Text struct {
	W          io.Writer
	ConfigFile string // empty: the settings came from flags and variables
}

// Begin prints which account is checked.
func (t *Text) Begin(r *Report) {
	fmt.Fprintf(t.W, "account %s at %s\n", r.Account, r.URL)
	if r.Proxy != "" {
		t.lines("", "through the proxy "+r.Proxy)
	}
	t.lines("", "An exporter that runs with the same key does not count these requests: both use its rate limit.")
}

func (t *Text) lines(indent, text string) { humanize.Wrap(t.W, width, indent, text) }

// Step prints one request.
func (t *Text) Step(s Step) {
	fmt.Fprintf(t.W, "[%d] %-9s GET %s\n", s.Number, s.Operation, s.Request)
	t.lines(indent, s.Of)
	result := cmp.Or(s.Error, s.content())
	if s.Status != 0 {
		result = fmt.Sprintf("%d in %d ms: %s", s.Status, s.Milliseconds, result)
	}
	t.lines(indent, result)
	for _, f := range s.Facts {
		text := f.Name + ": none"
		if f.Field != "" {
			text = fmt.Sprintf("%s: from %s, such as %q", f.Name, f.Field, f.Example)
		}
		if f.Field != "" && f.Missing > 0 {
			text += fmt.Sprintf("; %d without", f.Missing)
		}
		t.lines(indent, text)
	}
	t.values(s)
	t.lines(indent, s.Skipped)
	if len(s.Unknown) > 0 {
		t.lines(indent, "not understood: "+fieldNames(s.Unknown, false))
	}
}

// content is what a page holds.
func (s *Step) content() string {
	text := humanize.Plural(s.Items, strings.TrimSuffix(string(s.Operation), "s"))
	if s.List != "" {
		text += ", in the field " + s.List
	}
	if s.NextForm != "" {
		text += map[bool]string{true: "; more pages follow", false: "; no more pages"}[s.More] + " (next_key is " + s.NextForm + ")"
	}
	return text
}

// values prints the order and times of a page of values, and what of it cannot be used.
func (t *Text) values(s Step) {
	v := s.Values
	if !v.Newest.IsZero() {
		order := map[innius.Order]string{
			innius.Ascending: "oldest first", innius.Descending: "newest first", innius.Unknown: "order not known: no two times differ",
		}[v.Order]
		if v.Mixed {
			order = "in no order"
		}
		t.lines(indent, order+"; time is "+v.TimeForm)
		t.lines(indent, "oldest "+humanize.Time(v.Oldest)+", newest "+humanize.TimeAndDistance(v.Newest, apiTime(s.Inspection)))
	}
	var skipped []string
	for _, reason := range slices.Sorted(maps.Keys(v.Skipped)) {
		skipped = append(skipped, fmt.Sprintf("%d (%s)", v.Skipped[reason], reason))
	}
	if skipped != nil {
		t.lines(indent, fmt.Sprintf("%d usable, skipped: %s", v.Usable, strings.Join(skipped, ", ")))
	}
}

// End prints the findings and the result.
func (t *Text) End(r *Report) {
	fmt.Fprintln(t.W)
	filtered := strings.NewReplacer(" (filtered: )", "")
	for _, m := range r.Machines {
		t.lines("", filtered.Replace(fmt.Sprintf("machine %q (%s) (filtered: %s)", m.Name, m.ID, m.Filtered)))
		for _, s := range m.Sensors {
			t.lines("  ", filtered.Replace(fmt.Sprintf("sensor %q (%s), unit %q (filtered: %s)", s.Name, s.ID, s.Unit, s.Filtered)))
		}
	}
	for _, severity := range []Severity{Note, Warning, Failure} { // what matters most comes last, next to the prompt
		for _, f := range r.Findings {
			if f.Severity == severity {
				t.finding(f)
			}
		}
	}
	result := "FAILED: %s sent.\n"
	if r.OK {
		result = "OK: %s sent. The exporter will understand this API.\n"
	}
	fmt.Fprintf(t.W, result, humanize.Plural(r.Requests, "request"))
}

func (t *Text) finding(f Finding) {
	label := strings.ToUpper(string(f.Severity)) + " (" + f.Kind + "): "
	for _, text := range f.Text {
		t.lines("", label+text)
		label = ""
	}
	if f.Set != "" {
		what := map[bool]string{true: "Present values, to correct", false: "What to correct or add"}[f.present]
		where := " in the config file (keep the other lines of the account):"
		if len(f.Settings) > 0 {
			what = "What to set"
		}
		if t.ConfigFile == "" {
			where = ": save this as innius.yml, and start with --config.file=innius.yml:"
		}
		fmt.Fprintf(t.W, "\n%s%s\n\n%s", what, where, f.Set)
	}
	if f.Raw != "" {
		fmt.Fprint(t.W, "\nResponse, cut and with the key redacted; please include it when you report this:\n\n")
	}
	for line := range slices.Chunk([]rune(f.Raw), width) {
		fmt.Fprintln(t.W, string(line))
	}
	fmt.Fprintln(t.W)
}
