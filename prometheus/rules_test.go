// Package prometheus_test runs the tests of the alerting rules with promtool, and checks that they notice each broken rule.
package prometheus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const (
	exporterRules  = "innius_exporter.rules.yml"
	thresholdRules = "thresholds.rules.yml"
)

type ruleFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

func (r rule) name() string { return r.Alert + r.Record }

type testFile struct {
	RuleFiles []string   `yaml:"rule_files"`
	Interval  string     `yaml:"evaluation_interval"`
	Tests     []testCase `yaml:"tests"`
}

type testCase struct {
	Name     string        `yaml:"name"`
	Interval string        `yaml:"interval"`
	Series   []any         `yaml:"input_series"`
	Alerts   []expectation `yaml:"alert_rule_test"`
}

// expectation lists the alerts of one rule that must fire at one time.
type expectation struct {
	At     string  `yaml:"eval_time"`
	Alert  string  `yaml:"alertname"`
	Firing []alert `yaml:"exp_alerts"`
}

type alert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// commentSign matches what a user removes from a template.
var commentSign = regexp.MustCompile(`(?m)^      # ?`)

func loadYAML(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := yaml.Load(text, into, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// loadRules reads a rule file, templates without their comment signs.
func loadRules(t *testing.T, name string) (file ruleFile) {
	t.Helper()
	text := readFile(t, name)
	if name == thresholdRules {
		text = commentSign.ReplaceAll(text, []byte("      "))
	}
	loadYAML(t, text, &file)
	return file
}

// loadTests reads the tests of a rule file.
func loadTests(t *testing.T, rules string) []testFile {
	t.Helper()
	names, err := filepath.Glob("tests/*.yml")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	var tests []testFile
	for _, name := range names {
		var file testFile
		loadYAML(t, readFile(t, name), &file)
		if slices.Equal(file.RuleFiles, []string{"../" + rules}) {
			tests = append(tests, file)
		}
	}
	return tests
}

func (f ruleFile) rules() (rules []rule) {
	for _, g := range f.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

func (f ruleFile) alerts() []rule {
	return slices.DeleteFunc(f.rules(), func(r rule) bool { return r.Alert == "" })
}

// expectationsOf returns the tests with only the expectations for the alerts of a rule file.
func expectationsOf(files []testFile, of ruleFile) (tests []testFile) {
	other := func(e expectation) bool {
		return !slices.ContainsFunc(of.rules(), func(r rule) bool { return r.Alert == e.Alert })
	}
	for _, f := range files {
		f.Tests = slices.Clone(f.Tests)
		for i := range f.Tests {
			f.Tests[i].Alerts = slices.DeleteFunc(slices.Clone(f.Tests[i].Alerts), other)
		}
		f.Tests = slices.DeleteFunc(f.Tests, func(c testCase) bool { return len(c.Alerts) == 0 })
		if len(f.Tests) > 0 {
			tests = append(tests, f)
		}
	}
	return tests
}

// promtool returns the path of promtool: $PROMTOOL, or the one in $PATH.
func promtool(t *testing.T) string {
	t.Helper()
	name := os.Getenv("PROMTOOL")
	if name == "" {
		name = "promtool"
	}
	path, err := exec.LookPath(name)
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("%v (Debian package: prometheus)", err)
	case err != nil:
		t.Skipf("%v: rules are not tested (Debian package: prometheus)", err)
	}
	return path
}

// runTests runs tests against rules with promtool.
func runTests(t *testing.T, rules ruleFile, tests []testFile) (output string, passed bool) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content any) string {
		text, err := yaml.Dump(content)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("rules.yml", rules)
	args := []string{"test", "rules"}
	for i, file := range tests {
		file.RuleFiles = []string{"rules.yml"}
		args = append(args, write(fmt.Sprintf("test%d.yml", i), file))
	}
	out, err := exec.CommandContext(t.Context(), promtool(t), args...).CombinedOutput()
	return string(out), err == nil
}

func TestRulesPassTheirTests(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("slow")
	}
	for _, name := range []string{exporterRules, thresholdRules} {
		if out, passed := runTests(t, loadRules(t, name), loadTests(t, name)); !passed {
			t.Errorf("%s: %.4000s", name, out)
		}
	}
}

