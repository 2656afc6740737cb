package app

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

// ofCompany changes the object of the company.
func ofCompany(change func(item map[string]any) any) func(map[string]any) any {
	return func(response map[string]any) any {
		response["data"] = change(response["data"].(map[string]any))
		return response
	}
}

// with adds fields to an item.
func with(fields map[string]any) func(map[string]any) any {
	return func(item map[string]any) any {
		maps.Copy(item, fields)
		return item
	}
}

// forbidding responds 403 where another API responds 404.
func forbidding(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		if api.ServeHTTP(rec, r); rec.Code == http.StatusNotFound {
			rec.Code = http.StatusForbidden
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

func TestCheckAPIFindsTheFieldOfTheRightID(t *testing.T) {
	rows := func(name string) func(map[string]any) any { // each list counts its own rows
		row := 0
		return each(func(item map[string]any) any {
			row++
			return with(map[string]any{name: row})(item)
		})
	}
	needing := simulatedAPI(testPlant(), simulator.Format{NeedWindow: true})
	two := modified(modified(normal(), "sensors", rows("sensor_id")), "machines", each(with(map[string]any{"machine_id": "type-7"})))
	for name, c := range map[string]struct {
		api  http.Handler
		want map[string]any // besides company_id and company_name
	}{
		"company": {
			modified(normal(), "company", ofCompany(with(map[string]any{"company_id": 17}))), map[string]any{"fields.company_id": "domain"},
		},
		"company, the third field": {
			modified(normal(), "company", ofCompany(with(map[string]any{"company_id": 17, "companyid": 18}))),
			map[string]any{"fields.company_id": "domain"},
		},
		"machines": {
			modified(normal(), "machines", rows("machine_id")), map[string]any{"fields.machine_id": "machineid"},
		},
		"sensors":           {modified(normal(), "sensors", rows("sensor_id")), map[string]any{"fields.sensor_id": "id"}},
		"sensors, by a 403": {forbidding(modified(normal(), "sensors", rows("sensor_id"))), map[string]any{"fields.sensor_id": "id"}},
		"machines by a 403": {forbidding(modified(normal(), "machines", rows("machine_id"))), map[string]any{"fields.machine_id": "machineid"}},
		"one id for all":    {modified(normal(), "sensors", each(with(map[string]any{"sensor_id": "x1"}))), map[string]any{"fields.sensor_id": "id"}},
		"sensors and window": {
			modified(needing, "sensors", rows("sensor_id")),
			map[string]any{"fields.sensor_id": "id", "endpoints.values": windowed},
		},
		"machines and sensors": {two, map[string]any{"fields.machine_id": "machineid", "fields.sensor_id": "id"}},
		"the first id is right": {
			modified(normal(), "sensors", each(func(item map[string]any) any {
				return with(map[string]any{"sensor_id": item["id"], "id": "x1"})(item)
			})), map[string]any{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWorkDir(t, serve(t, c.api)+"/v1")
			text, first, _ := d.check()
			for _, f := range first.Findings {
				if f.Kind == "ambiguous" && (f.Set != "" || len(c.want) > 0) {
					t.Errorf("a note on a field that is settled, or with a change: %+v", f)
				}
			}
			if first.Steps[len(first.Steps)-1].Values.Usable == 0 {
				t.Errorf("the check does not go on:\n%s", text)
			}
			report, got := d.applyAdvice()
			c.want["company_id"], c.want["company_name"] = "acme.example", "Acme"
			if fmt.Sprint(got) != fmt.Sprint(c.want) || !report.OK {
				t.Errorf("settings %v, want %v; OK %t", got, c.want, report.OK)
			}
		})
	}
}

// TestCheckAPILimitsTriesOfOtherIDs leaves requests for the objects that may be read.
func TestCheckAPILimitsTriesOfOtherIDs(t *testing.T) {
	api := simulator.New(simulator.Uniform(250), simulator.Options{Key: canary, BasePath: "/v1"})
	for _, id := range []string{"m-0001", "m-0002", "m-0003", "m-0013"} {
		api.Inject(simulator.Fault{Kind: simulator.Forbidden, Object: id})
	}
	text, report, err := newWorkDir(t, serve(t, modified(api, "machines", each(with(map[string]any{"id": "x1"}))))+"/v1").check()
	if err != nil || report.Requests > most {
		t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
	}
}

func TestCheckAPIProposesCompanyID(t *testing.T) {
	companies := func(ids ...any) http.Handler {
		return modified(normal(), "company", func(map[string]any) any { return map[string]any{"data": ids} })
	}
	other := map[string]any{"domain": "other.example", "name": "Other"}
	shared := simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v1"})
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, "other.example", "acme.example", 1)
		companies(other, map[string]any{"domain": "acme.example"}).ServeHTTP(w, r)
	})
	const hint = "If the innius Admin app shows the id of your company, set company_id to it"
	for name, c := range map[string]struct {
		failure
		company any // setting
	}{
		"forbidden": {failure: failure{kind: "key", api: faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "company"})}},
		"null": {failure: failure{
			kind: "shape", raw: true, api: modified(shared, "company", func(map[string]any) any { return map[string]any{"data": nil} }),
		}},
		"none": {failure: failure{kind: "shape", raw: true, api: companies()}},
		"two, with one key for both": {failure: failure{
			kind: "companies", api: both, contains: []string{"several companies: other.example, acme.example."},
		}},
		"eight": {failure: failure{kind: "companies", api: companies("a", "b", "c", "d", "e", "f", "g", "acme.example")}},
		"two": {
			failure{kind: "companies", api: companies(other, map[string]any{"domain": "acme.example", "name": "Acme"})}, "acme.example",
		},
		"two ids alone, by a 403": {
			failure{kind: "companies", api: forbidding(companies("acme.example", "other.example"))}, "acme.example",
		},
		"two, one without machines": {
			failure{kind: "companies", api: withEmptyCompany(companies(other, map[string]any{"domain": "acme.example"}), "other.example")}, "acme.example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, c.api) + "/v1"
			if c.company == nil {
				c.unfixable, c.contains = true, append(c.contains, hint)
			}
			c.run(t, url)
			_, got := newWorkDir(t, url).applyAdvice()
			if got["company_id"] != c.company {
				t.Errorf("company_id is %v, want %v", got["company_id"], c.company)
			}
		})
	}
}

