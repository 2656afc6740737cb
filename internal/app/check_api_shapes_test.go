package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

func normal() *simulator.Server { return simulatedAPI(testPlant(), simulator.Format{}) }

// columns turns a list of objects into one list per field.
func columns(response map[string]any) any {
	lists := map[string][]any{}
	list, _ := response["data"].([]any)
	for _, item := range list {
		for name, value := range item.(map[string]any) {
			lists[name] = append(lists[name], value)
		}
	}
	return map[string]any{"data": lists, "next_key": nil}
}

func text(body string) func(map[string]any) any { return func(map[string]any) any { return body } }

// stamped changes the times of readings.
func stamped(write func(at time.Time) any) func(map[string]any) any {
	return each(func(item map[string]any) any {
		var ms int64
		_, _ = fmt.Sscan(fmt.Sprint(item["t"]), &ms)
		item["t"] = write(time.UnixMilli(ms).UTC())
		return item
	})
}

// shapeFailures are responses in shapes that the documentation does not list.
func shapeFailures() []failure {
	signIn := `<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>`
	return []failure{
		{
			name: "a web page", kind: "html", api: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(signIn)) }),
			unfixable: true, raw: true, contains: []string{`an HTML page titled "Sign in"`},
		},
		{name: "an empty body", kind: "not-json", api: faulty(simulator.Fault{Kind: simulator.EmptyBody}), unfixable: true},
		{name: "plain text", kind: "not-json", api: modified(normal(), "company", text("welcome to innius")), unfixable: true, raw: true},
		{
			name: "text where the list should be", kind: "shape", raw: true, unfixable: true,
			api: faulty(simulator.Fault{Kind: simulator.NotAList, Op: "machines"}), contains: []string{"data is text, not a list of machines"},
		},
		{
			name: "values in columns", kind: "shape", api: modified(normal(), "values", columns), raw: true, unfixable: true,
			contains: []string{"no list of values found in data; its fields are: t, v", "please report it"},
		},
		{
			name: "values as pairs of two times", kind: "shape", raw: true, unfixable: true,
			api:      modified(normal(), "values", each(func(item map[string]any) any { return []any{item["t"], item["t"]} })),
			contains: []string{"both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1"},
		},
		{
			name: "values of another sensor", kind: "of-another", raw: true, unfixable: true,
			api: modified(normal(), "values", each(func(item map[string]any) any { item["sensor_id"] = "gone"; return item })),
			contains: []string{
				`the response is of the sensor "gone", not of "oil" as requested: a cache on the way may ignore the path`,
				`if both ids are of one sensor, set fields.sensor_id to the field`,
			},
		},
		{
			name: "a list at the top", kind: "shape", raw: true, unfixable: true,
			api: modified(normal(), "machines", func(response map[string]any) any { return response["data"] }),
		},
		{
			name: "machines keyed by their ids", kind: "shape", raw: true, unfixable: true,
			api: modified(normal(), "machines", func(map[string]any) any {
				return map[string]any{"data": map[string]any{"press-1": map[string]any{"name": "Press 1"}}}
			}),
		},
		{
			name: "an id of the company under another name", kind: "id-field",
			api: modified(normal(), "company", func(response map[string]any) any {
				response["data"] = renamed("domain", "tenant_key")(response["data"].(map[string]any))
				return response
			}),
			contains: []string{"no known field for company_id"},
		},
		{
			name: "an id of machines under another name", kind: "id-field",
			api:      modified(normal(), "machines", each(renamed("machineid", "asset_nr"))),
			contains: []string{"looked for machine_id, machineid, id", "Not understood are: asset_nr."},
		},
		{
			name: "an id of sensors under another name", kind: "id-field",
			api: modified(normal(), "sensors", each(renamed("id", "uuid"))),
		},
		{
			name: "an id chosen that is not there", kind: "id-field", api: normal(), lines: []string{"fields: {machine_id: nr}"},
		},
		{
			name: "a time under another name", kind: "time-field",
			api: modified(normal(), "values", each(renamed("t", "measured_at"))), contains: []string{"Not understood are: measured_at."},
		},
		{
			name: "a value under another name", kind: "value-field",
			api: modified(normal(), "values", each(renamed("v", "avg"))),
		},
		{
			name: "null for a value, and another number", kind: "value",
			api: modified(normal(), "values", each(func(item map[string]any) any {
				item["v"], item["mean"] = nil, item["v"]
				return item
			})),
		},
		{
			name: "times that count from the start of the machine", kind: "time-unit", raw: true, unfixable: true,
			api:      modified(normal(), "values", stamped(func(at time.Time) any { return at.Unix() % 100000 })),
			contains: []string{"The time of a reading is not understood"},
		},
		{
			name: "times without a zone", kind: "time-unit", contains: []string{"(no time zone)"},
			api: modified(normal(), "values", stamped(func(at time.Time) any { return at.In(amsterdam).Format("2006-01-02T15:04:05") })),
		},
		{
			name: "numbers with a comma", kind: "text", raw: true, unfixable: true,
			api:      simulatedAPI(testPlant(), simulator.Format{Decimal: simulator.Comma}),
			contains: []string{"(decimal comma)", "No setting can express that"},
		},
		{
			name: "times before 1990, and another field", kind: "time-unit",
			api: modified(normal(), "values", each(func(item map[string]any) any {
				item["received"], item["t"] = item["t"], 86400
				return item
			})),
		},
		{
			name: "readings in no order", kind: "mixed-order", severity: apicheck.Warning,
			api: modified(normal(), "values", func(response map[string]any) any {
				list := response["data"].([]any)
				list[3], list[7] = list[7], list[3]
				return response
			}),
			contains: []string{"The readings of a page are in no order"},
		},
		{
			name: "two ids that differ", kind: "ambiguous", severity: apicheck.Note, unfixable: true,
			api: modified(normal(), "sensors", each(func(item map[string]any) any {
				item["sensor_id"], item["id"] = item["id"], "row-7"
				return item
			})),
			contains: []string{`sensor_id holds "oil" and is used, id holds "row-7"`},
		},
		{
			name: "a name under another name", kind: "no-sensor_name", manual: true, severity: apicheck.Note,
			api: modified(normal(), "sensors", each(renamed("name", "label"))),
		},
		{
			name: "a unit under another name", kind: "no-unit", manual: true, severity: apicheck.Note,
			api: modified(normal(), "sensors", each(renamed("unit", "unit_symbol"))),
		},
	}
}

