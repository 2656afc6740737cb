package innius_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

const bom = "\xEF\xBB\xBF"

func TestCompanyReadsEveryShape(t *testing.T) {
	for _, row := range []struct{ name, data, want string }{
		{"the most specific id wins", `{"id":"4","domain":"d","company_id":"c"}`, "{ID:c Name:c}"},
		{"a number keeps its digits", `{"id":12345678901234567890,"name":"ACME"}`, "{ID:12345678901234567890 Name:ACME}"},
		{"a blank name is the id", `{"id":"c","name":" "}`, "{ID:c Name:c}"},
		{"a list of one", `[{"domain":"d","name":"ACME"}]`, "{ID:d Name:ACME}"},
		{"a list of one inside", `{"items":[{"domain":"d"}]}`, "{ID:d Name:d}"},
		{"a list next to the id is not taken for the company", `{"id":"c","items":[]}`, "{ID:c Name:c}"},
		{"text alone is the id", `"acme"`, "{ID:acme Name:acme}"},
		{"a number alone is the id", `7`, "{ID:7 Name:7}"},
		{"a list of one id", `["acme"]`, "{ID:acme Name:acme}"},
		{"under company", `{"company":{"id":"c","name":"ACME"}}`, "{ID:c Name:ACME}"},
		{"under company, next to the id of a user", `{"id":"user","company":{"id":"c"}}`, "{ID:c Name:c}"},
		{"its own id before the company that it is part of", `{"company_id":"c","company":{"id":"parent"}}`, "{ID:c Name:c}"},
		{"a list of one under company", `{"company":[{"id":"c"}]}`, "{ID:c Name:c}"},
		{"letters of different case: the lower one wins", `{"ID":"upper","id":"lower"}`, "{ID:lower Name:lower}"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got, err := dial(t, respondWith(200, `{"data":`+row.data+`}`)).Company(t.Context())
				want(t, "error", err, nil)
				want(t, "company", got, row.want)
			})
		})
	}
}

