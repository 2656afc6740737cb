package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/testport"
)

// mayBeEmpty are metrics and records of the rules that have no series on a healthy plant, and the reason.
var mayBeEmpty = map[string]string{
	"innius:sensor:overdue":                                         "no sensor is silent",
	"innius_exporter_api_paused_until_timestamp_seconds":            "there is no pause",
	"innius_exporter_remote_write_pending_oldest_timestamp_seconds": "the receiver is not behind",
}

// checkAccountTargets runs another Prometheus with the config of docs/metrics.md, of whose two accounts one exists.
func (s *stack) checkAccountTargets(t *testing.T) {
	other := *s
	other.T, other.prometheus = t, testport.Free(t)
	_, config, _ := strings.Cut(read(t, "../../docs/metrics.md"), "```yaml\nscrape_configs:")
	config, _, _ = strings.Cut(config, "```")
	write(t, s.file("accounts.yml"), "global: {scrape_interval: 1s}\nscrape_configs:"+replaceAll(t, config, "localhost:10466", s.address))
	launch(t, *prometheusPath, "--config.file="+s.file("accounts.yml"), "--storage.tsdb.path="+s.file("accounts"),
		"--web.listen-address="+other.prometheus)
	other.waitReady("Prometheus", other.prometheus)
	waitFor(t, "both targets", func() bool { return other.count("up") == 3 })
	for expr, want := range map[string]int{
		`up{account="acme"} == 1`: 1, `up{account="bolt"} == 0`: 1, `innius_up{account="acme"}`: 1, `{exported_account!=""}`: 0,
		`go_info`: 0, `innius_account_info`: 1, `innius_sensor_value{job="innius"}`: 0, `innius_exporter_config_last_reload_successful`: 1,
		`innius_sensor_value{account="acme"} and innius_sensor_value{instance="acme"}`: 25 * 4,
	} {
		waitFor(t, fmt.Sprintf("%s has %d series", expr, want), func() bool { return other.count(expr) == want })
	}
}

// checkDocs runs the queries in the tables of two pages.
func (s *stack) checkDocs(t *testing.T) {
	for page, heading := range map[string]string{"getting-started.md": "## 8. The first graph", "metrics.md": "## Queries"} {
		_, section, _ := strings.Cut(read(t, "../../docs/"+page), heading)
		queries := regexp.MustCompile("(?m)^\\|.*?`([^`\n]+)`").FindAllStringSubmatch(section, -1)
		for _, m := range queries {
			waitFor(t, page+": data of "+m[1], func() bool { return s.count(strings.ReplaceAll(m[1], `\|`, "|")) > 0 })
		}
		if len(queries) < 3 {
			t.Errorf("%s: only %d queries were found", page, len(queries))
		}
	}
}

// checkRules queries each selector of the rules, because the rules themselves return nothing on a healthy plant.
func (s *stack) checkRules(t *testing.T) {
	checked := map[string]bool{}
	for _, expr := range ruleExpressions(t) {
		for _, selector := range regexp.MustCompile(`\b(?:innius[_:][a-z_:]+|up)\b(?:\{[^}]*\})?`).FindAllString(expr, -1) {
			name, labels, _ := strings.Cut(selector, "{")
			if checked[selector] || name == "innius_sensor_status" && labels != "" { // the statuses in force depend on the plant
				continue
			}
			checked[selector] = true
			waitFor(t, "data of "+selector+", in the rule\n"+expr, func() bool { return s.count(selector) > 0 || mayBeEmpty[name] != "" })
		}
		if strings.Contains(expr, "or vector(") {
			t.Errorf("vector() hides missing data:\n%s", expr)
		}
	}
	t.Logf("%d selectors of rules returned data", len(checked))
}

// ruleExpressions returns the expressions of every rule of the repository.
func ruleExpressions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../prometheus/*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		var rules struct {
			Groups []struct {
				Rules []struct {
					Expr string `yaml:"expr"`
				} `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal([]byte(read(t, file)), &rules); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				all = append(all, r.Expr)
			}
		}
	}
	return all
}
