package app

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

// applyAdvice checks and applies the settings of the report until there are none. It returns the last report and every setting.
func (d *workDir) applyAdvice() (*apicheck.Report, map[string]any) {
	d.t.Helper()
	all := map[string]any{}
	for range 5 {
		_, report, _ := d.check()
		if report.Requests > most {
			d.t.Errorf("%d requests", report.Requests)
		}
		more := false
		for _, f := range report.Findings {
			for _, s := range f.Settings {
				all[strings.TrimPrefix(s.Path, "accounts[0].")], more = s.Value, true
			}
		}
		if !more {
			return report, all
		}
		text, err := os.ReadFile(d.file)
		if err != nil {
			d.t.Fatal(err)
		}
		d.write(applySettings(d.t, string(text), report))
		d.valid(string(text))
	}
	d.t.Fatalf("the advice does not end: %v", all)
	return nil, nil
}

func TestCheckAPISettingsLeadToAWorkingConfig(t *testing.T) {
	const values = "/companies/{company}/machines/{machine}/sensors/{sensor}/values?"
	for name, c := range map[string]struct {
		format simulator.Format
		limits simulator.Limits
		lines  []string
		want   map[string]any // besides company_id and company_name
		ok     bool           // although no setting is wanted
	}{
		"nothing to set": {},
		"window in seconds": {
			format: simulator.Format{NeedWindow: true, Window: simulator.Window{Unit: simulator.EpochSeconds}},
			want:   map[string]any{"endpoints.values": values + "from={from_s}&to={to_s}"},
		},
		"window in RFC 3339 by other names": {
			format: simulator.Format{
				NeedWindow: true, Window: simulator.Window{Unit: simulator.TimeText},
				Parameters: simulator.Parameters{From: "since", To: "until"},
			},
			want: map[string]any{"endpoints.values": values + "since={from_rfc3339}&until={to_rfc3339}"},
		},
		"window that may not be long": {
			format: simulator.Format{NeedWindow: true, Window: simulator.Window{Max: 10 * time.Minute}},
			want:   map[string]any{"endpoints.values": values + "from={from_ms}&to={to_ms}", "lookback": "10m"},
		},
		"wrong names in the config": {
			format: simulator.Format{NeedWindow: true, Parameters: simulator.Parameters{From: "start", To: "end"}},
			lines:  []string{endpoints}, want: map[string]any{"endpoints.values": values + "start={from_ms}&end={to_ms}"},
		},
		"strict about the name of limit": {
			format: simulator.Format{Parameters: simulator.Parameters{Limit: "page_size", Strict: true}},
			want: map[string]any{
				"endpoints.machines": "/companies/{company}/machines?page_size={limit}",
				"endpoints.sensors":  "/companies/{company}/machines/{machine}/sensors?page_size={limit}",
				"endpoints.values":   values + "page_size={limit}",
			},
		},
		"page and window": {
			format: simulator.Format{NeedWindow: true}, limits: simulator.Limits{MaxPage: 50},
			want: map[string]any{"page_size": 50, "endpoints.values": values + "from={from_ms}&to={to_ms}"},
		},
		"oldest first": {
			format: simulator.Format{Order: simulator.Ascending},
			want:   map[string]any{"endpoints.values": values + "from={from_ms}&to={to_ms}"},
		},
		"oldest first, window in seconds of an hour at most": {
			format: simulator.Format{Order: simulator.Ascending, Window: simulator.Window{Unit: simulator.EpochSeconds, Max: time.Hour}},
			want:   map[string]any{"endpoints.values": values + "from={from_s}&to={to_s}", "lookback": "1h"},
		},
		"oldest first, window ignored": {format: simulator.Format{Order: simulator.Ascending, Window: simulator.Window{Ignored: true}}},
		"oldest first, short history, window ignored": {
			format: simulator.Format{Order: simulator.Ascending, History: 10 * time.Hour, Window: simulator.Window{Ignored: true}},
		},
		"oldest first, window of the config ignored": {
			format: simulator.Format{Order: simulator.Ascending, Window: simulator.Window{Ignored: true}}, lines: []string{endpoints},
		},
		"two lists under unknown names": {
			format: simulator.Format{Holder: "points", SecondList: "alarms"},
			want:   map[string]any{"fields.machines": "points", "fields.sensors": "points", "fields.values": "points"},
		},
		"times without a zone": {
			format: simulator.Format{Time: simulator.Zoneless, Zone: amsterdam},
			want:   map[string]any{"fields.time_zone": "Europe/Amsterdam"},
		},
		"ids and names of fields": {
			format: simulator.Format{Fields: simulator.Fields{
				CompanyID: "tenant", MachineID: "asset_nr", SensorID: "tag", Time: "at", Value: "avg",
			}},
			want: map[string]any{
				"fields.company_id": "tenant", "fields.machine_id": "asset_nr", "fields.sensor_id": "tag",
				"fields.time": "at", "fields.value": "avg",
			},
		},
		"oldest first, window of the config applied": {
			format: simulator.Format{Order: simulator.Ascending, Sparse: 1}, lines: []string{endpoints}, ok: true,
		},
		"pages go back":            {format: simulator.Format{Order: simulator.Blocks}},
		"empty pages":              {format: simulator.Format{Sparse: 1}},
		"pages shorter than limit": {limits: simulator.Limits{MaxPage: 1, ClampPage: true}},
	} {
		t.Run(name, func(t *testing.T) {
			api := simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v1", Format: c.format, Limits: c.limits})
			report, got := newWorkDir(t, serve(t, api)+"/v1", c.lines...).applyAdvice()
			if got["company_id"] != "acme.example" || got["company_name"] != "Acme" {
				t.Errorf("the company is %v, %v", got["company_id"], got["company_name"])
			}
			delete(got, "company_id")
			delete(got, "company_name")
			if len(got) != len(c.want) {
				t.Errorf("settings %v, want %v", got, c.want)
			}
			for path, value := range c.want {
				if got[path] != value {
					t.Errorf("%s is %v, want %v", path, got[path], value)
				}
			}
			if (!report.OK || len(report.Findings) > 0) && (c.ok || len(c.want) > 0) {
				t.Errorf("not OK: %+v", report.Findings)
			}
		})
	}
}

