package innius

import (
	"testing"
	"time"
)

func TestTimesAreToldApartByTheirDigits(t *testing.T) {
	at := time.Date(2018, 3, 25, 17, 46, 40, 0, time.UTC)
	for _, row := range []struct {
		name, text string
		want       time.Time
	}{
		{"seconds", "1522000000", at},
		{"milliseconds", "1522000000000", at},
		{"microseconds", "1522000000000000", at},
		{"nanoseconds", "1522000000000000000", at},
		{"a fraction of seconds", "1522000000.25", at.Add(250 * time.Millisecond)},
		{"a long fraction of seconds", "1522000000.1234567891234", at.Add(123456789)},
		{"a fraction of milliseconds", "1522000000000.5", at.Add(500 * time.Microsecond)},
		{"a fraction of microseconds", "1522000000000000.75", at.Add(750)},
		{"a fraction of nanoseconds", "1522000000000000000.9", at},
		{"every nanosecond counts", "1522000000123456789", at.Add(123456789)},
		{"a point without a fraction", "1522000000.", at},
		{"scientific notation", "1.522e12", at},
		{"scientific notation of seconds", "1.52200000025E+9", at.Add(250 * time.Millisecond)},
		{"nine digits of seconds, before 2001", "946684800", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"twelve digits of milliseconds", "946684800000", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"white space around", " 1522000000 ", at},
		{"RFC 3339", "2018-03-25T17:46:40Z", at},
		{"RFC 3339 with an offset", "2018-03-25T19:46:40+02:00", at},
		{"RFC 3339 with a fraction", "2018-03-25T17:46:40.250Z", at.Add(250 * time.Millisecond)},
		{"RFC 3339 in lower case with a space", "2018-03-25 17:46:40z", at},
		{"the first moment", "631152000", earliest},
		{"the last moment", "4102444799999", latest.Add(-time.Millisecond)},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, ok := parseTime(row.text)
			if !ok || !got.Equal(row.want) || got.Location() != time.UTC {
				t.Errorf("parseTime(%q) = %s, %t; want %s", row.text, got, ok, row.want)
			}
		})
	}
}

func TestWhatIsNoTimeIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "words": "yesterday", "a date alone": "2018-03-25", "no zone": "2018-03-25T17:46:40",
		"zero": "0", "negative": "-1522000000", "signed": "+1522000000", "eight digits": "15220000", "eleven digits": "15220000000",
		"fourteen digits": "15220000000000", "twenty digits": "15220000000000000000", "nineteen digits beyond int64": "9999999999999999999",
		"before 1990 in seconds": "631151999", "before 1990 in text": "1989-12-31T23:59:59Z", "2100 in milliseconds": "4102444800000",
		"2100 in text": "2100-01-01T00:00:00Z", "1970 in microseconds": "0001522000000000", "two points": "1522000000.5.5",
		"hexadecimal": "0x5AB7E480", "underscores": "1_522_000_000", "infinite": "Infinity", "no number": "NaN", "too large": "1e400",
		"a negative power": "-1.522e9", "only a point": ".", "only a fraction": ".1522000000",
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := parseTime(text); ok {
				t.Errorf("parseTime(%q) = %s", text, got)
			}
		})
	}
}
