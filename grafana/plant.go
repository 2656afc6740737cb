package grafana

import "strconv"

func plantDashboard() Dashboard {
	return board{
		uid: plantUID, title: "innius / Plant",
		description: "Does the plant report, and what is wrong? From here to a machine: click its name.",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(), companyVariable(), machinesVariable(), sensorVariable(),
		},
		links: []object{toMachine(), toExporter()},
		lines: [][]panel{
			{inniusAnswers(4), machinesByState(), sensorsByState(10, 4)},
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

func inniusAnswers(width int) panel {
	p := tiles("innius answers", width, 4, about{
		shows: "Whether innius answers the exporter, for each account.",
		good:  "\"yes\", in green.",
		ifNot: "what is shown of the plant is from before: open the dashboard Exporter, which says why. \"No data\" means that the " +
			"exporter itself is gone, or has not heard from innius since it started.",
	}, now("max by (account) (innius_up{"+exporters+"})", "{{account}}"))
	p.mappings = yesNo("yes", "no")
	return p
}

// countTiles counts by state: green or grey what needs no attention, coloured what does, grey where there is none.
func countTiles(p panel, shown []state, count func(code int) string) panel {
	for _, s := range shown {
		p.targets = append(p.targets, now(count(s.code), s.text))
		p.overrides = append(p.overrides, named(s.text, object{
			"id": "thresholds", "value": object{"mode": "absolute", "steps": steps(idle, 1, s.color)},
		}))
	}
	p.decimals = 0
	return p.sized(12, 30)
}

func machinesByState() panel {
	p := tiles("Machines by state", 10, 4, about{
		shows: "How many of the chosen machines are in each state. \"late\" and \"silent\": at least one of its sensors is; \"off\": all of " +
			"them are; \"unknown\": values are missing, but not by the sensors' fault.",
		good: "all machines are reporting, or off where they are meant to be.",
		ifNot: "the table of machines below has the worst on top. Where many are \"unknown\", innius or the exporter is at fault: see the " +
			"dashboard Exporter.",
	})
	return countTiles(p, []state{states[1], states[2], states[3], states[4], states[5]}, func(code int) string {
		return "sum(max by (company, machine) (" + machineState + " == bool " + strconv.Itoa(code) + "))"
	})
}

func sensorsByState(width, height int) panel {
	p := tiles("Sensors by state", width, height, about{
		shows: "How many of the chosen sensors are in each state. A sensor is late when it gave nothing new for more than three of its " +
			"intervals though innius was asked; silent when its value is too old to be shown, too. \"no number\": it sends text, or " +
			"has not been asked yet.",
		good: "nearly all are reporting. Those of machines that are switched off are silent.",
		ifNot: "\"Sensors late or silent\" lists them. Text becomes numbers with values in a rule of the exporter's config. \"unknown\": " +
			"see the dashboard Exporter.",
	})
	return countTiles(p, []state{states[1], states[2], states[3], states[0], states[5]}, func(code int) string {
		return "sum(max by (company, machine, sensor) (" + sensorState + " == bool " + strconv.Itoa(code) + "))"
	})
}

func machineTiles() panel {
	p := tiles("Machines", 24, 6, about{
		shows: "The state of each machine: that of its worst sensor, or off where all of its sensors are silent. Click one to open it.",
		good:  "green, or grey (off) where the machine is meant to be off.",
		ifNot: "yellow (late): it has begun to be silent; red (silent): some of its sensors are, while others report: look for what they " +
			"have in common, a gateway or a cable. Purple (unknown): it could not be asked.",
	}, now("max by (company, machine) ("+machineState+")", "{{machine}}"))
	p.mappings = mapped(states...)
	p.links = machineLink("__field.labels.company", "__field.labels.machine")
	return p.sized(12, 16)
}

func machineTable() panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	return table("Machines: what each reports", 11, about{
		shows: "Each machine with its state, how many of its sensors are late or silent, and how old its newest reading is. A click on a name " +
			"opens the machine.",
		good: "state \"reporting\", none late or silent, and a newest reading of seconds or minutes.",
		ifNot: "open the machine: its last hours show since when. A machine that is off and should not be: is it without power, or without " +
			"network? innius' own app shows whether anything arrives. All machines twice: two exporters serve them; choose one above.",
	}, []column{
		{field: "Value #A", title: "State", width: 110, state: true},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "Value #B", title: "Sensors", width: 80, missing: "0"},
		{field: "Value #C", title: "Late", width: 65, missing: "0"},
		{field: "Value #D", title: "Silent", width: 70, missing: "0"},
		{field: "Value #E", title: "Newest reading", width: 130, unit: "s", decimals: 1, missing: "never"},
	}, []string{"job", "instance"},
		rows(machineState),
		rows(fill("count by $byMachine ($info)")),
		rows(fill("sum by $byMachine ("+sensorState+" == bool 2)")),
		rows(fill("sum by $byMachine ("+sensorState+" == bool 3)")),
		rows(fill("time() - max by $byMachine ($measured)")),
	).sorted(true, "State", "Silent", "Late")
}

