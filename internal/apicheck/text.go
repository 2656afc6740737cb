package apicheck

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"innius_exporter/innius"
)

const (
	width  = 98 // of the lines of a report at most, but for YAML
	indent = "      "
)

// Text prints a report for people, piece by piece as it comes. Errors of W are lost: it is meant for a terminal.
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

// Step prints one request.
func (t *Text) Step(s Step) {
	fmt.Fprintf(t.W, "[%d] %-9s GET %s\n", s.Number, s.Operation, s.Request)
	t.lines(indent, s.Of)
	came := s.Error
	if came == "" {
		came = s.content()
	}
	if s.Status != 0 {
		came = fmt.Sprintf("%d in %d ms: %s", s.Status, s.Milliseconds, came)
	}
	t.lines(indent, came)
	for _, f := range s.Facts {
		t.lines(indent, taken(f))
	}
	if v := s.Values; !v.Newest.IsZero() {
		t.lines(indent, order(v)+"; time is "+v.TimeForm)
		age := now(s.Inspection).Sub(v.Newest).Round(time.Second)
		t.lines(indent, fmt.Sprintf("oldest %s, newest %s (%s ago)", at(v.Oldest), at(v.Newest), age))
	}
	if len(s.Values.Skipped) > 0 {
		var skipped []string
		for _, reason := range s.Values.SkipReasons() {
			skipped = append(skipped, fmt.Sprintf("%d (%s)", s.Values.Skipped[reason], reason))
		}
		t.lines(indent, fmt.Sprintf("%d usable, skipped: %s", s.Values.Usable, strings.Join(skipped, ", ")))
	}
	t.lines(indent, s.Skipped)
	if len(s.Unknown) > 0 {
		t.lines(indent, "not understood: "+names(s.Unknown))
	}
}

// content is what a page holds.
func (s *Step) content() string {
	text := "the company"
	if s.Operation != innius.OpCompany {
		text = plural(s.Items, strings.TrimSuffix(string(s.Operation), "s"), string(s.Operation))
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

// taken names the field that a fact was taken from.
func taken(f innius.Fact) string {
	if f.Field == "" {
		return f.Name + ": none"
	}
	text := fmt.Sprintf("%s: from %s, such as %q", f.Name, f.Field, f.Example)
	if f.Missing > 0 {
		text += fmt.Sprintf("; %d without", f.Missing)
	}
	return text
}

func order(v innius.Values) string {
	switch {
	case v.Mixed:
		return "in no order"
	case v.Order == innius.Ascending:
		return "oldest first"
	case v.Order == innius.Descending:
		return "newest first"
	}
	return "order not known: no two times differ"
}

// End prints the findings, and the verdict.
func (t *Text) End(r *Report) {
	fmt.Fprintln(t.W)
	for _, m := range r.Machines {
		t.lines("", fmt.Sprintf("machine %q (%s)%s", m.Name, m.ID, filtered(m.Filtered)))
		for _, s := range m.Sensors {
			t.lines("  ", fmt.Sprintf("sensor %q (%s), unit %q%s", s.Name, s.ID, s.Unit, filtered(s.Filtered)))
		}
	}
	for _, severity := range []Severity{Note, Warning, Failure} { // what matters most comes last, where people look
		for _, f := range r.Findings {
			if f.Severity == severity {
				t.finding(f)
			}
		}
	}
	spent := plural(r.Requests, "request", "requests") + " sent."
	if r.OK {
		fmt.Fprintln(t.W, "OK: "+spent+" The exporter will understand this API.")
		return
	}
	fmt.Fprintln(t.W, "FAILED: "+spent)
}

func filtered(why string) string {
	if why == "" {
		return ""
	}
	return ": left out by " + why
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
		what := "What to correct or add"
		if len(f.Settings) > 0 {
			what = "What to set"
		}
		where := " in the config file (keep the other lines of the account):"
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

// lines prints a text in lines that are not too long; nothing where it is empty.
func (t *Text) lines(before, text string) {
	line := before
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == before:
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			fmt.Fprintln(t.W, line)
			line = before
		default:
			line += " "
		}
		line += word
	}
	if line != before {
		fmt.Fprintln(t.W, line)
	}
}
