package grafana

func machineDashboard() Dashboard {
	return board{
		uid: machineUID, title: "innius / Machine",
		description: "The sensors of the chosen machines: newest values, values over time by unit, ages, status and states.",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(), companyVariable(), machineVariable(), sensorVariable(),
			unitVariable(),
		},
		links: []object{toPlant(), toExporter()},
		rows: [][]panel{
			{chosenMachines(), sensorsByStatus(10, 5)},
			{valueTiles()},
			header("Values by unit"),
			{valuesByUnit()},
			header("Ages and status"),
			{sensorTimeline()},
			{ages(), intervals()},
			header("States"),
			{stateTimeline(), timeInStates()},
			header("All readings"),
			{newestValues(12)},
		},
	}.dashboard()
}

// machineVariable has no All: a plant can have too many sensors for one page.
func machineVariable() object {
	return oneOf("machine", "Machine", "label_values(innius_machine_info{"+companies+"}, machine)")
}

// infoWithUnit is the info of the chosen sensors, with a text for a missing unit and for 1, the unit of counts.
const infoWithUnit = "label_replace($info, `unit`, `" + noUnit + "`, `unit`, `1|`)"

// unitVariable offers the units of the chosen sensors that have had a number.
func unitVariable() object {
	v := oneOf("unit", "Unit", expand("query_result(count by (unit) ("+infoWithUnit+" and on $bySensor $timestamp))"))
	v["regex"] = `/unit="([^"]*)"/`
	v["includeAll"], v["allValue"] = true, anything
	v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

func chosenMachines() panel {
	p := table("Chosen machines", 5, about{
		shows: "The status of each chosen machine, how many of its sensors are silent or stale, and how long ago its newest " +
			"reading was measured.",
		good: "ok, no silent or stale sensor, a newest reading of seconds or minutes; or off on purpose.",
		troubleshoot: "the bars under \"Ages and status\" show which sensors, and since when. Does the machine have power and " +
			"network? If every machine is unknown, see the dashboard Exporter.",
	}, []column{
		{field: "Value #A", title: "Status", width: 100, mappings: mapped(machineStatuses...)},
		{field: "machine", title: "Machine"},
		{field: "Value #B", title: "Silent or stale", width: 110, missing: "0"},
		{field: "Value #C", title: "Newest reading", width: 130, unit: "s", decimals: 1, missing: "none"},
	}, []string{"job", "instance", "company"},
		tableQuery(machineStatus),
		tableQuery("sum by $byMachine (innius_sensor_status{$sensors, status=~`silent|stale`})"),
		tableQuery("time() - max by $byMachine ($timestamp)"),
	).sorted(true, "Status", "Silent or stale")
	p.width = 14
	return p
}

// valueTiles shows each value with its own unit, by the transformation "Rows to fields". It is repeated for each machine, because
// a tile has no room for two names.
func valueTiles() panel {
	value := "$value * on $bySensor group_left (unit) $info"
	titled := "label_replace(" + grafanaUnit(value) + ", `title`, `$1`, `sensor`, `(.*)`)"
	p := tiles("$machine: newest values", 24, 6, about{
		shows: "The newest value of each chosen sensor in its own unit. The table at the end shows their ages.",
		good:  "a tile for each sensor that sends numbers.",
		troubleshoot: "a sensor without a tile has no value that is new enough, or sends text: the table at the end shows its " +
			"status. If every tile is missing, the machine is off: see its bars below.",
	}, tableQuery(titled))
	p.repeat, p.options["colorMode"] = "machine", "none"
	p.noValue = "No value: the machine is off, its sensors are silent, or they send text"
	p.transformations = []object{{"id": "rowsToFields", "options": object{"mappings": []object{
		{"fieldName": "sensor", "handlerKey": "field.name"},
		{"fieldName": "title", "handlerKey": "displayName"},
		{"fieldName": "unit", "handlerKey": "unit"},
		{"fieldName": "Value", "handlerKey": "field.value"},
		{"fieldName": "Time", "handlerKey": "__ignore"},
	}}}}
	return p.sized(13, 18)
}

// valuesByUnit is repeated for each unit. Its second query gives the first one Grafana's id of the unit, by the transformation
// "Config from query results". It is empty when the first one is, because Grafana would show it as a line.
func valuesByUnit() panel {
	chosen := "label_replace(group by (instance, job) ($info), `unit`, `${unit:raw}`, ``, ``)"
	ofUnit := func(value string) string {
		return value + " * on $bySensor group_left (unit) (" + infoWithUnit + " and on (instance, job, unit) " + chosen + ")"
	}
	p := graph("Unit: $unit", 12, 10, about{
		shows: "The chosen sensors with the unit in the title. A line is level from one poll to the next: readings between two " +
			"polls are not shown.",
		good: "lines without gaps while the machine runs.",
		troubleshoot: "a gap, or no line at all: the values were stale, or nothing was recorded; the bars below show which. " +
			"Long level steps: the sensor is polled rarely; give it a weight or a max_age in the exporter's config.",
	},
		rangeQuery(ofUnit("$value"), "{{sensor}} · {{machine}}"),
		tableQuery(grafanaUnit("group by (unit) ("+ofUnit("present_over_time($value[$__range])")+")")),
	)
	p.noValue = "No value in this time: the machine was off, or its sensors were silent"
	p.custom["lineInterpolation"], p.custom["lineWidth"] = "stepAfter", 2
	p = p.legend("lastNotNull", "min", "max")
	p.repeat, p.perLine = "unit", 2
	p.transformations = []object{{"id": "configFromData", "options": object{
		"configRefId": "B", "applyTo": object{"id": "byFrameRefID", "options": "A"},
		"mappings": []object{
			{"fieldName": "unit", "handlerKey": "unit"},
			{"fieldName": "Time", "handlerKey": "__ignore"},
			{"fieldName": "Value", "handlerKey": "__ignore"},
			{"fieldName": "Value #B", "handlerKey": "__ignore"},
		},
	}}}
	return p
}

// sensorTimeline is repeated for each machine, so that its lines need only the names of the sensors.
func sensorTimeline() panel {
	p := timeline("$machine: its sensors in the last hours", 10, about{
		shows: "The status of each chosen sensor over time. A gap, or dark grey, means that nothing was recorded.",
		good:  "green while the machine runs; yellow and then red while it is off, if the sensor reports only while it runs.",
		troubleshoot: "one sensor yellow or red: check the sensor and its cable. All of them at once: the machine, its gateway " +
			"or its network. Purple: no poll succeeded, see the dashboard Exporter.",
	}, sensorStatuses, rangeQuery(withEnd(sensorStatus, "machine, sensor", "$info"), "{{sensor}}"))
	p.repeat = "machine"
	return p
}

func ages() panel {
	p := graph("Age of each reading", 12, 10, about{
		shows: "How long ago each newest reading was measured. It grows by a second per second and falls when a newer reading " +
			"arrives.",
		good: "a sawtooth, not higher than the sensor's interval plus the exporter's cycle.",
		troubleshoot: "one line rises: this sensor is silent. All rise: the account fails, or the machine is off. High peaks " +
			"for all: too many sensors for the rate limit; exclude some, or give the important ones a weight.",
	}, rangeQuery(age, "{{sensor}} · {{machine}}"))
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p.legend("lastNotNull", "max").highestFirst()
}

func intervals() panel {
	p := graph("How often each sensor reports", 12, 10, about{
		shows: "The reporting interval of each sensor as the exporter has learned it, on a logarithmic scale.",
		good:  "level lines at the interval that the sensor is set to.",
		troubleshoot: "a line that jumps: the sensor reports irregularly; give it a longer silent_after. A sensor without a " +
			"line: its interval is not learned yet, or it has not reported.",
	}, rangeQuery("$interval", "{{sensor}} · {{machine}}"))
	p.unit, p.decimals = "s", 1
	p.custom["scaleDistribution"] = object{"type": "log", "log": 10}
	return p.legend("lastNotNull").highestFirst()
}

// stateTimeline has a line for each state, because a value mapping cannot know the names of states.
func stateTimeline() panel {
	p := timeline("States in the last hours", 9, about{
		shows: "What sensors with states in the exporter's config report, with a line for each state. A line is level from one " +
			"poll to the next: short states between two polls are not shown, but counted in \"Time in each state\".",
		good: "at each time one blue bar for each sensor.",
		troubleshoot: "no blue bar: the state was stale, or nothing was recorded; a sensor that reports only on a change needs a " +
			"longer stale_after. Blue for other: add the text to states; /status shows it. No data: no chosen sensor has states.",
	}, nil, rangeQuery(withEnd("innius_sensor_state{$sensors}", "machine, sensor, state", "innius_sensor_state{$sensors}"),
		"{{sensor}}: {{state}} · {{machine}}"))
	p.width, p.mappings = 14, mapped(status{0, "another state, or none", idle}, status{1, "in this state", "blue"})
	return p
}

func timeInStates() panel {
	times := "increase(innius_sensor_state_seconds_total{$sensors}[$__range])"
	p := table("Time in each state", 9, about{
		shows: "How long each sensor with states in the exporter's config was in each of them, in the time range shown, and the " +
			"share of that time. States of any length count. unknown: readings were missed, or too old.",
		good: "times that match the shifts, and little that is unknown or other.",
		troubleshoot: "choose a time range of at least four polls: time is counted at each poll. Much is unknown: if the sensor " +
			"reports only on a change, give it a longer stale_after; else see \"Missed readings\" on the dashboard Exporter. Much " +
			"is other: add the texts to states.",
	}, []column{
		{field: "machine", title: "Machine"},
		{field: "sensor", title: "Sensor"},
		{field: "state", title: "State"},
		{field: "Value #A", title: "Time", width: 100, unit: "s", decimals: 1},
		{field: "Value #B", title: "Share", width: 80, unit: "percentunit", decimals: 1, missing: "none"},
	}, []string{"job", "instance", "company"},
		tableQuery("sum by $byState ("+times+")"),
		tableQuery("sum by $byState ("+times+") / on $bySensor group_left () sum by $bySensor ("+times+")"),
	).sorted(false, "Machine", "Sensor", "State")
	p.width, p.noValue = 10, "No chosen sensor has states in the exporter's config"
	return p
}