// TestRuleTestsNoticeBrokenRules breaks each rule in several ways. Some test must fail each time.
func TestRuleTestsNoticeBrokenRules(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("takes 2 min of CPU time: make check-rules runs it")
	}
	for _, name := range []string{exporterRules, thresholdRules} {
		tests, rules := loadTests(t, name), loadRules(t, name)
		for _, r := range rules.rules() {
			t.Run(r.name(), func(t *testing.T) {
				t.Parallel()
				needed := rules.neededFor(r)
				expected := expectationsOf(tests, needed)
				if out, passed := runTests(t, needed, expected); !passed {
					t.Fatalf("unchanged: %.2000s", out)
				}
				for change, broken := range mutations(r) {
					if out, passed := runTests(t, needed.replace(broken), expected); passed {
						t.Errorf("%s: no test fails\n%s", change, broken.Expr)
					} else if !strings.Contains(out, "FAILED") {
						t.Errorf("%s: %.2000s", change, out)
					}
				}
			})
		}
	}
}

// neededFor returns the rules that a test of one rule needs: the recording rules, and the alert or those that use the record.
func (f ruleFile) neededFor(one rule) ruleFile {
	return f.each(func(rules []rule) []rule {
		return slices.DeleteFunc(rules, func(r rule) bool {
			uses := one.Record != "" && strings.Contains(r.Expr+r.Annotations["runbook_url"], one.Record)
			return r.Alert != "" && r.Alert != one.Alert && !uses
		})
	})
}

// replace returns the file with r in place of the rule of the same name.
func (f ruleFile) replace(r rule) ruleFile {
	return f.each(func(rules []rule) []rule {
		if i := slices.IndexFunc(rules, func(old rule) bool { return old.name() == r.name() }); i >= 0 {
			rules[i] = r
		}
		return rules
	})
}

// each returns the file with the rules of each group changed; change may keep its argument.
func (f ruleFile) each(change func([]rule) []rule) ruleFile {
	f.Groups = slices.Clone(f.Groups)
	for i, g := range f.Groups {
		f.Groups[i].Rules = change(slices.Clone(g.Rules))
	}
	return f
}

// operator matches what begins a condition, and wider what may follow one.
var operator, wider = regexp.MustCompile(` (and|unless|or|\+) `), regexp.MustCompile(`^ (and|unless|or|[<>=]+) `)

// conditions returns each operator of an expression with its right side.
func conditions(expr string) (all []string) {
	for _, m := range operator.FindAllStringIndex(expr, -1) {
		end, depth := m[1], 0
		for ; end < len(expr) && depth >= 0; end++ {
			switch next := wider.FindStringSubmatch(expr[end:]); {
			case depth == 0 && next != nil && (len(next[1]) > 2 || next[1] == "or" || expr[m[0]+1] == '+'):
				depth = -2
			case expr[end] == '(':
				depth++
			case expr[end] == ')':
				depth--
			}
		}
		if depth < 0 {
			end--
		}
		all = append(all, expr[m[0]:end])
	}
	return all
}

// mutations returns broken variants of a rule by what was changed.
func mutations(r rule) map[string]rule {
	all := map[string]rule{}
	add := func(name string, change func(*rule)) {
		broken := r
		if change(&broken); broken.Expr != r.Expr || broken.For != r.For {
			all[name] = broken
		}
	}
	add("never fires", func(r *rule) { r.Expr = "vector(1) > 1" })
	for _, c := range conditions(r.Expr) {
		add("without"+c, func(r *rule) { r.Expr = strings.Replace(r.Expr, c, "", 1) })
	}
	if r.Record != "" {
		return all
	}
	add("fires at once", func(r *rule) { r.For = "" })
	add("never ends", func(r *rule) { r.Expr = "last_over_time((" + r.Expr + ")[2d:10m])" })
	add("mixes instances", func(r *rule) {
		r.Expr = strings.NewReplacer("instance, ", "", "(sensor)", "(sensor, instance)").Replace(r.Expr)
	})
	add("doubles alerts", func(r *rule) { r.Expr = strings.ReplaceAll(r.Expr, "by (", "by (instance, ") })
	return all
}

