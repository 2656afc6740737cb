package grafana

import "maps"

func machineDashboard() Dashboard {
	repeatedSensors := func(name, metric string) object { return hidden(sensorsWith(name, name, metric)) }
	return board{
		uid: machineUID, title: "innius / Machine", alerts: machineAlerts,
		description: "The sensors of one machine: their values, ages, statuses and states.",
		variables: []object{
			datasourceVariable(), instanceVariable(), companyVariable(), machineVariable(),
			sensorsWith("sensor", "Sensor", "innius_sensor_info"),
			hidden(withAll(values("unit", "Unit", "innius_sensor_info{$sensors, unit!~`1|`}"))),
			repeatedSensors("extremes", "innius_sensor_value_max"), repeatedSensors("states", "innius_sensor_state"),
		},
		links: []object{toPlant(), toExporter()},
		sections: []section{
			{rows: [][]panel{
				{exporterUp(), machineNow(), statusFor(), newestReading(), sensorsByStatus(10, "$sensors")},
				{valueTiles()},
				{sensorTable()},
			}},
			{title: "Values by unit", rows: [][]panel{{valuesByUnit()}}},
			{title: "Values without a unit", collapsed: true, rows: [][]panel{{valueGraph("No unit", "1|")}}},
			{title: "Trouble and ages", rows: [][]panel{{sensorTimeline()}, {ages()}}},
			{title: "Lowest and highest, of sensors with extremes", collapsed: true, rows: [][]panel{{extremes()}}},
			{title: "States, of sensors with states", collapsed: true, rows: [][]panel{{stateBars()}, {timeInStates()}}},
		},
	}.dashboard()
}

func machineNow() panel {
	p := tiles("Status", 4, 4, about{
		shows: "The status of the machine. off: every sensor is overdue; degraded: one is failing, or overdue while others report; " +
			"unknown: most sensors could not be polled.",
		good: "\"ok\", or \"off\" on purpose.",
		troubleshoot: "the tiles and bars below show which sensors, and since when. unknown: see the dashboard Exporter. \"not " +
			"recorded\": the exporter is down.",
	}, instantQuery("max by (status) (innius_machine_status{$machines}) == 1", "{{status}}"),
		instantQuery("absent(innius_machine_status{$machines})", notRecorded.word))
	p.options["textMode"], p.overrides = "name", coloredByStatus(machineStatuses)
	return p.sized(30, 30)
}

func statusFor() panel {
	return durationTile("For", 3, about{
		shows:        "For how long the machine has had this status.",
		good:         "hours, if it is ok.",
		troubleshoot: "if it changes often, a sensor reports irregularly; give it a longer silent_after.",
	}, "time() - max(innius_machine_status_since_timestamp_seconds{$machines})")
}

func newestReading() panel {
	return durationTile("Newest reading, ago", 4, about{
		shows:        "How long ago the newest reading of the chosen sensors was measured.",
		good:         "seconds or minutes while the machine runs.",
		troubleshoot: "the machine is off, or its sensors were not polled: see the status.",
	}, "time() - max(innius_sensor_timestamp_seconds{$sensors})")
}

func durationTile(title string, width int, a about, expr string) panel {
	p := tiles(title, width, 4, a, instantQuery(expr, title))
	p.unit, p.decimals, p.noValue, p.options["textMode"] = "s", 1, notRecorded.word, "value"
	return p.sized(12, 30)
}

