package grafana

func exporterDashboard() Dashboard {
	return board{
		uid: exporterUID, title: "innius / Exporter", alerts: exporterAlerts,
		description: "Do requests succeed, is the rate limit well used, and is the exporter itself healthy?",
		variables: []object{
			datasourceVariable(), instanceVariable(),
			withAll(values("account", "Account", "innius_exporter_api_rate_limit_requests_per_hour{$exporters}")),
		},
		links: []object{toPlant(), toMachine()},
		sections: []section{
			{rows: [][]panel{
				{exporterUp(), innius(), exporterTable()},
				{detailedAccounts()},
				{accountTimeline()},
			}},
			{title: "Requests and rate limit", collapsed: true, rows: [][]panel{
				{sent(), demand(), remaining()},
				{byStatusCode(), duration(), withoutNewReading()},
			}},
			{title: "Readings", collapsed: true, rows: [][]panel{
				{readingLag(), exposedAges()},
				{newReadings(), missedReadings(), skipped()},
			}},
			{title: "Sensors", collapsed: true, rows: [][]panel{{sensorCounts(), maxAgeTargets()}}},
			{title: "Remote write", collapsed: true, rows: [][]panel{{receivers()}, {toReceivers(), receiverRequests()}}},
			{title: "The process and its scrapes", collapsed: true, rows: [][]panel{{memory(), processor(), scrapes()}}},
		},
	}.dashboard()
}

func exporterTable() panel {
	p := table("Exporters", 4, about{
		shows: "Each exporter with its version, for how long it has been running, whether the last reload of its config succeeded, " +
			"since when that is in force, when it last wrote the state, which a restart needs, whether it polls or is a standby, and " +
			"how many lines of its log were lost in the last hour.",
		good: "the newest version; \"loaded\"; a state written less than two minutes ago; one that polls; no line lost.",
		troubleshoot: "RELOAD FAILED: the previous config stays in force; innius_exporter check config lists each error. State " +
			"written: \"not saved\" without --storage.path; more than 5 min: the disk is full or read-only; see the log. Lines lost: " +
			"what reads the log hangs, or its disk is full. It restarts often: see the log and the memory below.",
	}, []column{
		{field: "instance", title: "Exporter", links: statusPage()},
		{field: "version", title: "Version"},
		{field: "Value #A", title: "Running for", width: 110, unit: "s", decimals: 1},
		{field: "Value #B", title: "Config", width: 130, mappings: oneIsGood("loaded", "RELOAD FAILED")},
		{field: "Value #C", title: "In force for", width: 110, unit: "s", decimals: 1},
		{field: "Value #D", title: "State written, ago", width: 130, unit: "s", decimals: 0, missing: "not saved"},
		{field: "Value #E", title: "Role", width: 80, mappings: byIndex(status{"polls", good}, status{"standby", idle})},
		{field: "Value #F", title: "Lines lost", width: 80, decimals: 0},
	},
		tableQuery("time() - process_start_time_seconds"+
			" * on (instance, job) group_left (version) innius_exporter_build_info{$exporters}"),
		tableQuery("max by (instance, job) (innius_exporter_config_last_reload_successful{$exporters})"),
		tableQuery("time() - innius_exporter_config_last_reload_success_timestamp_seconds{$exporters}"),
		tableQuery("time() - innius_exporter_state_last_write_timestamp_seconds{$exporters}"),
		tableQuery("max by (instance, job) (innius_exporter_standby{$exporters})"),
		tableQuery("increase(innius_exporter_log_lines_dropped_total{$exporters}[1h])"),
	)
	p.width = 18
	return p.sorted("Running for")
}

