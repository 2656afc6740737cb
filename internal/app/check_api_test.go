package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/simulator"
)

// TestCheckAPIReportText shows whole reports, which also document the command.
func TestCheckAPIReportText(t *testing.T) {
	for name, api := range map[string]http.Handler{
		"ok": normal(),
		"key": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"message":"the key is not valid"}`))
		}),
		"web-page":   shapeFailures()[0].api,
		"columns":    modified(normal(), "values", columns),
		"id-field":   modified(normal(), "machines", each(renamed("machineid", "asset_nr"))),
		"window":     simulatedAPI(testPlant(), simulator.Format{NeedWindow: true}),
		"order":      simulatedAPI(testPlant(), simulator.Format{Order: simulator.Ascending}),
		"page-size":  simulator.New(testPlant(), simulator.Options{Key: canary, BasePath: "/v1", Limits: simulator.Limits{MaxPage: 50}}),
		"rate-limit": faulty(simulator.Fault{Kind: simulator.TooMany}),
	} {
		t.Run(name, func(t *testing.T) {
			text, _, _ := newWorkDir(t, serve(t, api)+"/v1").check()
			golden(t, "check-api-"+name+".txt", text)
		})
	}
}

func TestCheckAPIWritesTheReportAsJSON(t *testing.T) {
	d := newWorkDir(t, serve(t, modified(normal(), "machines", each(renamed("machineid", "asset_nr"))))+"/v1")
	var out strings.Builder
	err := (&APICheck{Output: "json"}).Run(t.Context(), d.source(), &out)
	var whole struct {
		OK       bool
		Accounts []apicheck.Report
	}
	if errJSON := json.Unmarshal([]byte(out.String()), &whole); errJSON != nil || err == nil || whole.OK || len(whole.Accounts) != 1 {
		t.Fatalf("%v, %v:\n%s", errJSON, err, out.String())
	}
	r := whole.Accounts[0]
	want := []apicheck.Setting{{Path: "accounts[0].fields.machine_id", Value: "asset_nr"}}
	if r.Requests != 4 || r.Account != "acme" || !slices.Equal(finding(t, &r, "id-field").Settings, want) {
		t.Errorf("got %+v", r)
	}
}

func TestCheckAPISelectsAccounts(t *testing.T) {
	url := serve(t, normal()) + "/v1"
	d := newWorkDir(t, url, "^  - {name: beta, url: '"+url+"', api_key_env: OTHER_KEY}")
	t.Setenv("OTHER_KEY", "another-key")
	run := func(account string) (string, error) {
		var out strings.Builder
		err := (&APICheck{Output: "text", Account: account}).Run(t.Context(), d.source(), &out)
		return out.String(), err
	}
	text, err := run("")
	if err == nil || strings.Count(text, "account ") < 2 || !strings.Contains(text, "OK: 4 requests") || !strings.Contains(text, "FAILED: 1 request ") {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := run("acme"); err != nil || strings.Contains(text, "beta") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := run("gamma"); err == nil || !strings.Contains(err.Error(), `it has: "acme", "beta"`) {
		t.Errorf("got %v", err)
	}
}

func TestCheckAPIPrintsAWholeConfigWithoutFile(t *testing.T) {
	d := newWorkDir(t, "http://127.0.0.1:1")
	t.Setenv("INNIUS_API_KEY", canary)
	source := config.Source{URL: serve(t, simulatedAPI(testPlant(), simulator.Format{NeedWindow: true})) + "/v1"}
	var out strings.Builder
	err := (&APICheck{Output: "text"}).Run(t.Context(), source, &out)
	last := strings.LastIndex(out.String(), "--config.file=innius.yml")
	_, after, found := strings.Cut(out.String()[max(0, last):], "\n\n")
	snippet, _, _ := strings.Cut(after, "\n\n")
	if err == nil || !found || !strings.Contains(snippet, `api_key_env: "INNIUS_API_KEY"`) {
		t.Fatalf("%v\n%s", err, out.String())
	}
	d.write(snippet)
	if text, _, err := d.check(); err != nil {
		t.Errorf("the snippet does not fix it: %v\n%s", err, text)
	}
}

func TestCheckAPIAllSkipsForbiddenMachines(t *testing.T) {
	api := simulator.New(simulator.Uniform(200), simulator.Options{Key: canary, BasePath: "/v1"})
	for _, id := range []string{"m-0001", "m-0002", "m-0003", "m-0004"} {
		api.Inject(simulator.Fault{Kind: simulator.Forbidden, Object: id})
	}
	text, report, err := newWorkDir(t, serve(t, api)+"/v1", "rate_limit: {requests_per_hour: 3600000}").check(func(c *APICheck) { c.All = true })
	if err != nil || report.Requests != 2+10+1 {
		t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
	}
}

func TestCheckAPIAllListsTheInventory(t *testing.T) {
	d := newWorkDir(t, serve(t, simulator.New(simulator.Uniform(250), simulator.Options{Key: canary, BasePath: "/v1"}))+"/v1",
		"page_size: 7", "^discovery: {machines: {exclude: [m-0001]}}", "rate_limit: {requests_per_hour: 3600000, burst: 1}")
	text, report, err := d.check(func(c *APICheck) { c.All = true })
	price := strings.Index(text, "--all: 12 machines: at least 13 more requests")
	if err != nil || price < 0 || price > strings.Index(text, "/sensors?") {
		t.Errorf("%v\n%s", err, text)
	}
	n := 0
	for _, m := range report.Machines {
		n += len(m.Sensors)
	}
	if len(report.Machines) != 13 || n != 230 || report.Machines[0].Filtered == "" {
		t.Errorf("%d machines, %d sensors", len(report.Machines), n)
	}
}

func TestCheckAPIAllEndsWhereListsDoNot(t *testing.T) {
	for op, row := range map[string]struct {
		items    string // of the n-th page
		requests int
	}{
		"machines": {`{"machineid":"saw-1","name":"Saw 1"},{"machineid":"more-%d"}`, 1 + 100 + 2}, // company, machines, sensors, values
		"sensors":  {`{"id":"speed","name":"Speed"},{"id":"more-%d"}`, 1 + 1 + 100 + 1},
	} {
		t.Run(op, func(t *testing.T) {
			var n atomic.Int64
			api := modified(normal(), op, func(map[string]any) any {
				n := n.Add(1)
				return fmt.Sprintf(`{"data":[`+row.items+`],"next_key":%d}`, n, n)
			})
			d := newWorkDir(t, serve(t, api)+"/v1", "rate_limit: {requests_per_hour: 3600000}", "^discovery: {machines: {include: [Saw 1]}}")
			text, report, err := d.check(func(c *APICheck) { c.All = true })
			if found := finding(t, report, "long-list"); err != nil || report.Requests != row.requests || found.Severity != apicheck.Warning {
				t.Errorf("%v after %d requests:\n%s", err, report.Requests, text)
			}
		})
	}
}

func TestCheckAPISavesNothing(t *testing.T) {
	d := newWorkDir(t, serve(t, normal())+"/v1")
	state := t.TempDir()
	t.Setenv("STATE_DIRECTORY", state)
	if text, _, err := d.check(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for _, dir := range []string{state, d.dir} {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 1 || dir == state && len(entries) > 0 {
			t.Errorf("%s holds %v, %v", dir, entries, err)
		}
	}
}
