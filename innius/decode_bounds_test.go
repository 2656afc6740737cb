package innius_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

// pageOf is a page of readings with so many fields each, newest first.
func pageOf(readings, fields int) string {
	more := ""
	for i := range fields - 2 {
		more += fmt.Sprintf(`,"Field \"%d\" {[,":%d`, i, i)
	}
	page := make([]string, readings)
	for i := range page {
		page[i] = fmt.Sprintf(`{"t":%d,"v":%d%s}`, noon().Add(-time.Duration(i)*time.Second).UnixMilli(), i, more)
	}
	return `{"data":[` + strings.Join(page, ",") + `]}`
}

func TestClientBoundsDepthAndNumberOfValues(t *testing.T) {
	const many = "the JSON holds too many values: lower page_size or lookback"
	deep := func(levels int, inside string) string {
		return `{"data":[],"deep":` + strings.Repeat("[", levels) + inside + strings.Repeat("]", levels) + "}"
	}
	for name, row := range map[string]struct{ body, want string }{
		"10,000 readings of ten fields": {pageOf(10_000, 10), ""},
		"deep enough":                   {deep(31, ""), ""},
		"too deep":                      {deep(32, ""), "the JSON is nested more than 32 levels deep"},
		"deep inside a text":            {deep(1, `"`+strings.Repeat(`[{\"`, 99)+`"`), ""},
		"many objects":                  {`{"data":[` + strings.Repeat(`{"a":1},`, 40_000) + `{}]}`, many},
		"many lists":                    {`{"data":[` + strings.Repeat(`[],`, 160_000) + `[]]}`, many},
		"many numbers":                  {`{"data":[` + strings.Repeat(`1,`, 310_000) + `1]}`, many},
		"a thousand fields":             {`{"data":[],"more":{` + strings.Repeat(`"a":{},`, 999) + `"b":{}}}`, ""},
		"more than a thousand": {
			`{"data":[],"more":{` + strings.Repeat(`"a":{},`, 1000) + `"b":{}}}`,
			"an object in the JSON has more than 1000 fields",
		},
		"many fields": {
			`{"data":{` + strings.Repeat(`"a":1,`, 310_000) + `"b":1}}`,
			"an object in the JSON has more than 1000 fields",
		},
		"many commas inside a text":        {`{"data":[],"text":"` + strings.Repeat(`,{\"`, 310_000) + `"}`, ""},
		"many brackets of an HTML page":    {"\n<title>x</title>" + strings.Repeat("{[,", 250_000), `no JSON: an HTML page titled "x"`},
		"many brackets of what is no JSON": {"x" + strings.Repeat("[", 99), "the JSON is nested more than 32 levels deep"},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(200, row.body))
				_, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
				if row.want == "" {
					want(t, "error", err, nil)
					return
				}
				want(t, "error", *typed[*innius.ResponseError](t, err), innius.ResponseError{Status: 200, Detail: row.want})
			})
		})
	}
}