// TestCheckAPINamesThePathBeforeTheKey is about gateways that send 403 for unknown paths.
func TestCheckAPINamesThePathBeforeTheKey(t *testing.T) {
	const wrong = "/companies/{company}/machines/{machine}/sensors/{sensor}/data"
	gateway := simulatedAPI(testPlant(), simulator.Format{GatewayPaths: true})
	for name, c := range map[string]struct {
		api      http.Handler
		lines    []string
		kind     string
		contains []string // in this order
	}{
		"company, unknown path": {
			gateway,
			[]string{"endpoints: {company: /me}"},
			"path",
			[]string{"endpoints.company", "innius does not accept the key", "api_key_env: TEST_KEY"},
		},
		"company, refused": {
			faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "company"}), nil, "key",
			[]string{"endpoints.company", "innius does not accept the key"},
		},
		"machines, unknown path": {
			gateway,
			[]string{"endpoints: {machines: '/{company}/assets'}"},
			"path",
			[]string{
				`"acme.example", from the response for the company`, "endpoints.machines", "whether the key may read", "the key itself last",
			},
		},
		"machines, wrong company": {
			normal(), []string{"company_id: other"}, "path", []string{`"other", from company_id in the config`, "endpoints.machines"},
		},
		"values, unknown path": {
			gateway,
			[]string{"endpoints: {values: '" + wrong + "'}"},
			"path",
			[]string{"endpoints.values", "whether the key may read", "the key itself last"},
		},
		"values, refused": {
			faulty(simulator.Fault{Kind: simulator.Forbidden, Op: "values"}), nil, "forbidden",
			[]string{"endpoints.values", "whether the key may read", "the key itself last"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, report, err := newWorkDir(t, serve(t, c.api)+"/v1", c.lines...).check()
			text := strings.Join(finding(t, report, c.kind).Text, " ")
			at := 0
			for _, part := range c.contains {
				i := strings.Index(text[at:], part)
				if i < 0 {
					t.Fatalf("%q is missing, or too early, in: %s", part, text)
				}
				at += i
			}
			if err == nil {
				t.Error("no failure")
			}
		})
	}
}

