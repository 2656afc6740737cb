package grafana

func plantDashboard() Dashboard {
	return board{
		uid: plantUID, title: "innius / Plant",
		description: "The status of machines and sensors, and their newest values. Click a name to open its machine.",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(), companyVariable(), machinesVariable(), sensorVariable(),
		},
		links: []object{toMachine(), toExporter()},
		rows: [][]panel{
			{accountsUp(), machinesByStatus(), sensorsByStatus(10, 4)},
			{machineTiles()},
			{machineTable()},
			{overdueSensors()},
			{machineTimeline()},
			{newestValues(14)},
			{companyTable()},
		},
	}.dashboard()
}

func machinesVariable() object {
	return labelVariable("machine", "Machine", "innius_machine_info{"+companies+"}")
}

func accountsUp() panel {
	p := tiles("Accounts", 4, 4, about{
		shows: "Whether each account can poll its sensors.",
		good:  "\"ok\", in green.",
		troubleshoot: "the plant is shown as it was before: open the dashboard Exporter, which shows the reason. \"No data\" " +
			"means that the exporter is not scraped, or has had no response from innius since it started.",
	}, instantQuery("max by (account) (innius_up{"+exporters+"})", "{{account}}"))
	p.mappings = oneIsGood("ok", "FAILS")
	return p
}

// countTiles shows a number for each status, coloured when it is not 0.
func countTiles(p panel, statuses []status, count func(word string) string) panel {
	for _, s := range statuses {
		p.targets = append(p.targets, instantQuery(count(s.word), s.word))
		p.overrides = append(p.overrides, named(s.word, object{
			"id": "thresholds", "value": object{"mode": "absolute", "steps": steps(idle, 1, s.color)},
		}))
	}
	p.decimals = 0
	return p.sized(12, 30)
}

func machinesByStatus() panel {
	p := tiles("Machines by status", 10, 4, about{
		shows: "How many of the chosen machines have each status. off: every sensor is overdue; degraded: one is failing, or " +
			"overdue while others report; unknown: most sensors could not be polled.",
		good: "every machine is ok, or off on purpose.",
		troubleshoot: "the table of machines below starts with the worst. If many are unknown, the cause is innius or the " +
			"exporter: see the dashboard Exporter.",
	})
	return countTiles(p, machineStatuses, func(word string) string {
		return "sum(max by (company, machine) (innius_machine_status{$machines, status=`" + word + "`}))"
	})
}

func sensorsByStatus(width, height int) panel {
	p := tiles("Sensors by status", width, height, about{
		shows: "How many of the chosen sensors have each status. silent: no new reading for longer than silent_after (three " +
			"intervals); stale: the reading is too old to be exposed; delayed: its poll is late; pending: not polled yet; " +
			"unreadable: text, or a time of unknown format.",
		good: "nearly every sensor is current. Those of machines that are switched off become silent, then stale.",
		troubleshoot: "\"Silent and stale sensors\" lists them. Text needs states or values in a rule of the exporter's " +
			"config. delayed or failing: see the dashboard Exporter.",
	})
	return countTiles(p, sensorStatuses, func(word string) string {
		by := "max by (company, machine, sensor) "
		return "sum(" + by + "(innius_sensor_status{$sensors, status=`" + word + "`}) or 0 * " + by + "($info))"
	})
}

func machineTiles() panel {
	p := tiles("Machines", 24, 6, about{
		shows: "The status of each machine. Click one to open it.",
		good:  "green, or grey (off) if the machine is off on purpose.",
		troubleshoot: "yellow (degraded): one or more sensors are silent or failing while others report. What do they have in " +
			"common, a gateway or a cable? Purple (unknown): the sensors could not be polled.",
	}, instantQuery("max by (company, machine) ("+machineStatus+")", "{{machine}}"))
	p.mappings = mapped(machineStatuses...)
	p.links = machineLink("__field.labels.company", "__field.labels.machine")
	return p.sized(12, 16)
}

func machineTable() panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	return table("Machines and their status", 11, about{
		shows: "Each machine with its status and for how long it has had it, how many of its sensors are silent or stale, and " +
			"the age of its newest reading.",
		good: "status ok, no silent or stale sensor, and a newest reading of seconds or minutes.",
		troubleshoot: "click the name: the machine's timeline shows since when. If a machine is off by mistake, does it have " +
			"power and network? Does innius show newer readings? Every machine twice: two exporters serve them; choose one " +
			"above.",
	}, []column{
		{field: "Value #A", title: "Status", width: 100, mappings: mapped(machineStatuses...)},
		{field: "Value #B", title: "For", width: 90, unit: "s", decimals: 1, missing: "unknown"},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "Value #C", title: "Sensors", width: 80, missing: "0"},
		{field: "Value #D", title: "Silent", width: 70, missing: "0"},
		{field: "Value #E", title: "Stale", width: 65, missing: "0"},
		{field: "Value #F", title: "Newest reading", width: 130, unit: "s", decimals: 1, missing: "none"},
	}, []string{"job", "instance"},
		tableQuery(machineStatus),
		tableQuery("time() - sum by $byMachine (innius_machine_status_since_timestamp_seconds{$machines})"),
		tableQuery("count by $byMachine ($info)"),
		tableQuery("sum by $byMachine (innius_sensor_status{$sensors, status=`silent`})"),
		tableQuery("sum by $byMachine (innius_sensor_status{$sensors, status=`stale`})"),
		tableQuery("time() - max by $byMachine ($timestamp)"),
	).sorted(true, "Status", "Silent", "Stale")
}

