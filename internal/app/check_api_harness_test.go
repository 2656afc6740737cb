package app

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
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

// canary is the key of every check. It has letters of both cases, and characters that URLs and JSON escape.
const canary = "Canary+7f/3A-9e=41"

// testPlant is a small plant: two machines, whose sensors report now.
func testPlant() simulator.Plant {
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
	p := testPlant()
	for _, m := range p.Company.Machines {
		for i := range m.Sensors {
			change(&m.Sensors[i])
		}
	}
	return p
}

// simulatedAPI serves a plant below /v1 and requires the canary as key.
func simulatedAPI(p simulator.Plant, f simulator.Format) *simulator.Server {
	return simulator.New(p, simulator.Options{Key: canary, BasePath: "/v1", Format: f})
}

// faulty is a simulated API with a fault.
func faulty(f simulator.Fault) *simulator.Server {
	s := simulatedAPI(testPlant(), simulator.Format{})
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

// modified serves an API whose JSON of one operation is changed.
func modified(h http.Handler, op string, change func(response map[string]any) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if response, ok := object(body); ok && rec.Code == http.StatusOK && operation(r.URL.Path) == op {
			body = marshal(change(response))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

func object(body []byte) (map[string]any, bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var response map[string]any
	return response, decoder.Decode(&response) == nil
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
	return func(response map[string]any) any {
		list, _ := response["data"].([]any)
		for i, item := range list {
			list[i] = change(item.(map[string]any))
		}
		return response
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

// workDir is a directory with a config file. The key is in a variable.
type workDir struct {
	t    *testing.T
	dir  string
	file string
	dial dialFunc // nil: the network
}

// newWorkDir makes a config with one account. The lines are added to the account, or after it if they begin with ^.
func newWorkDir(t *testing.T, url string, lines ...string) *workDir {
	t.Helper()
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", "")
	t.Setenv("TEST_KEY", canary)
	d := &workDir{t: t, dir: t.TempDir()}
	d.file = filepath.Join(d.dir, "config.yml")
	text := "accounts:\n  - name: acme\n    url: " + url + "\n    api_key_env: TEST_KEY\n"
	after := ""
	for _, line := range lines {
		if top, ok := strings.CutPrefix(line, "^"); ok { // after the account
			after += top + "\n"
			continue
		}
		text += "    " + line + "\n"
	}
	text += after
	d.write(text)
	return d
}

func (d *workDir) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// check runs the command and returns what it printed, its report and its error.
func (d *workDir) check(change ...func(*APICheck)) (string, *apicheck.Report, error) {
	d.t.Helper()
	c := &APICheck{Output: "text", dial: d.dial}
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

// paste adds YAML to the config file as a user would. It replaces what the file already contains.
func (d *workDir) paste(snippet string) {
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

func (d *workDir) tree(text []byte) any {
	d.t.Helper()
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		d.t.Fatalf("no YAML: %v\n%s", err, text)
	}
	return tree
}

// merge merges YAML into YAML. Entries of lists are merged by their names.
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

// valid fails the test unless the config file loads.
func (d *workDir) valid(snippet string) {
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

// golden compares a report with a file in testdata, without what differs between runs; -update writes the file.
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
		t.Errorf("%s differs (go test ./internal/app -update writes it) %s", file, differing(got, string(want)))
	}
}

// differing returns the first lines that differ.
func differing(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < min(len(g), len(w))-1 && g[i] == w[i] {
		i++
	}
	end := func(lines []string) string { return strings.Join(lines[i:min(len(lines), i+3)], "\n") }
	return fmt.Sprintf("from line %d:\n%s\nwant:\n%s", i+1, end(g), end(w))
}

func (d *workDir) source() config.Source { return config.Source{File: d.file} }
