package apicheck

import (
	"strings"
	"testing"

	"innius_exporter/innius"
)

// report is one with a finding of each severity.
func report() *Report {
	ahead := int64(420)
	return &Report{
		Account: "acme", URL: "https://innius.invalid/v1", Proxy: "proxy.invalid:3128", Requests: 1,
		Steps: []Step{{
			Number: 1, Milliseconds: 12, ClockAhead: &ahead,
			Inspection: &innius.Inspection{Operation: innius.OpCompany, Request: "/companies/me", Status: 200, List: "data", Items: 1},
		}},
		Findings: []Finding{
			{
				Kind: "shape", Severity: Failure, Text: []string{strings.Repeat("many words ", 20)},
				Set: "page_size: 1\n", Raw: strings.Repeat("x", 250),
			},
			{Kind: "clock", Severity: Warning, Text: []string{"It is late."}},
			{Kind: "full-page", Severity: Note, Text: []string{"It is full."}},
		},
		Machines: []*Machine{{Sensor: Sensor{ID: "m", Name: "M"}, Sensors: []Sensor{
			{ID: "s", Name: "S", Unit: "bar", Filtered: "discovery.sensors"},
		}}},
	}
}

func printed(t *Text, r *Report) string {
	var out strings.Builder
	t.W = &out
	t.Begin(r)
	for _, s := range r.Steps {
		t.Step(s)
	}
	t.End(r)
	return out.String()
}

func TestTextPrintsFailuresLast(t *testing.T) {
	text := printed(&Text{ConfigFile: "config.yml"}, report())
	at := -1
	for _, part := range []string{
		"through the proxy proxy.invalid:3128", `sensor "S" (s), unit "bar" (filtered: discovery.sensors)`,
		"NOTE (full-page)", "WARNING (clock)", "FAILURE (shape)", "FAILED: 1 request sent.",
	} {
		next := strings.Index(text, part)
		if next < at || next < 0 {
			t.Errorf("%q is missing, or too early:\n%s", part, text)
		}
		at = next
	}
}

func TestTextLinesFitATerminal(t *testing.T) {
	for line := range strings.Lines(printed(&Text{}, report())) {
		if len(line) > 101 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestQueriesFollowTheMessage(t *testing.T) {
	for message, want := range map[string]string{
		"":                                        "from={from_ms}&to={to_ms}",
		"start and end are required":              "start={from_ms}&end={to_ms}",
		"missing startTime, endTime (ISO 8601)":   "startTime={from_rfc3339}&endTime={to_rfc3339}",
		"give since and until in seconds":         "since={from_s}&until={to_s}",
		"from and to must be epoch milliseconds":  "from={from_ms}&to={to_ms}",
		"the start_time must be before end_time":  "start_time={from_ms}&end_time={to_ms}",
		"invalid from: start=1&end=2&limit=100":   "start={from_ms}&end={to_ms}",
		"missing parameter: since":                "since={from_ms}&until={to_ms}",
		"begin_date and until_date must be given": "begin_date={from_ms}&until_date={to_ms}",
		"no such sensor":                          "from={from_ms}&to={to_ms}",
	} {
		if got := queries(message, "")[0]; got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}
