package grafana

func plantDashboard() Dashboard {
	return board{
		uid: plantUID, title: "innius / Plant", alerts: machineAlerts,
		description: "Is the plant all right, what is not, and since when? Click a machine to open it.",
		variables:   []object{datasourceVariable(), instanceVariable(), companyVariable(), withAll(machineVariable())},
		links:       []object{toMachine(), toExporter()},
		sections: []section{{rows: [][]panel{
			{exporterUp(), innius(), machinesByStatus(), sensorsByStatus(10, "$machines")},
			{machineTable(), alertTable()},
			{troubleTable()},
			{machineTimeline()},
			{accountTable(6, nil)},
		}}},
	}.dashboard()
}

func exporterUp() panel {
	p := tiles("Exporter", 3, 4, about{
		shows: "Whether Prometheus can scrape the exporter, or each of them if there are several.",
		good:  "\"up\".",
		troubleshoot: "nothing new is recorded while the exporter is down. Does it run (systemctl status innius_exporter)? Can " +
			"Prometheus reach its port? The page Targets of Prometheus shows the error. \"not found\": in the last week no exporter " +
			"was scraped.",
	}, instantQuery("min(up and on (instance, job) last_over_time("+
		"innius_exporter_api_rate_limit_requests_per_hour{$exporters}[1w]))", "exporter"))
	p.mappings, p.noValue, p.options["textMode"] = oneIsGood("up", "exporter down"), "not found", "value"
	return p.sized(12, 22)
}

func innius() panel {
	p := tiles("innius", 3, 4, about{
		shows: "Whether each account can poll its sensors, or the reasons why one cannot. A pause after a 429 is no failure.",
		good:  "\"ok\".",
		troubleshoot: "the plant is shown as it was before. The table \"Accounts\" shows which account fails, the status page of " +
			"the exporter the error. not recorded: the exporter is down, or has had no response since it started.",
	}, instantQuery("min(innius_up{$exporters}) == 1", "ok"),
		instantQuery("max by (reason) (innius_exporter_account_failure{$exporters} == 1)", "{{reason}} fails"),
		instantQuery("absent(innius_up{$exporters})", notRecorded.word))
	p.options["textMode"] = "name"
	p.overrides = []object{colored("/^ok$/", good), colored("/fails$/", bad)}
	return p.sized(22, 22)
}

// statusAndGap ends with a space that does not break: in a wide tile the number follows the name.
const statusAndGap = "{{status}}\u00a0"

// countTiles colours the number of each status when it is not 0.
func countTiles(p panel, statuses []status) panel {
	for _, s := range statuses {
		p.overrides = append(p.overrides, object{
			"matcher": object{"id": "byRegexp", "options": "/^" + s.word + "/"}, "properties": []object{{
				"id": "thresholds", "value": object{"mode": "absolute", "steps": steps(idle, 1, s.color)},
			}},
		})
	}
	p.decimals, p.noValue = 0, notRecorded.word
	return p.sized(12, 30)
}

func machinesByStatus() panel {
	p := tiles("Machines by status", 8, 4, about{
		shows: "How many of the chosen machines have each status. off: every sensor is overdue; degraded: one is failing, or " +
			"overdue while others report; unknown: most sensors could not be polled.",
		good: "every machine is ok, or off on purpose.",
		troubleshoot: "the table below starts with the worst. If many are unknown, the cause is innius or the exporter: see the " +
			"dashboard Exporter.",
	}, instantQuery("sum by (status) (max by (company, machine, status) (innius_machine_status{$machines}))", statusAndGap))
	return countTiles(p, machineStatuses)
}

// sensorsByStatus counts the sensors of a selector. A status that no sensor has is left out.
func sensorsByStatus(width int, chosen string) panel {
	p := tiles("Sensors by status", width, 4, about{
		shows: "How many of the chosen sensors have each status. silent: no new reading for longer than silent_after (three " +
			"intervals); stale: the reading is too old to be exposed; delayed: its poll is late; failing: innius refuses it; " +
			"unreadable: text, or a time of unknown format; pending: not polled yet.",
		good: "nearly every sensor is current. Those of machines that are switched off become silent, then stale.",
		troubleshoot: "the tables list them. Text needs states or values in a rule of the exporter's config. failing or delayed: " +
			"the status page of the exporter shows the error.",
	}, instantQuery("count by (status) (max by (company, machine, sensor, status) (innius_sensor_status{"+chosen+"}))",
		statusAndGap))
	return countTiles(p, sensorStatuses)
}

