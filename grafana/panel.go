package grafana

// panel is one panel without its position.
type panel struct {
	kind, title        string
	about              about
	width, height      int
	targets            []object
	unit               string
	noValue            string // shown instead of "No data"
	decimals           any    // a number; nil: Grafana decides
	minimum, maximum   any    // likewise
	ownRange           bool   // the axis of each field is its own; ignored before Grafana 10.2
	mappings           []object
	thresholds         []object
	color              object
	links              []object // from the data
	custom             object   // for each field
	overrides          []object
	options            object
	transformations    []object
	repeat             string // a variable; a panel for each of its values
	perLine, maxPoints int
}

// about describes a panel: what it shows, how that looks when everything is fine, and what to do otherwise. Every panel has all
// three.
type about struct{ shows, good, troubleshoot string }

func (a about) description() string {
	return a.shows + "\n\n**Good:** " + a.good + "\n\n**If not:** " + a.troubleshoot
}

func (p panel) json(id, x, y int) object {
	j := object{
		"id": id, "type": p.kind, "title": p.title, "gridPos": object{"x": x, "y": y, "w": p.width, "h": p.height},
	}
	j["description"], j["datasource"], j["targets"] = p.about.description(), source, lettered(p.targets)
	j["fieldConfig"] = object{"defaults": p.defaults(), "overrides": orEmpty(p.overrides)}
	j["options"], j["transformations"], j["pluginVersion"] = p.options, orEmpty(p.transformations), "9.3.2"
	if p.repeat != "" {
		j["repeat"], j["repeatDirection"] = p.repeat, "v"
	}
	if p.perLine > 0 {
		j["repeatDirection"], j["maxPerRow"] = "h", p.perLine
	}
	if p.maxPoints > 0 {
		j["maxDataPoints"] = p.maxPoints
	}
	return j
}

func (p panel) defaults() object {
	d := object{
		"mappings": orEmpty(p.mappings), "color": p.color, "custom": p.custom,
		"thresholds": object{"mode": "absolute", "steps": p.thresholds},
	}
	if len(p.thresholds) == 0 {
		d["thresholds"] = object{"mode": "absolute", "steps": steps("text")}
	}
	if p.ownRange {
		d["fieldMinMax"] = true
	}
	if p.unit != "" {
		d["unit"] = p.unit
	}
	if p.noValue != "" {
		d["noValue"] = p.noValue
	}
	for key, value := range map[string]any{"decimals": p.decimals, "min": p.minimum, "max": p.maximum} {
		if value != nil {
			d[key] = value
		}
	}
	if len(p.links) > 0 {
		d["links"] = p.links
	}
	return d
}

func orEmpty(list []object) []object {
	if list == nil {
		return []object{}
	}
	return list
}

// lettered gives the queries of a panel the ids A, B, C ...
func lettered(targets []object) []object {
	for i, t := range targets {
		t["refId"] = string(rune('A' + i))
	}
	return targets
}

// steps are thresholds: a base colour, then pairs of a limit and the colour above it.
func steps(base string, more ...any) []object {
	all := []object{{"value": nil, "color": base}}
	for i := 0; i < len(more); i += 2 {
		all = append(all, object{"value": more[i], "color": more[i+1]})
	}
	return all
}

// target is a query with its placeholders replaced.
func target(expr, legend string) object {
	return object{
		"datasource": source, "expr": expand(expr), "legendFormat": legend, "editorMode": "code", "exemplar": false,
	}
}

// rangeQuery is a query over the time range shown.
func rangeQuery(expr, legend string) object {
	t := target(expr, legend)
	t["range"], t["instant"], t["format"] = true, false, "time_series"
	return t
}

// instantQuery is a query at the end of the time range shown.
func instantQuery(expr, legend string) object {
	t := target(expr, legend)
	t["range"], t["instant"], t["format"] = false, true, "time_series"
	return t
}

// tableQuery is an instant query whose result is a table: a row per series, a column per label.
func tableQuery(expr string) object {
	t := instantQuery(expr, "")
	t["format"] = "table"
	return t
}

var byThreshold = object{"mode": "thresholds"}

// tiles shows a coloured tile for each series.
func tiles(title string, width, height int, a about, targets ...object) panel {
	return panel{
		kind: "stat", title: title, about: a, width: width, height: height, targets: targets, color: byThreshold,
		thresholds: steps(idle), custom: object{},
		options: object{
			"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"orientation":   "auto", "textMode": "value_and_name", "colorMode": "background", "graphMode": "none", "justifyMode": "center",
			"text": object{},
		},
	}
}

// graph shows lines over time, from 0 up. A gap in the data is a gap in the line. No line has steps: Grafana 9.3 would draw a
// series that has ended up to the right edge.
func graph(title, unit string, width, height int, a about, targets ...object) panel {
	return panel{
		kind: "timeseries", title: title, unit: unit, about: a, width: width, height: height, targets: targets, minimum: 0,
		color: object{"mode": "palette-classic"},
		custom: object{
			"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 0, "gradientMode": "none",
			"spanNulls": false, "showPoints": "auto", "pointSize": 4,
			"stacking":      object{"mode": "none", "group": "A"},
			"axisLabel":     "",
			"axisPlacement": "auto", "axisColorMode": "text",
			"scaleDistribution": object{"type": "linear"},
			"hideFrom":          object{"legend": false, "tooltip": false, "viz": false},
			"thresholdsStyle":   object{"mode": "off"},
		},
		options: object{
			"legend": object{
				"showLegend": true, "displayMode": "table", "placement": "bottom", "calcs": []string{"lastNotNull", "max"},
			},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		},
	}
}

// stacked stacks the lines of a graph.
func (p panel) stacked() panel {
	p.custom["stacking"], p.custom["fillOpacity"] = object{"mode": "normal", "group": "A"}, 40
	return p
}

// legend chooses the figures that the legend shows for each line.
func (p panel) legend(calcs ...string) panel {
	p.options["legend"].(object)["calcs"] = append([]string{}, calcs...)
	return p
}

// legendRight is for a few lines with short names: below the graph, Grafana limits the legend to a third of the height.
func (p panel) legendRight() panel {
	legend := p.options["legend"].(object)
	legend["placement"], legend["sortBy"], legend["sortDesc"] = "right", "Last *", true
	return p.legend("lastNotNull")
}

// legendList shows only the names of the lines.
func (p panel) legendList() panel {
	p.options["legend"].(object)["displayMode"] = "list"
	return p.legend()
}

// sized fixes the size of a tile's name and value in pixels. Otherwise Grafana makes long names tiny.
func (p panel) sized(name, value int) panel {
	p.options["text"] = object{"titleSize": name, "valueSize": value}
	return p
}

// timeline shows each series as a bar over time, in the colours of the mappings.
func timeline(title string, height int, a about, mappings []object, target object) panel {
	return panel{
		kind: "state-timeline", title: title, about: a, width: columns, height: height, targets: []object{target},
		color:    object{"mode": "fixed", "fixedColor": "text"}, // not by thresholds: they would merge statuses
		mappings: mappings,
		custom:   object{"lineWidth": 0, "fillOpacity": 80},
		options: object{
			"showValue": "never", "mergeValues": true, "alignValue": "left", "rowHeight": 0.85,
			"legend":  object{"showLegend": true, "displayMode": "list", "placement": "bottom"},
			"tooltip": object{"mode": "single", "sort": "none"},
		},
		maxPoints: 200,
	}
}