// detailedAccounts is the table of accounts with what they are polled by.
func detailedAccounts() panel {
	return accountTable(8, []column{
		{field: "Value #F", title: "Requests per hour", width: 145, decimals: 0},
		{field: "cause", title: "Lowered by", width: 110},
		{field: "Value #H", title: "Demand", width: 75, unit: "×", decimals: 1},
		{field: "Value #I", title: "Discovery, ago", width: 110, unit: "s", decimals: 1, missing: "never"},
		{field: "Value #J", title: "Clock ahead", width: 95, unit: "s", decimals: 0},
		{field: "Value #K", title: "Same names", width: 105, decimals: 0},
	},
		tableQuery("max by $byAccount (innius_exporter_api_rate_limit_requests_per_hour{$exporters})"),
		tableQuery("max by (instance, job, account, cause) (innius_exporter_api_rate_limit_lowered{$exporters} == 1)"),
		tableQuery("innius_exporter_demand_requests_per_hour{$exporters} / innius_exporter_api_rate_limit_requests_per_hour"),
		tableQuery("time() - innius_exporter_discovery_last_success_timestamp_seconds{$exporters}"),
		tableQuery("max by $byAccount (innius_exporter_api_clock_difference_seconds{$exporters})"),
		tableQuery("max by $byAccount (innius_exporter_label_collisions{$exporters})"),
	)
}

func accountTimeline() panel {
	return timeline("Accounts in the last hours", 7, about{
		shows: "The status of each account over time. Dark grey means that nothing was recorded: the exporter or Prometheus was " +
			"not running.",
		good: "green.",
		troubleshoot: "paused often: innius permits less than requests_per_hour, or another program uses the key; see \"Lowered " +
			"by\" above. The other statuses are reasons of a failure: see the description of \"Accounts\".",
	}, byIndex(accountStatuses...), rangeQuery(accountStatus, eachAccount))
}

// eachAccount names a line by its account and exporter, because two exporters may have an account of the same name.
const eachAccount = "{{account}} · {{instance}}"

func sent() panel {
	return graph("Requests per hour: rate limit, sent", "req/h", 8, 9, about{
		shows: "The rate limit in force, and the requests of the last 15 min as requests per hour.",
		good:  "sent just below the rate limit, after a first burst. With few or slow sensors, far less is enough.",
		troubleshoot: "the rate limit falls: innius refused more; see \"Lowered by\": with limit_or_shared set requests_per_hour " +
			"and burst to the real limits, or find the other program that uses the key; with shared it is another program. Sent is 0: " +
			"paused, or the account fails. Sent is far below the rate limit although \"Demand\" is above 1: requests take too long.",
	},
		rangeQuery("innius_exporter_api_rate_limit_requests_per_hour{$accounts}", eachAccount+": rate limit"),
		rangeQuery("sum by $byAccount (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600", eachAccount+": sent"))
}

func demand() panel {
	p := graph("Demand, relative to the rate limit", "×", 8, 9, about{
		shows: "The requests needed for a poll after each reading (of no sensor more often than min_interval), divided by the rate " +
			"limit. 3 means: about a third of the readings become values.",
		good: "1 or less: every reading becomes a value. Above 1 values are older, which is usual for sensors that report every " +
			"second. Whether readings are missed is in \"Missed readings\".",
		troubleshoot: "exclude sensors that you do not need, raise refresh.min_interval, give a weight or a max_age to the " +
			"important ones, or get the limit that innius_exporter plan shows.",
	}, rangeQuery("innius_exporter_demand_requests_per_hour{$accounts}"+
		" / innius_exporter_api_rate_limit_requests_per_hour", eachAccount))
	p.thresholds, p.custom["thresholdsStyle"] = steps("transparent", 1, "orange"), object{"mode": "line"}
	return p
}

func remaining() panel {
	return graph("Remaining requests", "none", 8, 9, about{
		shows:        "Requests that could be sent at once.",
		good:         "near 0 if the demand is above the rate limit: no request is wasted. After a pause it may reach the burst.",
		troubleshoot: "it stays high although values are old: the exporter is paused, or the account fails.",
	}, rangeQuery("innius_exporter_api_remaining_requests{$accounts}", eachAccount))
}

func byStatusCode() panel {
	p := graph("Requests by operation and status code", "req/h", 12, 9, about{
		shows: "Requests per hour over 15 min each: values of sensors, and lists of the company, of machines, of sensors; with the " +
			"status code of the response, or error without one.",
		good: "nearly all are values with 200; lists take at most 5 %.",
		troubleshoot: "401, 403: the key. 404: endpoints. 429: too many requests. 5xx: an error of innius, wait. error: network, " +
			"DNS, proxy, timeout. Many lists: the exporter restarts often without --storage.path, or discovery.interval is short.",
	}, rangeQuery("sum by (operation, code) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600 > 0",
		"{{operation}} {{code}}"))
	p.overrides = []object{
		colored("/429$/", "orange"), colored("/error$/", bad), colored("/4(0.|1.)$/", "purple"), colored("/5..$/", "light-red"),
	}
	return p.stacked().legendRight()
}

