package innius

import (
	"testing"
	"time"
)

func TestUnitOfAnEpochFollowsFromItsDigits(t *testing.T) {
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
		{"a basic offset", "2018-03-25T19:46:40+0200", at},
		{"a basic offset of zero", "2018-03-25T17:46:40.000+0000", at},
		{"an offset of hours", "2018-03-25T19:46:40+02", at},
		{"an offset behind a space", "2018-03-25 14:46:40 -03:00", at},
		{"UTC", "2018-03-25 17:46:40 UTC", at},
		{"GMT", "2018-03-25 17:46:40 gmt", at},
		{"the basic form", "20180325T174640Z", at},
		{"the basic form with an offset", "20180325T194640,5+0200", at.Add(500 * time.Millisecond)},
		{"no seconds", "2018-03-25T17:46Z", at.Add(-40 * time.Second)},
		{"no seconds, with an offset", "2018-03-25 19:46+02:00", at.Add(-40 * time.Second)},
		{"Java's UTC", "2018-03-25T17:46:40Z[UTC]", at},
		{"Java's zone", "2018-03-25T19:46:40.000+02:00[Europe/Amsterdam]", at},
		{"the first moment", "631152000", earliest},
		{"the last moment", "4102444799999", latest.Add(-time.Millisecond)},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, _, ok := readTime(row.text, nil)
			if !ok || !got.Equal(row.want) || got.Location() != time.UTC {
				t.Errorf("readTime(%q) = %s, %t; want %s", row.text, got, ok, row.want)
			}
		})
	}
}

func TestTimeRefusesOtherTexts(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "words": "yesterday", "a date alone": "2018-03-25", "no zone": "2018-03-25T17:46:40",
		"no zone, basic": "20180325T174640", "a zone by name alone": "2018-03-25T17:46:40[Europe/Amsterdam]",
		"a day that is none": "2018-02-30T17:46:40Z", "an hour that is none": "20180325T254640Z",
		"a zone's abbreviation":  "2018-03-25T17:46:40 CET",
		"an offset that is none": "2018-03-25T17:46:40+9900", "month first": "03/25/2018 17:46:40Z",
		"zero": "0", "negative": "-1522000000", "signed": "+1522000000", "eight digits": "15220000", "eleven digits": "15220000000",
		"fourteen digits": "15220000000000", "twenty digits": "15220000000000000000",
		"nineteen digits beyond int64": "9999999999999999999", "before 1990 in seconds": "631151999",
		"before 1990 in text": "1989-12-31T23:59:59Z", "2100 in milliseconds": "4102444800000",
		"2100 in text": "2100-01-01T00:00:00Z", "1970 in microseconds": "0001522000000000", "two points": "1522000000.5.5",
		"hexadecimal": "0x5AB7E480", "underscores": "1_522_000_000", "infinite": "Infinity", "no number": "NaN", "too large": "1e400",
		"a negative power": "-1.522e9", "only a point": ".", "only a fraction": ".1522000000",
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, ok := readTime(text, nil); ok {
				t.Errorf("readTime(%q) = %s", text, got)
			}
		})
	}
}

func TestTimeWithoutAZoneIsReadInTheChosenZone(t *testing.T) {
	zone, err := TimeZone("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-03-02T12:00:00":      "2026-03-02T11:00:00Z",
		"2026-07-02 12:00":         "2026-07-02T10:00:00Z",
		"20260702T120000.25":       "2026-07-02T10:00:00.25Z",
		"2026-07-02T12:00:00Z":     "2026-07-02T12:00:00Z", // its own zone counts
		"2026-03-29T01:59:59":      "2026-03-29T00:59:59Z",
		"2026-03-29T02:30:00":      "", // skipped by the change of the clock
		"2026-03-29T03:00:00":      "2026-03-29T01:00:00Z",
		"2026-10-25T01:59:59":      "2026-10-24T23:59:59Z",
		"2026-10-25T02:30:00":      "", // there twice
		"2026-10-25T03:00:00":      "2026-10-25T02:00:00Z",
		"2026-10-25T02:30:00+0200": "2026-10-25T00:30:00Z",
	} {
		got, _, ok := readTime(text, zone)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %s, %t; want %q", text, got, ok, want)
		}
	}
	for _, name := range []string{"Local", "Mars/Olympus", "../etc/passwd", "+01:00"} {
		if _, err := TimeZone(name); err == nil {
			t.Errorf("%q is taken for a time zone", name)
		}
	}
}

// FuzzTime protects all that reads a time: it never panics, and what it reads is within its bounds, and unambiguous.
func FuzzTime(f *testing.F) {
	for _, text := range []string{
		"1522000000", "1.522e12", "2018-03-25T17:46:40Z", "20180325T1746+02", "2018-03-25 17:46:40,5 UTC", "2026-10-25T02:30",
		"2018-03-25T19:46Z[UTC]", "",
	} {
		f.Add(text)
	}
	zone, err := TimeZone("Europe/Amsterdam")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, form, ok := readTime(text, nil)
		if ok && (at.Before(earliest) || !at.Before(latest) || at.Location() != time.UTC || form == "") {
			t.Errorf("%q is %s, %q", text, at, form)
		}
		local, _, okLocal := readTime(text, zone)
		if ok && (!okLocal || !local.Equal(at)) {
			t.Errorf("%q is %s, and %s where a zone is chosen", text, at, local)
		}
		if r := (Reading{Text: text, Skip: SkipTime}); ok != okLocal && r.Hint() != "no time zone" {
			t.Errorf("%q has the hint %q", text, r.Hint())
		}
	})
}
