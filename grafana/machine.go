package grafana

func machineDashboard() Dashboard {
	return board{
		uid: machineUID, title: "innius / Machine",
		description: "The sensors of the chosen machines: newest values, courses by unit, ages and states.",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(), companyVariable(), machineVariable(), sensorVariable(), unitVariable(),
		},
		links: []object{toPlant(), toExporter()},
		lines: [][]panel{
			{chosenMachines(), sensorsByState(10, 5)},
			{valueTiles()},
			row("Values by unit"),
			{valuesByUnit()},
			row("Ages and states"),
			{sensorTimeline()},
			{ages(), intervals()},
			row("All readings"),
			{newestValues(12)},
		},
	}.dashboard()
}

// machineVariable has no All: a plant can have too many sensors for one page.
func machineVariable() object {
	return oneOf("machine", "Machine", "label_values(innius_machine_info{"+companies+"}, machine)")
}

// withUnit are the chosen sensors' infos, with a text for a missing unit, and for the 1 that counts have.
var withUnit = fill("label_replace($info, `unit`, `" + noUnit + "`, `unit`, `1|`)")

// unitVariable offers the units of the chosen sensors that ever had a number.
func unitVariable() object {
	v := oneOf("unit", "Unit", "query_result(count by (unit) ("+withUnit+
		fill(" and on $bySensor $measured))"))
	v["regex"] = `/unit="([^"]*)"/`
	v["includeAll"], v["allValue"] = true, anything
	v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

func chosenMachines() panel {
	p := table("Chosen machines", 5, about{
		shows: "The state of each chosen machine, that of its worst sensor or off where all of them are silent; how many are silent; and how long " +
			"ago its newest reading was measured.",
		good: "reporting, none silent, a newest reading of seconds or minutes; or off where it is meant to be.",
		ifNot: "the bars under \"Ages and states\" show which sensors, and since when. Is the machine without power, or without network? All machines " +
			"unknown: see the dashboard Exporter.",
	}, []column{
		{field: "Value #A", title: "State", width: 100, state: true},
		{field: "machine", title: "Machine"},
		{field: "Value #B", title: "Silent", width: 70, missing: "0"},
		{field: "Value #C", title: "Newest reading", width: 130, unit: "s", decimals: 1, missing: "never"},
	}, []string{"job", "instance", "company"},
		rows(machineState),
		rows(fill("sum by $byMachine ("+sensorState+" == bool 3)")),
		rows(fill("time() - max by $byMachine ($measured)")),
	).sorted(true, "State", "Silent")
	p.width = 14
	return p
}

// valueTiles writes each value with its own unit, which comes with the row: by the transformation "Rows to fields". It is
// repeated for each machine, for a tile has no room for two names.
func valueTiles() panel {
	value := fill("$value * on $bySensor group_left (unit) $info")
	titled := "label_replace(" + grafanaUnit(value) + ", `title`, `$1`, `sensor`, `(.*)`)"
	p := tiles("$machine: newest values", 24, 6, about{
		shows: "The newest value of each chosen sensor in its own unit. How old each is, the table at the end says.",
		good:  "a tile for each sensor that sends numbers.",
		ifNot: "a sensor without a tile has no value that is new enough, or sends text: the table at the end has it with its state. Where all are " +
			"missing the machine is off: see its bars below.",
	}, rows(titled))
	p.repeat, p.options["colorMode"], p.noValue = "machine", "none", "No value: the machine is off, its sensors are silent, or they send text"
	p.transformations = []object{{"id": "rowsToFields", "options": object{"mappings": []object{
		{"fieldName": "sensor", "handlerKey": "field.name"},
		{"fieldName": "title", "handlerKey": "displayName"},
		{"fieldName": "unit", "handlerKey": "unit"},
		{"fieldName": "Value", "handlerKey": "field.value"},
		{"fieldName": "Time", "handlerKey": "__ignore"},
	}}}}
	return p.sized(13, 18)
}

// valuesByUnit is repeated for each unit. Its second query tells the first one's unit in Grafana's words, by the
// transformation "Config from query results". It is empty where the first one is, or Grafana would draw it instead.
func valuesByUnit() panel {
	chosen := fill("label_replace(group by (instance, job) ($info), `unit`, `${unit:raw}`, ``, ``)")
	ofUnit := func(value string) string {
		return fill(value + " * on $bySensor group_left (unit) (" + withUnit + " and on (instance, job, unit) " + chosen + ")")
	}
	p := graph("Unit: $unit", 12, 10, about{
		shows: "The chosen sensors whose unit is the one in the title. A line stays level from one answer of innius to the next: readings between " +
			"them are not seen.",
		good: "lines without gaps while the machine runs.",
		ifNot: "a gap, or no line at all: the values were too old to be shown, or nothing was recorded; the bars below tell which. Long level " +
			"steps: the sensor is asked seldom; give it a weight or a max_age in the exporter's config.",
	},
		over(ofUnit("$value"), "{{sensor}} · {{machine}}"),
		rows(grafanaUnit("group by (unit) ("+ofUnit("present_over_time($value[$__range])")+")")),
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

// sensorTimeline is repeated for each machine, so that its lines need no more than the sensors' names.
func sensorTimeline() panel {
	p := timeline("$machine: its sensors in the last hours", 24, 10, about{
		shows: "The state of each chosen sensor over the time shown. A gap, or dark grey, means that nothing was recorded.",
		good:  "green while the machine runs; yellow and then red while it is off, if it reports only when it runs.",
		ifNot: "one sensor alone red: look at it and its cable. All of them at once: the machine, its gateway or its network. Purple: it could not be " +
			"asked, see the dashboard Exporter.",
	}, over(recorded(sensorState, "machine, sensor", fill("$info")), "{{sensor}}"))
	p.repeat = "machine"
	return p
}

func ages() panel {
	p := graph("Age of each reading", 12, 10, about{
		shows: "How long ago each newest reading was measured. It grows by a second a second and falls when a newer reading comes in.",
		good:  "saw-teeth, no higher than the sensor's interval and the exporter's cycle together.",
		ifNot: "one line that climbs: this sensor is silent. All climb: innius does not answer, or the machine is off. High saw-teeth for all: more " +
			"sensors than the allowance can refresh often; exclude some, or weigh those that matter.",
	}, over(age, "{{sensor}} · {{machine}}"))
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p.legend("lastNotNull", "max").highestFirst()
}

func intervals() panel {
	p := graph("How often each sensor reports", 12, 10, about{
		shows: "The interval of each sensor as the exporter has learned it, on a logarithmic scale.",
		good:  "level lines at what the sensor is set to.",
		ifNot: "a line that jumps: the sensor reports irregularly, and its state late means little. A sensor without a line: its pace is not learned " +
			"yet, or it never reported.",
	}, over(fill("$pace"), "{{sensor}} · {{machine}}"))
	p.unit, p.decimals = "s", 1
	p.custom["scaleDistribution"] = object{"type": "log", "log": 10}
	return p.legend("lastNotNull").highestFirst()
}