func TestCheckAPIFindsAValueInAQuietPlant(t *testing.T) {
	plant := func(change func(i, j int, s *simulator.Sensor)) simulator.Plant {
		p := simulator.Uniform(60)
		for i, m := range p.Company.Machines {
			for j := range m.Sensors {
				change(i, j, &m.Sensors[j])
			}
		}
		return p
	}
	refusing := func(kind simulator.FaultKind, op string, objects ...string) http.Handler {
		api := simulator.New(simulator.Uniform(250), simulator.Options{Key: canary, BasePath: "/v1"})
		for _, id := range objects {
			api.Inject(simulator.Fault{Kind: kind, Op: op, Object: id})
		}
		return api
	}
	noSensors := simulator.Uniform(250)
	for i := range noSensors.Company.Machines[:4] {
		noSensors.Company.Machines[i].Sensors = nil
	}
	for name, api := range map[string]http.Handler{
		"silent sensors first": simulatedAPI(plant(func(i, j int, s *simulator.Sensor) {
			if j < 3 {
				s.Period = 0
			}
		}), simulator.Format{}),
		"first machines silent": simulatedAPI(plant(func(i, _ int, s *simulator.Sensor) {
			if i < 2 {
				s.Period = 0
			}
		}), simulator.Format{}),
		"machines of another company":   refusing(simulator.Forbidden, "", "m-0001", "m-0002", "m-0003", "m-0004"),
		"machines that are gone":        refusing(simulator.NotFound, simulator.OpSensors, "m-0001", "m-0013", "m-0007"),
		"sensors that fail":             refusing(simulator.ServerError, simulator.OpValues, "m-0001-s-001"),
		"first machines without sensor": simulatedAPI(noSensors, simulator.Format{}),
	} {
		t.Run(name, func(t *testing.T) {
			text, report, err := newWorkDir(t, serve(t, api)+"/v1").check()
			if err != nil || report.Requests > most {
				t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
			}
		})
	}
}

// TestCheckAPIReportsFullPages is about pages that are exactly full and name no next page.
func TestCheckAPIReportsFullPages(t *testing.T) {
	full := func(op string, order simulator.Order, more map[string]any) http.Handler {
		return modified(simulatedAPI(testPlant(), simulator.Format{NoNextKey: true, Order: order}), op, func(response map[string]any) any {
			maps.Copy(response, more)
			return response
		})
	}
	for name, f := range map[string]failure{
		"nothing leads on": {
			api: full("machines", simulator.Descending, nil), severity: apicheck.Warning, contains: []string{"exactly full (2)", "has no next_key"},
		},
		"another name does": {
			api: full("machines", simulator.Descending, map[string]any{"cursor": "abc"}), raw: true,
			contains: []string{`The field "cursor" may lead to the next page. No setting can express that`},
		},
		"values, newest first": {
			api: full("values", simulator.Descending, map[string]any{"cursor": "abc"}), severity: apicheck.Note, lines: []string{"page_size: 5"},
			contains: []string{"The page of values is exactly full", "these come first"},
		},
		"values, oldest first": {
			api: full("values", simulator.Ascending, nil), severity: apicheck.Warning, lines: []string{"page_size: 5"},
			contains: []string{"The page of values is exactly full (5)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.kind, f.unfixable, f.lines = "full-page", true, append(f.lines, "page_size: 2")[:1]
			f.run(t, serve(t, f.api)+"/v1")
		})
	}
}

func TestCheckAPISettingsContainTheAccountIndex(t *testing.T) {
	url := serve(t, simulator.New(testPlant(), simulator.Options{BasePath: "/v1"})) + "/v1"
	d := newWorkDir(t, url, "^  - {name: beta, url: '"+url+"', api_key_env: OTHER_KEY}")
	t.Setenv("OTHER_KEY", "another-key")
	var out strings.Builder
	err := (&APICheck{Output: "json", Account: "beta"}).Run(t.Context(), d.source(), &out)
	if err != nil || !strings.Contains(out.String(), `"path": "accounts[1].company_id"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestCheckAPIWithdrawsUnprovenSettings(t *testing.T) {
	wrongID := modified(normal(), "machines", each(func(item map[string]any) any {
		return map[string]any{"a_code": "x-" + item["machineid"].(string), "its": item["machineid"]}
	}))
	report, got := newWorkDir(t, serve(t, wrongID)+"/v1").applyAdvice()
	if _, set := got["fields.machine_id"]; set || report.OK {
		t.Errorf("settings %v, OK %t", got, report.OK)
	}
	// it accepts milliseconds, but reads them as seconds
	seconds := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if len(q.Get("from")) > 11 {
			_, _ = w.Write([]byte(`{"data":[],"next_key":null}`))
			return
		}
		if q.Has("from") {
			q.Set("from", q.Get("from")+"000")
			q.Set("to", q.Get("to")+"000")
			r.URL.RawQuery = q.Encode()
		}
		simulatedAPI(testPlant(), simulator.Format{NeedWindow: true}).ServeHTTP(w, r)
	})
	_, got = newWorkDir(t, serve(t, seconds)+"/v1").applyAdvice()
	if !strings.HasSuffix(fmt.Sprint(got["endpoints.values"]), "?from={from_s}&to={to_s}") {
		t.Errorf("settings %v", got)
	}
}