func duration() panel {
	return graph("Duration of requests", "s", 6, 9, about{
		shows: "Duration of the requests of the last 15 min: half took less than the first line, 95 % less than the second.",
		good:  "well below a second.",
		troubleshoot: "innius or the connection to it is slow. More than timeout (10 s) is an error. If responses are too slow to " +
			"use the rate limit, raise concurrency.",
	}, quantiles("innius_exporter_api_request_duration_seconds")...)
}

// quantiles queries the median and the 95th percentile of a histogram.
func quantiles(histogram string) []object {
	query := func(q, name string) object {
		return rangeQuery("histogram_quantile("+q+", rate("+histogram+"_bucket{$accounts}[15m]))", eachAccount+": "+name)
	}
	return []object{query("0.5", "half below"), query("0.95", "95 % below")}
}

func withoutNewReading() panel {
	return graph("Polls without a new reading", "percentunit", 6, 9, about{
		shows: "The share of polls that brought no new reading, over 15 min.",
		good:  "below 20 %. Sensors that are silent or irregular cost some: only a poll shows whether they report again.",
		troubleshoot: "many sensors are silent or off: exclude those that were removed, or raise refresh.max_interval. Just after " +
			"a start it is higher, because the reporting intervals are not learned yet.",
	}, rangeQuery("rate(innius_exporter_polls_without_new_reading_total{$accounts}[15m]) / on $byAccount"+
		" (sum by $byAccount (rate(innius_exporter_api_requests_total{operation=`values`}[15m])) > 0)", eachAccount))
}

func readingLag() panel {
	return graph("Age of new readings at the poll", "s", 12, 9, about{
		shows: "The age of each new reading when it was polled, over the last 15 min: half were younger than the first line, 95 % " +
			"younger than the second.",
		good: "seconds. A reading just after a poll has to wait for the next one, so this shows how well the exporter predicts the " +
			"time of readings.",
		troubleshoot: "innius shows readings late, or clocks differ (see \"Clock ahead\"), or sensors report irregularly, or the " +
			"rate limit is too small to poll in time.",
	}, quantiles("innius_exporter_reading_lag_seconds")...)
}

func exposedAges() panel {
	p := graph("Age of exposed values", "s", 12, 9, about{
		shows: "The age of the values on /metrics: 95 % of those of a company are younger.",
		good:  "below the cycle shown by /status and innius_exporter plan, plus the interval of slow sensors.",
		troubleshoot: "it rises by a second per second: no new readings arrive; see \"Accounts\". High and level: too many sensors " +
			"for the rate limit; see \"Demand\".",
	}, rangeQuery("quantile by $byCompany (0.95, time() - innius_sensor_timestamp_seconds{$exporters} and innius_sensor_value)"+
		// Two accounts may have the same company.
		" * on $byCompany group_left (company_name) group by (instance, job, company, company_name) (innius_account_info{$accounts})",
		"{{company_name}} · {{instance}}"))
	p.maxPoints = 100 // each needs every sensor
	return p
}

func newReadings() panel {
	return graph("New readings per hour", "none", 8, 9, about{
		shows: "New readings of the last 15 min, as readings per hour. Each is counted once, also those between two polls, which a " +
			"page brings. late: of these, older than one that was already known.",
		good: "what the sensors report, while the machines run; hardly any is late.",
		troubleshoot: "it falls: machines are off, or requests fail; see \"Accounts\". Many are late: innius shows readings in " +
			"another order than their times, and times in states can lack late ones.",
	},
		rangeQuery("rate(innius_exporter_readings_total{$accounts}[15m]) * 3600", eachAccount),
		rangeQuery("rate(innius_exporter_readings_late_total{$accounts}[15m]) * 3600 > 0", eachAccount+": late"))
}

