package app

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/apicheck"
)

var pathStep = regexp.MustCompile(`^([^\[]+)(?:\[(\d+)\])?$`)

// applySettings returns the config with the settings of every finding of a report, in their order, as a program would that reads
// --output=json.
func applySettings(t *testing.T, yamlText string, report *apicheck.Report) string {
	t.Helper()
	config := map[string]any{}
	if err := yaml.Unmarshal([]byte(yamlText), &config); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		for _, s := range f.Settings {
			applySetting(t, config, s)
		}
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func applySetting(t *testing.T, level map[string]any, s apicheck.Setting) {
	t.Helper()
	steps := strings.Split(s.Path, ".")
	for i, step := range steps {
		m := pathStep.FindStringSubmatch(step)
		switch {
		case m == nil:
			t.Fatalf("no path: %q", s.Path)
		case i == len(steps)-1 && m[2] == "":
			level[m[1]] = s.Value
		case m[2] == "":
			if level[m[1]] == nil {
				level[m[1]] = map[string]any{}
			}
			level = level[m[1]].(map[string]any)
		default:
			index, err := strconv.Atoi(m[2])
			list, ok := level[m[1]].([]any)
			if err != nil || !ok || index >= len(list) {
				t.Fatalf("the config has no %q", s.Path)
			}
			level = list[index].(map[string]any)
		}
	}
}

func TestApplySettingsSetsPaths(t *testing.T) {
	const before = "accounts:\n  - name: a\n  - name: b\n    endpoints: {company: /me}\n"
	got := applySettings(t, before, &apicheck.Report{Findings: []apicheck.Finding{
		{Settings: []apicheck.Setting{{Path: "accounts[1].endpoints.values", Value: "/v"}, {Path: "accounts[0].page_size", Value: 10}}},
		{Settings: []apicheck.Setting{{Path: "accounts[1].endpoints.values", Value: "/w"}}},
	}})
	want := "accounts:\n    - name: a\n      page_size: 10\n" +
		"    - endpoints:\n        company: /me\n        values: /w\n      name: b\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