// valueTiles shows each value with its unit and, if it is not current, its status, in query A. Its line ends with the value, so a
// sensor without one has its status in query B, and a text its state in query C.
func valueTiles() panel {
	const status = " * on $bySensor group_left (status)" +
		" label_replace(innius_sensor_status{$machines} @ end(), `status`, ``, `status`, `current`)"
	p := tiles("Newest values", 24, 8, about{
		shows: "The newest value of each sensor with its course in the time range shown, and its status if that is not current.",
		good:  "no coloured tile.",
		troubleshoot: "failing and delayed: the value was not polled since; the table below shows its age. silent or stale: check " +
			"the sensor. A dash: there is no number that is new enough.",
	}, rangeQuery(withoutUnit1("innius_sensor_value{$sensors}"+
		" * on $bySensor group_left (sensor_name, unit) innius_sensor_info{$machines}")+
		status+" and on $bySensor innius_sensor_value{$machines} @ end()", "{{sensor_name}} {{unit}} {{status}}"),
		instantQuery("innius_sensor_status{$sensors} * $sensorName{$machines}"+
			" unless on $bySensor (innius_sensor_value{$machines} or innius_sensor_state{$machines})",
			"{{sensor_name}} {{status}}"),
		instantQuery("innius_sensor_state{$sensors} * $sensorName{$machines}"+status+
			" == 1 unless on $bySensor innius_sensor_value{$machines}",
			"{{sensor_name}}: {{state}} {{status}}"))
	p.options["graphMode"], p.options["colorMode"], p.maxPoints, p.thresholds = "area", "value", 100, steps("text")
	p.overrides = append(coloredByStatus(sensorStatuses[:4]), noNumber("B"), noNumber("C"))
	p.noValue, p.ownRange = "The exporter is down, or the machine has no sensor", true
	return p.sized(13, 18)
}

// withoutUnit1 removes the unit 1, that of counts, which reads as a digit.
func withoutUnit1(series string) string {
	return "label_replace(" + series + ", `unit`, ``, `unit`, `1`)"
}

// noNumber shows a dash for each series of a query.
func noNumber(query string) object {
	return object{"matcher": object{"id": "byFrameRefID", "options": query}, "properties": []object{
		{"id": "mappings", "value": []object{{"type": "value", "options": object{"1": object{"text": "–", "index": 0}}}}},
	}}
}

func sensorTable() panel {
	p := table("Sensors", 14, about{
		shows: "The newest reading of each sensor, its age, the time since the last successful poll, and how often the sensor " +
			"reports. Lowest and highest, of sensors with extremes in the exporter's config: of the readings that arrived in the last " +
			"10 min. State: of sensors with states.",
		good: "every sensor is current, with an age near its interval, or near the cycle on the exporter's status page if the rate " +
			"limit is small.",
		troubleshoot: "silent, stale: it no longer reports. unreadable: it sends text that needs states or values in the config. " +
			"failing, delayed: the status page shows why. Every value is old: the rate limit is too small for so many sensors. Every " +
			"sensor twice: two exporters poll them; choose one above.",
	}, []column{
		{field: "Value #A", hidden: true}, // before B gets its name
		{field: "sensor_name", title: "Sensor"},
		{field: "Value #B", title: "Value", width: 85, missing: "none"},
		{field: "unit", title: "Unit", width: 60},
		{field: "state", title: "State", width: 80},
		{field: "status", title: "Status", width: 105, mappings: byWord(sensorStatuses...)},
		{field: "Value #C", title: "Age", width: 85, unit: "s", decimals: 1, missing: "none"},
		{field: "Value #D", title: "Last poll", width: 85, unit: "s", decimals: 1, missing: "none"},
		{field: "Value #E", title: "Reports every", width: 115, unit: "s", decimals: 1, missing: "not known"},
		{field: "Value #F", title: "Lowest", width: 85},
		{field: "Value #G", title: "Highest", width: 85},
		{field: "sensor_id", title: "Id", width: 120},
		{field: "instance", title: "Exporter", width: 125, links: statusPage()},
	},
		tableQuery(withoutUnit1("innius_sensor_status{$sensors}"+
			" * on $bySensor group_left (sensor_name, sensor_id, unit) innius_sensor_info{$sensors}"+
			" or on $bySensor label_replace(last_over_time(innius_sensor_info{$sensors}[$__range]), `status`, `not recorded`, ``, ``)")),
		tableQuery("max by $bySensor (innius_sensor_value{$sensors})"),
		tableQuery("time() - innius_sensor_timestamp_seconds{$sensors}"),
		tableQuery("time() - innius_sensor_last_success_timestamp_seconds{$sensors}"),
		tableQuery("max by $bySensor (innius_sensor_reporting_interval_seconds{$sensors})"),
		tableQuery("max by $bySensor (innius_sensor_value_min{$sensors})"),
		tableQuery("max by $bySensor (innius_sensor_value_max{$sensors})"),
		tableQuery("max by $byState (innius_sensor_state{$sensors} == 1)"),
	)
	p.options["sortBy"] = []object{{"displayName": "Sensor", "desc": false}}
	return p
}

