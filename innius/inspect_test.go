package innius_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// inspect requests the values of one sensor, or what change makes of that request.
func inspect(t *testing.T, h http.Handler, op innius.Operation, change ...func(*innius.Options)) *innius.Inspection {
	t.Helper()
	return dial(t, h, change...).Inspect(t.Context(), innius.InspectRequest{Operation: op, Ref: refTo("oil")})
}

func TestInspectShowsWhatTheExporterReads(t *testing.T) {
	for order, o := range orders() {
		t.Run(order, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				format := simulator.Format{Order: o, History: fiveMinutes}
				c, server := simulated(t, fiveValues(), simulator.Options{Format: format}, pageSize(2))
				in := c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpValues, Ref: refTo("oil")})
				want(t, "error", in.Err, nil)
				want(t, "requests", in.Request, "/companies/acme/machines/press/sensors/oil/values?limit=2")
				want(t, "status, sent, form", []any{in.Status, in.Sent, in.Form}, []any{200, true, innius.FormJSON})
				want(t, "list", []any{in.List, in.Items, in.Next != "", in.NextForm}, []any{"data", 2, true, "a number"})
				want(t, "order", string(in.Values.Order), order)
				want(t, "span", in.Values.Newest.Sub(in.Values.Oldest), time.Minute)
				want(t, "time", in.Values.TimeForm, "epoch milliseconds, a number")
				want(t, "usable", in.Values.Usable, 2)
				want(t, "requests", server.Stats().Requests, 1)
			})
		})
	}
}

func TestInspectNamesUsedAndUnknownFields(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		in := inspect(t, respondWith(200, `{"count":2,"data":{"items":[
			{"Sensor_ID":7,"id":"row","name":" ","uom":"bar","pos":{"x":1}},
			{"sensor_id":8,"id":"row","unit":"bar"}],"page":1}}`), innius.OpSensors)
		want(t, "error", in.Err, nil)
		want(t, "list", in.List, "data.items")
		want(t, "facts", in.Facts, []innius.Fact{
			{
				Name: "sensor_id", Field: "sensor_id", Example: "7", Known: []string{"sensor_id", "sensorid", "id"},
				Alternatives: []innius.Field{{Name: "id", Example: "row", Constant: true}},
			},
			{Name: "sensor_name", Missing: 2, Known: []string{"name"}},
			{Name: "unit", Field: "uom", Example: "bar", Known: []string{"unit", "unit_of_measure", "uom"}},
		})
		want(t, "unknown", in.Unknown, []innius.Field{
			{Name: "count", Example: "2", Number: true, Distinct: true, Outer: true},
			{Name: "data.page", Example: "1", Number: true, Distinct: true, Outer: true},
			{Name: "pos", Example: "an object"},
		})
	})
}

func TestInspectNamesTheFieldsOfAnUnreadableList(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		in := inspect(t, respondWith(200, `{"data":[{"nr":"a"},{"nr":"b"}]}`), innius.OpMachines)
		want(t, "status", innius.StatusOf(in.Err), 200)
		want(t, "items", in.Items, 2)
		want(t, "unknown", in.Unknown, []innius.Field{{Name: "nr", Example: "a", Distinct: true}})
		want(t, "id", []any{in.Facts[0].Field, in.Facts[0].Missing}, []any{"", 2})
	})
}

// TestInspectUsesTheFieldsOfTheDecoder is about fields that are present and blank.
func TestInspectUsesTheFieldsOfTheDecoder(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		in := inspect(t, respondWith(200,
			`{"data":[{"id":"a","name":"\u0007","unit":" ","unit_of_measure":null,"uom":"bar","sensorid":""}]}`),
			innius.OpSensors, func(o *innius.Options) { o.Fields.SensorID = "id" })
		want(t, "sensors", in.Objects, []innius.Sensor{{ID: "a", Name: "a", Unit: "bar"}})
		want(t, "ids", in.IDs, []string{"a"})
		for i, field := range []string{"id", "", "uom"} {
			want(t, in.Facts[i].Name, in.Facts[i].Field, field)
			want(t, "alternatives", len(in.Facts[i].Alternatives), 0)
		}
	})
}