// withEmptyCompany is an API with another company, without machines.
func withEmptyCompany(api http.Handler, company string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/"+company+"/machines") {
			_, _ = w.Write([]byte(`{"data":[],"next_key":null}`))
			return
		}
		api.ServeHTTP(w, r)
	})
}

// TestCheckAPIWarnsOfLongWindows is about windows that are longer than the API permits.
func TestCheckAPIWarnsOfLongWindows(t *testing.T) {
	for name, c := range map[string]struct {
		longest  time.Duration
		lookback string
		severity apicheck.Severity
	}{
		"an hour":                        {time.Hour, "24h", apicheck.Warning},
		"two hours":                      {2 * time.Hour, "24h", apicheck.Warning},
		"ten minutes":                    {10 * time.Minute, "24h", apicheck.Failure},
		"ten minutes, of a short window": {10 * time.Minute, "1h", apicheck.Warning},
	} {
		t.Run(name, func(t *testing.T) {
			f := failure{
				kind: "window", severity: c.severity, lines: []string{endpoints, "lookback: " + c.lookback},
				api: simulatedAPI(testPlant(), simulator.Format{NeedWindow: true, Window: simulator.Window{Max: c.longest}}),
			}
			f.run(t, serve(t, f.api)+"/v1")
		})
	}
}

// TestCheckAPIWritesOneListOfTextRules is about snippets that are pasted one after another.
func TestCheckAPIWritesOneListOfTextRules(t *testing.T) {
	d := newWorkDir(t, serve(t, simulatedAPI(sensors(func(s *simulator.Sensor) { s.Value = func(time.Time) any { return s.ID + ", a}" } }), simulator.Format{}))+"/v1")
	_, report, _ := d.check()
	n := 0
	for _, f := range report.Findings {
		if f.Kind == "text" {
			n++
			d.paste(f.Set)
		}
	}
	cfg, err := d.source().Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if n != 1 || len(cfg.Sensors) != 3 || strings.Count(finding(t, report, "text").Set, "\n") != 3 {
		t.Errorf("%d findings, rules %v\n%s", n, cfg.Sensors, finding(t, report, "text").Set)
	}
}
