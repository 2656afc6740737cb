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
	text = strings.TrimSpace(text)
	at, ok := parseEpoch(text)
	if !ok {
		at, ok = parseRFC3339(text)
	}
	return at.UTC(), ok && !at.Before(earliest) && at.Before(latest)
}

// parseRFC3339 also takes lower case and a space for the T, as RFC 3339 section 5.6 allows.
func parseRFC3339(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.ToUpper(text), " ", "T", 1))
	return at, err == nil
}

// parseEpoch works on the digits, never on a float: 19 digits do not fit into one.
func parseEpoch(text string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(fixed(text), ".")
	if strings.Trim(whole+fraction, "0123456789") != "" {
		return time.Time{}, false
	}
	var unit int // decimals of it that make nanoseconds
	switch len(whole) {
	case 9, 10:
		unit = 9
	case 12, 13:
		unit = 6
	case 15, 16:
		unit = 3
	case 18, 19:
	default:
		return time.Time{}, false
	}
	nanos, err := strconv.ParseInt(whole+(fraction + "000000000")[:unit], 10, 64)
	return time.Unix(0, nanos), err == nil
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
