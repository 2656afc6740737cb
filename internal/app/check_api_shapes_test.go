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

func normal() *simulator.Server { return pretend(press(), simulator.Format{}) }

// columns turns the list into lists of each field.
func columns(answer map[string]any) any {
	lists := map[string][]any{}
	list, _ := answer["data"].([]any)
	for _, item := range list {
		for name, value := range item.(map[string]any) {
			lists[name] = append(lists[name], value)
		}
	}
	return map[string]any{"data": lists, "next_key": nil}
}

func text(body string) func(map[string]any) any { return func(map[string]any) any { return body } }

// stamped writes the times of readings anew.
func stamped(write func(at time.Time) any) func(map[string]any) any {
	return each(func(item map[string]any) any {
		var ms int64
		_, _ = fmt.Sscan(fmt.Sprint(item["t"]), &ms)
		item["t"] = write(time.UnixMilli(ms).UTC())
		return item
	})
}

// shapeFailures are answers in shapes that the API's description does not list.
func shapeFailures() []failure {
	signIn := `<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>`
	return []failure{
		{
			name: "a web page", kind: "html", api: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(signIn)) }),
			incurable: true, raw: true, says: []string{`an HTML page titled "Sign in"`},
		},
		{name: "an empty body", kind: "not-json", api: faulty(simulator.Fault{Kind: simulator.EmptyBody}), incurable: true},
		{name: "plain text", kind: "not-json", api: bent(normal(), "company", text("welcome to innius")), incurable: true, raw: true},
		{
			name: "text where the list should be", kind: "shape", raw: true, incurable: true,
			api: faulty(simulator.Fault{Kind: simulator.NotAList, Op: "machines"}), says: []string{"data is text, not a list of machines"},
		},
		{
			name: "values in columns", kind: "shape", api: bent(normal(), "values", columns), raw: true, incurable: true,
			says: []string{"no list of values found in data; its fields are: t, v", "please report it"},
		},
		{
			name: "values as pairs of two times", kind: "shape", raw: true, incurable: true,
			api:  bent(normal(), "values", each(func(item map[string]any) any { return []any{item["t"], item["t"]} })),
			says: []string{"both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1"},
		},
		{
			name: "a list at the top", kind: "shape", raw: true, incurable: true,
			api: bent(normal(), "machines", func(answer map[string]any) any { return answer["data"] }),
		},
		{
			name: "machines keyed by their ids", kind: "shape", raw: true, incurable: true,
			api: bent(normal(), "machines", func(map[string]any) any {
				return map[string]any{"data": map[string]any{"press-1": map[string]any{"name": "Press 1"}}}
			}),
		},
		{
			name: "an id of the company under another name", kind: "id-field",
			api: bent(normal(), "company", func(answer map[string]any) any {
				answer["data"] = renamed("domain", "tenant_key")(answer["data"].(map[string]any))
				return answer
			}),
			says: []string{"no known field for company_id"},
		},
		{
			name: "an id of machines under another name", kind: "id-field",
			api:  bent(normal(), "machines", each(renamed("machineid", "asset_nr"))),
			says: []string{"looked for machine_id, machineid, id", "Not understood are: asset_nr."},
		},
		{
			name: "an id of sensors under another name", kind: "id-field",
			api: bent(normal(), "sensors", each(renamed("id", "uuid"))),
		},
		{
			name: "an id chosen that is not there", kind: "id-field", api: normal(), lines: []string{"fields: {machine_id: nr}"},
		},
		{
			name: "a time under another name", kind: "time-field",
			api: bent(normal(), "values", each(renamed("t", "measured_at"))), says: []string{"Not understood are: measured_at."},
		},
		{
			name: "a value under another name", kind: "value-field",
			api: bent(normal(), "values", each(renamed("v", "avg"))),
		},
		{
			name: "null for a value, and a number beside it", kind: "value",
			api: bent(normal(), "values", each(func(item map[string]any) any {
				item["v"], item["mean"] = nil, item["v"]
				return item
			})),
		},
		{
			name: "times that count from the start of the machine", kind: "time-unit", raw: true, incurable: true,
			api:  bent(normal(), "values", stamped(func(at time.Time) any { return at.Unix() % 100000 })),
			says: []string{"The time of a reading is not understood"},
		},
		{
			name: "times without a zone", kind: "time-unit", says: []string{"(no time zone)"},
			api: bent(normal(), "values", stamped(func(at time.Time) any { return at.In(amsterdam).Format("2006-01-02T15:04:05") })),
		},
		{
			name: "numbers with a comma", kind: "text", raw: true, incurable: true,
			api:  pretend(press(), simulator.Format{Decimal: simulator.Comma}),
			says: []string{"(decimal comma)", "No setting can express that"},
		},
		{
			name: "times before 1990, and right ones beside them", kind: "time-unit",
			api: bent(normal(), "values", each(func(item map[string]any) any {
				item["received"], item["t"] = item["t"], 86400
				return item
			})),
		},
		{
			name: "readings in no order", kind: "mixed-order", severity: apicheck.Warning,
			api: bent(normal(), "values", func(answer map[string]any) any {
				list := answer["data"].([]any)
				list[3], list[7] = list[7], list[3]
				return answer
			}),
			says: []string{"The readings of a page are in no order"},
		},
		{
			name: "two ids that differ", kind: "ambiguous", severity: apicheck.Note, incurable: true,
			api: bent(normal(), "sensors", each(func(item map[string]any) any {
				item["sensor_id"], item["id"] = item["id"], "row-7"
				return item
			})),
			says: []string{`sensor_id holds "oil" and is used, id holds "row-7"`},
		},
		{
			name: "a name under another name", kind: "no-sensor_name", byHand: true, severity: apicheck.Note,
			api: bent(normal(), "sensors", each(renamed("name", "label"))),
		},
		{
			name: "a unit under another name", kind: "no-unit", byHand: true, severity: apicheck.Note,
			api: bent(normal(), "sensors", each(renamed("unit", "unit_symbol"))),
		},
	}
}

