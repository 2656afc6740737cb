package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const allowedEmptyFile = "testdata/allowed_empty.yml"

// dashboardQuery is a query of a panel or a variable.
type dashboardQuery struct {
	dashboard, title, refID string
	expr                    string // PromQL with variables of Grafana
	instant                 bool
	isVariable              bool
	label                   string // of a variable: the label of its values
	regex                   string // of a variable: the groups value and text in rows like {sensor="id",sensor_name="Name"} 1 0
	repeat                  string // of a panel: the variable for each of whose values it is repeated
	mayBeEmpty              bool
}

func (q dashboardQuery) String() string {
	return fmt.Sprintf("%s, %q %s", q.dashboard, q.title, q.refID)
}

// dashboardFile is the part of a dashboard that has queries.
type dashboardFile struct {
	UID         string `json:"uid"`
	Panels      []dashboardPanel
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition, Regex string }
	}
}

type dashboardPanel struct {
	Title, Repeat string
	Targets       []struct {
		RefID   string `json:"refId"`
		Expr    string
		Instant bool
	}
	Panels []dashboardPanel // of a collapsed section
}

// dashboardQueries returns the queries of every dashboard, those of variables first, in the order in which Grafana sends them.
func dashboardQueries(t *testing.T) []dashboardQuery {
	t.Helper()
	names, err := filepath.Glob("../../grafana/innius-*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no dashboards", err)
	}
	var all []dashboardQuery
	for _, name := range names {
		var f dashboardFile
		if err := json.Unmarshal([]byte(read(t, name)), &f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, f.queries(t)...)
	}
	var allowed []struct{ Dashboard, Panel, RefID, Reason string }
	if err := yaml.Unmarshal([]byte(read(t, allowedEmptyFile)), &allowed); err != nil {
		t.Fatal(err)
	}
	for _, a := range allowed {
		i := slices.IndexFunc(all, func(q dashboardQuery) bool {
			return q.dashboard == a.Dashboard && q.title == a.Panel && q.refID == a.RefID
		})
		if i < 0 || a.Reason == "" {
			t.Fatalf("%s: no reason, or no such query: %+v", allowedEmptyFile, a)
		}
		all[i].mayBeEmpty = true
	}
	return all
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.*), ([a-z_]+)\)$`)
	queryResult = regexp.MustCompile(`^query_result\((.*)\)$`)
)

func (f dashboardFile) queries(t *testing.T) (all []dashboardQuery) {
	t.Helper()
	for _, v := range f.Templating.List {
		if v.Type != "query" {
			continue
		}
		q := dashboardQuery{dashboard: f.UID, title: v.Name, instant: true, isVariable: true, regex: strings.Trim(v.Regex, "/")}
		if m := labelValues.FindStringSubmatch(v.Definition); m != nil {
			q.expr, q.label = m[1], m[2]
		} else if m := queryResult.FindStringSubmatch(v.Definition); m != nil {
			q.expr = m[1]
		} else {
			t.Fatalf("%s: unknown form of a variable's query: %s", f.UID, v.Definition)
		}
		all = append(all, q)
	}
	for _, a := range f.Annotations.List {
		all = append(all, dashboardQuery{dashboard: f.UID, title: "annotation " + a.Name, refID: "A", expr: a.Expr})
	}
	for _, p := range f.Panels {
		for _, p := range append([]dashboardPanel{p}, p.Panels...) {
			for _, target := range p.Targets {
				all = append(all, dashboardQuery{
					dashboard: f.UID, title: p.Title, refID: target.RefID, expr: target.Expr, instant: target.Instant, repeat: p.Repeat,
				})
			}
		}
	}
	return all
}

// values returns the values of a variable from the label sets that its query returned.
func (q dashboardQuery) values(series []map[string]string) []string {
	all := map[string]bool{}
	for _, labels := range series {
		value := labels[q.label]
		if q.label == "" { // Grafana writes each row as a text, and extracts value and text by the regular expression
			var pairs []string
			for _, name := range slices.Sorted(maps.Keys(labels)) {
				pairs = append(pairs, name+`="`+labels[name]+`"`)
			}
			regex := regexp.MustCompile(strings.ReplaceAll(q.regex, "(?<", "(?P<"))
			if m := regex.FindStringSubmatch("{" + strings.Join(pairs, ",") + "} 1 0"); m != nil {
				value = m[regex.SubexpIndex("value")]
			}
		}
		if value != "" {
			all[value] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// exprs returns the expressions that Grafana sends if every value is chosen: one for each value of a repeated panel, else one.
func (q dashboardQuery) exprs(values map[string][]string) []string {
	if q.repeat == "" {
		return []string{q.interpolate(values)}
	}
	var all []string
	for _, value := range values[q.repeat] {
		chosen := maps.Clone(values)
		chosen[q.repeat] = []string{value}
		all = append(all, q.interpolate(chosen))
	}
	return all
}

const (
	anyPattern     = ".+"
	dashboardRange = "5m"
)

var (
	// acceptAny are the variables whose All is anyPattern.
	acceptAny = []string{"instance", "company", "machine", "sensor", "unit", "extremes", "states", "account"}
	reference = regexp.MustCompile(`\$\{([a-z]+):regex\}`)
	special   = regexp.MustCompile(`[\\^$*+?.()|[\]{}/]`)
)

// interpolate inserts the chosen values as Grafana does. No value means All.
func (q dashboardQuery) interpolate(chosen map[string][]string) string {
	expr := strings.NewReplacer("$__rate_interval", "1m", "$__range", dashboardRange).Replace(q.expr)
	return reference.ReplaceAllStringFunc(expr, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		values := chosen[m[1]]
		if len(values) == 0 && slices.Contains(acceptAny, m[1]) {
			return anyPattern
		}
		escaped := make([]string, len(values))
		for i, v := range values {
			escaped[i] = special.ReplaceAllString(v, `\$0`)
		}
		if len(escaped) == 1 {
			return escaped[0]
		}
		return "(" + strings.Join(escaped, "|") + ")"
	})
}

// checkDashboards sends each query of each dashboard to Prometheus. Each must return data.
func (s *stack) checkDashboards(t *testing.T) {
	queries, values, returned := dashboardQueries(t), map[string]map[string][]string{}, 0
	for _, q := range queries {
		of := values[q.dashboard]
		if of == nil {
			of = map[string][]string{}
			values[q.dashboard] = of
		}
		waitFor(t, fmt.Sprintf("data of %s from\n%s", q, q.exprs(of)), func() bool {
			found := 0
			for _, expr := range q.exprs(of) {
				series := s.series(expr, q.instant)
				if q.isVariable {
					of[q.title] = q.values(series)
				}
				found += min(len(series), 1)
			}
			returned += found
			return found > 0 || q.mayBeEmpty
		})
	}
	t.Logf("%d expressions returned data", returned)
}