// TestAlertsAreTestedInEachPhase requires tests before an alert fires, while it fires twice, after what one of both is about has
// disappeared, and after its end.
func TestAlertsAreTestedInEachPhase(t *testing.T) {
	for _, name := range []string{exporterRules, thresholdRules} {
		tests := loadTests(t, name)
		for _, r := range loadRules(t, name).alerts() {
			tested := map[string]bool{}
			for _, f := range expectationsOf(tests, ruleFile{[]group{{Rules: []rule{r}}}}) {
				for _, c := range f.Tests {
					c.addPhases(tested)
				}
			}
			for _, phase := range []string{"before", "two alerts", "one disappears", "after"} {
				if !tested[phase] {
					t.Errorf("%s: no test for the phase: %s", r.Alert, phase)
				}
			}
		}
	}
}

// addPhases adds the phases that a test of one alert covers.
func (c testCase) addPhases(phases map[string]bool) {
	most := 0
	for _, e := range c.Alerts {
		switch n := len(e.Firing); {
		case n == 0 && most == 0:
			phases["before"] = true
		case n == 0:
			phases["after"] = true
		case n < most:
			phases["one disappears"] = true
		case n > 1:
			phases["two alerts"] = true
		}
		most = max(most, len(e.Firing))
	}
}

func TestAlertsHaveSeverityTextAndRunbookSection(t *testing.T) {
	runbook := string(readFile(t, "../docs/runbook.md"))
	sections := []string{}
	for _, m := range regexp.MustCompile(`(?m)^## (Innius\S+|Your own thresholds)$`).FindAllStringSubmatch(runbook, -1) {
		sections = append(sections, m[1])
	}
	alerts := []string{"Your own thresholds"}
	for _, name := range []string{exporterRules, thresholdRules} {
		for _, r := range loadRules(t, name).alerts() {
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s: unknown severity %q", r.Alert, r.Labels["severity"])
			}
			for _, annotation := range []string{"summary", "description"} {
				if !regexp.MustCompile(`{{ (or )?\$labels\.`).MatchString(r.Annotations[annotation]) {
					t.Errorf("%s: the %s does not name what is affected: %q", r.Alert, annotation, r.Annotations[annotation])
				}
			}
			if name == exporterRules {
				anchor := strings.ToLower(r.Alert)
				alerts = append(alerts, r.Alert)
				row := fmt.Sprintf(`(?m)^\| \[%s\]\(#%s\) \| %s \|.*\| %s \|$`, r.Alert, anchor, r.Labels["severity"], r.For)
				if !regexp.MustCompile(row).MatchString(runbook) {
					t.Errorf("docs/runbook.md: the table has no row %s", row)
				}
			}
		}
	}
	slices.Sort(alerts)
	slices.Sort(sections)
	if !slices.Equal(alerts, sections) {
		t.Errorf("docs/runbook.md has the sections\n%q, want\n%q", sections, alerts)
	}
}

var (
	metricName = regexp.MustCompile(`\binnius_[a-z_]+\b`)
	recordName = regexp.MustCompile(`\binnius:[a-z_]+:[a-z_]+\b`)
)

func TestRulesUseDocumentedMetricsAndRecords(t *testing.T) {
	metrics := string(readFile(t, "../docs/metrics.md"))
	for _, name := range []string{exporterRules, thresholdRules} {
		records, used := map[string]bool{}, map[string]bool{}
		for _, r := range loadRules(t, name).rules() {
			r.Expr += r.Annotations["description"] + r.Annotations["runbook_url"] // these have queries too
			r.Expr = strings.ReplaceAll(r.Expr, "`innius_exporter ", "")
			for _, metric := range metricName.FindAllString(r.Expr, -1) {
				if !strings.Contains(metrics, "| `"+metric+"` |") {
					t.Errorf("%s: docs/metrics.md has no metric %s", r.name(), metric)
				}
			}
			if r.Record != "" {
				records[r.Record] = true
			}
			for _, record := range recordName.FindAllString(r.Expr, -1) {
				if !records[record] {
					t.Errorf("%s: no rule above it records %s", r.name(), record)
				}
				used[record] = used[record] || record != r.Record
			}
		}
		for record := range records {
			if !used[record] {
				t.Errorf("no rule uses %s", record)
			}
		}
	}
}
