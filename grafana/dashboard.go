package grafana

import "fmt"

// object is a piece of JSON.
type object = map[string]any

// The uids, which links and bookmarks rely on.
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

// File is the name of its file in this directory.
func (d Dashboard) File() string { return d.UID + ".json" }

// Dashboards makes all of them.
func Dashboards() []Dashboard {
	return []Dashboard{plantDashboard(), machineDashboard(), exporterDashboard()}
}

// board is what a dashboard is made of.
type board struct {
	uid, title, description string
	variables               []object
	links                   []object
	lines                   [][]panel // panels of one line have one height, and at most 24 columns together
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

// panels gives the panels their ids and places, line by line.
func (b board) panels() []object {
	var all []object
	y := 0
	for _, line := range b.lines {
		x, height := 0, 0
		for _, p := range line {
			if x+p.width > columns {
				panic(fmt.Sprintf("%s: %s does not fit into its line", b.uid, p.title))
			}
			all = append(all, p.json(len(all)+1, x, y))
			x, height = x+p.width, max(height, p.height)
		}
		y += height
	}
	return all
}

// link leads from the head of a dashboard to another one. url may hold variables.
func link(title, tooltip, url string) object {
	return object{
		"type": "link", "title": title, "tooltip": tooltip, "url": url, "icon": "dashboard", "tags": []string{},
		"asDropdown": false, "includeVars": false, "keepTime": true, "targetBlank": false,
	}
}

// handedOn is what all dashboards have in common. A chosen machine or account seldom means anything to another dashboard.
const handedOn = "?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"

func toPlant() object {
	return link("Plant", "All companies and machines", "/d/"+plantUID+handedOn)
}

func toMachine() object {
	return link("Machine", "The sensors of one machine", "/d/"+machineUID+handedOn)
}

func toExporter() object {
	return link("Exporter", "Does innius answer, and is the allowance well spent?", "/d/"+exporterUID+handedOn)
}

// machineLink leads from a row or a tile to the dashboard of its machine. company and machine are expressions of Grafana.
func machineLink(company, machine string) []object {
	return []object{{
		"title": "Open this machine", "targetBlank": false,
		"url": "/d/" + machineUID + handedOn + "&var-company=${" + company + ":percentencode}&var-machine=${" + machine +
			":percentencode}&${__url_time_range}",
	}}
}