func missedReadings() panel {
	p := graph("Missed readings", "none", 8, 9, about{
		shows: "A gap is a time that no poll has shown, so readings in it are missed. in a gap: how many sensors were in one, on " +
			"average over the last hour; gaps, in an hour (right axis): how many polls found. overflowing: sensors of which every " +
			"reading is wanted (extremes, states or complete in the config), and whose latest poll missed some.",
		good: "none is overflowing. Gaps of other sensors do not change their newest values.",
		troubleshoot: "raise page_size, if innius permits it; it costs no request. Else set refresh.complete, or want every " +
			"reading of fewer sensors. innius_exporter plan shows what is enough, /status what each sensor misses.",
	},
		rangeQuery("rate(innius_exporter_reading_gap_seconds_total{$accounts}[1h]) > 0", eachAccount+": in a gap"),
		rangeQuery("innius_exporter_sensors_overflowing{$accounts} > 0", eachAccount+": overflowing"),
		rangeQuery("increase(innius_exporter_reading_gaps_total{$accounts}[1h]) > 0", eachAccount+": gaps, in an hour"))
	p.overrides = []object{{"matcher": object{"id": "byFrameRefID", "options": "C"}, "properties": []object{
		{"id": "custom.axisPlacement", "value": "right"},
		{"id": "custom.axisLabel", "value": "gaps, in an hour"},
	}}}
	p.noValue = "No reading was missed"
	return p
}

func skipped() panel {
	p := graph("Skipped readings, in an hour", "none", 8, 9, about{
		shows: "Readings of the previous hour that could not be exposed, by reason; each is counted once.",
		good:  "\"No data\", or text of sensors that send text.",
		troubleshoot: "text: list it in states of a rule, or map it to numbers by values. time: set fields.time. future: correct " +
			"the clock of the machine. number: a value that is no finite number.",
	}, rangeQuery("sum by (reason) (increase(innius_exporter_readings_skipped_total{$accounts}[1h])) > 0", "{{reason}}"))
	p.noValue = "No reading was skipped"
	return p
}

func sensorCounts() panel {
	p := graph("Sensors by status", "none", 14, 10, about{
		shows: "How many sensors have each status. excluded is set in the exporter's config.",
		good:  "nearly every sensor is current. Those of machines that are off become silent, then stale.",
		troubleshoot: "pending: the first cycle is not complete. silent, stale, failing: see the dashboard Plant. delayed: the " +
			"account fails or is paused. unreadable: text, or a time of unknown format. /status shows the reason for each.",
	}, rangeQuery("sum by (status) (innius_exporter_sensors{$accounts}) > 0", "{{status}}")).stacked().legendRight()
	p.overrides = coloredByStatus(append([]status{{"excluded", idle}}, sensorStatuses...))
	return p
}

func maxAgeTargets() panel {
	p := graph("Max-age targets", "none", 10, 10, about{
		shows: "Sensors with a max_age in the config, by whether the target is met.",
		good:  "all met. \"No data\": no sensor has a max_age.",
		troubleshoot: "missed: a pause, an outage, or a sensor that fails. relaxed: the targets together take more than 60 % of " +
			"the requests; raise max_age, or get a higher limit.",
	}, rangeQuery("sum by (status) (innius_exporter_max_age_sensors{$accounts}) > 0", "{{status}}"))
	p.overrides = []object{colored("/^met$/", good), colored("/^missed$/", bad), colored("/^relaxed$/", "yellow")}
	p.noValue = "No sensor has a max_age"
	return p
}

