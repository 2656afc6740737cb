package plan

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// span writes a duration with its two largest units, which is what a reader needs of a forecast.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Hour:
		return units(d.Round(time.Second), time.Minute, "m", time.Second, "s")
	case d < 24*time.Hour:
		return units(d.Round(time.Minute), time.Hour, "h", time.Minute, "m")
	case d < 10*365*24*time.Hour:
		return units(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
	}
	return "more than 10 years"
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	var text string
	if n := d / large; n > 0 {
		text = fmt.Sprint(int64(n)) + largeName
	}
	if n := d % large / small; n > 0 || text == "" {
		text += fmt.Sprint(int64(n)) + smallName
	}
	return text
}

// hours makes a duration, the longest one where the number is beyond it.
func hours(n float64) time.Duration {
	return time.Duration(min(n*float64(time.Hour), float64(math.MaxInt64/2)))
}

// count writes a number with the digits that a forecast deserves.
func count(n float64) string {
	if n > 0 && n < 0.1 {
		return strconv.FormatFloat(n, 'g', 2, 64)
	}
	if n < 10 {
		return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(n), 'f', -1, 64)
}

// upwards rounds a number to two digits, never down: for what has to suffice.
func upwards(n float64) string {
	if !(n > 0) || math.IsInf(n, 0) {
		return "0"
	}
	step := math.Pow(10, math.Floor(math.Log10(n))-1)
	return strconv.FormatFloat(math.Ceil(n/step-1e-9)*step, 'f', -1, 64)
}

// longer rounds a duration to a whole number of its unit, never down.
func longer(d time.Duration) string {
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if d >= 10*unit || unit == time.Second {
			return span((d + unit - 1).Truncate(unit))
		}
	}
	return ""
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// have begins a sentence about so many.
func have(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " has"
	}
	return plural(n, noun) + " have"
}

// width is that of a page.
const width = 110

// wrapped writes a text in lines of at most a width, the first behind a bullet.
func wrapped(w io.Writer, bullet, text string) {
	indent, row := bullet, ""
	for word := range strings.FieldsSeq(text) {
		if row != "" && len(indent)+len(row)+1+len(word) > width {
			fmt.Fprintln(w, indent+row)
			indent, row = strings.Repeat(" ", len(bullet)), ""
		}
		row = strings.TrimPrefix(row+" "+word, " ")
	}
	fmt.Fprintln(w, indent+row)
}
