package innius_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestResponseOfAnotherObjectIsUnusable(t *testing.T) {
	const own, other = `{"t":1772452800000,"v":1,"sensor_id":"OIL ","machineid":"press"}`, `{"t":1772452800000,"v":2,"sensor_id":"air"}`
	const sensor, machine = `the response is of the sensor "air", not of "oil" `, `the response is of the machine "saw", not of "press" `
	for _, row := range []struct{ name, operation, body, want string }{
		{"its own", "values", `{"data":[` + own + `],"sensor_id":"oil"}`, ""},
		{"number of a reading", "values", `{"data":[{"t":1772452800000,"v":1,"id":7}]}`, ""},
		{"blank", "values", `{"data":[{"t":1772452800000,"v":1,"sensor_id":" ","machine_id":null}]}`, ""},
		{"reading", "values", `{"data":[` + other + `]}`, sensor},
		{"one of the readings", "values", `{"data":[` + own + `,` + other + `]}`, sensor},
		{"object around the list", "values", `{"data":{"SensorId":"air","values":[` + own + `]}}`, sensor},
		{"top level", "values", `{"data":[],"sensor_id":"air"}`, sensor},
		{"object beside the list", "values", `{"data":{"values":[],"meta":{"sensor_id":"air"}}}`, sensor},
		{"machine of a reading", "values", `{"data":[{"t":1772452800000,"v":1,"machine_id":"saw"}]}`, machine},
		{"sensors of another machine", "sensors", `{"data":[{"id":"oil","machineid":"saw"}]}`, machine},
		{"id with the key", "values", `{"data":[],"sensor_id":"` + canary + `"}`, `the response is of the sensor "<secret>", not of "oil" `},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := respondWith(200, row.body)
				send := calls()[slices.IndexFunc(calls(), func(c call) bool { return c.name == row.operation })].send
				if row.want == "" {
					want(t, "error", send(t, dial(t, h)), nil)
					return
				}
				got := responseError(t, dial(t, h), send)
				want(t, "of another: "+got.Detail, got.OfAnother && strings.HasPrefix(got.Detail, row.want), true)
				chosen := dial(t, h, func(o *innius.Options) { o.Fields.SensorID, o.Fields.MachineID = "id", "id" })
				want(t, "error where the user chose the fields of the ids", send(t, chosen), nil)
			})
		})
	}
}

func TestPageOfAnotherSensorLeavesEarlierPages(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, pagesOf(map[string]string{
			"":  `{"data":[{"t":1772452700000,"v":1},{"t":1772452750000,"v":2}],"next_key":"2"}`,
			"2": `{"data":[{"t":1772452800000,"v":3,"sensor_id":"air"}]}`,
		}))
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "readings", len(got.Readings), 2)
		want(t, "of another", typed[*innius.ResponseError](t, err).OfAnother, true)
		want(t, "remarks", got.Remarks, []innius.Remark{innius.OtherSensor})
	})
}
