package apicheck

import (
	"fmt"
	"io"
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
	for _, line := range s.rest() {
		t.lines(indent, line)
	}
}

const indent = "      "

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
