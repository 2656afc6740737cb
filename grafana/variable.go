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

// anything is the value of All. It includes values that appear while the dashboard is open.
const anything = ".+"

// labelVariable offers the values of a label of a series. The initial choice is All.
func labelVariable(name, label, series string) object {
	v := oneOf(name, label, "label_values("+series+", "+name+")")
	v["includeAll"], v["allValue"] = true, anything
	v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

// oneOf offers the results of a query, without All. The initial choice is the first.
func oneOf(name, label, query string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "definition": query,
		"query": object{"query": query, "refId": "StandardVariableQuery"},
		"regex": "", "refresh": 2, "sort": 5, "hide": 0, "multi": true, "includeAll": false, "skipUrlSync": false,
		"options": []object{}, "current": object{},
	}
}

func jobVariable() object {
	return onlyOffered(labelVariable("job", "Job", "innius_exporter_build_info"))
}

func instanceVariable() object {
	return onlyOffered(labelVariable("instance", "Exporter", "innius_exporter_build_info{"+oneLabel("job")+"}"))
}

// onlyOffered makes All the values that are offered, because other programs have up and process_... too.
func onlyOffered(v object) object {
	delete(v, "allValue")
	return v
}

func companyVariable() object {
	return labelVariable("company", "Company", "innius_machine_info{"+exporters+"}")
}

func sensorVariable() object {
	return labelVariable("sensor", "Sensor", "innius_sensor_info{"+machines+"}")
}
