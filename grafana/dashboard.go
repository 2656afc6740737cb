// Package grafana generates the dashboards innius-*.json, which people import and Grafana provisions. make dashboards writes
// them; a test checks that they match the code. Their schema is that of Grafana 9.3 (schemaVersion 37), which newer versions
// read, so they use only panels and options of 9.3.
//
// A name may contain quotes of both kinds, backslashes and special characters of regular expressions. Grafana 9.3 never escapes
// double quotes, so selectors are in backticks with the format regex, and links use the format percentencode.
package grafana

import "fmt"

// object is a JSON object.
type object = map[string]any

// Links and bookmarks rely on the uids.
const (
	plantUID    = "innius-plant"
	machineUID  = "innius-machine"
	exporterUID = "innius-exporter"
)

// Dashboard is one dashboard, as Grafana's JSON.
type Dashboard struct {
	UID  string
	JSON map[string]any
}

// File returns the name of the file in this directory.
func (d Dashboard) File() string { return d.UID + ".json" }

// Dashboards returns every dashboard.
func Dashboards() []Dashboard {
	return []Dashboard{plantDashboard(), machineDashboard(), exporterDashboard()}
}

// board is the content of a dashboard.
type board struct {
	uid, title, description string
	variables               []object
	links                   []object
	rows                    [][]panel // the panels of a row have the same height, and at most 24 columns together
}

// columns is the width of Grafana's grid.
const columns = 24

func (b board) dashboard() Dashboard {
	return Dashboard{UID: b.uid, JSON: object{
		"id": nil, "uid": b.uid, "title": b.title, "description": b.description, "tags": []string{"innius"},
		"schemaVersion": 37, "version": 1, "editable": true, "graphTooltip": 1, "style": "dark", "weekStart": "",
		"fiscalYearStartMonth": 0, "liveNow": false, "timezone": "",
		"time":        object{"from": "now-6h", "to": "now"},
		"timepicker":  object{},
		"refresh":     "1m",
		"annotations": object{"list": []object{}},
		"links":       b.links,
		"templating":  object{"list": b.variables},
		"panels":      b.panels(),
	}}
}

// panels gives the panels their ids and positions, row by row.
func (b board) panels() []object {
	var all []object
	y := 0
	for _, row := range b.rows {
		x, height := 0, 0
		for _, p := range row {
			if x+p.width > columns {
				panic(fmt.Sprintf("%s: %s does not fit into its row", b.uid, p.title))
			}
			all = append(all, p.json(len(all)+1, x, y))
			x, height = x+p.width, max(height, p.height)
		}
		y += height
	}
	return all
}

// link is a link at the top of a dashboard. url may contain variables.
func link(title, tooltip, url string) object {
	return object{
		"type": "link", "title": title, "tooltip": tooltip, "url": url, "icon": "dashboard", "tags": []string{},
		"asDropdown": false, "includeVars": false, "keepTime": true, "targetBlank": false,
	}
}

// commonVariables are passed on by links. The chosen machine or account rarely has a meaning on another dashboard.
const commonVariables = "?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"

func toPlant() object {
	return link("Plant", "All companies and machines", "/d/"+plantUID+commonVariables)
}

func toMachine() object {
	return link("Machine", "The sensors of one machine", "/d/"+machineUID+commonVariables)
}

func toExporter() object {
	return link("Exporter", "Do requests succeed, and is the rate limit well used?", "/d/"+exporterUID+commonVariables)
}

// machineLink links a table row or a tile to the dashboard of its machine. company and machine are expressions of Grafana.
func machineLink(company, machine string) []object {
	return []object{{
		"title": "Open this machine", "targetBlank": false,
		"url": "/d/" + machineUID + commonVariables + "&var-company=${" + company + ":percentencode}&var-machine=${" + machine +
			":percentencode}&${__url_time_range}",
	}}
}
