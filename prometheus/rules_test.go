// Package prometheus_test holds the alerting rules to their promises, and their tests to theirs: a rule without its alert, or a test
// that notices nothing, fails here.
package prometheus_test

import (
	"maps"
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
	Every     string     `yaml:"evaluation_interval"`
	Tests     []testCase `yaml:"tests"`
}

type testCase struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Series   []any  `yaml:"input_series"`
	Alerts   []look `yaml:"alert_rule_test"`
}

// look is what a test sees of one alert at one moment.
type look struct {
	At     string   `yaml:"eval_time"`
	Alert  string   `yaml:"alertname"`
	Firing []firing `yaml:"exp_alerts"`
}

type firing struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// commented matches the comment sign that a user takes away from a template.
var commented = regexp.MustCompile(`(?m)^      # ?`)

// rulesOf reads a file of rules; templates as if their comment signs had been taken away.
func rulesOf(t *testing.T, name string) ruleFile {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if name == thresholdRules {
		text = commented.ReplaceAll(text, []byte("      "))
	}
	var file ruleFile
	if err := yaml.Load(text, &file, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return file
}

// testsOf reads all tests of a file of rules.
func testsOf(t *testing.T, rules string) []testFile {
	t.Helper()
	names, err := filepath.Glob("tests/*.yml")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	var all []testFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file testFile
		if err := yaml.Load(text, &file, yaml.WithKnownFields()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if slices.Equal(file.RuleFiles, []string{"../" + rules}) {
			all = append(all, file)
		}
	}
	return all
}

func (f ruleFile) rules() []rule {
	var all []rule
	for _, g := range f.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// about leaves of some tests what looks at the alerts of a group.
func about(files []testFile, g group) []testFile {
	other := func(l look) bool {
		return !slices.ContainsFunc(g.Rules, func(r rule) bool { return r.Alert == l.Alert })
	}
	var some []testFile
	for _, f := range files {
		f.Tests = slices.Clone(f.Tests)
		for i := range f.Tests {
			f.Tests[i].Alerts = slices.DeleteFunc(slices.Clone(f.Tests[i].Alerts), other)
		}
		f.Tests = slices.DeleteFunc(f.Tests, func(c testCase) bool { return len(c.Alerts) == 0 })
		if len(f.Tests) > 0 {
			some = append(some, f)
		}
	}
	return some
}

// promtool is the program's path. PROMTOOL names another one than that of the PATH.
func promtool(t *testing.T) string {
	t.Helper()
	name := "promtool"
	if other := os.Getenv("PROMTOOL"); other != "" {
		name = other
	}
	path, err := exec.LookPath(name)
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("%v (Debian: the package prometheus)", err)
	case err != nil:
		t.Skipf("%v: rules are not tested (Debian: the package prometheus)", err)
	}
	return path
}

// try runs tests against rules, both written anew into a directory of their own.
func try(t *testing.T, rules ruleFile, tests []testFile) (output string, passed bool) {
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
		args = append(args, write("test"+string(rune('a'+i))+".yml", file))
	}
	out, err := exec.CommandContext(t.Context(), promtool(t), args...).CombinedOutput()
	return string(out), err == nil
}

func TestAllRulesPassTheirTests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{exporterRules, thresholdRules} {
		if out, passed := try(t, rulesOf(t, name), testsOf(t, name)); !passed {
			t.Errorf("%s: %.4000s", name, out)
		}
	}
}

// A test that passes whatever the rule says is none. Each rule is broken in each of these ways, and some test must notice.
func TestEveryBrokenRuleIsNoticed(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("takes half a minute: make check-rules runs it")
	}
	for _, name := range []string{exporterRules, thresholdRules} {
		tests := testsOf(t, name)
		for _, g := range rulesOf(t, name).Groups {
			for _, r := range g.Rules {
				t.Run(r.name(), func(t *testing.T) {
					t.Parallel()
					needed := g.needed(r)
					looks := about(tests, needed)
					if out, passed := try(t, needed.with(r), looks); !passed {
						t.Fatalf("as it is: %.2000s", out)
					}
					for how, broken := range breaks(r) {
						if out, passed := try(t, needed.with(broken), looks); passed {
							t.Errorf("%s: no test notices\n%s", how, broken.Expr)
						} else if !strings.Contains(out, "FAILED") {
							t.Errorf("%s: %.2000s", how, out)
						}
					}
				})
			}
		}
	}
}