func receivers() panel {
	return table("Receivers", 6, about{
		shows: "Each receiver of remote write: the readings in its spool, how long ago the oldest of them was stored and the " +
			"receiver last accepted a request, and the readings of the last hour that it refused or that were dropped.",
		good: "a spool of a few seconds; none refused, none dropped.",
		troubleshoot: "a spool that grows: the log shows why the receiver does not accept. Refused: it takes no readings that are " +
			"so old. Dropped: the spool was full or could not be written.",
	}, []column{
		noneColumn,
		{field: "receiver", title: "Receiver"},
		{field: "Value #A", title: "In the spool", width: 115, unit: "none", decimals: 0, missing: "–"},
		{field: "Value #B", title: "Oldest, ago", width: 110, unit: "s", decimals: 0, missing: "none"},
		{field: "Value #C", title: "Last success, ago", width: 140, unit: "s", decimals: 0, missing: "never"},
		{field: "Value #D", title: "Refused, in an hour", width: 150, decimals: 0},
		{field: "Value #E", title: "Dropped, in an hour", width: 150, decimals: 0},
		{field: "instance", title: "Exporter", width: 140, links: statusPage()},
	},
		tableQuery("max by (instance, job, receiver) (innius_exporter_remote_write_pending_readings{$exporters})"+
			orRow("No receiver", "count(innius_exporter_build_info{$exporters})")),
		tableQuery("time() - innius_exporter_remote_write_pending_oldest_timestamp_seconds{$exporters}"),
		tableQuery("time() - innius_exporter_remote_write_last_success_timestamp_seconds{$exporters}"),
		tableQuery("increase(innius_exporter_remote_write_readings_refused_total{$exporters}[1h])"),
		tableQuery("increase(innius_exporter_remote_write_readings_dropped_total{$exporters}[1h])"),
	).sorted("In the spool")
}

func toReceivers() panel {
	p := graph("Readings accepted, per hour", "none", 12, 9, about{
		shows:        "Readings that each receiver accepted in the last 15 min, as readings per hour.",
		good:         "as many as there are new readings, and more after an outage of the receiver.",
		troubleshoot: "none, or fewer than there are new readings: see \"Receivers\".",
	}, rangeQuery("rate(innius_exporter_remote_write_readings_total{$exporters}[15m]) * 3600", "{{receiver}} · {{instance}}"))
	p.noValue = "No receiver"
	return p
}

func receiverRequests() panel {
	p := graph("Requests to receivers by status code", "req/h", 12, 9, about{
		shows: "Requests per hour over 15 min each, with the status code of the response, or error without one.",
		good:  "200 or 204.",
		troubleshoot: "401, 403: the credentials. 400: refused readings. 429, 5xx: the receiver is busy. error: network, DNS, " +
			"proxy, timeout.",
	}, rangeQuery("sum by (receiver, code) (rate(innius_exporter_remote_write_requests_total{$exporters}[15m])) * 3600 > 0",
		"{{receiver}} {{code}}"))
	p.noValue = "No receiver"
	return p.stacked().legendRight()
}

// ofExporters selects the series of the exporters' processes.
func ofExporters(series string) string {
	return series + " and on (instance, job) innius_exporter_build_info{$exporters}"
}

func memory() panel {
	return graph("Memory", "bytes", 8, 9, about{
		shows: "The exporter's memory: all of it, and the part for its data.",
		good:  "at most 20 MB and 6 kB per sensor; level after some minutes.",
		troubleshoot: "it grows for days: report it, with a profile (--web.enable-pprof). It is killed for memory: raise the " +
			"limit; see docs/operations.md.",
	},
		rangeQuery(ofExporters("process_resident_memory_bytes"), "{{instance}}: resident"),
		rangeQuery(ofExporters("go_memstats_heap_inuse_bytes"), "{{instance}}: heap in use"))
}

func processor() panel {
	return graph("Processor", "percentunit", 8, 9, about{
		shows:        "Processor time, as a share of one core.",
		good:         "a few per cent, mostly for scrapes.",
		troubleshoot: "scrape less often: values are as fresh while the scrape interval is shorter than the cycle.",
	}, rangeQuery(ofExporters("rate(process_cpu_seconds_total[$__rate_interval])"), "{{instance}}"))
}

func scrapes() panel {
	return graph("Duration of a scrape", "s", 8, 9, about{
		shows: "How long Prometheus took to scrape the exporter.",
		good:  "well below a second, and far below scrape_timeout (10 s).",
		troubleshoot: "many sensors (10,000 make 9 MB): scrape every 30 s or less often. Few sensors: the network, or an " +
			"overloaded machine.",
	}, rangeQuery(ofExporters("scrape_duration_seconds"), "{{instance}}"))
}