func TestCheckAPIUnderstandsUnambiguousShapes(t *testing.T) {
	for name, api := range map[string]http.Handler{
		"pairs of time and value": modified(normal(), "values", each(func(item map[string]any) any { return []any{item["t"], item["v"]} })),
		"keyed by the sensor's id": modified(normal(), "values", func(response map[string]any) any {
			return map[string]any{"data": map[string]any{"oil": response["data"]}, "next_key": response["next_key"]}
		}),
		"data in data": modified(normal(), "machines", func(response map[string]any) any {
			return map[string]any{"data": response}
		}),
		"a byte order mark": modified(normal(), "values", func(response map[string]any) any { return "\ufeff" + string(marshal(response)) }),
		"seconds as text":   modified(normal(), "values", stamped(func(at time.Time) any { return fmt.Sprint(at.Unix()) })),
		"a time with a zone": modified(normal(), "values", stamped(func(at time.Time) any {
			return at.In(time.FixedZone("", 3600)).Format(time.RFC3339)
		})),
	} {
		t.Run(name, func(t *testing.T) {
			text, report, err := newWorkDir(t, serve(t, api)+"/v1").check()
			if err != nil || report.Requests != 4 || len(report.Findings) > 1 { // the note on the company
				t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
			}
		})
	}
}

func TestCheckAPIListsUnknownFields(t *testing.T) {
	api := simulatedAPI(testPlant(), simulator.Format{Extra: simulator.Extra{
		Company: map[string]any{"plan": "gold"}, Machine: map[string]any{"location": map[string]any{"lat": 1}}, Reading: map[string]any{"q": 192},
	}})
	text, _, err := newWorkDir(t, serve(t, modified(api, "sensors", func(response map[string]any) any {
		response["count"] = 2
		return response
	}))+"/v1").check()
	for _, want := range []string{"not understood: plan", "not understood: location", "not understood: q", "not understood: count"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%v, want %q in:\n%s", err, want, text)
		}
	}
}
