package grafana

import "strings"

// oneLabel selects by a variable with the name of the label.
func oneLabel(label string) string { return label + "=~`${" + label + ":regex}`" }

// Selectors of what the variables choose.
var (
	exporters = oneLabel("instance")
	accounts  = exporters + ", " + oneLabel("account")
	machines  = exporters + ", " + oneLabel("company") + ", " + oneLabel("machine")
	sensors   = machines + ", " + oneLabel("sensor")
)

// Selectors of firing alerts. Those of accounts and machines have no instance, those of accounts and exporters no machine.
const (
	exporterAlerts = "alertstate=`firing`, alertname=~`Innius.+`, instance=~`${instance:regex}|`"
	machineAlerts  = exporterAlerts + ", company=~`${company:regex}|`, machine=~`${machine:regex}|`"
)

// expand replaces the placeholders of a query. $inTrouble are the statuses that need attention. Two exporters may serve the same
// machine, so labels to group and join by begin with instance and job. X * $sensorName adds the name to the labels of X.
func expand(query string) string {
	return strings.NewReplacer(
		"$byAccount", "(instance, job, account)",
		"$byCompany", "(instance, job, company)",
		"$byMachine", "(instance, job, company, machine)",
		"$bySensor", "(instance, job, company, machine, sensor)",
		"$byState", "(instance, job, company, machine, sensor, state)",
		"$sensorName", "on (instance, job, company, machine, sensor) group_left (sensor_name) innius_sensor_info",
		"$inTrouble", "status=~`failing|silent|stale|delayed`",
		"$accounts", accounts, "$exporters", exporters, "$machines", machines, "$sensors", sensors,
	).Replace(query)
}
