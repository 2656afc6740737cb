package grafana

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// anyValue replaces the variables of an expression by a pattern that matches every value.
func anyValue(expr string) string {
	return strings.ReplaceAll(regexp.MustCompile(`\$\{[a-z]+:regex\}`).ReplaceAllString(expr, ".+"), "$__rate_interval", "1m")
}

// TestStatusIsShownAsItsCode covers two exporters of the same machine, and the end of a series: the status is notRecorded at
// first, and absent later.
func TestStatusIsShownAsItsCode(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is missing (Debian package: prometheus)")
	}
	one := strings.NewReplacer("LABELS", `job="innius", instance="one", company="c", machine="press"`)
	two := strings.NewReplacer("LABELS", `job="innius", instance="two", company="c", machine="press"`)
	series := `
      - {series: 'innius_machine_info{LABELS}', values: '1x10 stale'}
      - {series: 'innius_machine_status{LABELS, status="ok"}', values: '1x4 0x5 stale'}
      - {series: 'innius_machine_status{LABELS, status="degraded"}', values: '0x4 1x5 stale'}
      - {series: 'innius_sensor_status{LABELS, sensor="Heat", status="current"}', values: '1x4 stale'}
      - {series: 'innius_sensor_status{LABELS, sensor="Heat", status="silent"}', values: '_x5 1x5 stale'}`
	samples := func(of *strings.Replacer, labels, value string) string {
		return of.Replace("{labels: '{LABELS" + labels + "}', value: " + value + "}")
	}
	both := func(labels, value string) string {
		return samples(one, labels, value) + ", " + samples(two, labels, value)
	}
	const timeline = `{labels: '{company="c", machine="press"}', value: VALUE}`
	var checks strings.Builder
	check := func(expr, at, want string) {
		checks.WriteString("\n      - {expr: '" + anyValue(expr) + "', eval_time: " + at + ", exp_samples: [" + want + "]}")
	}
	check(machineStatus, "45s", both("", "1"))
	check(machineStatus, "90s", both("", "4"))
	check(sensorStatus, "45s", both(`, sensor="Heat"`, "1"))
	check(sensorStatus, "90s", both(`, sensor="Heat"`, "8"))
	end := withEnd(machineStatus, "company, machine", expand("$machineInfo"))
	check(end, "90s", strings.Replace(timeline, "VALUE", "4", 1))
	check(end, "170s", strings.Replace(timeline, "VALUE", "0", 1))
	check(end, "300s", "")
	text := "tests:\n  - interval: 15s\n    input_series:" + one.Replace(series) + two.Replace(series) +
		"\n    promql_expr_test:" + checks.String() + "\n"
	file := filepath.Join(t.TempDir(), "status.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
