package innius_test

import (
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestExpandAddsLimitAndStartKeyOnlyWhereNeeded(t *testing.T) {
	for _, row := range []struct{ name, template, first, second string }{
		{"neither named", "/m/{company}", "/m/acme?limit=3", "/m/acme?limit=3&start_key=k%2F%2B1"},
		{
			"next to another parameter", "/m/{company}?sort=desc",
			"/m/acme?sort=desc&limit=3", "/m/acme?sort=desc&limit=3&start_key=k%2F%2B1",
		},
		{
			"both named otherwise", "/m/{company}?size={limit}&page={start_key}",
			"/m/acme?size=3", "/m/acme?size=3&page=k%2F%2B1",
		},
		{"start_key named before", "/m/{company}?start_key={start_key}", "/m/acme?limit=3", "/m/acme?start_key=k%2F%2B1&limit=3"},
		{"a limit of the user's own", "/m/{company}?limit=50", "/m/acme?limit=50", "/m/acme?limit=50&start_key=k%2F%2B1"},
		{"limit in the path", "/m/{company}/{limit}", "/m/acme/3", "/m/acme/3?start_key=k%2F%2B1"},
		{
			"another parameter that ends in limit", "/m/{company}?xlimit=1",
			"/m/acme?xlimit=1&limit=3", "/m/acme?xlimit=1&limit=3&start_key=k%2F%2B1",
		},
		{"a parameter without a value", "/m/{company}?all", "/m/acme?all&limit=3", "/m/acme?all&limit=3&start_key=k%2F%2B1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := &recorder{respond: twoPages}
				c := dial(t, h, pageSize(3), func(o *innius.Options) { o.Endpoints.Machines = row.template })
				_, err := allMachines(t, c, "acme", "")
				want(t, "error", err, nil)
				want(t, "requests", h.uris(), []string{"/v1" + row.first, "/v1" + row.second})
			})
		})
	}
}

func TestCompanyRequestHasNoLimit(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := recording(`{"data":{"id":"acme"}}`)
		c := dial(t, h, func(o *innius.Options) { o.Endpoints.Company = "/whoami?v=2" })
		_, err := c.Company(t.Context())
		want(t, "error", err, nil)
		want(t, "requests", h.uris(), []string{"/v1/whoami?v=2"})
	})
}

func TestCheckEndpointNamesTheFault(t *testing.T) {
	const knownOfValues = "known are {limit}, {start_key}, {company}, {machine}, {sensor}, " +
		"{from_ms}, {from_s}, {from_rfc3339}, {to_ms}, {to_s}, {to_rfc3339}"
	for _, row := range []struct {
		name     string
		op       innius.Operation
		template string
		want     string
	}{
		{"empty", innius.OpCompany, "", `must start with "/": it is a path below url`},
		{"no slash", innius.OpCompany, "me", `must start with "/": it is a path below url`},
		{"a whole URL", innius.OpCompany, "https://elsewhere.example/me", `must start with "/": it is a path below url`},
		{"a fragment", innius.OpCompany, "/me#x", `must not contain "#" or white space`},
		{"a space", innius.OpCompany, "/m e", `must not contain "#" or white space`},
		{"a line break", innius.OpCompany, "/me\n", `must not contain "#" or white space`},
		{
			"an id that the company does not know", innius.OpCompany, "/{company}",
			"placeholder {company} is not known here; known are {limit}, {start_key}",
		},
		{
			"an id further down", innius.OpMachines, "/{company}/{machine}",
			"placeholder {machine} is not known here; known are {limit}, {start_key}, {company}",
		},
		{
			"a window where there are no values", innius.OpSensors, "/{machine}?f={from_ms}",
			"placeholder {from_ms} is not known here; known are {limit}, {start_key}, {company}, {machine}",
		},
		{"a misspelling", innius.OpValues, "/{sensor}?f={from_us}", "placeholder {from…} is not known here; " + knownOfValues},
		{"nothing between the braces", innius.OpValues, "/{sensor}/{}", "placeholder {} is not known here; " + knownOfValues},
		{"an open brace", innius.OpValues, "/{sensor}/{from", "has an unpaired brace"},
		{"a closing brace", innius.OpValues, "/{sensor}}", "has an unpaired brace"},
		{"no company", innius.OpMachines, "/machines", "must contain {company}, or every company would get the same response; " +
			"if the API needs none, append ?company={company}"},
		{"no machine", innius.OpSensors, "/{company}/sensors", "must contain {machine}, or every machine would get the same response"},
		{
			"no sensor", innius.OpValues, "/{company}/{machine}/values",
			"must contain {sensor}, or every sensor would get the same response",
		},
		{"a broken escape", innius.OpCompany, "/100%/me", `makes no valid address: invalid URL escape "%/m"`},
		{"a control character", innius.OpCompany, "/me\x7f", "makes no valid address"},
	} {
		t.Run(row.name, func(t *testing.T) {
			want(t, "error", innius.CheckEndpoint(row.op, row.template), row.want)
		})
	}
}

func TestDefaultEndpointsAreValid(t *testing.T) {
	for _, op := range innius.Operations {
		want(t, string(op), innius.CheckEndpoint(op, innius.Endpoints{}.Of(op)), nil)
		want(t, string(op), innius.Endpoints{}.Of(op), innius.DefaultEndpoints.Of(op))
	}
}

func TestCheckEndpointAcceptsAWindowForValues(t *testing.T) {
	want(t, "error", innius.CheckEndpoint(innius.OpValues, "/s/{sensor}?f={from_ms}&t={to_ms}&n={limit}&k={start_key}"), nil)
}

func TestWindowIsTheSameOnLaterPages(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := pagesOf(map[string]string{
			"":  `{"data":[{"t":1772448000000,"v":1}],"next_key":8}`,
			"8": `{"data":[{"t":1772448060000,"v":2}]}`,
		})
		_, err := dial(t, h, valuesAt("/{sensor}?f={from_s}")).Newest(t.Context(), refTo("oil"), noon().Add(-time.Hour),
			innius.Cursor{})
		want(t, "error", err, nil)
		want(t, "requests", h.uris()[:2], []string{"/v1/oil?f=1772449200&limit=100", "/v1/oil?f=1772449200&limit=100&start_key=8"})
	})
}
