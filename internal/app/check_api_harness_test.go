package app

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/simulator"
)

var update = flag.Bool("update", false, "write the golden files")

// canary is the key of all checks: both cases of letters, and characters that URLs and JSON escape.
const canary = "Canary+7f/3A-9e=41"

// press is a small plant of two machines, all of whose sensors report now.
func press() simulator.Plant {
	sensor := func(id, name, unit string) simulator.Sensor {
		return simulator.Sensor{ID: id, Name: name, Unit: unit, Period: time.Minute, Value: func(at time.Time) any { return 20.5 + float64(at.Minute()) }}
	}
	return simulator.Plant{Company: simulator.Company{ID: "acme.example", Name: "Acme", Machines: []simulator.Machine{
		{ID: "press-1", Name: "Press 1", Sensors: []simulator.Sensor{sensor("oil", "Oil", "bar"), sensor("heat", "Heat", "°C")}},
		{ID: "saw-1", Name: "Saw 1", Sensors: []simulator.Sensor{sensor("speed", "Speed", "1/min")}},
	}}}
}

// sensors changes every sensor of the plant.
func sensors(change func(*simulator.Sensor)) simulator.Plant {
	p := press()
	for _, m := range p.Company.Machines {
		for i := range m.Sensors {
			change(&m.Sensors[i])
		}
	}
	return p
}

// pretend is a simulated API that asks for the canary, below /v1.
func pretend(p simulator.Plant, f simulator.Format) *simulator.Server {
	return simulator.New(p, simulator.Options{Key: canary, BasePath: "/v1", Format: f})
}

// faulty is one with a fault.
func faulty(f simulator.Fault) *simulator.Server {
	s := pretend(press(), simulator.Format{})
	s.Inject(f)
	return s
}

// serve serves a handler until the test ends and returns its address.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// bent answers as the simulated API does, but for what bend makes of the JSON of one operation's answers.
func bent(h http.Handler, op string, bend func(answer map[string]any) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if answer, ok := object(body); ok && rec.Code == http.StatusOK && operation(r.URL.Path) == op {
			body = marshal(bend(answer))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

func object(body []byte) (map[string]any, bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer map[string]any
	return answer, decoder.Decode(&answer) == nil
}

func marshal(v any) []byte {
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	body, _ := json.Marshal(v) // made of what JSON gave
	return body
}

func operation(path string) string {
	switch last := path[strings.LastIndex(path, "/")+1:]; last {
	case "machines", "sensors", "values":
		return last
	}
	return "company"
}

// each changes the items of a list.
func each(change func(item map[string]any) any) func(map[string]any) any {
	return func(answer map[string]any) any {
		list, _ := answer["data"].([]any)
		for i, item := range list {
			list[i] = change(item.(map[string]any))
		}
		return answer
	}
}

// renamed gives a field another name.
func renamed(from, to string) func(map[string]any) any {
	return func(item map[string]any) any {
		item[to] = item[from]
		delete(item, from)
		return item
	}
}

// desk is where a user sits: a directory with a config file, and the key in a variable.
type desk struct {
	t    *testing.T
	dir  string
	file string
}

// account is the file's one account, with more lines of its own, indented as YAML.
func sit(t *testing.T, url string, lines ...string) *desk {
	t.Helper()
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	t.Setenv("TEST_KEY", canary)
	d := &desk{t: t, dir: t.TempDir()}
	d.file = filepath.Join(d.dir, "config.yml")
	text := "accounts:\n  - name: acme\n    url: " + url + "\n    api_key_env: TEST_KEY\n"
	beside := ""
	for _, line := range lines {
		if top, ok := strings.CutPrefix(line, "^"); ok { // not of the account
			beside += top + "\n"
			continue
		}
		text += "    " + line + "\n"
	}
	text += beside
	d.write(text)
	return d
}

func (d *desk) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// check runs the command and returns what it printed, its report and its error.
func (d *desk) check(change ...func(*APICheck)) (string, *apicheck.Report, error) {
	d.t.Helper()
	c := &APICheck{Output: "text"}
	for _, f := range change {
		f(c)
	}
	var out strings.Builder
	err := c.Run(d.t.Context(), config.Source{File: d.file}, &out)
	c.Output = "json"
	cfg, errLoad := config.Source{File: d.file}.Load(os.Getenv)
	if errLoad != nil {
		d.t.Fatal(errLoad)
	}
	if strings.Contains(out.String(), canary) {
		d.t.Errorf("the key is in the report:\n%s", out.String())
	}
	report, errCheck := c.check(d.t.Context(), cfg, 0, &apicheck.Text{W: io.Discard, ConfigFile: d.file})
	if errCheck != nil {
		d.t.Fatal(errCheck)
	}
	return out.String(), report, err
}

// paste puts YAML into the config file as a user would: what stands there already is replaced, the rest is added.
func (d *desk) paste(snippet string) {
	d.t.Helper()
	own, err := os.ReadFile(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	merged, err := yaml.Marshal(merge(d.tree(own), d.tree([]byte(snippet))))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(string(merged))
}

func (d *desk) tree(text []byte) any {
	d.t.Helper()
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		d.t.Fatalf("no YAML: %v\n%s", err, text)
	}
	return tree
}

// merge lays YAML over YAML. Of a list with names the entry of the same name is meant.
func merge(own, more any) any {
	switch more := more.(type) {
	case map[string]any:
		own, ok := own.(map[string]any)
		if !ok {
			return more
		}
		for name, value := range more {
			own[name] = merge(own[name], value)
		}
		return own
	case []any:
		all, ok := own.([]any)
		if len(more) == 0 {
			return more
		}
		if first, named := more[0].(map[string]any); ok && named && first["name"] != nil && len(all) == 1 {
			return []any{merge(all[0], first)}
		}
	}
	return more
}

// valid fails the test unless the config file, as it is now, loads.
func (d *desk) valid(snippet string) {
	d.t.Helper()
	if _, err := (config.Source{File: d.file}).Load(os.Getenv); err != nil {
		d.t.Fatalf("with the snippet the config does not load: %v\n%s", err, snippet)
	}
}

// finding returns the finding of a kind.
func finding(t *testing.T, r *apicheck.Report, kind string) apicheck.Finding {
	t.Helper()
	var kinds []string
	for _, f := range r.Findings {
		if f.Kind == kind {
			return f
		}
		kinds = append(kinds, f.Kind+": "+strings.Join(f.Text, " "))
	}
	t.Fatalf("no finding %q; there are: %q; steps: %+v", kind, kinds, r.Steps)
	return apicheck.Finding{}
}

var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`in \d+ ms`), "in N ms"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`\b1[6-9]\d{8,11}\b`), "EPOCH"},
	{regexp.MustCompile(`start_key=\d+`), "start_key=KEY"},
	{regexp.MustCompile(`value: from v, such as "[0-9.]+"`), `value: from v, such as "NUMBER"`},
	{regexp.MustCompile(`"v":\[[0-9.]+,[0-9.]+`), `"v":[NUMBER,NUMBER`},
	{regexp.MustCompile(`TIME \([^)]*\)`), "TIME (AGE)"},
}

// golden compares a report with a file under testdata, but for what differs from run to run; -update writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	for _, v := range volatile {
		got = v.pattern.ReplaceAllString(got, v.with)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test ./internal/app -update writes it anew. Got:\n%s", file, got)
	}
}

func (d *desk) source() config.Source { return config.Source{File: d.file} }
