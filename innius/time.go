package innius

import (
	"strconv"
	"strings"
	"time"
)

// A time outside these is a mistake of its unit or of its sensor.
var (
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseTime reads a time: RFC 3339 text, or an epoch told apart by the digits before its point: 10 seconds, 13
// milli-, 16 micro-, 19 nanoseconds; one digit fewer is the same unit before September 2001. Milliseconds are
// documented for the plugin, the rest is assumed. It is false where the text is no time within 1990 to 2100.
func parseTime(text string) (time.Time, bool) {
	at, _, ok := readTime(text)
	return at, ok
}

// readTime is parseTime that also names the form of the text.
func readTime(text string) (at time.Time, form string, ok bool) {
	text = strings.TrimSpace(text)
	if at, form, ok = parseEpoch(text); !ok {
		form = "RFC 3339"
		at, ok = parseRFC3339(text)
	}
	return at.UTC(), form, ok && !at.Before(earliest) && at.Before(latest)
}

// parseRFC3339 also takes lower case and a space for the T, as RFC 3339 section 5.6 allows.
func parseRFC3339(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.ToUpper(text), " ", "T", 1))
	return at, err == nil
}

// parseEpoch works on the digits, never on a float: 19 digits do not fit into one.
func parseEpoch(text string) (at time.Time, form string, ok bool) {
	whole, fraction, _ := strings.Cut(fixed(text), ".")
	if strings.Trim(whole+fraction, "0123456789") != "" {
		return time.Time{}, "", false
	}
	var unit int // decimals of it that make nanoseconds
	switch len(whole) {
	case 9, 10:
		unit, form = 9, "epoch seconds"
	case 12, 13:
		unit, form = 6, "epoch milliseconds"
	case 15, 16:
		unit, form = 3, "epoch microseconds"
	case 18, 19:
		form = "epoch nanoseconds"
	default:
		return time.Time{}, "", false
	}
	nanos, err := strconv.ParseInt(whole+(fraction + "000000000")[:unit], 10, 64)
	return time.Unix(0, nanos), form, err == nil
}

// fixed writes a number in scientific notation, as some encoders write 13 digits, without it.
func fixed(text string) string {
	if !strings.ContainsAny(text, "eE") {
		return text
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number < 0 || number >= 1e19 {
		return text
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}
