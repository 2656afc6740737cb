package grafana

import "strings"

// panel is one panel before it has its place.
type panel struct {
	kind, title        string
	about              about
	width, height      int
	targets            []object
	unit               string
	noValue            string // shown instead of "No data"
	decimals           any    // a number, or nil for Grafana's choice
	minimum            any    // likewise
	mappings           []object
	thresholds         []object
	color              object
	links              []object // of the data
	custom             object   // of each field
	overrides          []object
	options            object
	transformations    []object
	repeat             string // a variable; a panel for each of its values
	perLine, maxPoints int
	interval           string // the shortest step
}

// about says what a panel shows, what good looks like, and what to do where it is not. Every panel has all three.
type about struct{ shows, good, ifNot string }

func (a about) description() string {
	return a.shows + "\n\n**Good:** " + a.good + "\n\n**If not:** " + a.ifNot
}

func (p panel) json(id, x, y int) object {
	j := object{
		"id": id, "type": p.kind, "title": p.title, "gridPos": object{"x": x, "y": y, "w": p.width, "h": p.height},
	}
	if p.kind == "row" {
		j["collapsed"], j["panels"] = false, []object{}
		return j
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
	if p.interval != "" {
		j["interval"] = p.interval
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
	if p.unit != "" {
		d["unit"] = p.unit
	}
	if p.noValue != "" {
		d["noValue"] = p.noValue
	}
	for key, value := range map[string]any{"decimals": p.decimals, "min": p.minimum} {
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

// lettered names the queries of a panel A, B, C ...
func lettered(targets []object) []object {
	for i, t := range targets {
		t["refId"] = string(rune('A' + i))
	}
	return targets
}

// steps are thresholds: a colour, then limits and the colours from them on.
func steps(base string, more ...any) []object {
	all := []object{{"value": nil, "color": base}}
	for i := 0; i < len(more); i += 2 {
		all = append(all, object{"value": more[i], "color": more[i+1]})
	}
	return all
}

func row(title string) []panel {
	return []panel{{kind: "row", title: title, width: columns, height: 1}}
}

func target(expr, legend string) object {
	return object{
		"datasource": source, "expr": strings.TrimSpace(expr), "legendFormat": legend, "editorMode": "code", "exemplar": false,
	}
}

// over asks for a course over the time shown.
func over(expr, legend string) object {
	t := target(expr, legend)
	t["range"], t["instant"], t["format"] = true, false, "time_series"
	return t
}

// now asks for the end of the time shown.
func now(expr, legend string) object {
	t := target(expr, legend)
	t["range"], t["instant"], t["format"] = false, true, "time_series"
	return t
}

// rows asks for the end of the time shown as a table: a row a series, a column a label.
func rows(expr string) object {
	t := now(expr, "")
	t["format"] = "table"
	return t
}

var byThreshold = object{"mode": "thresholds"}

// tiles shows one coloured tile for each series.
func tiles(title string, width, height int, a about, targets ...object) panel {
	return panel{
		kind: "stat", title: title, about: a, width: width, height: height, targets: targets, color: byThreshold, custom: object{},
		options: object{
			"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"orientation":   "auto", "textMode": "value_and_name", "colorMode": "background", "graphMode": "none", "justifyMode": "center",
			"text": object{},
		},
	}
}

// graph shows courses over time. A gap in the data is a gap in the line.
func graph(title string, width, height int, a about, targets ...object) panel {
	return panel{
		kind: "timeseries", title: title, about: a, width: width, height: height, targets: targets,
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

// stacked makes a graph of parts of a whole.
func (p panel) stacked() panel {
	p.custom["stacking"], p.custom["fillOpacity"] = object{"mode": "normal", "group": "A"}, 40
	return p
}

// legend chooses what the legend says of each line.
func (p panel) legend(calcs ...string) panel {
	p.options["legend"].(object)["calcs"] = append([]string{}, calcs...)
	return p
}

// highestFirst sorts the legend by the newest value.
func (p panel) highestFirst() panel {
	legend := p.options["legend"].(object)
	legend["sortBy"], legend["sortDesc"] = "Last *", true
	return p
}

// legendAside is for a few lines with short names: below the graph Grafana gives a legend no more than a third of the height.
func (p panel) legendAside() panel {
	p.options["legend"].(object)["placement"] = "right"
	return p.legend("lastNotNull").highestFirst()
}

// legendInLine is for names alone.
func (p panel) legendInLine() panel {
	p.options["legend"].(object)["displayMode"] = "list"
	return p.legend()
}

// sized fixes the size of a tile's name and of its value, in pixels: else Grafana makes long names tiny.
func (p panel) sized(name, value int) panel {
	p.options["text"] = object{"titleSize": name, "valueSize": value}
	return p
}

// timeline shows which state each series had when.
func timeline(title string, width, height int, a about, targets ...object) panel {
	return panel{
		kind: "state-timeline", title: title, about: a, width: width, height: height, targets: targets,
		color:    object{"mode": "fixed", "fixedColor": "text"}, // thresholds would decide what is one state, not the mappings
		mappings: mapped(states...),
		custom:   object{"lineWidth": 0, "fillOpacity": 80},
		options: object{
			"showValue": "never", "mergeValues": true, "alignValue": "left", "rowHeight": 0.85,
			"legend":  object{"showLegend": true, "displayMode": "list", "placement": "bottom"},
			"tooltip": object{"mode": "single", "sort": "none"},
		},
		maxPoints: 200, interval: "30s",
	}
}
