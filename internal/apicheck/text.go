package apicheck

import (
	"fmt"
	"io"
	"strings"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

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
	proxy := ""
	if r.Proxy != "" {
		proxy = ", through the proxy " + r.Proxy
	}
	fmt.Fprintf(t.W, "account %s at %s%s\n", r.Account, r.URL, proxy)
}

// Price prints how many requests are about to be sent.
func (t *Text) Price(text string) { t.lines("", text) }

func (t *Text) lines(indent, text string) { humanize.Wrap(t.W, width, indent, text) }

// Step prints one request.
func (t *Text) Step(s Step) {
	fmt.Fprintf(t.W, "[%d] %-9s GET %s\n", s.Number, s.Operation, s.Request)
	t.lines(indent, s.Of)
	result := s.Error
	if result == "" {
		result = s.content()
	}
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
		t.lines(indent, "not understood: "+fieldNames(s.Unknown))
	}
}

// content is what a page holds.
func (s *Step) content() string {
	text := "the company"
	if s.Operation != innius.OpCompany {
		text = humanize.Plural(s.Items, strings.TrimSuffix(string(s.Operation), "s"))
	}
	if s.List != "" {
		text += ", in the field " + s.List
	}
	switch {
	case s.More:
		text += "; more pages follow (next_key is " + s.NextForm + ")"
	case s.NextForm != "":
		text += "; no more pages (next_key is " + s.NextForm + ")"
	}
	return text
}

// values prints the order and times of a page of values, and what of it cannot be used.
func (t *Text) values(s Step) {
	v := s.Values
	order := "order not known: no two times differ"
	switch {
	case v.Mixed:
		order = "in no order"
	case v.Order == innius.Ascending:
		order = "oldest first"
	case v.Order == innius.Descending:
		order = "newest first"
	}
	if !v.Newest.IsZero() {
		t.lines(indent, order+"; time is "+v.TimeForm)
		t.lines(indent, "oldest "+humanize.Time(v.Oldest)+", newest "+humanize.TimeAndDistance(v.Newest, apiTime(s.Inspection)))
	}
	var skipped []string
	for _, reason := range v.SkipReasons() {
		skipped = append(skipped, fmt.Sprintf("%d (%s)", v.Skipped[reason], reason))
	}
	if skipped != nil {
		t.lines(indent, fmt.Sprintf("%d usable, skipped: %s", v.Usable, strings.Join(skipped, ", ")))
	}
}

// End prints the findings and the result.
func (t *Text) End(r *Report) {
	fmt.Fprintln(t.W)
	filtered := func(by string) string {
		if by == "" {
			return ""
		}
		return ": left out by " + by
	}
	for _, m := range r.Machines {
		t.lines("", fmt.Sprintf("machine %q (%s)%s", m.Name, m.ID, filtered(m.Filtered)))
		for _, s := range m.Sensors {
			t.lines("  ", fmt.Sprintf("sensor %q (%s), unit %q%s", s.Name, s.ID, s.Unit, filtered(s.Filtered)))
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
	label := string(f.Severity)
	if f.Severity != Note {
		label = strings.ToUpper(label)
	}
	t.lines("", label+" ("+f.Kind+"): "+f.Text[0])
	for _, text := range f.Text[1:] {
		t.lines("", text)
	}
	if f.Set != "" {
		what, where := "What to correct or add", " in the config file (keep the other lines of the account):"
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
		for raw := []rune(f.Raw); len(raw) > 0; {
			n := min(len(raw), width)
			fmt.Fprintln(t.W, string(raw[:n]))
			raw = raw[n:]
		}
	}
	fmt.Fprintln(t.W)
}
