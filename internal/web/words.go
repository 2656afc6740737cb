package web

import (
	"html/template"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"innius_exporter/internal/poller"
)

// longest is how much of a text from the API or an address a page shows, in bytes: as much as a label holds.
const longest = 160

// cut shortens a text for a page, at the border of a character.
func cut(text string) string {
	if len(text) <= longest {
		return text
	}
	end := longest
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func number(value *float64) string {
	if value == nil {
		return ""
	}
	if size := math.Abs(*value); size >= 1e15 || size > 0 && size < 1e-6 {
		return strconv.FormatFloat(*value, 'g', -1, 64)
	}
	return strconv.FormatFloat(*value, 'f', -1, 64)
}

// rate says requests per hour: whole ones, unless they are few.
func rate(perHour float64) string {
	if perHour >= 100 || perHour == 0 {
		return strconv.FormatFloat(perHour, 'f', 0, 64)
	}
	return strconv.FormatFloat(perHour, 'g', 3, 64)
}

func times(factor *float64) string { return strconv.FormatFloat(*factor, 'f', 1, 64) }

func seconds(s float64) string {
	return poller.Span(time.Duration(min(s, float64(math.MaxInt64/time.Second)) * float64(time.Second)))
}

// moment says a moment exactly.
func moment(t *time.Time) template.HTML {
	if t == nil {
		return ""
	}
	exact := t.UTC().Format(time.RFC3339)
	return timeTag(exact, exact)
}

// timeTag writes a moment in words, with the exact one behind them. Both are made of numbers and words of ours.
func timeTag(exact, words string) template.HTML {
	return template.HTML(`<time datetime="` + exact + `" title="` + exact + `">` + words + `</time>`)
}

// away says how far a moment is from now, about.
func away(t *time.Time, now time.Time) template.HTML {
	if t == nil {
		return ""
	}
	exact := t.UTC().Format(time.RFC3339)
	switch d := t.Sub(now); {
	case d >= time.Second:
		return timeTag(exact, "in "+poller.Span(roughly(d)))
	case d > -time.Second:
		return timeTag(exact, "now")
	default:
		return timeTag(exact, poller.Span(roughly(-d))+" ago")
	}
}

// roughly rounds to what fits into a column: the exact moment stands behind it.
func roughly(d time.Duration) time.Duration {
	switch {
	case d >= 48*time.Hour:
		return d.Round(24 * time.Hour)
	case d >= 2*time.Hour:
		return d.Round(time.Hour)
	case d >= time.Minute:
		return d.Round(time.Minute)
	}
	return d
}

// age says how old a reading is.
func age(r row) template.HTML {
	if r.Timestamp == nil || r.Age == nil {
		return ""
	}
	exact := r.Timestamp.UTC().Format(time.RFC3339)
	if *r.Age < 0 {
		return timeTag(exact, seconds(-*r.Age)+" ahead")
	}
	return timeTag(exact, seconds(*r.Age))
}

// pace says how often a sensor reports.
func pace(r row) template.HTML {
	if r.Interval == nil {
		return ""
	}
	return template.HTML(`<time datetime="PT` + strconv.FormatFloat(*r.Interval, 'f', 1, 64) + `S">` + fine(*r.Interval) + `</time>`)
}

// fine says few seconds with a decimal.
func fine(s float64) string {
	if s < 10 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return seconds(s)
}

// next says when a sensor is asked next, about, and why not sooner where that is not its own pace.
func next(r row) template.HTML {
	switch r.WaitsFor {
	case "":
		return ""
	case poller.WaitsForAnswer:
		return "being asked"
	case poller.WaitsForPace:
		return away(r.NextRequest, r.view.At)
	}
	return away(r.NextRequest, r.view.At) + template.HTML(" <small>"+template.HTMLEscapeString(string(r.WaitsFor))+"</small>")
}