func TestInspectTreatsOneTimeInTwoFormsAsUnambiguous(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		in := inspect(t, respondWith(200, `{"data":[{"t":1772449200000,"time":"2026-03-02T11:00:00Z","v":1,"value":2}]}`),
			innius.OpValues)
		want(t, "alternatives of the time", len(in.Facts[0].Alternatives), 0)
		want(t, "alternatives of the value", in.Facts[1].Alternatives,
			[]innius.Field{{Name: "v", Example: "1", Number: true, Distinct: true}})
	})
}

func TestInspectSendsOneRequestWithoutRetries(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := recorded(respondWith(http.StatusBadGateway, "<html>"))
		in := inspect(t, h, innius.OpCompany)
		want(t, "requests", len(h.uris()), 1)
		want(t, "form", in.Form, innius.FormHTML)
		want(t, "status", innius.StatusOf(in.Err), http.StatusBadGateway)
	})
}

func TestInspectIsRateLimitedAndReportsUnsentRequests(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		pacer := innius.NewPacer(60, 1)
		c := dial(t, respondWith(200, `{"data":{"id":"a"}}`), func(o *innius.Options) { o.Pacer = pacer })
		begin := time.Now()
		for range 2 {
			want(t, "sent", c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpCompany}).Sent, true)
		}
		want(t, "wait", time.Since(begin), time.Minute)
		pacer.Pause(time.Now().Add(time.Hour))
		in := c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpCompany})
		want(t, "sent in a pause", in.Sent, false)
		want(t, "error", in.Err, innius.ErrPaused)
	})
}

func TestInspectReportsARequestWithoutConnectionAsUnsent(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		in := inspect(t, respondWith(200, ""), innius.OpCompany, func(o *innius.Options) {
			o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("no way")
			}}}
		})
		want(t, "sent", []any{in.Sent, in.Err}, []any{false, "no response: no way"})
		c, server := simulated(t, fiveValues(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.Hang})
		in = c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpCompany})
		want(t, "sent, without a response", []any{in.Sent, in.Err}, []any{true, "no response: timeout after 10s"})
	})
}

func TestInspectShowsTheClockDifference(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, fiveValues(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.ClockOff, Delay: -7 * time.Minute, Times: 1})
		want(t, "ahead", c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpCompany}).ClockAhead, -7*time.Minute)
		server.Inject(simulator.Fault{Kind: simulator.NoDate})
		want(t, "no date", c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpCompany}).Date.IsZero(), true)
	})
}

func TestInspectShortensALongResponseButKeepsItsShape(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		items := strings.Repeat(`{"a":"b"},`, 500)
		in := inspect(t, respondWith(200, `{"data":{"rows":[`+items+`{}]},"z":1}`), innius.OpMachines)
		want(t, "raw", in.Raw, `{"data":{"rows":[{"a":"b"},{"a":"b"},"… 499 more"]},"z":1}`)
		in = inspect(t, respondWith(200, strings.Repeat("no JSON ", 9999)), innius.OpMachines)
		if n := len(in.Raw); n > 1300 || !strings.HasSuffix(in.Raw, "…") {
			t.Errorf("%d bytes are shown", n)
		}
	})
}

func TestInspectFindsAMixedOrder(t *testing.T) {
	for body, mixed := range map[string]bool{
		`[{"t":1772449200,"v":1},{"t":1772449100,"v":1},{"t":1772449300,"v":1}]`: true,
		`[{"t":1772449200,"v":1},{"t":1772449200,"v":1},{"t":1772449300,"v":1}]`: false,
		`[{"t":1772449200,"v":1}]`: false,
		`[]`:                       false,
	} {
		atNoon(t, func(t *testing.T) {
			in := inspect(t, respondWith(200, `{"data":`+body+`}`), innius.OpValues)
			want(t, "mixed", []any{in.Err, in.Values.Mixed}, []any{nil, mixed})
		})
	}
}