var toChosenMachine = machineLink("__data.fields.", "instance", "company", "machine")

func machineTable() panel {
	p := table("Machines and their status", 15, about{
		shows: "Each machine with its status and for how long it has had it. Worst sensor: of those that are failing, silent, " +
			"stale or delayed, the one with the oldest reading; In trouble: how many they are.",
		good: "ok, or off on purpose.",
		troubleshoot: "click the name. Off by mistake: does it have power and network? Does innius show newer readings? Not " +
			"recorded: the exporter is down, or the machine was removed. Every machine twice: two exporters serve them.",
	}, []column{
		{field: "machine_name", title: "Machine", links: toChosenMachine},
		{field: "Value #A", title: "Status", width: 105, mappings: byIndex(machineStatuses...)},
		{field: "Value #B", title: "For", width: 75, unit: "s", decimals: 1, missing: "not known"},
		{field: "worst", title: "Worst sensor"},
		{field: "Value #D", title: "In trouble", width: 85, missing: "0"},
		{field: "Value #E", title: "Newest reading", width: 125, unit: "s", decimals: 1, missing: "none"},
		{field: "company_name", title: "Company", width: 130},
		{field: "instance", title: "Exporter", width: 120, links: statusPage()},
		{field: "company", hidden: true},
		{field: "machine", hidden: true},
	},
		tableQuery(machineStatus),
		tableQuery("time() - innius_machine_status_since_timestamp_seconds{$machines}"),
		tableQuery("label_join(topk by $byMachine (1, (time() - innius_sensor_timestamp_seconds{$machines})"+
			" * on $bySensor group_right () innius_sensor_status{$inTrouble}) * $sensorName,"+
			" `worst`, `: `, `sensor_name`, `status`)"),
		tableQuery("count by $byMachine (innius_sensor_status{$machines, $inTrouble})"),
		tableQuery("time() - max by $byMachine (innius_sensor_timestamp_seconds{$machines})"),
	).sorted("Status")
	p.width = 15
	return p
}

func alertTable() panel {
	severities := []status{{"critical", bad}, {"warning", "yellow"}, {"info", "blue"}}
	p := table("Firing alerts", 15, about{
		shows: "Alerts of the exporter's rules that fire, with the time since their condition began.",
		good:  "none.",
		troubleshoot: "docs/runbook.md of the exporter has a section for each. Without the rules of its directory prometheus there " +
			"are no alerts.",
	}, []column{
		noneColumn,
		{field: "machine_name", title: "Machine", links: toChosenMachine},
		{field: "sensor_name", title: "Sensor"},
		{field: "account", title: "Account"},
		{field: "receiver", title: "Receiver"},
		{field: "instance", title: "Exporter"},
		{field: "alertname", title: "Alert", width: 150},
		{field: "Value #A", title: "For", width: 75, unit: "s", decimals: 1, missing: "–"},
		{field: "severity", title: "Severity", width: 75, mappings: byWord(severities...)},
		{field: "company", hidden: true},
		{field: "machine", hidden: true},
	},
		tableQuery("time() - ("+
			"ALERTS_FOR_STATE{sensor!=``} * on (company, machine, sensor) group_left (machine_name, sensor_name)"+
			" topk by (company, machine, sensor) (1, innius_sensor_info)"+
			" or ALERTS_FOR_STATE{sensor=``, machine!=``} * on (company, machine) group_left (machine_name)"+
			" topk by (company, machine) (1, innius_machine_info)"+
			" or ALERTS_FOR_STATE{machine=``}"+
			") and on (alertname, instance, account, receiver, company, machine, sensor) ALERTS{"+machineAlerts+"}"+
			orRow("No alert fires", "vector(1)")),
	).sorted("For")
	p.width = 9
	return p
}

