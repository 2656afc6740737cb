package innius_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
)

// oneReading returns what becomes of {"t":..., "v":...} in a response of noon.
func oneReading(t *testing.T, at, value string) innius.Reading {
	t.Helper()
	body := fmt.Sprintf(`{"data":[{"t":%s,"v":%s}]}`, at, value)
	got, err := dial(t, respondWith(200, body)).Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
	if err != nil || len(got.Readings) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	return got.Readings[0]
}

func TestValuesThatAreNotNumbersAreSkippedOrTranslated(t *testing.T) {
	for _, row := range []struct {
		name, json string
		want       innius.Reading
	}{
		{"a whole number", `18`, innius.Reading{Value: 18}},
		{"a fraction", `-3.25`, innius.Reading{Value: -3.25}},
		{"scientific notation", `1.5e3`, innius.Reading{Value: 1500}},
		{"true", `true`, innius.Reading{Value: 1}},
		{"false", `false`, innius.Reading{Value: 0}},
		{"a number in text", `" 21.5 "`, innius.Reading{Value: 21.5}},
		{"a signed number in text", `"+2e2"`, innius.Reading{Value: 200}},
		{"null", `null`, innius.Reading{Text: "null", Skip: innius.SkipNumber}},
		{"too large", `1e400`, innius.Reading{Text: "1e400", Skip: innius.SkipNumber}},
		{"too large in text", `"-1e400"`, innius.Reading{Text: "-1e400", Skip: innius.SkipNumber}},
		{"NaN in text", `"NaN"`, innius.Reading{Text: "NaN", Skip: innius.SkipNumber}},
		{"infinity in text", `"-Inf"`, innius.Reading{Text: "-Inf", Skip: innius.SkipNumber}},
		{"blank text", `"  "`, innius.Reading{Skip: innius.SkipNumber}},
		{"a word", `"RUN"`, innius.Reading{Text: "RUN", Skip: innius.SkipText}},
		{"a code of digits and an E", `"E5"`, innius.Reading{Text: "E5", Skip: innius.SkipText}},
		{"a version", `"1.2.3"`, innius.Reading{Text: "1.2.3", Skip: innius.SkipText}},
		{"a date", `"2026-03-02"`, innius.Reading{Text: "2026-03-02", Skip: innius.SkipText}},
		{"a number with a unit", `"21 °C"`, innius.Reading{Text: "21 °C", Skip: innius.SkipText}},
		{"a decimal comma", `"21,5"`, innius.Reading{Text: "21,5", Skip: innius.SkipText}},
		{"an object", `{"n":1}`, innius.Reading{Text: "an object", Skip: innius.SkipNumber}},
		{"a list", `[1]`, innius.Reading{Text: "a list", Skip: innius.SkipNumber}},
		{"control characters in text", `"ST\u0007OP"`, innius.Reading{Text: "STOP", Skip: innius.SkipText}},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				row.want.Time = noon()
				want(t, "reading", oneReading(t, `"2026-03-02T12:00:00Z"`, row.json), row.want)
			})
		})
	}
}

func TestReadingWithoutAUsableTimeIsSkippedWithItsText(t *testing.T) {
	for name, row := range map[string][2]string{
		"null": {`null`, "<nil>"}, "words": {`"yesterday"`, "yesterday"}, "a boolean": {`true`, "true"},
		"1970": {`0`, "0"}, "eleven digits": {`15220000000`, "15220000000"}, "2100": {`4102444800000`, "4102444800000"},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				want(t, "reading", oneReading(t, row[0], "18"), innius.Reading{Text: row[1], Skip: innius.SkipTime})
			})
		})
	}
}

func TestReadingAheadOfTheAPIClockIsSkipped(t *testing.T) {
	for _, row := range []struct {
		name  string
		ahead time.Duration // of the reading, to our clock
		clock time.Duration // of the API, to ours
		skip  innius.SkipReason
	}{
		{"just now", 0, 0, ""},
		{"five minutes ahead", 5 * time.Minute, 0, ""},
		{"more than five minutes ahead", 5*time.Minute + time.Second, 0, innius.SkipFuture},
		{"the API's clock is ahead too", time.Hour, time.Hour, ""},
		{"the API's clock is behind", 0, -time.Hour, innius.SkipFuture},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				body := fmt.Sprintf(`{"data":[{"t":%d,"v":18}]}`, noon().Add(row.ahead).UnixMilli())
				date := noon().Add(row.clock).Format(http.TimeFormat)
				got, err := dial(t, respondWith(200, body, "Date", date)).Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
				want(t, "error", err, nil)
				want(t, "reading", got.Readings[0], innius.Reading{Time: noon().Add(row.ahead), Value: 18, Skip: row.skip})
				want(t, "clock", got.Clock, noon().Add(row.clock))
			})
		})
	}
}

func TestOurClockJudgesWithoutADateHeader(t *testing.T) {
	for name, dates := range map[string][]string{
		"absent": nil, "garbage": {"tomorrow"}, "year 0": {"Sat, 01 Jan 0000 00:00:00 GMT"}, "year 9999": {"Fri, 31 Dec 9999 23:59:59 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(fmt.Sprintf(`{"data":[{"t":%d,"v":1}]}`, noon().Add(time.Hour).UnixMilli()))
				withDate := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Date"] = dates
					h.ServeHTTP(w, r)
				})
				got, err := dial(t, withDate).Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
				want(t, "error", err, nil)
				want(t, "clock", got.Clock, noon())
				want(t, "skip", got.Readings[0].Skip, innius.SkipFuture)
			})
		})
	}
}
