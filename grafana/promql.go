package grafana

import "strings"

// oneLabel selects by a variable with the name of the label.
func oneLabel(label string) string { return label + "=~`${" + label + ":regex}`" }

func selector(labels ...string) string {
	for i, label := range labels {
		labels[i] = oneLabel(label)
	}
	return strings.Join(labels, ", ")
}

// Selectors of what the variables choose.
var (
	exporters = selector("job", "instance")
	accounts  = selector("job", "instance", "account")
	companies = selector("job", "instance", "company")
	machines  = selector("job", "instance", "company", "machine")
	sensors   = selector("job", "instance", "company", "machine", "sensor")
)

// Labels to group and join by. Two exporters may serve the same machine, so each has instance and job.
const (
	byAccount = "(instance, job, account)"
	byCompany = "(instance, job, company)"
	byMachine = "(instance, job, company, machine)"
	bySensor  = "(instance, job, company, machine, sensor)"
	byState   = "(instance, job, company, machine, sensor, state)"
)

// expand replaces the placeholders of a query: $value, $timestamp, $lastSuccess, $interval and $info are series of the chosen
// sensors.
func expand(query string) string {
	return strings.NewReplacer(
		"$value", "innius_sensor_value{"+sensors+"}",
		"$timestamp", "innius_sensor_timestamp_seconds{"+sensors+"}",
		"$lastSuccess", "innius_sensor_last_success_timestamp_seconds{"+sensors+"}",
		"$interval", "innius_sensor_reporting_interval_seconds{"+sensors+"}",
		"$info", "innius_sensor_info{"+sensors+"}",
		"$machineInfo", "innius_machine_info{"+machines+"}",
		"$accountInfo", "innius_account_info{"+companies+"}",
		"$up", "innius_up{"+exporters+"}",
		"$byAccount", byAccount, "$byCompany", byCompany, "$byMachine", byMachine, "$bySensor", bySensor, "$byState", byState,
		"$accounts", accounts, "$exporters", exporters, "$machines", machines, "$sensors", sensors,
	).Replace(query)
}

// age is the time since each newest reading was measured.
const age = "(time() - $timestamp)"