func troubleTable() panel {
	const trouble = "innius_sensor_status{$machines, $inTrouble}" +
		" unless on $byMachine innius_machine_status{status=~`off|unknown`} == 1"
	return table("Sensors in trouble", 8, about{
		shows: "Sensors that are failing, silent, stale or delayed, of machines that are neither off nor unknown, with the age of " +
			"their newest reading.",
		good: "none.",
		troubleshoot: "failing: innius refuses the sensor; the status page of the exporter shows why. silent or stale: has innius " +
			"newer readings? Then check the sensor and its cable. If it reports irregularly, give it a longer silent_after.",
	}, []column{
		noneColumn,
		{field: "machine_name", title: "Machine", links: toChosenMachine},
		{field: "sensor_name", title: "Sensor", links: machineLink("__data.fields.", "instance", "company", "machine", "sensor")},
		{field: "status", title: "Status", width: 110, mappings: byWord(sensorStatuses...)},
		{field: "Value #A", title: "Age of reading", width: 130, unit: "s", decimals: 1, missing: "–"},
		{field: "company_name", title: "Company"},
		{field: "instance", title: "Exporter", width: 140, links: statusPage()},
		{field: "company", hidden: true},
		{field: "machine", hidden: true},
		{field: "sensor", hidden: true},
	},
		tableQuery("(time() - innius_sensor_timestamp_seconds) * on $bySensor group_right () ("+trouble+")"+
			" * on $bySensor group_left (sensor_name, machine_name, company_name) innius_sensor_info"+
			orRow("No sensor of a machine that is ok or degraded", "count(innius_sensor_status{$machines})")),
	).sorted("Age of reading")
}

// machineTimeline is of few machines, so that each bar is tall enough to read.
func machineTimeline() panel {
	p := timeline("Machines that were not always ok", 18, about{
		shows: "The status over time of the machines that were ok for the least time, at most 30. Dark grey means that nothing was " +
			"recorded: the exporter or Prometheus was not running.",
		good: "\"No data\", or long green and grey bars that follow the shifts.",
		troubleshoot: "short stripes of yellow: a sensor reports irregularly; give it a longer silent_after. Every machine purple " +
			"at once: the account failed. One machine yellow: check its sensors.",
	}, byIndex(machineStatuses...), rangeQuery("max by (company, company_name, machine, machine_name) (("+machineStatus+")"+
		" and on $byMachine bottomk(30, avg_over_time(innius_machine_status{$machines, status=`ok`}[$__range] @ end()) < 1))",
		"{{machine_name}} · {{company_name}}"))
	p.links, p.noValue = machineLink("__field.labels.", "company", "machine"), "Every machine was always ok, or nothing was recorded"
	return p
}

// accountTable has a row for each account of each exporter. Accounts of one company share its age.
func accountTable(height int, more []column, targets ...object) panel {
	columns := []column{
		{field: "account", title: "Account"},
		{field: "Value #A", title: "Status", width: 130, mappings: byIndex(accountStatuses...)},
		{field: "company_name", title: "Company"},
		{field: "Value #C", title: "Sensors", width: 75},
		{field: "Value #D", title: "In trouble", width: 80, missing: "0"},
		{field: "Value #E", title: "Age (95 %)", width: 90, unit: "s", decimals: 1},
		{field: "instance", title: "Exporter", width: 140, links: statusPage()},
	}
	targets = append([]object{
		tableQuery(accountStatus),
		tableQuery("max by (instance, job, account, company_name) (innius_account_info{$exporters})"),
		tableQuery("sum by $byAccount (innius_exporter_sensors{$exporters, status!=`excluded`})"),
		tableQuery("sum by $byAccount (innius_exporter_sensors{$exporters, $inTrouble})"),
		tableQuery("innius_account_info{$exporters} * on $byCompany group_left () quantile by $byCompany (0.95," +
			" time() - innius_sensor_timestamp_seconds and innius_sensor_value)"),
	}, targets...)
	return table("Accounts", height, about{
		shows: "Each account with its status, the number of its sensors, and how many of them are failing, silent, stale or " +
			"delayed. 95 % of the values of its company are younger than the age.",
		good: "\"ok\"; the numbers match the plant; the age is near the cycle on the exporter's status page.",
		troubleshoot: "key: it is revoked or wrong; replace the file, without a restart. network: URL, DNS, proxy, firewall. " +
			"server: innius responds with 5xx; wait, values keep their times. invalid_response: innius_exporter check api shows what " +
			"to set in endpoints and fields. paused: too many requests; see \"Requests per hour\". not recorded: the exporter is down.",
	}, append(columns, more...), targets...).sorted("Status")
}
