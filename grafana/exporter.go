package grafana

func exporterDashboard() Dashboard {
	return board{
		uid: exporterUID, title: "innius / Exporter",
		description: "Do requests succeed, is the rate limit well used, and is the exporter itself healthy?",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(),
			labelVariable("account", "Account", "innius_exporter_api_rate_limit_requests_per_hour{"+exporters+"}"),
		},
		links: []object{toPlant(), toMachine()},
		rows: [][]panel{
			{scraped(), up(), failures(), paused(), lowered()},
			tall(reloaded(), stateWritten(), discovered(), collisions(), clocks(), version()),
			header("Rate limit"),
			{sent(), demand(), remaining()},
			header("Requests"),
			{byOperation(), byStatusCode()},
			{refused(), duration(), withoutNewReading()},
			header("Freshness"),
			{readingLag(), exposedAges()},
			{newReadings(), missedReadings()},
			header("Sensors"),
			{sensorCounts(), maxAgeTargets(), skipped()},
			header("The process and its scrapes"),
			{memory(), processor(), scrapes()},
			{seriesServed(), scrapeErrors(), goroutines()},
		},
	}.dashboard()
}

// tall makes tiles higher. In one that is much wider than high, Grafana shows the name next to the value.
func tall(tiles ...panel) []panel {
	for i := range tiles {
		tiles[i].height = 5
	}
	return tiles
}

// mappedTile shows a number as a word.
func mappedTile(title string, width int, a about, mappings []object, targets ...object) panel {
	p := tiles(title, width, 4, a, targets...)
	p.mappings = mappings
	return p
}

func scraped() panel {
	return mappedTile("Exporter up", 4, about{
		shows: "Whether Prometheus can scrape each exporter.",
		good:  "\"yes\".",
		troubleshoot: "is the exporter running (systemctl status innius_exporter)? Can Prometheus reach its port, with the " +
			"credentials of its --web.config.file? The page Targets of Prometheus shows the error. \"No data\": no exporter " +
			"was scraped in the time range shown.",
	}, oneIsGood("yes", "no"), instantQuery("min by (instance) (up{$exporters})", "{{instance}}"))
}

func up() panel {
	return mappedTile("Account", 4, about{
		shows:        "Whether each account can poll its sensors. A pause after a 429, or a single sensor that fails, does not count.",
		good:         "\"ok\".",
		troubleshoot: "the next panel shows the reason. \"No data\": no response since the exporter started.",
	}, oneIsGood("ok", "FAILS"), instantQuery("min by (account) (innius_up{$accounts})", "{{account}}"))
}

func failures() panel {
	return mappedTile("Reason of failure", 8, about{
		shows: "The four reasons why an account can fail.",
		good:  "\"ok\" four times.",
		troubleshoot: "key: it is revoked or wrong; replace the file, without a restart. network: URL, DNS, proxy, firewall. " +
			"server: innius responds with 5xx; wait, values keep their times. invalid_response: the response has an unexpected " +
			"format; innius_exporter check api shows it, and what to set in endpoints and fields.",
	}, zeroIsGood("ok", "FAILS"), instantQuery("max by (reason) (innius_exporter_account_failure{$accounts})", "{{reason}}"))
}

