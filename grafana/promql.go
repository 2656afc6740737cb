package grafana

import "strings"

// oneLabel selects by a variable that is named like the label.
func oneLabel(label string) string { return label + "=~`${" + label + ":regex}`" }

func selector(labels ...string) string {
	for i, label := range labels {
		labels[i] = oneLabel(label)
	}
	return strings.Join(labels, ", ")
}

// What the variables choose.
var (
	exporters = selector("job", "instance")
	accounts  = selector("job", "instance", "account")
	companies = selector("job", "instance", "company")
	machines  = selector("job", "instance", "company", "machine")
	sensors   = selector("job", "instance", "company", "machine", "sensor")
)

// Which series belong together. Two exporters may serve one machine, so joins carry instance and job.
const (
	byAccount = "(instance, job, account)"
	byCompany = "(instance, job, company)"
	byMachine = "(instance, job, company, machine)"
	bySensor  = "(instance, job, company, machine, sensor)"
)

// fill puts the selected series into a query: $value, $measured, $answered, $pace and $info are those of the chosen sensors.
func fill(query string) string { return fillFor(sensors, query) }

func fillFor(selected, query string) string {
	return strings.NewReplacer(
		"$value", "innius_sensor_value{"+selected+"}",
		"$measured", "innius_sensor_timestamp_seconds{"+selected+"}",
		"$answered", "innius_sensor_last_success_timestamp_seconds{"+selected+"}",
		"$pace", "innius_sensor_expected_interval_seconds{"+selected+"}",
		"$info", "innius_sensor_info{"+selected+"}",
		"$machine_info", "innius_machine_info{"+machines+"}",
		"$account_info", "innius_account_info{"+companies+"}",
		"$clock", clock,
		"$up", "innius_up{"+exporters+"}",
		"$byAccount", byAccount, "$byCompany", byCompany, "$byMachine", byMachine, "$bySensor", bySensor,
	).Replace(query)
}

// clock is how far the API's clock is ahead: $answered is by the exporter's clock, $measured by the API's.
var clock = "(max by " + byCompany + " (innius_exporter_api_clock_difference_seconds{" + exporters + "} * on " + byAccount +
	" group_left (company) innius_account_info{" + companies + "}) or 0 * count by " + byCompany + " (innius_sensor_timestamp_seconds{" + companies + "}))"

// overdue are sensors that gave nothing new for more than three of their intervals, as far as they could be asked: the same
// rule as the exporter's state late. One whose pace is not known gets a day. One that never reported has neither a time nor
// a pace; one that sends text has a pace, and is not judged.
const overdue = "($answered - $measured + on $byCompany group_left () $clock > (3 * $pace or 0 * $measured + 86400) or ($answered unless $measured unless $pace))"

// down are the companies for which innius does not answer: about their sensors nothing is known.
const down = "($account_info * on $byAccount group_left () ($up == 0))"

// ofSensor is the state of sensors, as a number: see states. The first that applies counts. An overdue sensor is late as long as
// its value is there, then silent. A value that is missing while its sensor is not overdue could not be asked for.
const ofSensor = "((0 * $answered + 5 and on $byCompany " + down + ")" +
	" or (0 * " + overdue + " + (0 * $value + 2 or 0 * $answered + 3))" +
	" or (0 * $value + 1)" +
	" or (0 * $measured + 5)" +
	" or (0 * $answered)" +
	" or (0 * sum by $bySensor ($info)))"

// sensorState is the state of each chosen sensor.
var sensorState = fill(ofSensor)

// machineState is the state of each chosen machine, from all of its sensors: the worst of theirs, or off where all that are
// judged are silent.
var machineState = fillFor(machines, "(((min by $byMachine ("+ofSensor+" > 0) == 3) + 1)"+
	" or max by $byMachine ("+ofSensor+")"+
	" or 0 * max by $byMachine ($machine_info))")

// age is how long ago each newest reading was measured.
var age = fill("(time() - $measured)")

// recorded is a course of states with a state of its own where the series has just ended. A version of Grafana that draws no
// gaps would go on with the last state before it, as if that were known.
func recorded(states, labels, info string) string {
	by := "max by (" + labels + ") ("
	return by + states + ") or 0 * " + by + "last_over_time(" + info + "[$__rate_interval])) + 6"
}
