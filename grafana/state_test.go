package grafana

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// situation is what is known of one sensor: moments in seconds before the moment of the question, which is 100,000 s after
// the start; 0: absent.
type situation struct {
	machine, sensor          string
	answered, measured, pace int
	value                    bool
	state                    int
}

const moment = 100_000

var situations = []situation{
	{"press", "reports", 60, 65, 10, true, 1},
	{"press", "was asked long ago", 7200, 7205, 10, true, 1},
	{"press", "paced, late", 60, 95, 10, true, 2},
	{"press", "just within three intervals", 60, 90, 10, true, 1},
	{"press", "text", 60, 0, 10, false, 0},
	{"press", "not asked yet", 0, 0, 0, false, 0},
	{"pump", "silent", 60, 9000, 10, false, 3},
	{"pump", "never reported", 60, 0, 0, false, 3},
	{"pump", "learning", 60, 3600, 0, true, 1},
	{"belt", "off", 60, 90_000, 10, false, 3},
	{"belt", "off, pace not learned", 60, 90_000, 0, false, 3},
	{"belt", "text", 60, 0, 5, false, 0},
	{"fan", "could not be asked", 20_000, 20_005, 10, false, 5},
	{"fan", "reports", 60, 65, 10, true, 1},
}

var machineStates = map[string]int{"press": 2, "pump": 3, "belt": 4, "fan": 5, "new": 0}

func TestStatesAreToldApart(t *testing.T) {
	samples := series(`innius_account_info{account="a", company="c"}`, 1) + series(`innius_up{account="a"}`, 1)
	for machine := range machineStates {
		samples += series(fmt.Sprintf("innius_machine_info{company=%q, machine=%q}", "c", machine), 1)
	}
	wanted := map[string]int{}
	for _, s := range situations {
		labels := fmt.Sprintf("{company=%q, machine=%q, sensor=%q", "c", s.machine, s.sensor)
		wanted[labels+"}"] = s.state
		samples += s.series(labels)
	}
	for machine, state := range machineStates {
		wanted[fmt.Sprintf("{company=%q, machine=%q}", "c", machine)] = state
	}
	promtool(t, samples, wanted)
}

func TestNothingIsKnownWhileInniusDoesNotAnswer(t *testing.T) {
	s := situation{machine: "press", sensor: "reports", answered: 60, measured: 65, pace: 10, value: true}
	promtool(t, series(`innius_account_info{account="a", company="c"}`, 1)+series(`innius_up{account="a"}`, 0)+
		series(`innius_machine_info{company="c", machine="press"}`, 1)+s.series(`{company="c", machine="press", sensor="reports"`), map[string]int{
		`{company="c", machine="press", sensor="reports"}`: 5,
		`{company="c", machine="press"}`:                   5,
	})
}

// The state not recorded follows the last one at once; later there is nothing.
func TestTheEndOfASeriesIsAStateOfItsOwn(t *testing.T) {
	expr := Query{Expr: recorded("up", "machine", "up")}.Interpolate(nil)
	testRules(t, `
tests:
  - interval: 15s
    input_series: [{series: 'up{machine="press"}', values: '1x10 stale'}]
    promql_expr_test:
      - {expr: '`+expr+`', eval_time: 100s, exp_samples: [{labels: '{machine="press"}', value: 1}]}
      - {expr: '`+expr+`', eval_time: 170s, exp_samples: [{labels: '{machine="press"}', value: 6}]}
      - {expr: '`+expr+`', eval_time: 300s}
`)
}

// series is a series of both exporters that stand side by side, in the words of promtool.
func series(of string, value int) string {
	of = strings.Replace(of, "{", "{job='innius', instance='one', ", 1)
	quoted := strings.ReplaceAll(of, "'", `"`)
	line := fmt.Sprintf("      - {series: '%s', values: '%dx1700'}\n", quoted, value)
	return line + strings.ReplaceAll(line, `"one"`, `"two"`)
}

func (s situation) series(labels string) string {
	all := series("innius_sensor_info"+labels+`, unit="bar"}`, 1)
	if s.answered > 0 {
		all += series("innius_sensor_last_success_timestamp_seconds"+labels+"}", moment-s.answered)
	}
	if s.measured > 0 {
		all += series("innius_sensor_timestamp_seconds"+labels+"}", moment-s.measured)
	}
	if s.pace > 0 {
		all += series("innius_sensor_expected_interval_seconds"+labels+"}", s.pace)
	}
	if s.value {
		all += series("innius_sensor_value"+labels+"}", 7)
	}
	return all
}

// promtool sees that the queries of states say what is wanted, of both exporters.
func promtool(t *testing.T, samples string, wanted map[string]int) {
	t.Helper()
	everything := Offers{"job": {"innius"}, "instance": {"one", "two"}}
	var sensors, machines []map[string]any
	for labels, state := range wanted {
		for _, instance := range []string{"one", "two"} {
			sample := map[string]any{"labels": strings.Replace(labels, "{", `{job="innius", instance="`+instance+`", `, 1), "value": state}
			if strings.Contains(labels, "sensor=") {
				sensors = append(sensors, sample)
			} else {
				machines = append(machines, sample)
			}
		}
	}
	tests, err := yaml.Marshal([]map[string]any{
		{"expr": Query{Expr: sensorState}.Interpolate(everything), "eval_time": "100000s", "exp_samples": sensors},
		{"expr": Query{Expr: machineState}.Interpolate(everything), "eval_time": "100000s", "exp_samples": machines},
	})
	if err != nil {
		t.Fatal(err)
	}
	testRules(t, "evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"+samples+"    promql_expr_test:\n      "+
		strings.ReplaceAll(strings.TrimSpace(string(tests)), "\n", "\n      ")+"\n")
}

func testRules(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not there")
	}
	file := filepath.Join(t.TempDir(), "states.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
