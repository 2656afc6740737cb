package grafana

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreign are metrics of Prometheus itself and of the libraries, which the README names without a row each.
var foreign = regexp.MustCompile(`^(up|scrape_.*|process_.*|go_.*|promhttp_.*)$`)

var metric = regexp.MustCompile(`\b(innius_[a-z_]+|up|scrape_[a-z_]+|process_[a-z_]+|go_[a-z_]+|promhttp_[a-z_]+)\b(\{|\[)`)

// metrics are the names in the README's tables.
func metrics(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, line := range regexp.MustCompile("(?m)^\\| (`innius_[a-z_]+`.*?) \\|").FindAllStringSubmatch(string(readme), -1) {
		for _, name := range regexp.MustCompile("`(innius_[a-z_]+)`").FindAllStringSubmatch(line[1], -1) {
			all = append(all, name[1])
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "innius_exporter" })
}

func all(t *testing.T) []Query {
	t.Helper()
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	return queries
}

func TestEveryMetricOfTheReadmeIsShownAndNoOther(t *testing.T) {
	known, shown := metrics(t), map[string]bool{}
	for _, q := range all(t) {
		for _, m := range metric.FindAllStringSubmatch(q.Expr+"{", -1) {
			name := regexp.MustCompile(`_bucket$`).ReplaceAllString(m[1], "")
			shown[name] = true
			if !slices.Contains(known, name) && !foreign.MatchString(name) {
				t.Errorf("%s, %s: the README has no metric %s", q.Dashboard, q.Title, name)
			}
		}
	}
	for _, name := range known {
		if !shown[name] {
			t.Errorf("no dashboard shows %s", name)
		}
	}
}

func TestJoinsKeepExportersApart(t *testing.T) {
	for _, q := range all(t) {
		for _, m := range regexp.MustCompile(`\b(on|ignoring) ?\(([^)]*)\)`).FindAllStringSubmatch(q.Expr, -1) {
			if m[1] != "on" || !strings.HasPrefix(m[2], "instance, job") {
				t.Errorf("%s, %s: a join %s", q.Dashboard, q.Title, m[0])
			}
		}
		if strings.Contains(q.Expr, "or vector(") {
			t.Errorf("%s, %s: it hides that there is nothing", q.Dashboard, q.Title)
		}
	}
}

// Every selector chooses by what the variables say, with the label of their name.
func TestSelectorsObeyTheVariables(t *testing.T) {
	for name, d := range parsed(t) {
		var variables []string
		for _, v := range list(d["templating"].(object)["list"]) {
			variables = append(variables, v["name"].(string))
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\$\{([a-z]+)[:}]`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(variables, m[1]) {
				t.Errorf("%s: there is no variable %s", name, m[1])
			}
		}
		for _, want := range []string{"datasource", "job", "instance"} {
			if !slices.Contains(variables, want) {
				t.Errorf("%s has no variable %s", name, want)
			}
		}
	}
	for _, q := range all(t) {
		for _, m := range regexp.MustCompile(`([a-z_]+)\{([^}]*\}[^{]*?)*?`).FindAllStringSubmatch(q.Expr, -1) {
			if name := m[1]; strings.HasPrefix(name, "innius_") && !strings.Contains(q.Expr, name+"{job=~`${job:regex}`") {
				t.Errorf("%s, %s: %s is not chosen by job", q.Dashboard, q.Title, name)
			}
		}
	}
}

func TestEveryDataSourceIsTheChosenOne(t *testing.T) {
	for name, d := range parsed(t) {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`"datasource":(\{[^}]*\}?[^}]*\})`).FindAllStringSubmatch(string(text), -1)
		if len(found) < 20 {
			t.Errorf("%s: only %d data sources", name, len(found))
		}
		for _, m := range found {
			if m[1] != `{"type":"prometheus","uid":"${datasource}"}` {
				t.Errorf("%s: %s", name, m[1])
			}
		}
	}
}

func TestNamesAreChosenLiterally(t *testing.T) {
	q := Query{Expr: "x{machine=~`${machine:regex}`, job=~`${job:regex}`, unit=`${unit:raw}`}"}
	got := q.Interpolate(Offers{
		"machine": {`a "b" (c)`, `d'e/f. g`}, "job": {"innius"}, "unit": {"°C"},
	})
	if want := "x{machine=~`(a \"b\" \\(c\\)|d'e\\/f\\. g)`, job=~`innius`, unit=`°C`}"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := q.Interpolate(Offers{"job": {"a", "b"}}); got != "x{machine=~`.+`, job=~`(a|b)`, unit=`.+`}" {
		t.Error(got)
	}
}

func TestARepeatedPanelAsksForEachValue(t *testing.T) {
	q := Query{Expr: "x{unit=`${unit:raw}`}", Repeat: "unit"}
	if got := q.Exprs(Offers{"unit": {"A", "bar"}}); !slices.Equal(got, []string{"x{unit=`A`}", "x{unit=`bar`}"}) {
		t.Error(got)
	}
}

func TestAVariableOffersValues(t *testing.T) {
	unit := Query{Regex: `unit="([^"]*)"`}
	if got := unit.Values([]map[string]string{{"unit": "bar"}, {"unit": "%"}}); !slices.Equal(got, []string{"%", "bar"}) {
		t.Error(got)
	}
	job := Query{Label: "job"}
	if got := job.Values([]map[string]string{{"job": "b"}, {"job": "a"}, {"job": "b"}, {}}); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}