func paused() panel {
	p := mappedTile("Pause left", 4, about{
		shows: "For how long no request will be sent, because of a 429 or a back-off.",
		good:  "\"not paused\".",
		troubleshoot: "wait: requests continue without your help. If it happens often, innius permits less than " +
			"requests_per_hour, or another program uses the key: see \"Limit\".",
	}, mapped(status{0, "not paused", "semi-dark-green"}), instantQuery("max by (account) ("+
		"clamp_min(innius_exporter_api_paused_until_timestamp_seconds{$accounts} - time(), 0)"+
		" or 0 * innius_exporter_api_rate_limit_requests_per_hour{$accounts})", "{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("orange")
	return p
}

func lowered() panel {
	return mappedTile("Limit", 4, about{
		shows: "Whether the exporter sends fewer requests than configured, because innius refused more.",
		good:  "\"as configured\".",
		troubleshoot: "\"lowered\": set requests_per_hour and burst to the real limits, or find the other program that uses " +
			"the key. \"shared\": it is another program; give it a key of its own, or lower share.",
	}, mapped(status{0, "as configured", "semi-dark-green"}, status{1, "lowered", "yellow"}, status{2, "shared", "yellow"}),
		instantQuery("max by (account) (innius_exporter_api_rate_limit_lowered{$accounts, cause=\"limit_or_shared\"}"+
			" or 2 * innius_exporter_api_rate_limit_lowered{$accounts, cause=\"shared\"})", "{{account}}"))
}

func reloaded() panel {
	p := mappedTile("Config in force", 5, about{
		shows: "Whether the last reload of the config file succeeded, and since when the config is in force.",
		good:  "\"loaded\".",
		troubleshoot: "the exporter continues with the previous config. Its log lists each error; innius_exporter check config " +
			"repeats them.",
	}, oneIsGood("loaded", "RELOAD FAILED"),
		instantQuery("min(innius_exporter_config_last_reload_successful{$exporters})", "last reload"),
		instantQuery("min(time() - innius_exporter_config_last_reload_success_timestamp_seconds{$exporters})", "in force for"))
	p.overrides = []object{{"matcher": object{"id": "byFrameRefID", "options": "B"}, "properties": []object{
		{"id": "mappings", "value": []object{}},
		{"id": "unit", "value": "s"},
		{"id": "decimals", "value": 1},
		{"id": "thresholds", "value": object{"mode": "absolute", "steps": steps(idle)}},
	}}}
	return p.sized(13, 26)
}

func stateWritten() panel {
	p := mappedTile("State written, ago", 4, about{
		shows: "How long ago the exporter wrote its state, which a restart needs.",
		good:  "less than two minutes.",
		troubleshoot: "\"not saved\": each restart costs a request for every sensor; set --storage.path. More than 5 min: the " +
			"state cannot be written, because the disk is full or read-only; see the log.",
	}, mapped(status{-1, "not saved", "yellow"}), instantQuery("max by (instance) ("+
		"time() - innius_exporter_state_last_write_timestamp_seconds{$exporters}"+
		" or innius_exporter_config_last_reload_successful{$exporters} * 0 - 1)", "{{instance}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("semi-dark-green", 300, "dark-red")
	return p
}

func discovered() panel {
	p := mappedTile("Last discovery, ago", 4, about{
		shows: "The age of the lists of machines and sensors. New machines and sensors are found by reading them again.",
		good: "not much more than discovery.interval, by default an hour. innius_exporter plan shows how long it takes with a " +
			"small rate limit.",
		troubleshoot: "a list cannot be read: /status and the log show which. 403: the key has no permission for it; 404: " +
			"endpoints.",
	}, nil, instantQuery("time() - min by (account) (innius_exporter_discovery_last_success_timestamp_seconds{$accounts})",
		"{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 1, steps("semi-dark-green", 2*3600, "yellow", 4*3600, "dark-red")
	return p
}

func collisions() panel {
	p := mappedTile("Label collisions", 4, about{
		shows: "Sensors with the same name as another one of the same machine. Their ids are appended to the labels.",
		good:  "0.",
		troubleshoot: "no reading is lost. For readable names rename one of them in innius, or set labels: id. The demo has " +
			"two.",
	}, nil, instantQuery("max by (account) (innius_exporter_label_collisions{$accounts})", "{{account}}"))
	p.decimals, p.thresholds = 0, steps("semi-dark-green", 1, "#7d8590")
	return p
}

func clocks() panel {
	p := mappedTile("Clock difference", 3, about{
		shows: "How far the clock of the API is ahead of the exporter's.",
		good:  "below a minute.",
		troubleshoot: "the exporter judges status by the clock of the API, but ages here are by the clock of Prometheus: " +
			"correct the wrong clock (NTP).",
	}, nil, instantQuery("max by (account) (innius_exporter_api_clock_difference_seconds{$accounts})", "{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("dark-red", -60, "semi-dark-green", 60, "dark-red")
	return p
}

func version() panel {
	p := mappedTile("Running for", 4, about{
		shows: "The version of each exporter, and for how long it has been running.",
		good:  "the newest version; a time that grows.",
		troubleshoot: "a time that starts again often: the exporter is restarted, or killed for its memory; check its log and " +
			"the memory below.",
	}, nil, instantQuery("time() - process_start_time_seconds{$exporters}"+
		" * on (instance, job) group_left (version) innius_exporter_build_info{$exporters}", "{{instance}} {{version}}"))
	p.unit, p.decimals, p.options["colorMode"] = "s", 1, "value"
	return p
}

func sent() panel {
	p := graph("Requests per hour: rate limit, sent", 8, 9, about{
		shows: "The rate limit in force, and the requests of the last 15 min as requests per hour.",
		good:  "sent just below the rate limit, after a first burst. With few or slow sensors, far less is enough.",
		troubleshoot: "the rate limit falls: innius refused more; see \"Limit\". Sent is 0: paused, or the account fails. Sent " +
			"is far below the rate limit although \"Demand\" is above 1: requests take too long; see \"Duration of requests\".",
	},
		rangeQuery("sum by (account) (innius_exporter_api_rate_limit_requests_per_hour{$accounts})", "{{account}}: rate limit"),
		rangeQuery("sum by (account) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600", "{{account}}: sent"))
	p.unit, p.decimals, p.minimum = "req/h", 0, 0
	return p
}

func demand() panel {
	p := graph("Demand, relative to the rate limit", 8, 9, about{
		shows: "The requests needed for a poll after each reading (of no sensor more often than min_interval), divided by the rate " +
			"limit. 3 means: about a third of the readings become values.",
		good: "1 or less: every reading becomes a value. Above 1 values are older, which is usual for sensors that report every " +
			"second. Whether readings are missed is in \"Missed readings\".",
		troubleshoot: "exclude sensors that you do not need, raise refresh.min_interval, give a weight or a max_age to the " +
			"important ones, or get the limit that innius_exporter plan shows.",
	}, rangeQuery("sum by (account) (innius_exporter_demand_requests_per_hour{$accounts})"+
		" / sum by (account) (innius_exporter_api_rate_limit_requests_per_hour{$accounts})", "{{account}}"))
	p.unit, p.decimals, p.minimum = "×", 1, 0
	p.thresholds = steps("transparent", 1, "orange")
	p.custom["thresholdsStyle"] = object{"mode": "line"}
	return p
}

func remaining() panel {
	p := graph("Remaining requests", 8, 9, about{
		shows: "Requests that could be sent at once.",
		good: "near 0 if the demand is above the rate limit: no request is wasted. After a pause it may be as high as the " +
			"burst.",
		troubleshoot: "it stays high although values are old: the exporter is paused, or the account fails.",
	}, rangeQuery("sum by (account) (innius_exporter_api_remaining_requests{$accounts})", "{{account}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func byOperation() panel {
	p := graph("Requests by operation", 12, 9, about{
		shows:        "Requests per hour over 15 min each: values of sensors, and lists of the company, of machines, of sensors.",
		good:         "nearly all are values; lists take at most 5 %.",
		troubleshoot: "many lists: the exporter restarts often without --storage.path, or discovery.interval is short.",
	}, rangeQuery("sum by (operation) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600", "{{operation}}"))
	p = p.stacked().legendRight()
	p.unit, p.decimals, p.minimum = "req/h", 0, 0
	return p
}

func byStatusCode() panel {
	p := graph("Requests by status code", 12, 9, about{
		shows: "Requests per hour by the status code of the response, over 15 min each; error: no response.",
		good:  "all 200.",
		troubleshoot: "401, 403: the key. 404: endpoints. 429: see below. 5xx: an error of innius, wait. error: network, DNS, " +
			"proxy, timeout.",
	}, rangeQuery("sum by (code) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600", "{{code}}"))
	p = p.stacked().legendRight()
	p.unit, p.decimals, p.minimum = "req/h", 0, 0
	p.overrides = []object{
		named("200", fixed("semi-dark-green")), named("429", fixed("orange")), named("error", fixed("dark-red")),
		{"matcher": object{"id": "byRegexp", "options": "4(0.|1.)"}, "properties": []object{fixed("purple")}},
		{"matcher": object{"id": "byRegexp", "options": "5.."}, "properties": []object{fixed("light-red")}},
	}
	return p
}

func refused() panel {
	p := graph("Refused (429), in an hour", 8, 9, about{
		shows: "Requests of the previous hour that innius refused because there were too many.",
		good:  "0, or one in about 30 h if the limit is lower than configured: the exporter tests whether it has risen.",
		troubleshoot: "set requests_per_hour and burst to the real limits, or find the other program that uses the key. The " +
			"exporter slows down automatically.",
	}, rangeQuery("sum by (account) (increase(innius_exporter_api_requests_total{$accounts, code=\"429\"}[1h]))", "{{account}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p.custom["fillOpacity"], p.custom["axisSoftMax"] = 20, 5
	return p
}

func duration() panel {
	p := graph("Duration of requests", 8, 9, about{
		shows: "Duration of the requests of the last 15 min: half took less than the first line, 95 % less than the second.",
		good:  "well below a second.",
		troubleshoot: "innius or the connection to it is slow. More than timeout (10 s) is an error. If responses are too slow " +
			"to use the rate limit, raise concurrency.",
	}, quantiles("innius_exporter_api_request_duration_seconds")...)
	p.unit, p.minimum = "s", 0
	return p
}

// quantiles queries the median and the 95th percentile of a histogram.
func quantiles(histogram string) []object {
	query := func(q, name string) object {
		rate := "sum by (account, le) (rate(" + histogram + "_bucket{$accounts}[15m]))"
		return rangeQuery("histogram_quantile("+q+", "+rate+")", "{{account}}: "+name)
	}
	return []object{query("0.5", "half below"), query("0.95", "95 % below")}
}

func withoutNewReading() panel {
	p := graph("Polls without a new reading", 8, 9, about{
		shows: "The share of polls that brought no new reading, over 15 min.",
		good:  "below 20 %. Sensors that are silent or irregular cost some: only a poll shows whether they report again.",
		troubleshoot: "many sensors are silent or off: exclude those that were removed, or raise refresh.max_interval. Just " +
			"after a start it is higher, because the reporting intervals are not learned yet.",
	}, rangeQuery("sum by (account) (rate(innius_exporter_polls_without_new_reading_total{$accounts}[15m]))"+
		" / (sum by (account) (rate(innius_exporter_api_requests_total{$accounts, operation=\"values\"}[15m])) > 0)", "{{account}}"))
	p.unit, p.decimals, p.minimum = "percentunit", 1, 0
	return p
}

func readingLag() panel {
	p := graph("Age of new readings at the poll", 12, 9, about{
		shows: "The age of each new reading when it was polled, over the last 15 min: half were younger than the first line, " +
			"95 % younger than the second.",
		good: "seconds. A reading just after a poll has to wait for the next one, so this shows how well the exporter predicts " +
			"the time of readings.",
		troubleshoot: "innius shows readings late, or clocks differ (see innius_exporter check api), or sensors report " +
			"irregularly, or the rate limit is too small to poll in time.",
	}, quantiles("innius_exporter_reading_lag_seconds")...)
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p
}

func exposedAges() panel {
	ageOf := "((time() - innius_sensor_timestamp_seconds{$exporters}) and innius_sensor_value{$exporters})" +
		" * on (instance, job, company) group_left (account) max by (instance, job, company, account) (innius_account_info{$accounts})"
	p := graph("Age of exposed values", 12, 9, about{
		shows: "The age of the values on /metrics now: half are younger than the first line, 95 % younger than the second.",
		good:  "95 % below the cycle shown by /status and innius_exporter plan, plus the interval of slow sensors.",
		troubleshoot: "it rises by a second per second: no new readings arrive; see \"Account\". High and level: too many " +
			"sensors for the rate limit; see \"Demand\".",
	},
		rangeQuery("quantile by (account) (0.5, "+ageOf+")", "{{account}}: half below"),
		rangeQuery("quantile by (account) (0.95, "+ageOf+")", "{{account}}: 95 % below"))
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p
}

func newReadings() panel {
	p := graph("New readings per hour", 12, 9, about{
		shows: "New readings of the last 15 min, as readings per hour. Each is counted once, also those between two polls, which a " +
			"page brings. late: of these, older than one that was already known.",
		good: "what the sensors report, while the machines run; late is near 0.",
		troubleshoot: "it falls: machines are off, or requests fail; see \"Account\". Many are late: innius shows readings in " +
			"another order than their times, and times in states can lack late ones.",
	},
		rangeQuery("sum by (account) (rate(innius_exporter_readings_total{$accounts}[15m])) * 3600", "{{account}}: new"),
		rangeQuery("sum by (account) (rate(innius_exporter_readings_late_total{$accounts}[15m])) * 3600", "{{account}}: late"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func missedReadings() panel {
	p := graph("Missed readings", 12, 9, about{
		shows: "A gap is a time that no poll has shown, so readings in it are missed. in a gap: how many sensors were in one, on " +
			"average over the last hour; gaps, in an hour (right axis): how many polls found. overflowing: sensors of which every " +
			"reading is wanted (extremes, states or complete in the config), and whose latest poll missed some.",
		good: "overflowing is 0. Gaps of other sensors do not change their newest values.",
		troubleshoot: "raise page_size, if innius permits it; it costs no request. Else set refresh.complete, or want every reading " +
			"of fewer sensors. innius_exporter plan shows what is enough, /status what each sensor misses.",
	},
		rangeQuery("sum by (account) (rate(innius_exporter_reading_gap_seconds_total{$accounts}[1h]))", "{{account}}: in a gap"),
		rangeQuery("sum by (account) (innius_exporter_sensors_overflowing{$accounts})", "{{account}}: overflowing"),
		rangeQuery("sum by (account) (increase(innius_exporter_reading_gaps_total{$accounts}[1h]))", "{{account}}: gaps, in an hour"))
	p.unit, p.decimals, p.minimum = "none", 1, 0
	p.custom["axisSoftMax"] = 5
	p.overrides = []object{{"matcher": object{"id": "byFrameRefID", "options": "C"}, "properties": []object{
		{"id": "custom.axisPlacement", "value": "right"},
		{"id": "custom.axisLabel", "value": "gaps, in an hour"},
	}}}
	return p
}

func sensorCounts() panel {
	p := graph("Sensors by status", 10, 10, about{
		shows: "How many sensors have each status.",
		good:  "nearly every sensor is current. Those of machines that are off become silent, then stale.",
		troubleshoot: "pending: the first cycle is not complete. silent, stale: see the dashboard Plant. delayed: the account " +
			"fails or is paused. unreadable: text, or a time of unknown format. failing: innius refuses the sensor. /status " +
			"shows the reason for each; excluded is set in your config.",
	}, rangeQuery("sum by (status) (innius_exporter_sensors{$accounts})", "{{status}}")).stacked().legendRight()
	p.unit, p.decimals, p.minimum = "none", 0, 0
	for _, s := range append([]status{{word: "excluded", color: idle}}, sensorStatuses...) {
		p.overrides = append(p.overrides, named(s.word, fixed(s.color)))
	}
	return p
}

func maxAgeTargets() panel {
	p := graph("Max-age targets", 7, 10, about{
		shows: "Sensors with a max_age in the config, by whether the target is met.",
		good:  "all met. All three at 0: no sensor has a max_age.",
		troubleshoot: "missed: a pause, an outage, or a sensor that fails. relaxed: the targets together take more than 60 % " +
			"of the requests; raise max_age, or get a higher limit.",
	}, rangeQuery("sum by (status) (innius_exporter_max_age_sensors{$accounts})", "{{status}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p = p.legend("lastNotNull")
	p.overrides = []object{
		named("met", fixed("semi-dark-green")), named("missed", fixed("dark-red")), named("relaxed", fixed("yellow")),
	}
	p.custom["axisSoftMax"] = 5
	return p
}

func skipped() panel {
	p := graph("Skipped readings, in an hour", 7, 10, about{
		shows: "Readings of the previous hour that could not be exposed, by reason; each is counted once.",
		good:  "0 for number, time and future. Text sensors increase text.",
		troubleshoot: "text: list it in states of a rule, or map it to numbers by values. time: set fields.time. future: " +
			"correct the clock of the machine. number: a value that is no finite number.",
	}, rangeQuery("sum by (reason) (increase(innius_exporter_readings_skipped_total{$accounts}[1h]))", "{{reason}}")).legendList()
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func memory() panel {
	p := graph("Memory", 8, 9, about{
		shows: "The exporter's memory: all of it, and the part for its data.",
		good:  "20 MB, and about 8 kB per sensor; level after some minutes.",
		troubleshoot: "it grows for days: report it, with a profile (--web.enable-pprof). It is killed for memory: raise the " +
			"limit; see docs/operations.md.",
	},
		rangeQuery("process_resident_memory_bytes{$exporters}", "{{instance}}: resident"),
		rangeQuery("go_memstats_heap_inuse_bytes{$exporters}", "{{instance}}: heap in use"))
	p.unit, p.minimum = "bytes", 0
	return p
}

func processor() panel {
	p := graph("Processor", 8, 9, about{
		shows:        "Processor time, as a share of one core.",
		good:         "a few per cent, mostly for scrapes.",
		troubleshoot: "scrape less often: values are as fresh while the scrape interval is shorter than the cycle.",
	}, rangeQuery("rate(process_cpu_seconds_total{$exporters}[$__rate_interval])", "{{instance}}"))
	p.unit, p.decimals, p.minimum = "percentunit", 1, 0
	return p
}

func scrapes() panel {
	p := graph("Duration of a scrape", 8, 9, about{
		shows: "How long Prometheus took to scrape the exporter.",
		good:  "well below a second, and far below scrape_timeout (10 s).",
		troubleshoot: "many sensors (10,000 make 8 MB): scrape every 30 s or less often. Few sensors: the network, or an " +
			"overloaded machine.",
	}, rangeQuery("scrape_duration_seconds{$exporters}", "{{instance}}"))
	p.unit, p.minimum = "s", 0
	return p
}

func seriesServed() panel {
	p := graph("Series per scrape", 8, 8, about{
		shows:        "How many series the exporter serves.",
		good:         "about 6 per sensor, 6 per machine and 100 of its own; it changes with the plant.",
		troubleshoot: "0: the scrape fails. It jumps: machines were added or removed, or filters were changed.",
	}, rangeQuery("scrape_samples_scraped{$exporters}", "{{instance}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func scrapeErrors() panel {
	p := graph("Errors of scrapes, in an hour", 8, 8, about{
		shows: "Scrapes of the previous hour in which the exporter could not serve a series (gathering) or not all of them " +
			"(encoding).",
		good: "0.",
		troubleshoot: "gathering: a bug; the log shows the series: report it. encoding: Prometheus stopped waiting; see " +
			"\"Duration of a scrape\".",
	}, rangeQuery("sum by (instance, cause) (increase(promhttp_metric_handler_errors_total{$exporters}[1h]))",
		"{{instance}}: {{cause}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p.custom["axisSoftMax"] = 5
	return p
}

func goroutines() panel {
	p := graph("Goroutines and open files", 8, 8, about{
		shows:        "Goroutines and open files of the process.",
		good:         "some dozens of both, level.",
		troubleshoot: "one that only grows is a leak: report it, with a profile (--web.enable-pprof).",
	},
		rangeQuery("go_goroutines{$exporters}", "{{instance}}: goroutines"),
		rangeQuery("process_open_fds{$exporters}", "{{instance}}: open files"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}
