// Package grafana generates the dashboards innius-*.json, which people import and Grafana provisions. make dashboards writes
// them; a test checks that they match the code. Their schema is that of Grafana 9.3 (schemaVersion 37), which newer versions
// read, so they use only panels and options of 9.3.
//
// A name may contain quotes of both kinds, backslashes and special characters of regular expressions. Grafana 9.3 never escapes
// double quotes, so selectors are in backticks with the format regex, and links use the format percentencode.
package grafana

import (
	"fmt"
	"slices"
	"strings"
)

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
	alerts                  string // selector of the alerts that are marked in graphs
	sections                []section
}

// section is a group of panels. Grafana sends no query of a collapsed one.
type section struct {
	title     string // empty: without a header
	collapsed bool
	rows      [][]panel // the panels of a row have the same height, and at most 24 columns together
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
		"annotations": object{"list": annotations(b.alerts)},
		"links":       b.links,
		"templating":  object{"list": b.variables},
		"panels":      b.panels(),
	}}
}

// panels gives the panels their ids and positions, row by row.
func (b board) panels() []object {
	var all []object
	id, y := 0, 0
	for _, s := range b.sections {
		header := object{"type": "row", "title": s.title, "collapsed": s.collapsed}
		if s.title != "" {
			id++
			header["id"], header["gridPos"] = id, object{"x": 0, "y": y, "w": columns, "h": 1}
			all = append(all, header)
			y++
		}
		panels := []object{}
		for _, row := range s.rows {
			x, height := 0, 0
			for _, p := range row {
				if x+p.width > columns {
					panic(fmt.Sprintf("%s: %s does not fit into its row", b.uid, p.title))
				}
				id++
				panels = append(panels, p.json(id, x, y))
				x, height = x+p.width, max(height, p.height)
			}
			y += height
		}
		header["panels"] = []object{}
		if s.collapsed {
			header["panels"] = panels
		} else {
			all = append(all, panels...)
		}
	}
	return all
}

// annotations mark restarts, failures and alerts in every graph.
func annotations(alerts string) []object {
	mark := func(name, color, expr, title, text string) object {
		return object{
			"name": name, "enable": true, "hide": false, "iconColor": color, "datasource": source, "expr": expand(expr),
			"step": "60s", "titleFormat": title, "textFormat": text, "tagKeys": "",
		}
	}
	return []object{
		mark("Restarts", "blue", ofExporters("changes(process_start_time_seconds[2m]) > 0"),
			"The exporter was restarted", "{{instance}}"),
		mark("Exporter down", bad, "up == 0 and on (instance, job) last_over_time("+
			"innius_exporter_api_rate_limit_requests_per_hour{$exporters}[1w] @ end())", "The exporter is down", "{{instance}}"),
		mark("Failures", bad, "innius_exporter_account_failure{$exporters} == 1",
			"Account {{account}} fails: {{reason}}", "{{instance}}"),
		mark("Alerts", "orange", "ALERTS{"+alerts+"}", "{{alertname}}", "{{machine}} {{sensor}}"),
	}
}

// link is a link at the top of a dashboard. url may contain variables.
func link(title, tooltip, url string) object {
	return object{
		"type": "link", "title": title, "tooltip": tooltip, "url": url, "icon": "dashboard", "tags": []string{},
		"asDropdown": false, "includeVars": false, "keepTime": true, "targetBlank": false,
	}
}

// commonVariables are passed on by links. A chosen machine or account rarely has a meaning on another dashboard.
const commonVariables = "?${datasource:queryparam}&${instance:queryparam}"

func toPlant() object {
	return link("Plant", "All companies and machines", "/d/"+plantUID+commonVariables)
}

func toMachine() object {
	return link("Machine", "The sensors of one machine", "/d/"+machineUID+commonVariables)
}

func toExporter() object {
	return link("Exporter", "Do requests succeed, and is the rate limit well used?", "/d/"+exporterUID+commonVariables)
}

// machineLink links a table row or a bar to the dashboard of its machine. prefix precedes labels in Grafana's expressions.
func machineLink(prefix string, labels ...string) []object {
	parts := []string{"/d/" + machineUID + "?${datasource:queryparam}"}
	if !slices.Contains(labels, "instance") {
		parts = append(parts, "${instance:queryparam}")
	}
	for _, label := range labels {
		parts = append(parts, "var-"+label+"=${"+prefix+label+":percentencode}")
	}
	url := strings.Join(append(parts, "${__url_time_range}"), "&")
	return []object{{"title": "Open this machine", "targetBlank": false, "url": url}}
}

// statusPage links the name of an exporter to its status page, if it is scraped at an address that the reader can reach.
func statusPage() []object {
	return []object{{"title": "Status page of this exporter", "targetBlank": true, "url": "http://${__data.fields.instance}/status"}}
}
