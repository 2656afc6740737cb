// Package humanize writes durations, times, numbers and plurals for people: on the status page, in plans, checks, logs and
// errors. One package, so that the same quantity looks the same everywhere. It imports the standard library only.
package humanize

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var units = []struct {
	size   time.Duration
	symbol byte
}{{24 * time.Hour, 'd'}, {time.Hour, 'h'}, {time.Minute, 'm'}, {time.Second, 's'}}

// Duration writes a duration, rounded to its two largest units: "32m 30s", "1h", "1d 2h". Below 10 s it has one decimal:
// "4.2s". More than ten years are "more than 10 years".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-max(d, -math.MaxInt64))
	case d < 10*time.Second:
		return Exact(math.Round(d.Seconds()*10)/10) + "s"
	case d >= 3650*units[0].size:
		return "more than 10 years"
	}
	var room [32]byte
	for i, next := range units[1:] {
		large, rounded := units[i], d.Round(next.size)
		if rounded < large.size {
			continue
		}
		text := append(strconv.AppendInt(room[:0], int64(rounded/large.size), 10), large.symbol)
		if rest := rounded % large.size / next.size; rest > 0 {
			text = append(strconv.AppendInt(append(text, ' '), int64(rest), 10), next.symbol)
		}
		return string(text)
	}
	return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + "s"
}

// DurationUp writes a duration in whole hours, minutes or seconds, never less than d: for a setting that must suffice.
func DurationUp(d time.Duration) string {
	unit := time.Second
	for _, u := range units[1:3] {
		if d >= 10*u.size {
			unit = max(unit, u.size)
		}
	}
	return Duration((d + unit - 1).Truncate(unit))
}

// Seconds converts a number of seconds to a duration; the longest duration if the number is larger.
func Seconds(n float64) time.Duration {
	return time.Duration(min(n*float64(time.Second), float64(math.MaxInt64/2)))
}

// Time writes a time exactly, in UTC: "2026-11-27T14:16:20Z".
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// TimeAndDistance writes a time exactly, and how far it is from now: "2026-11-27T14:16:20Z (in 3m 20s)".
func TimeAndDistance(t, now time.Time) string { return Time(t) + " (" + Distance(t, now) + ")" }

// Distance writes how far a time is from now: "in 3m 20s", "5h ago", "now".
func Distance(t, now time.Time) string {
	switch d := t.Sub(now).Round(time.Second); {
	case d > 0:
		return "in " + Duration(d)
	case d < 0:
		return Duration(-d) + " ago"
	}
	return "now"
}

// Number writes a number with the digits that matter in a sentence: "1234", "3.5", "0.042".
func Number(n float64) string {
	if math.Abs(n) >= 10 {
		return Exact(math.Round(n))
	}
	return Exact(twoDigits(n))
}

// NumberUp writes a number with two digits that is not below n: for a setting that must suffice. "0" if n is not above 0.
func NumberUp(n float64) string {
	if !(n > 0) || math.IsInf(n, 0) {
		return "0"
	}
	step := math.Pow(10, math.Floor(math.Log10(n))-1)
	return Exact(twoDigits(math.Ceil(n/step-1e-9) * step))
}

func twoDigits(n float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 2, 64), 64)
	return rounded
}

// Exact writes a number with all its digits, with an exponent only if it is very large or very small.
func Exact(n float64) string {
	if size := math.Abs(n); size >= 1e15 || size > 0 && size < 1e-6 {
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// Grouped separates the thousands of a number that begins a text by narrow spaces: "13 275 400.5". Neither a comma nor a full
// stop would mean the same to every reader.
func Grouped(number string) string {
	sign := len(number) - len(strings.TrimPrefix(number, "-"))
	end := sign
	for end < len(number) && number[end] >= '0' && number[end] <= '9' {
		end++
	}
	for at := end - 3; at > sign; at -= 3 {
		number = number[:at] + "\u202f" + number[at:]
	}
	return number
}

// Plural writes a count with its noun: "1 sensor", "2 sensors".
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// Wrap writes a text in lines of at most width characters. The first line begins with prefix, the others with as many spaces.
// A longer word stays whole; an empty text writes nothing. Errors of w are ignored: it is a terminal.
func Wrap(w io.Writer, width int, prefix, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(prefix+line+" "+word) > width {
			fmt.Fprintln(w, prefix+line)
			prefix, line = strings.Repeat(" ", utf8.RuneCountInString(prefix)), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		fmt.Fprintln(w, prefix+line)
	}
}