func overdueSensors() panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	found := "(" + sensorState + " > 1 < 4)"
	p := table("Sensors late or silent", 9, about{
		shows: "Sensors that gave nothing new for more than three of their intervals though innius was asked. Our own outages are not in it, " +
			"nor are sensors that send text.",
		good: "none: the table is empty. Those of machines that are switched off belong here.",
		ifNot: "is the machine off? Else the sensor or its way to innius is broken: look at it in innius' own app, then at the cable. \"never\": " +
			"it has not reported since it was set up.",
	}, []column{
		{field: "Value #A", title: "State", width: 110, state: true},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "sensor", title: "Sensor"},
		{field: "Value #B", title: "Silent for", width: 130, unit: "s", decimals: 1, missing: "never reported"},
		{field: "Value #C", title: "Reports every", width: 130, unit: "s", decimals: 1, missing: "not known"},
	}, []string{"job", "instance"},
		rows(found),
		rows(age+" and "+found),
		rows(fill("sum by $bySensor ($pace)")+" and "+found),
	).sorted(true, "State", "Silent for")
	p.noValue = "No sensor is late or silent"
	return p
}

func machineTimeline() panel {
	p := timeline("Machines in the last hours", 24, 9, about{
		shows: "The state of each machine over the time shown. A gap, or dark grey, means that nothing was recorded: the exporter or Prometheus was not " +
			"running.",
		good: "long green and grey bars that follow the shifts.",
		ifNot: "short stripes of yellow: a sensor reports more irregularly than learned. All machines purple at once: innius did not answer. " +
			"One machine red: look at its sensors.",
	}, over(recorded(machineState, "company, machine", fill("$machine_info")), "{{machine}}"))
	p.links = machineLink("__field.labels.company", "__field.labels.machine")
	return p
}

// newestValues is the table of readings, in the sensors' own units as innius writes them.
func newestValues(height int) panel {
	link := machineLink("__data.fields.company", "__data.fields.machine")
	return table("Newest values", height, about{
		shows: "The newest reading of each sensor, when it was measured and how often the sensor reports. Values are as old as the column Age " +
			"says: the exporter asks for one sensor at a time.",
		good: "every sensor has a value whose age is near its interval, or near the cycle that the exporter's status page names where the allowance " +
			"is small.",
		ifNot: "\"none\" with state silent: it reports no more. With \"no number\": it sends text. All values old: the allowance is too small " +
			"for so many sensors, see the dashboard Exporter. All sensors twice: two exporters ask " +
			"for them; choose one above.",
	}, []column{
		{field: "Value #A", title: "State", width: 95, state: true},
		{field: "company", title: "Company", links: link},
		{field: "machine", title: "Machine", links: link},
		{field: "sensor", title: "Sensor"},
		{field: "Value #B", title: "Value", width: 85, missing: "none"},
		{field: "unit", title: "Unit", width: 60},
		{field: "Value #C", title: "Age", width: 85, unit: "s", decimals: 1, missing: "never"},
		{field: "Value #D", title: "Reports every", width: 115, unit: "s", decimals: 1, missing: "not known"},
	}, []string{"job", "instance", "Value #E"},
		rows(sensorState),
		rows(fill("sum by $bySensor ($value)")),
		rows(age),
		rows(fill("sum by $bySensor ($pace)")),
		rows(fill("sum by (instance, job, company, machine, sensor, unit) ($info)")),
	).sorted(false, "Machine", "Sensor")
}

func companyTable() panel {
	return table("Companies", 5, about{
		shows: "Each company with its account, and how many machines and sensors it has. Of its values, 95 % are younger than the age.",
		good:  "\"yes\"; the numbers are what the plant has; the age is near the cycle of the exporter's status page.",
		ifNot: "\"no\": open the dashboard Exporter. A company is missing: its account has not heard from innius yet. Machines are missing: " +
			"they are filtered in the exporter's config, or the key may not see them.",
	}, []column{
		{field: "Value #A", title: "Answers", width: 90, mappings: yesNo("yes", "no")},
		{field: "company", title: "Company"},
		{field: "account", title: "Account", width: 100},
		{field: "Value #B", title: "Machines", width: 90},
		{field: "Value #C", title: "Off", width: 55},
		{field: "Value #D", title: "Sensors", width: 75},
		{field: "Value #E", title: "Silent", width: 65},
		{field: "Value #F", title: "Age (95 %)", width: 100, unit: "s", decimals: 1},
		{field: "instance", title: "Exporter", width: 140},
	}, []string{"job"},
		rows(fill("sum by (instance, job, account, company) ($account_info * on $byAccount group_left () $up)")),
		rows(fill("count by $byCompany ($machine_info)")),
		rows(fill("sum by $byCompany ("+machineState+" == bool 4)")),
		rows(fill("count by $byCompany ($info)")),
		rows(fill("sum by $byCompany ("+sensorState+" == bool 3)")),
		rows(fill("quantile by $byCompany (0.95, "+age+" and $value)")),
	).sorted(false, "Company")
}