func TestShapesThatAreNotListedButUnambiguousAreUnderstood(t *testing.T) {
	for name, api := range map[string]http.Handler{
		"pairs of time and value": bent(normal(), "values", each(func(item map[string]any) any { return []any{item["t"], item["v"]} })),
		"keyed by the sensor's id": bent(normal(), "values", func(answer map[string]any) any {
			return map[string]any{"data": map[string]any{"oil": answer["data"]}, "next_key": answer["next_key"]}
		}),
		"data in data": bent(normal(), "machines", func(answer map[string]any) any {
			return map[string]any{"data": answer}
		}),
		"a byte order mark": bent(normal(), "values", func(answer map[string]any) any { return "\ufeff" + string(marshal(answer)) }),
		"seconds as text":   bent(normal(), "values", stamped(func(at time.Time) any { return fmt.Sprint(at.Unix()) })),
		"a time with a zone": bent(normal(), "values", stamped(func(at time.Time) any {
			return at.In(time.FixedZone("", 3600)).Format(time.RFC3339)
		})),
	} {
		t.Run(name, func(t *testing.T) {
			text, report, err := sit(t, serve(t, api)+"/v1").check()
			if err != nil || report.Requests != 4 || len(report.Findings) > 1 { // the note on the company
				t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsListed(t *testing.T) {
	api := pretend(press(), simulator.Format{Extra: simulator.Extra{
		Company: map[string]any{"plan": "gold"}, Machine: map[string]any{"location": map[string]any{"lat": 1}}, Reading: map[string]any{"q": 192},
	}})
	text, _, err := sit(t, serve(t, bent(api, "sensors", func(answer map[string]any) any {
		answer["count"] = 2
		return answer
	}))+"/v1").check()
	for _, want := range []string{"not understood: plan", "not understood: location", "not understood: q", "not understood: count"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%v, want %q in:\n%s", err, want, text)
		}
	}
}