// needed is what of a group a test of one of its rules needs: what it records, and the alert; or, for a recording, all alerts.
func (g group) needed(one rule) group {
	g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(r rule) bool { return one.Alert != "" && r.Alert != "" && r.Alert != one.Alert })
	return g
}

// with is a file of a group alone, in which a rule takes the place of the one of its name.
func (g group) with(other rule) ruleFile {
	g.Rules = slices.Clone(g.Rules)
	g.Rules[slices.IndexFunc(g.Rules, func(r rule) bool { return r.name() == other.name() })] = other
	return ruleFile{Groups: []group{g}}
}

// condition matches one that stands beside the main one of an expression.
var condition = regexp.MustCompile(`(unless|and) on \([a-z, ]*\) (?:max_over_time\()?innius_[a-z_]+(\{[^}]*\})?(\[10m\]\))?( (==|>) \d+)?`)

// breaks returns ways to break a rule. One that never says anything is as good as commented out.
func breaks(r rule) map[string]rule {
	all := map[string]rule{}
	change := func(how string, change func(*rule)) {
		other := r
		if change(&other); other.Expr != r.Expr || other.For != r.For {
			all[how] = other
		}
	}
	change("never", func(r *rule) { r.Expr = "vector(1) > 1" })
	for _, m := range condition.FindAllString(r.Expr, -1) {
		change("without "+m, func(r *rule) { r.Expr = strings.Replace(r.Expr, m, "", 1) })
	}
	if r.Alert == "" {
		return all
	}
	change("at once", func(r *rule) { r.For = "" })
	change("for ever", func(r *rule) { r.Expr = "last_over_time((" + r.Expr + ")[2d:10m])" })
	change("of all instances", func(r *rule) {
		r.Expr = strings.NewReplacer("instance, ", "", "(sensor)", "(sensor, instance)").Replace(r.Expr)
	})
	return all
}

// Each alert must be seen before it fires, firing for one instance beside others that fire or do not, and after.
func TestEveryAlertIsSeenBeforeWhileAndAfter(t *testing.T) {
	for _, name := range []string{exporterRules, thresholdRules} {
		for _, r := range rulesOf(t, name).rules() {
			if r.Alert == "" {
				continue
			}
			seen := map[string]bool{}
			for _, f := range about(testsOf(t, name), group{Rules: []rule{r}}) {
				for _, c := range f.Tests {
					maps.Copy(seen, c.phases(r.Alert))
				}
			}
			for _, phase := range []string{"before", "two instances", "one of them is lost", "after"} {
				if !seen[phase] {
					t.Errorf("%s: no test sees it: %s", r.Alert, phase)
				}
			}
		}
	}
}

// phases are those in which a test sees an alert.
func (c testCase) phases(alert string) map[string]bool {
	seen, most := map[string]bool{}, 0
	for _, l := range c.Alerts {
		if l.Alert != alert {
			continue
		}
		instances := map[string]bool{}
		for _, f := range l.Firing {
			instances[f.Labels["instance"]] = true
		}
		seen["before"] = seen["before"] || most == 0 && len(instances) == 0
		seen["one of them is lost"] = seen["one of them is lost"] || most > 1 && len(instances) > 0 && len(instances) < most
		seen["after"] = seen["after"] || most > 0 && len(instances) == 0
		most = max(most, len(instances))
		seen["two instances"] = most > 1
	}
	return maps.Collect(func(yield func(string, bool) bool) {
		for phase, is := range seen {
			if is && !yield(phase, true) {
				return
			}
		}
	})
}

