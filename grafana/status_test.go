package grafana

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// anyValue expands a query, and replaces its variables by a pattern that matches every value.
func anyValue(query string) string {
	return strings.ReplaceAll(regexp.MustCompile(`\$\{[a-z]+:regex\}`).ReplaceAllString(expand(query), ".+"), "$__range", "4m")
}

// TestStatusIsShownAsItsIndex covers two exporters of one machine, accounts without and with a
// response, and what ended within the range.
func TestStatusIsShownAsItsIndex(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is missing (Debian package: prometheus)")
	}
	var series, checks strings.Builder
	has := func(name, labels, values string) {
		series.WriteString("\n      - {series: '" + name + `{job="innius", ` + labels + "}', values: '" + values + "'}")
	}
	for _, instance := range []string{"one", "two"} {
		machine := `instance="` + instance + `", company="c", machine="m"`
		has("innius_machine_info", machine+`, company_name="C", machine_name="Press"`, "1x10 stale")
		has("innius_machine_status", machine+`, status="ok"`, "1x4 0x5 stale")
		has("innius_machine_status", machine+`, status="degraded"`, "0x4 1x5 stale")
		has("innius_machine_status", machine+`, status="off"`, "0x10 stale")
		has("innius_machine_status", machine+`, status="unknown"`, "0x10 stale")
	}
	for _, account := range []string{"a", "b", "new"} {
		labels := `instance="one", account="` + account + `"`
		if account != "new" {
			has("innius_up", labels, "1x4 0x5 stale")
		}
		has("innius_exporter_api_rate_limit_requests_per_hour", labels, "1000x10 stale")
		has("innius_exporter_api_paused_until_timestamp_seconds", labels, "_x2 99 stale")
		for _, reason := range []string{"key", "network", "server", "invalid_response"} {
			values := "0x10 stale"
			if reason == "server" && account != "new" {
				values = "0x4 1x5 stale"
			}
			has("innius_exporter_account_failure", labels+`, reason="`+reason+`"`, values)
		}
	}
	check := func(query, at, value string, labels ...string) {
		var want []string
		for _, l := range labels {
			is := value
			if strings.Contains(l, `account="new"`) {
				is = "-1" // without a response
			}
			want = append(want, `{labels: '{job="innius", `+l+`}', value: `+is+"}")
		}
		checks.WriteString("\n      - {expr: '" + anyValue(query) + "', eval_time: " + at +
			", exp_samples: [" + strings.Join(want, ", ") + "]}")
	}
	machines := []string{
		`instance="one", company="c", machine="m", company_name="C", machine_name="Press"`,
		`instance="two", company="c", machine="m", company_name="C", machine_name="Press"`,
	}
	check(machineStatus, "45s", "0", machines...)
	check(machineStatus, "90s", "3", machines...)
	check(machineStatus, "170s", "-1", machines...)
	check(machineStatus, "600s", "0")
	accounts := []string{`instance="one", account="a"`, `instance="one", account="b"`, `instance="one", account="new"`}
	check(accountStatus, "0s", "0", accounts...)
	check(accountStatus, "30s", "1", accounts...)
	check(accountStatus, "90s", "3", accounts...)
	check(accountStatus, "170s", "-1", accounts...)
	file := filepath.Join(t.TempDir(), "status.yml")
	text := "tests:\n  - interval: 15s\n    input_series:" + series.String() + "\n    promql_expr_test:" + checks.String() + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
