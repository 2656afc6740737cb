package grafana

// source is the data source of every query: the one chosen at the top of the dashboard.
var source = object{"type": "prometheus", "uid": "${datasource}"}

// datasourceVariable offers every Prometheus data source.
func datasourceVariable() object {
	return object{
		"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "", "refresh": 1,
		"hide": 0, "multi": false, "includeAll": false, "skipUrlSync": false, "options": []object{}, "current": object{},
		"description": "The Prometheus that scrapes the exporter",
	}
}

// variable offers what a query finds in the time range shown, so that an exporter that is down does not empty the dashboard.
func variable(name, label, query string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "definition": query,
		"query": object{"query": query, "refId": "StandardVariableQuery"},
		"regex": "", "refresh": 2, "sort": 5, "hide": 0, "multi": false, "includeAll": false, "skipUrlSync": false,
		"options": []object{}, "current": object{},
	}
}

// withAll lets several values be chosen, at first all: also those that appear while the dashboard is open.
func withAll(v object) object {
	v["multi"], v["includeAll"], v["allValue"] = true, true, ".+"
	v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

// hidden is for variables that only repeat panels.
func hidden(v object) object {
	v["hide"] = 2
	return v
}

// values offers the values of a label.
func values(name, label, series string) object {
	return variable(name, label, expand("label_values("+series+", "+name+")"))
}

// named offers the values of a label by their names, which differ from them if the exporter has labels: id. The query is an
// instant one, so its series are those of the whole time range.
func named(variableName, title, label, series string) object {
	v := variable(variableName, title, expand("query_result(max by ("+label+", "+label+"_name) ("+series+"))"))
	v["regex"] = "/{" + label + `="(?<value>.*?)"(,` + label + `_name="(?<text>.*)")?}/` // a name may contain quotes
	return v
}

func instanceVariable() object {
	return withAll(values("instance", "Exporter", "innius_exporter_api_rate_limit_requests_per_hour"))
}

func companyVariable() object {
	return withAll(named("company", "Company", "company", "last_over_time(innius_machine_info{$exporters}[$__range])"))
}

func machineVariable() object {
	return named("machine", "Machine", "machine",
		"last_over_time(innius_machine_info{$exporters, "+oneLabel("company")+"}[$__range])")
}

// sensorsWith offers the sensors of the chosen machines that have had a series of a metric.
func sensorsWith(name, title, metric string) object {
	return withAll(named(name, title, "sensor",
		"last_over_time(innius_sensor_info{$machines}[$__range]) and on $bySensor last_over_time("+metric+"[$__range])"))
}
