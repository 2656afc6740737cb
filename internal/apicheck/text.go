package apicheck

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// width is how long the lines of a report are at most, but for YAML.
const width = 98

// Text prints a report for people, piece by piece as it comes. Errors of W are lost: it is meant for a terminal.
type Text struct {
	W          io.Writer
	Colour     bool
	ConfigFile string // empty: the settings came from flags and variables
	URLSource  string // then: what names the URL, such as INNIUS_URL
}

// The colours, as terminals take them.
const (
	bold  = "1"
	red   = "31"
	green = "32"
	amber = "33"
	cyan  = "36"
)

func (t *Text) paint(colour, text string) string {
	if !t.Colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Begin prints which account is checked.
func (t *Text) Begin(r *Report) {
	way := ""
	if r.Proxy != "" {
		way = ", through the proxy " + r.Proxy
	}
	fmt.Fprintln(t.W, t.paint(bold, fmt.Sprintf("account %s at %s%s", r.Account, r.URL, way)))
}

// Price prints what is about to be spent.
func (t *Text) Price(text string) { t.lines("", text) }

// Step prints one request.
func (t *Text) Step(s Step) {
	title := fmt.Sprintf("[%d] %-9s GET %s", s.Number, s.Operation, s.Asked)
	fmt.Fprintln(t.W, t.paint(bold, title))
	if s.Of != "" {
		t.lines(indent, s.Of)
	}
	came := "no answer"
	if s.Status != 0 {
		came = fmt.Sprintf("%d in %d ms", s.Status, s.Milliseconds)
	}
	if s.Error != "" {
		t.lines(indent, came+": "+s.Error)
	} else {
		t.lines(indent, came+": "+s.content())
	}
	for _, f := range s.Facts {
		t.lines(indent, f.String())
	}
	for _, line := range s.rest() {
		t.lines(indent, line)
	}
}

const indent = "      "

// content says what a page holds.
func (s *Step) content() string {
	text := "the company"
	if s.Operation != "company" {
		text = plural(s.Items, strings.TrimSuffix(s.Operation, "s"), s.Operation)
	}
	text += ", in the field " + s.ListAt
	switch {
	case s.More:
		text += "; more pages follow (next_key is " + s.NextKey + ")"
	case s.NextKey != "":
		text += "; no more pages (next_key is " + s.NextKey + ")"
	}
	return text
}

// String tells where a fact was taken from.
func (f Fact) String() string {
	text := fmt.Sprintf("%s: none", f.Name)
	if f.Field != "" {
		text = fmt.Sprintf("%s: from %s, such as %q", f.Name, f.Field, f.Example)
	}
	if f.Field != "" && f.Missing > 0 {
		text += fmt.Sprintf("; %d without", f.Missing)
	}
	for _, r := range f.Rivals {
		text += fmt.Sprintf("; but %s says %q", r.Name, r.Example)
	}
	return text
}

// rest is what there is to say after the facts.
func (s *Step) rest() []string {
	var lines []string
	if s.Values != nil && s.Items > 0 {
		lines = append(lines, s.Values.describe()...)
	}
	if s.Skipped != "" {
		lines = append(lines, s.Skipped)
	}
	if len(s.Unknown) > 0 {
		lines = append(lines, "not understood: "+names(s.Unknown))
	}
	return lines
}

func (v *Values) describe() []string {
	order := map[string]string{
		"ascending": "oldest first", "descending": "newest first", "": "order not to be told: no two times differ",
	}[v.Order]
	if v.Mixed {
		order = "in no order"
	}
	var lines []string
	if !v.Newest.IsZero() {
		lines = append(lines, order+"; time is "+v.TimeForm,
			fmt.Sprintf("oldest %s, newest %s (%s)", at(v.Oldest), at(v.Newest), ageText(v.Age)))
	}
	var skipped []string
	for reason, n := range v.Skipped {
		skipped = append(skipped, fmt.Sprintf("%d for their %s", n, reasonText(reason)))
	}
	slices.Sort(skipped)
	if len(skipped) > 0 {
		lines = append(lines, fmt.Sprintf("%d usable, skipped: %s", v.Usable, strings.Join(skipped, ", ")))
	}
	return lines
}

func ageText(seconds int64) string {
	age := time.Duration(seconds) * time.Second
	switch {
	case age < -time.Second:
		return span(-age) + " ahead of this machine's clock"
	case age < time.Second:
		return "just now"
	}
	return span(age) + " ago"
}

func reasonText(reason string) string {
	return map[string]string{
		"number": "value, which is no number", "text": "value, which is text", "time": "time, which is not understood",
		"future": "time, which is in the future",
	}[reason]
}

// End prints the findings, and the verdict.
func (t *Text) End(r *Report) {
	fmt.Fprintln(t.W)
	if text := r.clock(); text != "" {
		t.lines("", text)
	}
	t.catalogue(r)
	for _, severity := range []Severity{Note, Warning, Failure} { // what matters most comes last, where people look
		for _, f := range r.Findings {
			if f.Severity == severity {
				t.finding(f)
			}
		}
	}
	spent := plural(r.Requests, "request", "requests") + " of the key's allowance spent."
	if r.OK {
		fmt.Fprintln(t.W, t.paint(green, "OK: "+spent+" The exporter will understand this API."))
		return
	}
	fmt.Fprintln(t.W, t.paint(red, "FAILED: "+spent))
}

// clock tells the difference of the clocks, as the first answer showed it.
func (r *Report) clock() string {
	for _, s := range r.Steps {
		if s.Status == 0 {
			continue
		}
		if s.ClockAhead == nil {
			return "clock: innius tells none (no Date in its answers); this machine's is taken"
		}
		d := time.Duration(*s.ClockAhead) * time.Second
		switch {
		case d.Abs() < 2*time.Second:
			return "clock: innius and this machine agree"
		case d > 0:
			return "clock: innius is " + span(d) + " ahead of this machine"
		}
		return "clock: innius is " + span(-d) + " behind this machine"
	}
	return ""
}

// catalogue lists what --all found.
func (t *Text) catalogue(r *Report) {
	for _, m := range r.Machines {
		t.lines("", fmt.Sprintf("machine %q (%s)%s", m.Name, m.ID, filtered(m.Filtered)))
		for _, s := range m.Sensors {
			unit := ""
			if s.Unit != "" {
				unit = ", in " + s.Unit
			}
			t.lines("  ", fmt.Sprintf("sensor %q (%s)%s%s", s.Name, s.ID, unit, filtered(s.Filtered)))
		}
	}
}

func filtered(why string) string {
	if why == "" {
		return ""
	}
	return ": left out: " + why
}

func (t *Text) finding(f Finding) {
	label := map[Severity]string{
		Failure: t.paint(red, "FAILURE"), Warning: t.paint(amber, "WARNING"), Note: t.paint(amber, "note"),
	}[f.Severity]
	first, more, _ := strings.Cut(wrap(string(f.Severity)+" ("+f.Kind+"): "+f.Text[0], width), "\n")
	fmt.Fprintln(t.W, label+first[len(f.Severity):])
	if more != "" {
		fmt.Fprintln(t.W, more)
	}
	for _, text := range f.Text[1:] {
		t.lines("", text)
	}
	if f.Set != "" {
		fmt.Fprintln(t.W)
		t.lines("", t.toSet(f))
		fmt.Fprintln(t.W)
		for line := range strings.Lines(f.Set) {
			fmt.Fprintln(t.W, t.paint(cyan, strings.TrimRight(line, "\n")))
		}
	}
	t.raw(f)
	fmt.Fprintln(t.W)
}

// toSet says where the YAML belongs.
func (t *Text) toSet(f Finding) string {
	what := "What to set"
	if f.Severity != Failure {
		what = "What could be set"
	}
	if t.ConfigFile != "" {
		return what + " in the config file (keep the other lines of the account):"
	}
	text := what + ": save this as innius.yml, and start with --config.file=innius.yml instead of " + t.URLSource + ":"
	if strings.Contains(f.Set, "\n    url: ") && strings.Contains(f.Set, "url: ") && onlyURL(f.Set) {
		text = what + ": " + t.URLSource + " to another URL; or the same in a file, for --config.file:"
	}
	return text
}

// onlyURL reports whether the settings name nothing but what flags and variables can say.
func onlyURL(yaml string) bool {
	for line := range strings.Lines(yaml) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !strings.HasPrefix(name, "#") && !slices.Contains([]string{"accounts", "- name", "url", "api_key_env", "api_key_file", ""}, name) {
			return false
		}
	}
	return true
}

func (t *Text) raw(f Finding) {
	if f.Raw == "" {
		return
	}
	fmt.Fprintln(t.W)
	t.lines("", "Raw answer, cut and with the key masked - please include it when you report this:")
	fmt.Fprintln(t.W)
	for raw := []rune(f.Raw); len(raw) > 0; {
		n := min(len(raw), width)
		fmt.Fprintln(t.W, string(raw[:n]))
		raw = raw[n:]
	}
}

// lines prints a text in lines that are not too long.
func (t *Text) lines(before, text string) {
	for line := range strings.Lines(wrap(text, width-len(before))) {
		fmt.Fprintln(t.W, before+strings.TrimRight(line, "\n"))
	}
}

// wrap breaks a text at spaces.
func wrap(text string, at int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > at:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