// valueGraph shows the values of the chosen sensors with some units.
func valueGraph(title, unit string) panel {
	p := graph(title, "none", 12, 9, about{
		shows: "The chosen sensors with this unit. Readings between two polls are not shown.",
		good:  "lines without gaps while the machine runs.",
		troubleshoot: "a gap, or no line at all: the values were stale, or nothing was recorded; the bars below show which. Few " +
			"points: the sensor is polled rarely; give it a weight or a max_age in the exporter's config.",
	}, rangeQuery("innius_sensor_value{$sensors} * $sensorName{$machines, unit=~`"+unit+"`}",
		"{{sensor_name}}"))
	p.minimum, p.noValue = nil, "No value in this time"
	return p.legend("lastNotNull", "min", "max")
}

func valuesByUnit() panel {
	p := valueGraph("Unit: $unit", "${unit:regex}")
	p.repeat, p.perLine = "unit", 2
	return p
}

// sensorTimeline has a bar for each sensor and status. A series exists only while the sensor has the status, and a bar would last
// until the next point of its series: so the query adds points at all other times.
func sensorTimeline() panel {
	p := timeline("Sensors in trouble", 10, about{
		shows: "When each sensor was failing, silent, stale or delayed. Sensors that never were are left out.",
		good:  "\"No data\", or silent and stale only while the machine was off.",
		troubleshoot: "one sensor silent: check it and its cable. All of them at once: the machine, its gateway or its network. " +
			"delayed or failing: see the status page of the exporter.",
	}, byIndex(status{"no", "transparent"}), rangeQuery("(innius_sensor_status{$sensors, $inTrouble} or 0 *"+
		" max_over_time(innius_sensor_status{$sensors, $inTrouble}[$__range] @ end())) * on $bySensor group_left (sensor_name)"+
		" topk by $bySensor (1, last_over_time(innius_sensor_info{$machines}[$__range] @ end()))", "{{sensor_name}} {{status}}"))
	p.overrides, p.noValue = coloredByStatus(inTrouble), "No sensor was in trouble, or nothing was recorded"
	return p
}

func ages() panel {
	p := graph("Age of each reading", "s", 24, 10, about{
		shows: "How long ago each newest reading was measured, on a logarithmic scale. It grows by a second per second and falls " +
			"when a newer reading arrives.",
		good: "a sawtooth, not higher than the sensor's interval plus the exporter's cycle.",
		troubleshoot: "one line rises: this sensor is silent. All rise: the account fails, or the machine is off. High peaks for " +
			"all: too many sensors for the rate limit; exclude some, or give the important ones a weight.",
	}, rangeQuery("time() - innius_sensor_timestamp_seconds{$sensors} * $sensorName{$machines}", "{{sensor_name}}"))
	p.minimum, p.custom["scaleDistribution"] = nil, object{"type": "log", "log": 10}
	return p.legendRight()
}

