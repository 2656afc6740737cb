package simulator

import (
	"math"
	"net/http"
	"testing"
	"time"
)

// shown requests the small plant's company, machines, sensors and newest value in one format.
func shown(t *testing.T, f Format, want map[string]string) {
	t.Helper()
	f.History = 2 * time.Second
	visit(t, small(), Options{Format: f}, func(t *testing.T, v *visitor) {
		time.Sleep(1500 * time.Millisecond)
		for path, body := range want {
			if g := v.get(path); g.status != http.StatusOK || g.body != body {
				t.Errorf("%s\n got %s\nwant %s", path, g.body, body)
			}
		}
	})
}

func TestFormatByDefault(t *testing.T) {
	shown(t, Format{}, map[string]string{
		"/companies/me":                       `{"data":{"domain":"acme","name":"Acme"}}`,
		machinesPath:                          `{"data":[{"machineid":"m1","name":"One"},{"machineid":"m2"}],"next_key":null}`,
		machinesPath + "?limit=1":             `{"data":[{"machineid":"m1","name":"One"}],"next_key":2}`,
		machinesPath + "?limit=1&start_key=2": `{"data":[{"machineid":"m2"}],"next_key":null}`,
		sensorsPath:                           `{"data":[{"id":"fast","name":"Fast","unit":"bar"},{"id":"odd","name":"Odd"}],"next_key":null}`,
		fastValues:                            `{"data":[{"t":946684801000,"v":946684801},{"t":946684800000,"v":946684800}],"next_key":null}`,
		oddValues:                             `{"data":[],"next_key":null}`,
	})
}

func TestFormatSpellingAndShape(t *testing.T) {
	f := Format{
		Fields: Fields{
			Data: "Data", NextKey: "NextKey", CompanyID: "companyid", MachineID: "MachineId", SensorID: "sensor_id", Name: "NAME",
			Unit: "uom", Time: "timestamp", Value: "value",
		},
		Extra:       Extra{Machine: map[string]any{"id": 7, "at": []int{1}}, Reading: map[string]any{"q": nil}},
		CompanyList: true, Shape: OwnField, KeyInData: true, KeyEnd: ZeroAtEnd, Order: Ascending,
	}
	shown(t, f, map[string]string{
		"/companies/me": `{"Data":[{"companyid":"acme","NAME":"Acme"}]}`,
		machinesPath: `{"Data":{"machines":[{"MachineId":"m1","NAME":"One","at":[1],"id":7},` +
			`{"MachineId":"m2","at":[1],"id":7}],"NextKey":0}}`,
		sensorsPath: `{"Data":{"sensors":[{"sensor_id":"fast","NAME":"Fast","uom":"bar"},` +
			`{"sensor_id":"odd","NAME":"Odd"}],"NextKey":0}}`,
		fastValues + "?limit=1": `{"Data":{"values":[{"timestamp":946684800000,"value":946684800,"q":null}],"NextKey":946684802}}`,
	})
}

func TestFormatOfKeys(t *testing.T) {
	f := Format{Shape: Results, NextKey: TextKey, KeyEnd: AbsentAtEnd}
	shown(t, f, map[string]string{
		machinesPath:              `{"data":{"results":[{"machineid":"m1","name":"One"},{"machineid":"m2"}]}}`,
		machinesPath + "?limit=1": `{"data":{"results":[{"machineid":"m1","name":"One"}]},"next_key":"+/+/Mg=="}`,
		machinesPath + "?limit=1&start_key=%2B/%2B/Mg%3D%3D": `{"data":{"results":[{"machineid":"m2"}]}}`,
	})
	shown(t, Format{Shape: Items, KeyInData: true}, map[string]string{
		oddValues: `{"data":{"items":[],"next_key":null}}`,
	})
}

func TestFormatOfTime(t *testing.T) {
	for want, f := range map[string]Format{
		`946684801250`:              {},
		`"946684801250"`:            {TimeAsText: true},
		`"2000-01-01T00:00:01.25Z"`: {Time: RFC3339},
		`946684801`:                 {Time: WholeSeconds},
		`946684801.25`:              {Time: FractionalSeconds},
		`"946684801.25"`:            {Time: FractionalSeconds, TimeAsText: true},
		`946684801250000`:           {Time: Microseconds},
		`946684801250000000`:        {Time: Nanoseconds},
		`"946684801250000000"`:      {Time: Nanoseconds, TimeAsText: true},
	} {
		p := small()
		p.Company.Machines[0].Sensors[0].Phase = 250 * time.Millisecond
		visit(t, p, Options{Format: f}, func(t *testing.T, v *visitor) {
			time.Sleep(2 * time.Second)
			var got struct{ Data []map[string]any }
			g := v.get(fastValues + "?limit=1")
			if v.decode(g, &got); g.body[:len(`{"data":[{"t":`)+len(want)] != `{"data":[{"t":`+want {
				t.Errorf("body %s, want %s", g.body, want)
			}
		})
	}
}

func TestFormatOfValues(t *testing.T) {
	for _, c := range []struct {
		value         any
		plain, asText string
	}{
		{1.5, `1.5`, `"1.5"`},
		{7, `7`, `"7"`},
		{int64(-7), `-7`, `"-7"`},
		{true, `true`, `true`},
		{"RUN", `"RUN"`, `"RUN"`},
		{nil, `null`, `null`},
		{math.NaN(), `"NaN"`, `"NaN"`},
		{1e300, `1e+300`, `"1e+300"`},
	} {
		for asText, want := range map[bool]string{false: c.plain, true: c.asText} {
			p := small()
			p.Company.Machines[0].Sensors[0].Value = func(time.Time) any { return c.value }
			visit(t, p, Options{Format: Format{NumbersAsText: asText}}, func(t *testing.T, v *visitor) {
				want := `{"data":[{"t":946684800000,"v":` + want + `}],"next_key":946684800}`
				if g := v.get(fastValues + "?limit=1"); g.body != want {
					t.Errorf("%v\n got %s\nwant %s", c.value, g.body, want)
				}
			})
		}
	}
}

func TestNumericIDsAreReachedAsTheyAreShown(t *testing.T) {
	p := small()
	p.Company.ID = "4711"
	visit(t, p, Options{Format: Format{NumericIDs: true}}, func(t *testing.T, v *visitor) {
		if g := v.get("/companies/me"); g.body != `{"data":{"domain":4711,"name":"Acme"}}` {
			t.Errorf("body %s", g.body)
		}
		m, s := v.server.WireID("m1"), v.server.WireID("fast")
		if len(m) != 19 || m == s {
			t.Errorf("numbers %s and %s", m, s)
		}
		v.is(v.get("/companies/4711/machines/"+m+"/sensors/"+s+"/values"), http.StatusOK)
		v.is(v.get("/companies/4711/machines/m1/sensors"), http.StatusNotFound)
		if v.server.Stats().Values["fast"] != 1 {
			t.Error("stats must name the plant's id")
		}
	})
}
