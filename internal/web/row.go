package web

import (
	"html/template"
	"regexp"
	"strings"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// markup is a piece of a page. Its methods append to it: for thousands of rows, html/template takes too long.
type markup []byte

// column is a column of the table of sensors.
type column struct {
	Class, Title string
	Sorts        string // how a first click sorts; empty: it does not
}

// columns are in the order of the cells of row.
var columns = []column{
	{"sensor", "Sensor", "sensor"},
	{"value", "Value", "-value"},
	{"recent", "Recent", ""},
	{"status", "Status", "status"},
	{"age", "Age", "-age"},
	{"gap", "Polled every", "-gap"},
	{"interval", "Reports every", "-interval"},
	{"last", "Last poll", "last"},
	{"next", "Next poll", "next"},
}

// row appends a sensor as a row of a table, of several machines if flat.
func (m markup) row(s *status.Sensor, now time.Time, flat bool) markup {
	m = m.raw("<tbody>\n<tr>").raw(`<th scope="row" class="sensor" title="`).text(cut(s.ID)).raw(`"><bdi>`).text(cut(s.Sensor))
	m = m.raw("</bdi>")
	if flat {
		m = m.raw(" <small><bdi>").text(cut(s.Machine)).raw("</bdi></small>")
	}
	m = m.raw(`</th><td class="value"`).value(s).raw(`</td><td class="recent">`).sparkline(s)
	m = m.raw(`</td><td class="status"><b class="`).raw(string(s.Status)).raw(`">`).raw(string(s.Status))
	m = m.raw(`</b></td><td class="age">`).age(s).raw(`</td><td class="gap">`).seconds(s.Gap)
	m = m.raw(`</td><td class="interval">`).seconds(s.Interval).raw(`</td><td class="last">`).distance(s.LastPoll, now)
	m = m.raw(`</td><td class="next">`).next(s, now).raw("</td></tr>\n")
	for _, why := range []string{s.Reason, s.Missed} {
		if why != "" {
			m = m.raw(`<tr class="why"><td colspan="9"><bdi>`).sentence(why).raw("</bdi></td></tr>\n")
		}
	}
	return m.raw("</tbody>\n")
}

// value appends the rest of the tag of a cell, and the newest reading. A unit is only shown with a number, and not as one: "1" is
// a usual unit of what has none.
func (m markup) value(s *status.Sensor) markup {
	if s.Min != nil {
		m = m.raw(` title="min `).number(*s.Min).raw(", max ").number(*s.Max).raw(`"`)
	}
	m = m.raw(">")
	if s.Value != nil {
		m = m.number(*s.Value)
		if s.Unit != "1" && s.Unit != "" {
			m = m.raw(" <bdi>").text(cut(s.Unit)).raw("</bdi>")
		}
	}
	if s.State != "" {
		m = m.raw(" <bdi>").text(cut(s.State)).raw("</bdi>")
	}
	return m
}

func (m markup) number(n float64) markup { return m.raw(humanize.Grouped(humanize.Exact(n))) }

// sentence appends a text, and marks the exact times in it.
func (m markup) sentence(text string) markup {
	for at := exactTime.FindStringIndex(text); at != nil; at = exactTime.FindStringIndex(text) {
		exact := text[at[0]:at[1]]
		m = m.text(text[:at[0]]).raw(`<time datetime="`).raw(exact).raw(`" title="`).raw(exact).raw(`">`).raw(exact).raw("</time>")
		text = text[at[1]:]
	}
	return m.text(text)
}

// exactTime matches what humanize.Time writes.
var exactTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// raw appends markup.
func (m markup) raw(text string) markup { return append(m, text...) }

// text appends a text, escaped for elements and quoted attributes.
func (m markup) text(text string) markup {
	if strings.ContainsAny(text, "\x00\"&'<>") {
		text = template.HTMLEscapeString(text)
	}
	return append(m, text...)
}

// time appends a text with the exact time as its title.
func (m markup) time(t time.Time, text string) markup {
	m = t.UTC().AppendFormat(m.raw(`<span title="`), time.RFC3339)
	return m.raw(`">`).raw(text).raw("</span>")
}

// distance appends how far a time is from now.
func (m markup) distance(t, now time.Time) markup {
	if t.IsZero() {
		return m
	}
	return m.time(t, humanize.Distance(t, now))
}

// age appends how old a reading is.
func (m markup) age(s *status.Sensor) markup {
	switch {
	case s.Age == nil:
		return m
	case *s.Age < 0:
		return m.time(s.Timestamp, seconds(-*s.Age)+" ahead")
	}
	return m.time(s.Timestamp, seconds(*s.Age))
}

// seconds appends a duration.
func (m markup) seconds(n float64) markup {
	if n == 0 {
		return m
	}
	return m.raw(seconds(n))
}

// next appends about when a sensor is polled next.
func (m markup) next(s *status.Sensor, now time.Time) markup {
	switch s.WaitsFor {
	case "":
		return m
	case poller.WaitsForResponse:
		return m.raw("now")
	case poller.WaitsForPause:
		return m.distance(s.NextPoll, now).raw(" <small>pause</small>")
	}
	return m.distance(s.NextPoll, now)
}