func TestListIsFoundInEveryShape(t *testing.T) {
	for _, row := range []struct{ name, body string }{
		{"the list itself", `{"data":[{"id":"press"}]}`},
		{"text before it", bom + `{"data":[{"id":"press"}]}`},
		{"white space around", "\n {\"data\":[{\"id\":\"press\"}]}\r\n\t"},
		{"unknown fields next to", `{"meta":{"data":1},"data":[{"id":"press","more":[1]}],"count":1}`},
		{"under its own name before another's", `{"data":{"sensors":[{"id":"wrong"}],"machines":[{"id":"press"}]}}`},
		{"under another list's name", `{"data":{"values":[{"id":"press"}]}}`},
		{"data in data", `{"data":{"data":[{"id":"press"}],"next_key":null}}`},
		{"under the id of its company", `{"data":{"ACME":[{"id":"press"}]}}`},
		{"a field of that name that is no list", `{"data":{"machines":1,"items":[{"id":"press"}]}}`},
		{"next_key empty", `{"data":[{"id":"press"}],"next_key":""}`},
		{"next_key blank", `{"data":[{"id":"press"}],"next_key":" "}`},
		{"next_key zero in text", `{"data":[{"id":"press"}],"next_key":"0"}`},
		{"next_key zero as a fraction", `{"data":[{"id":"press"}],"next_key":0.0}`},
		{"next_key zero with a sign", `{"data":[{"id":"press"}],"next_key":-0}`},
		{"next_key zero with a power", `{"data":[{"id":"press"}],"next_key":0e0}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := recording(row.body)
				got, err := allMachines(t, dial(t, h), "acme", "")
				want(t, "error", err, nil)
				want(t, "machines", got, []innius.Machine{{ID: "press", Name: "press"}})
				want(t, "requests", len(h.uris()), 1)
			})
		})
	}
}

func TestEmptyListIsNoError(t *testing.T) {
	for name, data := range map[string]string{"bare": `[]`, "held": `{"results":[]}`} {
		t.Run(name, func(t *testing.T) {
			for _, call := range calls()[1:] {
				t.Run(call.name, func(t *testing.T) {
					atNoon(t, func(t *testing.T) {
						want(t, "error", call.send(t, dial(t, respondWith(200, `{"data":`+data+`}`))), nil)
					})
				})
			}
		})
	}
}

func TestAbsentListIsEmptyForSensorsAndValuesOnly(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int
		next       string
	}{
		{"data is null", `{"data":null,"next_key":null}`, 200, ""},
		{"an empty object", `{}`, 200, ""},
		{"only next_key", `{"next_key":null}`, 200, ""},
		{"only a count and paging", `{"count":0,"Paging":{"Next_Key":0}}`, 200, ""},
		{"data is an empty object", `{"data":{}}`, 200, ""},
		{"the list is null", `{"data":{"items":null}}`, 200, ""},
		{"the list is null, next to other facts", `{"data":{"VALUES":null,"sensors":null,"sensor":"oil","unit":"bar"}}`, 200, ""},
		{"a list of another known name is null", `{"data":{"items":null,"sensor":"oil"}}`, 200, ""},
		{"the unknown list is null", `{"data":{"points":null,"count":0}}`, 200, ""},
		{"the unknown list is empty", `{"data":{"points":[],"sensor":"oil"}}`, 200, ""},
		{"two unknown lists are empty", `{"data":{"points":[],"notes":[]}}`, 200, ""},
		{"no content", ``, 204, ""},
		{"a page continues", `{"data":null,"next_key":7}`, 200, "7"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(row.status, row.body))
				page, err := c.Sensors(t.Context(), "acme", "press", "")
				want(t, "sensors", []any{page.Items, page.Next, err}, []any{[]innius.Sensor{}, row.next, nil})
				in := c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpValues, Ref: refTo("oil")})
				want(t, "values", []any{in.Err, in.List != "", in.Items, in.Next}, []any{nil, true, 0, row.next})
				_ = responseError(t, c, calls()[0].send)
				_, err = c.Machines(t.Context(), "acme", "")
				want(t, "machines are an error", isA[*innius.ResponseError](err), row.next == "")
			})
		})
	}
}

func TestOtherContentIsNotAnEmptyList(t *testing.T) {
	for _, body := range []string{
		``, `null`, `{"message":"Internal server error"}`, `{"status":500}`, `{"ok":false}`, `{"data":0}`, `{"data":""}`,
		`{"data":false}`,
		`{"data":{"message":"no"}}`, `{"data":{"id":"oil","unit":null}}`,
	} {
		t.Run(body, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				for _, call := range calls()[2:] {
					want(t, "status", responseError(t, dial(t, respondWith(200, body)), call.send).Status, 200)
				}
			})
		})
	}
}

func TestOnlyListInDataIsTheListWhateverItsName(t *testing.T) {
	const item = `{"id":"press","t":1772449200000,"v":7.5}`
	machines := func(o *innius.Options) { o.Fields.Machines = "Points" }
	for _, row := range []struct {
		name, data, want string
		change           func(*innius.Options)
	}{
		{"alone", `{"points":[` + item + `]}`, "data.points", nil},
		{
			"next to lists of other things", `{"points":[` + item + `],"columns":["t","v"],"range":[1,2],"pairs":[[1,2]],"notes":[]}`,
			"data.points", nil,
		},
		{"a known name goes first", `{"points":[` + item + `],"items":[` + item + `]}`, "data.items", nil},
		{
			"two", `{"points":[` + item + `],"notes":[` + item + `]}`,
			"data has several lists that may be the machines: data.notes, data.points; " +
				"fields.machines in the config chooses one", nil,
		},
		{"two, as chosen", `{"points":[` + item + `],"items":[` + item + `]}`, "data.points", machines},
		{"not there, as chosen", `{"items":[` + item + `]}`, "no list of machines found in data; its fields are: items", machines},
		{"empty, and a page follows", `{"points":[],"next_key":7}`, "data", nil},
		{"empty", `{"points":[]}`, "no list of machines found in data; its fields are: points", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(200, `{"data":`+row.data+`}`), func(o *innius.Options) {
					if row.change != nil {
						row.change(o)
					}
				})
				in := c.Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpMachines})
				if in.Err != nil {
					want(t, "error", typed[*innius.ResponseError](t, in.Err).Detail, row.want)
					return
				}
				want(t, "list", []any{in.List, in.Items == 0}, []any{row.want, row.want == "data"})
			})
		})
	}
}

func TestFieldsChooseTheListOfEachOperation(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, respondWith(200, `{"data":{"a":[{"id":"m"}],"b":[{"id":"s"}],"c":[{"t":1772449200000,"v":1}],"values":null}}`),
			func(o *innius.Options) { o.Fields.Machines, o.Fields.Sensors, o.Fields.Values = "A", "b", "c" })
		for op, list := range map[innius.Operation]string{
			innius.OpMachines: "data.a", innius.OpSensors: "data.b", innius.OpValues: "data.c",
		} {
			in := c.Inspect(t.Context(), innius.InspectRequest{Operation: op, Ref: refTo("oil")})
			want(t, string(op), []any{in.List, in.Items, in.Err}, []any{list, 1, nil})
		}
	})
}

func TestNextKeyIsFoundInTheOnlyObjectThatHasOne(t *testing.T) {
	const items = `[{"id":"press"}]`
	for _, row := range []struct{ name, body, next, in string }{
		{"at the top", `{"data":` + items + `,"paging":{"limit":1,"Next_Key":7},"meta":{"count":1}}`, "7", "paging"},
		{"in data", `{"data":{"machines":` + items + `,"meta":{"next_key":"k"}}}`, "k", "data.meta"},
		{"the top goes first", `{"data":` + items + `,"next_key":1,"paging":{"next_key":2}}`, "1", ""},
		{"then data", `{"data":{"machines":` + items + `,"next_key":1},"paging":{"next_key":2}}`, "1", ""},
		{"the end", `{"data":` + items + `,"paging":{"next_key":null}}`, "", "paging"},
		{"not that of an item", `{"data":[{"id":"press","paging":{"next_key":2}}]}`, "", ""},
		{"one that leads on goes first", `{"data":{"machines":` + items + `,"next_key":1},"next_key":null}`, "1", ""},
		{
			"also in an object", `{"data":{"machines":` + items + `,"next_key":0},"next_key":null,"paging":{"next_key":2}}`,
			"2", "paging",
		},
		{
			"in two objects", `{"data":` + items + `,"paging":{"next_key":1},"meta":{"next_key":2}}`,
			"next_key is in several objects: meta, paging", "",
		},
		{
			"longest", `{"data":` + items + `,"next_key":"` + strings.Repeat("k", 1024) + `"}`, strings.Repeat("k", 1024), "",
		},
		{
			"too long", `{"data":` + items + `,"next_key":"` + strings.Repeat("k", 1025) + `"}`,
			"next_key has 1025 bytes; at most 1024 are understood", "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				in := dial(t, respondWith(200, row.body)).Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpMachines})
				if in.Err != nil {
					want(t, "error", typed[*innius.ResponseError](t, in.Err).Detail, row.next)
					return
				}
				want(t, "next", []any{in.Next, len(in.Objects)}, []any{row.next, 1})
				unknown := slices.ContainsFunc(in.Unknown, func(f innius.Field) bool { return f.Name == row.in })
				want(t, "is its object listed as not understood", unknown, false)
			})
		})
	}
}

func TestIDsAndNamesAreBounded(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		long := strings.Repeat("é", 600)
		c := dial(t, respondWith(200, `{"data":[{"id":"a`+long+`"}]}`))
		want(t, "error", responseError(t, c, calls()[1].send).Detail, "a machine has an id of 1201 bytes; at most 1024 are understood")
		want(t, "error", responseError(t, c, calls()[2].send).Detail, "a sensor has an id of 1201 bytes; at most 1024 are understood")
		c = dial(t, respondWith(200, `{"data":[{"id":"a\u202eb","name":"`+long+`"}]}`))
		machines, err := allMachines(t, c, "acme", "")
		want(t, "error", err, nil)
		want(t, "machines", machines, []innius.Machine{{ID: "a\u202eb", Name: long[:1024] + "…"}})
	})
}

func TestHintNamesWhyATextIsNotANumber(t *testing.T) {
	for text, hint := range map[string]string{
		`"12,5"`: "decimal comma", `"-1.234,5"`: "decimal comma", `"45%"`: "percent sign", `"45 %"`: "percent sign", `"RUN"`: "",
		`"1,2,3"`: "", `null`: "",
	} {
		atNoon(t, func(t *testing.T) {
			c := dial(t, respondWith(200, `{"data":[{"t":1772449200000,"v":`+text+`},{"t":"2026-03-02 11:00:00","v":1}]}`))
			got := send(t, c, time.Time{}, innius.Cursor{})
			want(t, text, []string{got.Readings[1].Hint(), got.Readings[0].Hint()}, []string{hint, "no time zone"})
		})
	}
}

func TestFieldsChooseAmongCandidates(t *testing.T) {
	fields := func(o *innius.Options) {
		o.Fields = innius.Fields{
			CompanyID: "Nr", CompanyName: "label", MachineID: "Nr", MachineName: "label",
			SensorID: "Nr", SensorName: "label", Unit: "dim", Time: "Seen", Value: "avg",
		}
	}
	const object = `{"id":"no","company_id":"no","name":"no","description":"no","unit":"no","nr":7,"LABEL":"yes","dim":"bar"}`
	atNoon(t, func(t *testing.T) {
		company, err := dial(t, respondWith(200, `{"data":`+object+`}`), fields).Company(t.Context())
		want(t, "company", fmt.Sprint(company, err), fmt.Sprint(innius.Company{ID: "7", Name: "yes"}, nil))
		c := dial(t, respondWith(200, `{"data":[`+object+`]}`), fields)
		machines, err := allMachines(t, c, "7", "")
		want(t, "machines", fmt.Sprint(machines, err), fmt.Sprint([]innius.Machine{{ID: "7", Name: "yes"}}, nil))
		sensors, err := allSensors(t, c, "7", "7", "")
		want(t, "sensors", fmt.Sprint(sensors, err), fmt.Sprint([]innius.Sensor{{ID: "7", Name: "yes", Unit: "bar"}}, nil))
		c = dial(t, respondWith(200, `{"data":[{"t":1,"v":1,"seen":"2026-03-02T11:00:00Z","avg":4}]}`), fields)
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, nil)
		want(t, "readings", got.Readings, []innius.Reading{{Time: noon().Add(-time.Hour), Value: 4}})
	})
}

func TestTextKeyLikeZeroContinuesTheList(t *testing.T) {
	for _, key := range []string{"-", "0-0", ".", "00x"} {
		t.Run(key, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := pagesOf(map[string]string{"": `{"data":[{"id":"a"}],"next_key":"` + key + `"}`, key: `{"data":[{"id":"b"}]}`})
				got, err := allMachines(t, dial(t, h), "acme", "")
				want(t, "error", err, nil)
				want(t, "machines", len(got), 2)
			})
		})
	}
}

func TestTimeOfPairsIsFoundFromTheWholePage(t *testing.T) {
	const (
		understood = "[{Time:2026-03-02 11:00:00 +0000 UTC Value:7.5 Text: Skip:}]"
		ambiguous  = "both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1"
		counted    = "[{Time:2026-03-02 11:00:00 +0000 UTC Value:1.5e+09 Text: Skip:} " +
			"{Time:2026-03-02 11:01:00 +0000 UTC Value:1.500000001e+09 Text: Skip:}]"
	)
	for _, row := range []struct{ name, data, chosen, want string }{
		{"time and value", `[[1772449200000,7.5]]`, "", understood},
		{"in text", `[["2026-03-02T11:00:00Z","7.5"]]`, "", understood},
		{"keyed by the sensor", `{"oil":[[1772449200000,7.5]]}`, "", understood},
		{"under any name", `{"datapoints":[[1772449200000,7.5]],"count":1}`, "", understood},
		{"value and time", `[[7.5,1772449200000]]`, "", understood},
		{"a counter that reads as a time far away", `[[1772449200000,1500000000],[1772449260000,1500000001]]`, "", counted},
		{"the same in one unit", `[[1772449200,1500000000],[1772449260,1500000001]]`, "", counted},
		{
			"the same on a page of one", `[[1772449200,1500000000]]`, "",
			"[{Time:2026-03-02 11:00:00 +0000 UTC Value:1.5e+09 Text: Skip:}]",
		},
		{
			"a counter that only once reads as a time", `[[1772449200,5],[1772449260,1772449260]]`, "",
			"[{Time:2026-03-02 11:00:00 +0000 UTC Value:5 Text: Skip:} " +
				"{Time:2026-03-02 11:01:00 +0000 UTC Value:1.77244926e+09 Text: Skip:}]",
		},
		{
			"a counter, and a time that cannot be read", `[["?",1500000000],[1772449260,1500000001]]`, "",
			"[{Time:0001-01-01 00:00:00 +0000 UTC Value:0 Text:? Skip:time} " +
				"{Time:2026-03-02 11:01:00 +0000 UTC Value:1.500000001e+09 Text: Skip:}]",
		},
		{"an old page with a counter and such a time", `[["?",1500000000],[1522000000,1500000001]]`, "", ambiguous},
		{"such a counter first", `[[1500000000,1772449200],[1500000001,1772449260]]`, "", ambiguous},
		{"such a counter first, as chosen", `[[1500000000,1772449200],[1500000001,1772449260]]`, "1", counted},
		{"two times of this year", `[[1772449200000,1772449200000]]`, "", ambiguous},
		{
			"two times of this year, as chosen", `[[1772449200000,1772449200000]]`, "0",
			"[{Time:2026-03-02 11:00:00 +0000 UTC Value:1.7724492e+12 Text: Skip:}]",
		},
		{"an old page and a counter", `[[1522000000000,1500000000]]`, "", ambiguous},
		{"no time", `[[1,7.5],[2,7.5]]`, "", "no pair has a time that can be read"},
		{"three", `[[1772449200000,7.5,0]]`, "", "values[0] is a list, not an object"},
		{"an object between", `[[1772449200000,7.5],{"t":1}]`, "", "values[1] is an object, not a pair"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(200, `{"data":`+row.data+`}`), func(o *innius.Options) { o.Fields.Time = row.chosen })
				got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
				if err != nil {
					want(t, "error", typed[*innius.ResponseError](t, err).Detail, row.want)
					return
				}
				want(t, "readings", got.Readings, row.want)
			})
		})
	}
}

func TestPairWithoutATimeIsSkippedAlone(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, respondWith(200, `{"data":[[1772449200000,7.5],[null,8],[1772449260000,9]]}`))
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, nil)
		want(t, "readings", len(got.Readings), 3)
		want(t, "the one without", got.Readings[0].Skip, innius.SkipTime)
	})
}
