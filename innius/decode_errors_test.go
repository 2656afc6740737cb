package innius_test

import (
	"testing"
	"time"

	"innius_exporter/innius"
)

// responseError sends a request and returns the typed error that must come.
func responseError(t *testing.T, c *innius.Client, send func(*testing.T, *innius.Client) error) *innius.ResponseError {
	t.Helper()
	err := send(t, c)
	response := typed[*innius.ResponseError](t, err)
	want(t, "StatusOf", innius.StatusOf(err), response.Status)
	return response
}

func TestUnrecognisedListIsAnErrorNotAnEmptyList(t *testing.T) {
	for _, row := range []struct{ name, body, want string }{
		{"no data", `{"machines":[]}`, "no field data; the fields are: machines"},
		{"nothing at all", `{}`, "no field data; the fields are: none"},
		{"null", `{"data":null}`, "data is null, not a list of machines"},
		{"text", `{"data":"see the attached file"}`, "data is text, not a list of machines"},
		{"a number", `{"data":7}`, "data is a number, not a list of machines"},
		{"a boolean", `{"data":false}`, "data is a boolean, not a list of machines"},
		{
			"an object without a list", `{"data":{"rows":[],"next_key":0}}`,
			"no list of machines found in data; its fields are: next_key, rows",
		},
		{"an empty object", `{"data":{}}`, "no list of machines found in data; its fields are: none"},
		{"null instead of the list", `{"data":{"items":null}}`, "no list of machines found in data; its fields are: items"},
		{"a list at the top", `[{"id":"press"}]`, "the top level is a list, not an object with the field data"},
		{"null at the top", `null`, "the top level is null, not an object with the field data"},
		{"a list of text", `{"data":["press"]}`, "machines[0] is text, not an object"},
		{"a null in the list", `{"data":[{"id":"press"},null]}`, "machines[1] is null, not an object"},
		{"no id", `{"data":[{"id":"press"},{"name":"Saw","Nr":1}]}`, "a machine has no id (machine_id, machineid, id); " +
			"its fields are: name, nr; fields.machine_id in the config chooses one"},
		{"a blank id", `{"data":[{"id":" "}]}`, "a machine has no id (machine_id, machineid, id); " +
			"its fields are: id; fields.machine_id in the config chooses one"},
		{"null for an id", `{"data":[{"id":null}]}`, "a machine has no id (machine_id, machineid, id); " +
			"its fields are: id; fields.machine_id in the config chooses one"},
		{"next_key is an object", `{"data":[],"next_key":{}}`, "next_key is an object, neither number, text nor null"},
		{"next_key is true", `{"data":{"items":[],"next_key":true}}`, "next_key is a boolean, neither number, text nor null"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got := responseError(t, dial(t, respondWith(200, row.body)), calls()[1].send)
				want(t, "error", *got, innius.ResponseError{Status: 200, Detail: row.want})
			})
		})
	}
}

func TestUnrecognisedCompanyErrorNamesTheFields(t *testing.T) {
	for _, row := range []struct{ name, data, want string }{
		{"two companies", `[{"id":"a"},{"id":"b"}]`, "2 companies where one is expected: the key's own"},
		{"none", `[]`, "0 companies where one is expected: the key's own"},
		{"null", `null`, "the company is null, neither an object nor an id"},
		{"a list of null", `[null]`, "the company is null, neither an object nor an id"},
		{"a boolean", `true`, "the company is a boolean, neither an object nor an id"},
		{"several words", `"see the attached file"`, "the company is a text of several words, neither an object nor an id"},
		{"a blank text", `" "`, "a company has no id (company_id, companyid, domain, id); " +
			"its fields are: company_id; fields.company_id in the config chooses one"},
		{"zero", `0`, "a company has no id (company_id, companyid, domain, id); " +
			"its fields are: company_id; fields.company_id in the config chooses one"},
		{"a company that is text may be its name", `{"company":"ACME"}`, "a company has no id (company_id, companyid, domain, id); " +
			"its fields are: company; fields.company_id in the config chooses one"},
		{"no id", `{"name":"ACME"}`, "a company has no id (company_id, companyid, domain, id); " +
			"its fields are: name; fields.company_id in the config chooses one"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got := responseError(t, dial(t, respondWith(200, `{"data":`+row.data+`}`)), calls()[0].send)
				want(t, "error", *got, innius.ResponseError{Status: 200, Detail: row.want})
			})
		})
	}
}

func TestReadingsWithoutAKnownFieldAreAnError(t *testing.T) {
	for _, row := range []struct {
		name, reading string
		fields        innius.Fields
		want          string
	}{
		{
			"no time", `{"at":1,"v":2}`,
			innius.Fields{},
			"no reading has a time (timestamp, time, t); the fields are: at, v; fields.time in the config chooses one",
		},
		{
			"no value", `{"t":1,"val":2}`,
			innius.Fields{},
			"no reading has a value (value, v); the fields are: t, val; fields.value in the config chooses one",
		},
		{
			"not the time chosen", `{"t":1,"v":2}`,
			innius.Fields{Time: "Seen"},
			"no reading has a time (Seen); the fields are: t, v; fields.time in the config chooses one",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(200, `{"data":[`+row.reading+`]}`), func(o *innius.Options) { o.Fields = row.fields })
				want(t, "error", *responseError(t, c, calls()[3].send), innius.ResponseError{Status: 200, Detail: row.want})
			})
		})
	}
}

func TestReadingWithoutAFieldIsSkippedAlone(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, respondWith(200, `{"data":[{"t":1522000000000,"v":1},{"v":2},{"t":1522000060000}]}`))
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, nil)
		var reasons []innius.SkipReason
		for _, r := range got.Readings {
			reasons = append(reasons, r.Skip)
		}
		want(t, "reasons", reasons, []innius.SkipReason{innius.SkipTime, "", innius.SkipNumber})
	})
}