// extremes shows a band around the value. fillBelowTo needs the name of the lower line.
func extremes() panel {
	p := graph("$extremes", "none", 12, 9, about{
		shows: "The value, in the band of the lowest and the highest reading: of those that arrived in the 10 min before each " +
			"point, also between two polls.",
		good: "a narrow band, and no peak outside of what the machine may do.",
		troubleshoot: "readings were missed if a poll's page was too small: see \"Missed readings\" on the dashboard Exporter. No " +
			"data: no chosen sensor has extremes in the exporter's config.",
	},
		rangeQuery("innius_sensor_value{$machines, sensor=~`${extremes:regex}`}", "value"),
		rangeQuery("innius_sensor_value_min{$machines, sensor=~`${extremes:regex}`}", "lowest"),
		rangeQuery("innius_sensor_value_max{$machines, sensor=~`${extremes:regex}`}", "highest"))
	p.minimum, p.repeat, p.perLine = nil, "extremes", 2
	p.overrides = []object{colored("/^lowest$/", "blue"), colored("/^highest$/", "blue"), {
		"matcher": object{"id": "byName", "options": "highest"}, "properties": []object{
			{"id": "custom.fillBelowTo", "value": "lowest"}, {"id": "custom.fillOpacity", "value": 25},
		},
	}}
	return p.legend("lastNotNull", "min", "max")
}

// stateBars stacks a bar of one colour per state, because a timeline could colour a text only by words known in advance. Usual
// words have fixed colours.
func stateBars() panel {
	p := graph("$states", "none", 12, 6, about{
		shows: "The state of the sensor over time, in a colour for each state. Short states between two polls are not shown, but " +
			"counted in \"Time in each state\".",
		good: "at each time one bar of full height.",
		troubleshoot: "a gap: the state was stale, or nothing was recorded; a sensor that reports only on a change needs a longer " +
			"stale_after. other: add the text to states; the status page shows it. No data: no chosen sensor has states.",
	}, rangeQuery("max by (state) (innius_sensor_state{$machines, sensor=~`${states:regex}`}) == 1", "{{state}}"))
	p.maximum, p.maxPoints, p.repeat, p.perLine = 1, 200, "states", 2
	p = p.stacked().legendList()
	maps.Copy(p.custom, object{
		"drawStyle": "bars", "barWidthFactor": 1, "lineWidth": 0, "fillOpacity": 80, "axisPlacement": "hidden",
	})
	p.overrides = []object{
		colored("/^(run|on|auto|prod)/i", good), colored("/^(stop|off|idle|stand|pause)/i", "#7d8590"),
		colored("/^(fault|fail|err|alarm|trip)/i", bad), colored("/^other$/", "purple"),
	}
	return p
}

func timeInStates() panel {
	const times = "increase(innius_sensor_state_seconds_total{$sensors}[$__range])"
	p := table("Time in each state", 9, about{
		shows: "How long each sensor with states in the exporter's config was in each of them, in the time range shown, and the " +
			"share of that time: its availability. States of any length count. unknown: readings were missed, or too old.",
		good: "times that match the shifts, and little that is unknown or other.",
		troubleshoot: "choose a time range of at least four polls: time is counted at each poll. Much is unknown: if the sensor " +
			"reports only on a change, give it a longer stale_after; else see \"Missed readings\" on the dashboard Exporter.",
	}, []column{
		noneColumn,
		{field: "sensor_name", title: "Sensor"},
		{field: "state", title: "State"},
		{field: "Value #A", title: "Time", width: 100, unit: "s", decimals: 1, missing: "–"},
		{field: "Value #B", title: "Share", width: 80, unit: "percentunit", decimals: 1, missing: "–"},
		{field: "instance", title: "Exporter", width: 140},
	},
		tableQuery(times+" * $sensorName"+orRow("No sensor has states", "count(innius_sensor_info{$sensors})")),
		tableQuery(times+" / on $bySensor group_left () sum by $bySensor ("+times+")"),
	)
	p.options["sortBy"] = []object{{"displayName": "Sensor", "desc": false}, {"displayName": "State", "desc": false}}
	return p
}
