package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/simulator"
)

// mayBeEmpty are selectors of rules that give nothing on a plant without trouble, and why.
var mayBeEmpty = map[string]string{
	"innius_exporter_paused_until_timestamp_seconds": "there is no pause",
	"innius:sensor_silence:seconds":                  "no sensor has just fallen silent",
	"innius:sensor_silent_alone:seconds":             "no sensor has just fallen silent",
}

func TestEachQueryReturnsDataOnTheDemoPlant(t *testing.T) {
	t.Parallel()
	s := newStack(t, simulator.Demo(time.Now()), simulator.Limits{PerHour: 36000, Burst: 100})
	await(t, "the plant's values", time.Minute, func() bool { return s.query("innius_sensor_value offset 30s") > 50 })
	t.Run("dashboards", s.dashboards)
	t.Run("rules", s.rules)
}

// dashboards lets the dashboards' own test ask this Prometheus.
func (s *stack) dashboards(t *testing.T) {
	test := exec.CommandContext(t.Context(), "go", "test", "../../grafana", "-run", "TestEachQueryReturnsDataOnTheDemo", "-count=1", "-v")
	test.Env = append(os.Environ(), "INNIUS_PROMETHEUS=http://"+s.prometheus)
	out, err := test.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d expressions of dashboards returned data", strings.Count(string(out), " series"))
}

// rules asks for whatever the rules look at: the rules themselves give nothing where nothing is wrong.
func (s *stack) rules(t *testing.T) {
	asked := map[string]bool{}
	for _, expr := range expressions(t) {
		for _, selector := range selectors(expr) {
			name, _, _ := strings.Cut(selector, "{")
			if asked[selector] {
				continue
			}
			asked[selector] = true
			if n := s.query(selector); n == 0 && mayBeEmpty[name] == "" {
				t.Errorf("%s gives nothing, in the rule\n%s", selector, expr)
			}
		}
		if strings.Contains(expr, "or vector(") {
			t.Errorf("a rule that cannot be absent hides what is missing:\n%s", expr)
		}
	}
	t.Logf("%d selectors of rules asked for", len(asked))
}

var selector = regexp.MustCompile(`\b(?:innius[_:][a-z_:]+|up)\b(?:\{[^}]*\})?`)

// selectors are the metrics that an expression reads.
func selectors(expr string) []string { return selector.FindAllString(expr, -1) }

// expressions are those of all rules of the repository.
func expressions(t *testing.T) []string {
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
