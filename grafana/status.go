package grafana

import "strconv"

// status is a status of a machine, a sensor or an account, in the word of the exporter. The colours differ in brightness too, for
// readers who cannot distinguish red from green.
type status struct{ word, color string }

const (
	good = "semi-dark-green"
	bad  = "dark-red"
	idle = "#464c54" // needs no attention, or is not known
)

// The number of a status in a panel is its index: the worst has the highest. That of notRecorded is -1.
var (
	machineStatuses = []status{{"ok", good}, {"off", "#7d8590"}, {"unknown", "purple"}, {"degraded", "yellow"}}
	accountStatuses = []status{
		{"ok", good},
		{"paused", "yellow"},
		{"invalid_response", "purple"},
		{"server", "light-red"},
		{"network", "orange"},
		{"key", bad}, // reasons of a failure
	}
	notRecorded = status{"not recorded", idle}
)

// sensorStatuses are shown as words. Those in trouble come first.
var sensorStatuses = []status{
	{"failing", "orange"},
	{"silent", "yellow"},
	{"stale", bad},
	{"delayed", "purple"},
	{"current", good},
	{"pending", "super-light-blue"},
	{"unreadable", "blue"},
	{"no_readings", "#7d8590"},
}

// inTrouble are the statuses of $inTrouble.
var inTrouble = sensorStatuses[:4]

// machineStatus is the index of each machine's status now, also of a machine that was recorded only earlier in the time range.
const machineStatus = "max without (status) (3 * innius_machine_status{status=`degraded`}" +
	" or 2 * innius_machine_status{status=`unknown`} or innius_machine_status{status=`off`})" +
	" * on $byMachine group_left (machine_name, company_name) innius_machine_info{$machines}" +
	" or on $byMachine -last_over_time(innius_machine_info{$machines}[$__range] @ end())"

// accountStatus is the index of each account's status, likewise.
const accountStatus = "max by $byAccount (5 * innius_exporter_account_failure{$exporters, reason=`key`}" +
	" or 4 * innius_exporter_account_failure{$exporters, reason=`network`}" +
	" or 3 * innius_exporter_account_failure{$exporters, reason=`server`}" +
	" or 2 * innius_exporter_account_failure{$exporters, reason=`invalid_response`}" +
	" or 0 * innius_exporter_api_paused_until_timestamp_seconds{$exporters} + 1) and on $byAccount innius_up" +
	" or 0 * last_over_time(innius_exporter_api_rate_limit_requests_per_hour{$exporters}[$__range] @ end()) - 1"

// byIndex maps the indexes of statuses to words and colours.
func byIndex(all ...status) []object {
	options := object{"-1": object{"text": notRecorded.word, "color": notRecorded.color, "index": len(all)}}
	for i, s := range all {
		options[strconv.Itoa(i)] = object{"text": s.word, "color": s.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

// byWord gives words their colours.
func byWord(all ...status) []object {
	options := object{}
	for i, s := range append(all, notRecorded) {
		options[s.word] = object{"color": s.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

// oneIsGood are the mappings of a value that is 1 when everything is fine, else 0.
func oneIsGood(one, zero string) []object { return byIndex(status{zero, bad}, status{one, good}) }

// missingText shows a missing value as a text.
func missingText(text string) object {
	result := object{"text": text, "color": "text", "index": 0}
	return object{"type": "special", "options": object{"match": "null+nan", "result": result}}
}
