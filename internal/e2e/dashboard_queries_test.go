package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	metricName    = regexp.MustCompile(`\b(innius_[a-z_]+|up|scrape_[a-z_]+|process_[a-z_]+|go_[a-z_]+|promhttp_[a-z_]+)\b(\{|\[)`)
	foreignMetric = regexp.MustCompile(`^(up|scrape_.*|process_.*|go_.*|promhttp_.*)$`)
)

func TestDashboardsShowEachDocumentedMetricAndNoOther(t *testing.T) {
	documented, shown := []string{}, map[string]bool{}
	row := regexp.MustCompile("(?m)^\\| `(innius_[a-z_]+)` \\|")
	for _, m := range row.FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		documented = append(documented, m[1])
	}
	for _, q := range dashboardQueries(t) {
		for _, m := range metricName.FindAllStringSubmatch(q.expr+"{", -1) {
			name := strings.TrimSuffix(m[1], "_bucket")
			shown[name] = true
			if !slices.Contains(documented, name) && !foreignMetric.MatchString(name) {
				t.Errorf("%s: docs/metrics.md has no metric %s", q, name)
			}
		}
	}
	for _, name := range documented {
		if !shown[name] {
			t.Errorf("no dashboard shows %s: add it to a panel in grafana/*.go and run make dashboards", name)
		}
	}
}

func TestDashboardJoinsKeepExportersApart(t *testing.T) {
	for _, q := range dashboardQueries(t) {
		join := regexp.MustCompile(`(\S+) (on|ignoring) ?\(([^)]*)\)(?: group_left \([^)]*\) topk by \(([^)]*)\) \(1,)?`)
		for _, m := range join.FindAllStringSubmatch(q.expr, -1) {
			// A set operator cannot fail, and a join with one series for each label set neither.
			safe := slices.Contains([]string{"and", "or", "unless"}, m[1]) || m[3] == m[4]
			if !safe && (m[2] != "on" || !strings.HasPrefix(m[3], "instance, job")) {
				t.Errorf("%s: a join %s", q, m[0])
			}
		}
		if strings.Contains(q.expr, "or vector(") {
			t.Errorf("%s: vector() hides missing data", q)
		}
	}
}

// TestDashboardSelectorsUseTheVariables checks that queries use existing variables, and the chosen exporter and data source.
func TestDashboardSelectorsUseTheVariables(t *testing.T) {
	names, err := filepath.Glob("../../grafana/innius-*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f dashboardFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		var variables []string
		for _, v := range f.Templating.List {
			variables = append(variables, v.Name)
		}
		for _, m := range regexp.MustCompile(`\$\{([a-z]+)[:}]`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(variables, m[1]) {
				t.Errorf("%s: there is no variable %s", name, m[1])
			}
		}
		sources := regexp.MustCompile(`"datasource": (\{[^}]*\}?[^}]*\})`).FindAllStringSubmatch(string(text), -1)
		if len(sources) < 20 {
			t.Errorf("%s: only %d data sources", name, len(sources))
		}
		for _, m := range sources {
			if source := strings.Join(strings.Fields(m[1]), ""); source != `{"type":"prometheus","uid":"${datasource}"}` {
				t.Errorf("%s: data source %s", name, source)
			}
		}
	}
	for _, q := range dashboardQueries(t) {
		if strings.Contains(q.expr, "innius_") && !q.isVariable && !strings.Contains(q.expr, "instance=~`${instance:regex}") {
			t.Errorf("%s: not selected by exporter", q)
		}
	}
}

func TestInterpolateEscapesNames(t *testing.T) {
	q := dashboardQuery{expr: "x{machine=~`${machine:regex}`, job=~`${job:regex}`}"}
	for _, c := range []struct {
		chosen map[string][]string
		want   string
	}{
		{
			map[string][]string{"machine": {`a "b" (c)`, `d'e/f. g`}, "job": {"innius"}},
			"x{machine=~`(a \"b\" \\(c\\)|d'e\\/f\\. g)`, job=~`innius`}",
		},
		{map[string][]string{"job": {"a", "b"}}, "x{machine=~`.+`, job=~`(a|b)`}"},
	} {
		if got := q.interpolate(c.chosen); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestRepeatedPanelHasAnExpressionPerValue(t *testing.T) {
	q := dashboardQuery{expr: "x{unit=~`${unit:regex}`}", repeat: "unit"}
	if got := q.exprs(map[string][]string{"unit": {"A", "bar"}}); !slices.Equal(got, []string{"x{unit=~`A`}", "x{unit=~`bar`}"}) {
		t.Error(got)
	}
}

func TestVariableValuesComeFromLabelOrRegex(t *testing.T) {
	named := dashboardQuery{regex: regexOf(t, "machine")}
	series := []map[string]string{{"machine": `b "x", y`, "machine_name": `B "x", y`}, {"machine": "a"}}
	if got := named.values(series); !slices.Equal(got, []string{"a", `b "x", y`}) {
		t.Errorf("%q", got)
	}
	job := dashboardQuery{label: "job"}
	if got := job.values([]map[string]string{{"job": "b"}, {"job": "a"}, {"job": "b"}, {}}); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}

// regexOf returns the regular expression of a variable of the dashboards.
func regexOf(t *testing.T, variable string) string {
	t.Helper()
	queries := dashboardQueries(t)
	return queries[slices.IndexFunc(queries, func(q dashboardQuery) bool { return q.isVariable && q.title == variable })].regex
}
