package web

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// markup is a piece of a page. Its methods append to it: for thousands of rows, html/template takes too long.
type markup []byte

// row appends a sensor as a row of the table of its machine. Each cell has the class of its header in status.html.
func (m markup) row(s *status.Sensor, now time.Time) markup {
	m = m.raw("<tbody>\n<tr>").raw(`<th scope="row" class="sensor" title="`).text(cut(s.ID)).raw(`"><bdi>`).text(cut(s.Sensor))
	m = m.raw(`</bdi></th><td class="value"`)
	if s.Min != nil {
		m = m.raw(` title="min `).raw(humanize.Exact(*s.Min)).raw(", max ").raw(humanize.Exact(*s.Max)).raw(`"`)
	}
	m = m.raw(">")
	if s.Value != nil {
		m = m.raw(humanize.Exact(*s.Value)).raw(" <bdi>").text(cut(s.Unit)).raw("</bdi>")
	}
	if s.State != "" {
		m = m.raw(" <bdi>").text(cut(s.State)).raw("</bdi>")
	}
	m = m.raw(`</td><td class="age">`).age(s).raw(`</td><td class="recent">`).sparkline(s)
	m = m.raw(`</td><td class="interval">`).seconds(s.Interval).raw(`</td><td class="last">`).distance(s.LastPoll, now)
	m = m.raw(`</td><td class="next">`).next(s, now)
	m = m.raw(`</td><td class="status"><b class="`).raw(string(s.Status)).raw(`">`).raw(string(s.Status)).raw("</b></td></tr>\n")
	if s.Reason != "" {
		m = m.raw(`<tr class="why"><td colspan="8"><bdi>`).text(s.Reason).raw("</bdi></td></tr>\n")
	}
	if s.Missed != "" {
		m = m.raw(`<tr class="why"><td colspan="8"><bdi>`).text(s.Missed).raw("</bdi></td></tr>\n")
	}
	return m.raw("</tbody>\n")
}

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
	m = m.raw(`<time datetime="`)
	exact := t.UTC().AppendFormat(m, time.RFC3339)[len(m):]
	return append(append(append(m, exact...), `" title="`...), exact...).raw(`">`).raw(text).raw("</time>")
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
	return markup(strconv.AppendFloat(m.raw(`<time datetime="PT`), n, 'f', 1, 64)).raw(`S">`).raw(seconds(n)).raw("</time>")
}

// next appends about when a sensor is polled next, and what delays it.
func (m markup) next(s *status.Sensor, now time.Time) markup {
	switch s.WaitsFor {
	case "":
		return m
	case poller.WaitsForResponse:
		return m.raw("now")
	case poller.WaitsForInterval:
		return m.distance(s.NextPoll, now)
	}
	return m.distance(s.NextPoll, now).raw(" <small>").raw(string(s.WaitsFor)).raw("</small>")
}
