package grafana

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

//go:embed innius-*.json allowed_empty.yml
var files embed.FS

// The kinds of queries.
const (
	Panel    = "panel"
	Variable = "variable"
)

// Query is one query of a dashboard, as its file has it.
type Query struct {
	Dashboard string // its uid
	Kind      string // Panel or Variable
	Title     string // of the panel, or the name of the variable
	RefID     string
	Expr      string // PromQL with Grafana's variables; of a variable, what is inside its function
	Instant   bool   // else over a range. Variables are instant

	// Of a variable: the label whose values it offers, or else a regular expression over rows like {unit="bar"} 1 0.
	Label, Regex string
	// Of a variable: whether it has All, and what that stands for; empty: all values that are offered.
	All      bool
	AllValue string
	// Of a panel that is repeated: the variable for whose values it is, one at a time.
	Repeat string

	// Why it may return nothing on a healthy demo plant, a repeated one for some of its values; empty: it may not.
	AllowedEmpty string
}

// file is what is read of a dashboard.
type file struct {
	UID        string `json:"uid"`
	Panels     []filePanel
	Templating struct{ List []fileVariable }
}

type filePanel struct {
	Title, Repeat string
	Targets       []struct {
		RefID   string `json:"refId"`
		Expr    string
		Instant bool
	}
}

type fileVariable struct {
	Name, Type, Definition, Regex, AllValue string
	IncludeAll                              bool
}

// Queries reads all queries of all dashboards, those of variables first, in the order in which Grafana asks them.
func Queries() ([]Query, error) {
	names, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	allowed, err := allowedEmpty()
	if err != nil {
		return nil, err
	}
	var all []Query
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".json") {
			continue
		}
		of, err := read(name.Name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name.Name(), err)
		}
		all = append(all, of...)
	}
	for i, q := range all {
		all[i].AllowedEmpty = allowed[place{q.Dashboard, q.Title, q.RefID}]
		delete(allowed, place{q.Dashboard, q.Title, q.RefID})
	}
	for p := range allowed {
		return nil, fmt.Errorf("allowed_empty.yml: there is no query %v", p)
	}
	return all, nil
}

func read(name string) ([]Query, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	var all []Query
	for _, v := range f.Templating.List {
		if v.Type != "query" {
			continue
		}
		q := Query{
			Dashboard: f.UID, Kind: Variable, Title: v.Name, RefID: "StandardVariableQuery", Instant: true, All: v.IncludeAll, AllValue: v.AllValue,
			Regex: strings.Trim(v.Regex, "/"),
		}
		if q.Expr, q.Label, err = inside(v.Definition); err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	for _, p := range f.Panels {
		for _, t := range p.Targets {
			all = append(all, Query{
				Dashboard: f.UID, Kind: Panel, Title: p.Title, RefID: t.RefID, Expr: t.Expr, Instant: t.Instant, Repeat: p.Repeat,
			})
		}
	}
	return all, nil
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.*), ([a-z_]+)\)$`)
	queryResult = regexp.MustCompile(`^query_result\((.*)\)$`)
)

// inside is the PromQL of a variable's query, and the label that it asks for.
func inside(definition string) (expr, label string, err error) {
	if m := labelValues.FindStringSubmatch(definition); m != nil {
		return m[1], m[2], nil
	}
	if m := queryResult.FindStringSubmatch(definition); m != nil {
		return m[1], "", nil
	}
	return "", "", fmt.Errorf("the query of a variable is not understood: %s", definition)
}

// place is where a query is.
type place struct{ dashboard, title, refID string }

// allowedEmpty are the reasons in allowed_empty.yml.
func allowedEmpty() (map[place]string, error) {
	text, err := files.ReadFile("allowed_empty.yml")
	if err != nil {
		return nil, err
	}
	var list []struct{ Dashboard, Panel, RefID, Reason string }
	if err := yaml.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("allowed_empty.yml: %w", err)
	}
	all := map[place]string{}
	for _, a := range list {
		if a.Reason == "" {
			return nil, fmt.Errorf("allowed_empty.yml: %s, %s: no reason", a.Dashboard, a.Panel)
		}
		all[place{a.Dashboard, a.Panel, a.RefID}] = a.Reason
	}
	return all, nil
}
