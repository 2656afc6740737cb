package grafana

// column is one column of a table. Its field is a label, or "Value #A" for the result of a query. In some versions of Grafana
// that is "Value" if every other query of the table is empty, so only A may be the last one with data.
type column struct {
	field, title string
	width        int // pixels; 0: the remaining width
	unit         string
	decimals     any
	missing      string // shown instead of a missing value
	links        []object
	mappings     []object // the column is coloured by them
	hidden       bool     // for links
}

// table joins the rows of its queries by their common labels, and shows the columns only.
func table(title string, height int, a about, columns []column, targets ...object) panel {
	order, names := object{}, []string{"Value"}
	var overrides []object
	for i, c := range columns {
		order[c.field], names = i, append(names, c.field)
		if c.field == "Value #A" {
			order["Value"] = i
		}
		overrides = append(overrides, c.override())
	}
	return panel{
		kind: "table", title: title, about: a, width: 24, height: height, targets: targets, color: byThreshold,
		custom: object{"align": "auto", "displayMode": "auto", "inspect": false, "filterable": false},
		options: object{
			"showHeader": true, "footer": object{"show": false, "reducer": []string{"sum"}},
		},
		overrides: overrides,
		transformations: []object{
			{"id": "merge", "options": object{}},
			{"id": "filterFieldsByName", "options": object{"include": object{"names": names}}},
			{"id": "organize", "options": object{"excludeByName": object{}, "indexByName": order, "renameByName": object{}}},
		},
	}
}

// orRow ends a query that may find nothing with a row for that case, because some versions of Grafana show an empty table without
// a text. known is a query that finds something if the metrics exist.
func orRow(text, known string) string {
	return " or on () label_replace(NaN * " + known + ", `none`, `" + text + "`, ``, ``)"
}

var noneColumn = column{field: "none", title: "None"} // the text of orRow

// sorted sorts a table by a column, the highest first.
func (p panel) sorted(title string) panel {
	p.options["sortBy"] = []object{{"displayName": title, "desc": true}}
	return p
}

func (c column) override() object {
	properties := []object{{"id": "displayName", "value": c.title}}
	set := func(id string, value any) { properties = append(properties, object{"id": id, "value": value}) }
	if c.hidden {
		return c.matching(object{"id": "custom.hidden", "value": true})
	}
	if c.width > 0 {
		set("custom.width", c.width)
	} else {
		set("custom.filterable", true)
		set("custom.minWidth", 100)
	}
	if c.unit != "" {
		set("unit", c.unit)
	}
	if c.decimals != nil {
		set("decimals", c.decimals)
	}
	if c.mappings != nil {
		set("custom.displayMode", "color-background-solid")
		set("custom.align", "center")
	}
	if c.missing != "" {
		c.mappings = append(c.mappings, missingText(c.missing))
	}
	if c.mappings != nil {
		set("mappings", c.mappings)
	}
	if c.links != nil {
		set("links", c.links)
	}
	return c.matching(properties...)
}

func (c column) matching(properties ...object) object {
	matcher := object{"id": "byName", "options": c.field}
	if c.field == "Value #A" {
		matcher = object{"id": "byRegexp", "options": "/^Value( #A)?$/"}
	}
	return object{"matcher": matcher, "properties": properties}
}

// colored gives the series whose name matches a regular expression a fixed colour.
func colored(pattern, color string) object {
	return object{"matcher": object{"id": "byRegexp", "options": pattern}, "properties": []object{
		{"id": "color", "value": object{"mode": "fixed", "fixedColor": color}},
	}}
}

// coloredByStatus gives the series whose name ends with a status its colour.
func coloredByStatus(statuses []status) []object {
	var all []object
	for _, s := range statuses {
		all = append(all, colored("/"+s.word+"$/", s.color))
	}
	return all
}