var (
	severities = []string{"critical", "warning", "info"}
	metricName = regexp.MustCompile(`\b(innius_[a-z_]+)\b`)
	ownNames   = regexp.MustCompile(`\binnius:[a-z_]+:[a-z_]+\b`)
)

func TestEveryAlertSaysWhatAPersonNeeds(t *testing.T) {
	runbook, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{exporterRules, thresholdRules} {
		for _, r := range rulesOf(t, name).rules() {
			if r.Alert == "" {
				continue
			}
			if !slices.Contains(severities, r.Labels["severity"]) {
				t.Errorf("%s: severity %q is none of %v", r.Alert, r.Labels["severity"], severities)
			}
			for _, annotation := range []string{"summary", "description"} {
				if r.Annotations[annotation] == "" || !strings.Contains(r.Annotations[annotation], "{{ $labels.") {
					t.Errorf("%s: its %s names nothing: %q", r.Alert, annotation, r.Annotations[annotation])
				}
			}
			anchor := strings.ToLower(r.Alert)
			if name == thresholdRules {
				anchor = "your-own-thresholds"
			}
			if url := r.Annotations["runbook_url"]; url != "docs/runbook.md#"+anchor {
				t.Errorf("%s: runbook_url is %q", r.Alert, url)
			}
			section := "\n## " + r.Alert + "\n"
			if name == exporterRules && !strings.Contains(string(runbook), section) {
				t.Errorf("docs/runbook.md has no section %s", r.Alert)
			}
		}
	}
	if !strings.Contains(string(runbook), "\n## Your own thresholds\n") {
		t.Error("docs/runbook.md has no section on thresholds")
	}
}

// A section that no alert leads to is of one that was renamed.
func TestEverySectionOfTheRunbookIsOfAnAlert(t *testing.T) {
	runbook, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, r := range rulesOf(t, exporterRules).rules() {
		alerts = append(alerts, r.Alert)
	}
	for _, m := range regexp.MustCompile(`(?m)^## (Innius\S+)$`).FindAllStringSubmatch(string(runbook), -1) {
		if !slices.Contains(alerts, m[1]) {
			t.Errorf("docs/runbook.md: there is no alert %s", m[1])
		}
	}
}

func TestRulesUseWhatExistsAndRecordWhatIsUsed(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{exporterRules, thresholdRules} {
		all := rulesOf(t, name).rules()
		for i, r := range all {
			for _, metric := range metricName.FindAllString(r.Expr, -1) {
				if !strings.Contains(string(readme), "| `"+metric+"` |") {
					t.Errorf("%s: the README has no metric %s", r.name(), metric)
				}
			}
			for _, record := range ownNames.FindAllString(r.Expr, -1) {
				if !slices.ContainsFunc(all, func(r rule) bool { return r.Record == record }) {
					t.Errorf("%s: nothing records %s", r.name(), record)
				}
			}
			if r.Record != "" && !slices.ContainsFunc(all[i+1:], func(other rule) bool { return strings.Contains(other.Expr, r.Record) }) {
				t.Errorf("nothing uses %s", r.Record)
			}
		}
	}
}

// docs/runbook.md lists the alerts with their severity and how long they wait.
func TestTheTableOfAlertsIsTheRules(t *testing.T) {
	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| \[(Innius\w+)\]\(\S+\) \| (\w+) \|.*\| (\w+) \|$`).FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = m[2] + " after " + m[3]
	}
	for _, r := range rulesOf(t, exporterRules).rules() {
		if is := r.Labels["severity"] + " after " + r.For; r.Alert != "" && listed[r.Alert] != is {
			t.Errorf("%s is %s, docs/runbook.md says %q", r.Alert, is, listed[r.Alert])
		}
		delete(listed, r.Alert)
	}
	for alert := range listed {
		t.Errorf("docs/runbook.md: there is no alert %s", alert)
	}
}