func overdueSensors() panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	p := table("Silent and stale sensors", 9, about{
		shows: "Sensors that had no new reading when they were polled, or whose reading is too old to be exposed. An outage " +
			"makes no sensor silent.",
		good: "an empty table, or only sensors of machines that are switched off.",
		troubleshoot: "is the machine off? If not, check whether innius has newer readings of the sensor, then the sensor and " +
			"its cable. If it reports irregularly, give it a longer silent_after.",
	}, []column{
		{field: "Value #A", title: "Status", width: 110, mappings: mapped(sensorStatuses...)},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "sensor", title: "Sensor"},
		{field: "Value #B", title: "Age of reading", width: 130, unit: "s", decimals: 1, missing: "none"},
		{field: "Value #C", title: "Reports every", width: 130, unit: "s", decimals: 1, missing: "not known"},
	}, []string{"job", "instance"},
		tableQuery(overdueStatus),
		tableQuery(age+" and on "+bySensor+" "+overdueStatus),
		tableQuery("sum by $bySensor ($interval)"+" and "+overdueStatus),
	).sorted(true, "Status", "Age of reading")
	p.noValue = "No sensor is silent or stale"
	return p
}

func machineTimeline() panel {
	p := timeline("Machines in the last hours", 9, about{
		shows: "The status of each machine over time. A gap, or dark grey, means that nothing was recorded: the exporter or " +
			"Prometheus was not running.",
		good: "long green and grey bars that follow the shifts.",
		troubleshoot: "short stripes of yellow: a sensor reports irregularly; give it a longer silent_after. Every machine " +
			"purple at once: the account failed. One machine yellow: check its sensors.",
	}, machineStatuses, rangeQuery(withEnd(machineStatus, "company, machine", "$machineInfo"), "{{machine}}"))
	p.links = machineLink("__field.labels.company", "__field.labels.machine")
	return p
}

// newestValues is a table of readings, in the sensors' own units as innius writes them.
func newestValues(height int) panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	return table("Newest values", height, about{
		shows: "The newest reading of each sensor, its age, the time since the last successful poll, and how often the sensor " +
			"reports. The exporter polls one sensor at a time, so ages differ. Lowest and highest, of sensors with extremes in the " +
			"exporter's config: of the readings that arrived in the last 10 min. State: of sensors with states in the config.",
		good: "every sensor has a value whose age is near its interval, or near the cycle on the exporter's status page if the " +
			"rate limit is small.",
		troubleshoot: "\"none\" and silent or stale: it no longer reports. \"none\" and unreadable: it sends text that needs states " +
			"in the config. Every value is old: the rate limit is too small for so many sensors, see the dashboard Exporter. Every " +
			"sensor twice: two exporters poll them; choose one above.",
	}, []column{
		{field: "Value #A", title: "Status", width: 95, mappings: mapped(sensorStatuses...)},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "sensor", title: "Sensor"},
		{field: "Value #B", title: "Value", width: 85, missing: "none"},
		{field: "unit", title: "Unit", width: 60},
		{field: "state", title: "State", width: 80},
		{field: "Value #G", title: "Lowest", width: 85},
		{field: "Value #H", title: "Highest", width: 85},
		{field: "Value #C", title: "Age", width: 85, unit: "s", decimals: 1, missing: "none"},
		{field: "Value #D", title: "Last poll", width: 85, unit: "s", decimals: 1, missing: "none"},
		{field: "Value #E", title: "Reports every", width: 115, unit: "s", decimals: 1, missing: "not known"},
	}, []string{"job", "instance", "Value #F", "Value #I"},
		tableQuery(sensorStatus),
		tableQuery("sum by $bySensor ($value)"),
		tableQuery(age),
		tableQuery("time() - sum by $bySensor ($lastSuccess)"),
		tableQuery("sum by $bySensor ($interval)"),
		tableQuery("sum by (instance, job, company, machine, sensor, unit) ($info)"),
		tableQuery("sum by $bySensor (innius_sensor_value_min{$sensors})"),
		tableQuery("sum by $bySensor (innius_sensor_value_max{$sensors})"),
		tableQuery("sum by $byState (innius_sensor_state{$sensors} == 1)"),
	).sorted(false, "Machine", "Sensor")
}

func companyTable() panel {
	return table("Companies", 5, about{
		shows: "Each company with its account, and its numbers of machines and sensors. 95 % of its values are younger than " +
			"the age.",
		good: "\"ok\"; the numbers match the plant; the age is near the cycle on the exporter's status page.",
		troubleshoot: "\"FAILS\": open the dashboard Exporter. A company is missing: its account has had no response from " +
			"innius yet. Machines are missing: they are excluded in the exporter's config, or the key has no permission for " +
			"them.",
	}, []column{
		{field: "Value #A", title: "Account", width: 90, mappings: oneIsGood("ok", "FAILS")},
		{field: "company", title: "Company"},
		{field: "account", title: "Account name", width: 115},
		{field: "Value #B", title: "Machines", width: 90},
		{field: "Value #C", title: "Off", width: 55},
		{field: "Value #D", title: "Sensors", width: 75},
		{field: "Value #E", title: "Silent or stale", width: 110, missing: "0"},
		{field: "Value #F", title: "Age (95 %)", width: 100, unit: "s", decimals: 1},
		{field: "instance", title: "Exporter", width: 140},
	}, []string{"job"},
		tableQuery("sum by (instance, job, account, company) ($accountInfo * on $byAccount group_left () $up)"),
		tableQuery("count by $byCompany ($machineInfo)"),
		tableQuery("sum by $byCompany (innius_machine_status{$machines, status=`off`})"),
		tableQuery("count by $byCompany ($info)"),
		tableQuery("sum by $byCompany (innius_sensor_status{$sensors, status=~`silent|stale`})"),
		tableQuery("quantile by $byCompany (0.95, "+age+" and $value)"),
	).sorted(false, "Company")
}
