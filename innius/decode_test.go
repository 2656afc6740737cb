package innius_test

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/innius"
)

const bom = "\xEF\xBB\xBF"

func TestACompanyIsReadFromEveryShape(t *testing.T) {
	for _, row := range []struct{ name, data, want string }{
		{"the most specific id wins", `{"id":"4","domain":"d","company_id":"c"}`, "{ID:c Name:c}"},
		{"a number keeps its digits", `{"id":12345678901234567890,"name":"ACME"}`, "{ID:12345678901234567890 Name:ACME}"},
		{"a blank name is the id", `{"id":"c","name":" "}`, "{ID:c Name:c}"},
		{"a list of one", `[{"domain":"d","name":"ACME"}]`, "{ID:d Name:ACME}"},
		{"a list of one inside", `{"items":[{"domain":"d"}]}`, "{ID:d Name:d}"},
		{"a list beside the id is not taken for the company", `{"id":"c","items":[]}`, "{ID:c Name:c}"},
		{"letters of different case: the lower one wins", `{"ID":"upper","id":"lower"}`, "{ID:lower Name:lower}"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got, err := dial(t, answering(200, `{"data":`+row.data+`}`)).Company(t.Context())
				want(t, "error", err, nil)
				want(t, "company", got, row.want)
			})
		})
	}
}

func TestAListIsFoundInEveryShape(t *testing.T) {
	for _, row := range []struct{ name, body string }{
		{"the list itself", `{"data":[{"id":"press"}]}`},
		{"text before it", bom + `{"data":[{"id":"press"}]}`},
		{"white space around", "\n {\"data\":[{\"id\":\"press\"}]}\r\n\t"},
		{"unknown fields beside", `{"meta":{"data":1},"data":[{"id":"press","more":[1]}],"count":1}`},
		{"under its own name before another's", `{"data":{"sensors":[{"id":"wrong"}],"machines":[{"id":"press"}]}}`},
		{"under another list's name", `{"data":{"values":[{"id":"press"}]}}`},
		{"data in data", `{"data":{"data":[{"id":"press"}],"next_key":null}}`},
		{"under the id of its company", `{"data":{"ACME":[{"id":"press"}]}}`},
		{"a field of that name that is no list", `{"data":{"machines":1,"items":[{"id":"press"}]}}`},
		{"next_key at the top before the one in data", `{"next_key":null,"data":{"items":[{"id":"press"}],"next_key":5}}`},
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

func TestAnEmptyListIsAListWithoutAnError(t *testing.T) {
	for name, data := range map[string]string{"bare": `[]`, "held": `{"results":[]}`} {
		t.Run(name, func(t *testing.T) {
			for _, call := range calls()[1:] {
				t.Run(call.name, func(t *testing.T) {
					atNoon(t, func(t *testing.T) {
						want(t, "error", call.ask(t, dial(t, answering(200, `{"data":`+data+`}`))), nil)
					})
				})
			}
		})
	}
}

func TestTheUserChoosesWhichFieldCounts(t *testing.T) {
	fields := func(o *innius.Options) {
		o.Fields = innius.Fields{
			CompanyID: "Nr", CompanyName: "label", MachineID: "Nr", MachineName: "label",
			SensorID: "Nr", SensorName: "label", Unit: "dim", Time: "Seen", Value: "avg",
		}
	}
	const object = `{"id":"no","company_id":"no","name":"no","description":"no","unit":"no","nr":7,"LABEL":"yes","dim":"bar"}`
	atNoon(t, func(t *testing.T) {
		company, err := dial(t, answering(200, `{"data":`+object+`}`), fields).Company(t.Context())
		want(t, "company", fmt.Sprint(company, err), fmt.Sprint(innius.Company{ID: "7", Name: "yes"}, nil))
		c := dial(t, answering(200, `{"data":[`+object+`]}`), fields)
		machines, err := allMachines(t, c, "7", "")
		want(t, "machines", fmt.Sprint(machines, err), fmt.Sprint([]innius.Machine{{ID: "7", Name: "yes"}}, nil))
		sensors, err := allSensors(t, c, "7", "7", "")
		want(t, "sensors", fmt.Sprint(sensors, err), fmt.Sprint([]innius.Sensor{{ID: "7", Name: "yes", Unit: "bar"}}, nil))
		c = dial(t, answering(200, `{"data":[{"t":1,"v":1,"seen":"2026-03-02T11:00:00Z","avg":4}]}`), fields)
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, nil)
		want(t, "readings", got.Readings, []innius.Reading{{Time: noon().Add(-time.Hour), Value: 4}})
	})
}

func TestATextKeyThatOnlyLooksLikeZeroLeadsOn(t *testing.T) {
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

func TestReadingsAsPairsAreUnderstoodWhereOnlyOneOfTheTwoIsATime(t *testing.T) {
	const understood = "[{Time:2026-03-02 11:00:00 +0000 UTC Value:7.5 Text: Skip:}]"
	for _, row := range []struct{ name, data, want string }{
		{"time and value", `[[1772449200000,7.5]]`, understood},
		{"in text", `[["2026-03-02T11:00:00Z","7.5"]]`, understood},
		{"keyed by the sensor that was asked for", `{"oil":[[1772449200000,7.5]]}`, understood},
		{"value and time", `[[7.5,1772449200000]]`, "values[0] is a list, not an object"},
		{"two times", `[[1772449200000,1772449200000]]`, "values[0] is a list, not an object"},
		{"three", `[[1772449200000,7.5,0]]`, "values[0] is a list, not an object"},
		{"keyed by another sensor", `{"heat":[[1772449200000,7.5]]}`, "no list of values found in data; its fields are: heat"},
		{"an object between", `[[1772449200000,7.5],{"t":1}]`, "values[1] is an object, not a pair"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got, err := dial(t, answering(200, `{"data":`+row.data+`}`)).Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
				if err != nil {
					want(t, "error", typed[*innius.AnswerError](t, err).Detail, row.want)
					return
				}
				want(t, "readings", got.Readings, row.want)
			})
		})
	}
}

func TestAPairWithoutATimeCostsOnlyItself(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, answering(200, `{"data":[[1772449200000,7.5],[null,8],[1772449260000,9]]}`))
		got, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		want(t, "error", err, nil)
		want(t, "readings", len(got.Readings), 3)
		want(t, "the one without", got.Readings[0].Skip, innius.SkipTime)
	})
}
