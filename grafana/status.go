package grafana

import (
	"fmt"
	"strconv"
	"strings"
)

// status is a status of a machine or a sensor: the word of the exporter, and its number in a panel. The colours differ in
// brightness too, for readers who cannot distinguish red from green.
type status struct {
	code        int // the worst has the highest
	word, color string
}

var (
	machineStatuses = []status{
		{1, "ok", "semi-dark-green"},
		{2, "off", "#7d8590"},
		{3, "unknown", "purple"},
		{4, "degraded", "yellow"},
	}
	sensorStatuses = []status{
		{1, "current", "semi-dark-green"},
		{2, "no_readings", "#7d8590"},
		{3, "pending", "super-light-blue"},
		{4, "unreadable", "blue"},
		{5, "delayed", "purple"},
		{6, "failing", "orange"},
		{7, "stale", "dark-red"},
		{8, "silent", "yellow"},
	}
	notRecorded = status{0, "not recorded", idle} // in timelines only
)

// idle is the colour of a tile whose number needs no attention.
const idle = "#464c54"

// machineStatus and sensorStatus are the codes of the chosen machines and sensors.
var (
	machineStatus = statusCode(byMachine, "innius_machine_status", machines, machineStatuses)
	sensorStatus  = statusCode(bySensor, "innius_sensor_status", sensors, sensorStatuses)
	overdueStatus = statusCode(bySensor, "innius_sensor_status", sensors, sensorStatuses[6:]) // stale and silent
)

// statusCode is the code of the status in force, from a metric that is 1 for it, and 0 or absent for the others.
func statusCode(by, metric, chosen string, statuses []status) string {
	terms := make([]string, len(statuses))
	for i, s := range statuses {
		terms[i] = fmt.Sprintf("%d * %s{%s, status=`%s`}", s.code, metric, chosen, s.word)
	}
	return "max by " + by + " (" + strings.Join(terms, " or ") + ")"
}

// withEnd adds the code of notRecorded where a series of codes has just ended. Some versions of Grafana draw no gaps, and would
// extend the last status. info is a series that exists for each machine or sensor.
func withEnd(codes, labels, info string) string {
	by := "max by (" + labels + ") ("
	return by + codes + ") or 0 * " + by + "last_over_time(" + info + "[$__rate_interval]))"
}

// mapped are value mappings from codes to words and colours.
func mapped(all ...status) []object {
	options := object{}
	for i, s := range all {
		options[strconv.Itoa(s.code)] = object{"text": s.word, "color": s.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

// missingText shows a missing value as a text.
func missingText(text string) object {
	result := object{"text": text, "color": "text", "index": 0}
	return object{"type": "special", "options": object{"match": "null+nan", "result": result}}
}

// oneIsGood are the mappings of a value that is 1 when everything is fine, else 0.
func oneIsGood(one, zero string) []object {
	return mapped(status{1, one, "semi-dark-green"}, status{0, zero, "dark-red"})
}

// zeroIsGood are the mappings of a value that is 0 when everything is fine, else 1.
func zeroIsGood(zero, one string) []object {
	return mapped(status{0, zero, "semi-dark-green"}, status{1, one, "dark-red"})
}
