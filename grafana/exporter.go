package grafana

import "strings"

func exporterDashboard() Dashboard {
	return board{
		uid: exporterUID, title: "innius / Exporter",
		description: "Does innius answer, is the allowance well spent, and how is the exporter itself?",
		variables: []object{
			datasourceVariable(), jobVariable(), instanceVariable(),
			labelVariable("account", "Account", "innius_exporter_api_allowance_requests_per_hour{"+exporters+"}"),
		},
		links: []object{toPlant(), toMachine()},
		lines: [][]panel{
			{scraped(), answers(), failures(), paused(), lowered()},
			tall(reloaded(), stateWritten(), discovered(), clashes(), clocks(), version()),
			row("Allowance"),
			{sent(), demand(), left()},
			row("Requests"),
			{byOperation(), byStatus()},
			{refused(), duration(), wasted()},
			row("Freshness"),
			{pickup(), exposedAges()},
			row("Sensors"),
			{sensorStates(), promises(), skipped()},
			row("The process and its scrapes"),
			{memory(), processor(), scrapes()},
			{seriesServed(), scrapeErrors(), goroutines()},
		},
	}.dashboard()
}

// ofAccounts puts the chosen accounts and exporters into a query.
func ofAccounts(query string) string {
	return strings.NewReplacer("$accounts", accounts, "$exporters", exporters).Replace(query)
}

// tall makes tiles higher: one that is much wider than high has its name beside its value.
func tall(tiles ...panel) []panel {
	for i := range tiles {
		tiles[i].height = 5
	}
	return tiles
}

// is shows a number that means yes or no.
func is(title string, width int, a about, mappings []object, targets ...object) panel {
	p := tiles(title, width, 4, a, targets...)
	p.mappings = mappings
	return p
}

func scraped() panel {
	return is("Exporter up", 4, about{
		shows: "Whether Prometheus reaches each exporter.",
		good:  "\"yes\".",
		ifNot: "is the exporter running (systemctl status innius_exporter)? Does Prometheus reach its port, with the credentials of " +
			"its --web.config.file? Prometheus' page Targets shows the error. \"No data\": no exporter was scraped in all the time shown.",
	}, yesNo("yes", "no"), now(ofAccounts("min by (instance) (up{$exporters})"), "{{instance}}"))
}

func answers() panel {
	return is("innius answers", 4, about{
		shows: "Whether innius answers for each account. Pauses that it asked for, and refusals of single sensors, do not count.",
		good:  "\"yes\".",
		ifNot: "the next panel says why. \"No data\": there was no answer yet since the exporter started.",
	}, yesNo("yes", "no"), now(ofAccounts("min by (account) (innius_up{$accounts})"), "{{account}}"))
}

func failures() panel {
	return is("Why not", 8, about{
		shows: "The four reasons for which an account can fail.",
		good:  "\"ok\" four times.",
		ifNot: "key: it is revoked or wrong; replace the file, no restart is needed. network: URL, DNS, proxy, firewall. server: innius answers 5xx; " +
			"wait, values keep their times. answer: it answers in another shape than assumed; innius_exporter check api shows what came, and the config's " +
			"endpoints and fields adapt to it.",
	}, noYes("ok", "FAILS"), now(ofAccounts("max by (reason) (innius_exporter_account_failure{$accounts})"), "{{reason}}"))
}

func paused() panel {
	p := is("Pause left", 4, about{
		shows: "How long nothing will be sent, because innius answered 429 and named a moment, or because of a back-off.",
		good:  "\"not paused\".",
		ifNot: "wait: the exporter goes on by itself. If it happens again, innius permits less than requests_per_hour, or another tool uses the key: see " +
			"\"Limit\".",
	}, mapped(state{0, "not paused", "semi-dark-green"}), now(ofAccounts("max by (account) (clamp_min(innius_exporter_paused_until_timestamp_seconds{$accounts}"+
		" - time(), 0) or 0 * innius_exporter_api_allowance_requests_per_hour{$accounts})"), "{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("orange")
	return p
}

func lowered() panel {
	return is("Limit", 4, about{
		shows: "Whether less is sent than configured, because innius refused more.",
		good:  "\"as configured\".",
		ifNot: "\"lowered\": set requests_per_hour and burst to what innius grants, or find the other tool that uses the key. \"shared\": it is another " +
			"tool; give it a key of its own, or lower share.",
	}, mapped(state{0, "as configured", "semi-dark-green"}, state{1, "lowered", "yellow"}, state{2, "shared", "yellow"}),
		now(ofAccounts("max by (account) (innius_exporter_api_allowance_lowered{$accounts, cause=\"limit_or_shared\"}"+
			" or 2 * innius_exporter_api_allowance_lowered{$accounts, cause=\"shared\"})"), "{{account}}"))
}

func reloaded() panel {
	p := is("Config in force", 5, about{
		shows: "Whether the last reload of the config file succeeded, and since when the config in force is.",
		good:  "\"loaded\".",
		ifNot: "the exporter goes on with the config from before. Its log names each mistake; innius_exporter check config repeats them.",
	}, yesNo("loaded", "RELOAD FAILED"),
		now(ofAccounts("min(innius_exporter_config_last_reload_successful{$exporters})"), "last reload"),
		now(ofAccounts("min(time() - innius_exporter_config_last_reload_success_timestamp_seconds{$exporters})"), "in force for"))
	p.overrides = []object{{"matcher": object{"id": "byFrameRefID", "options": "B"}, "properties": []object{
		{"id": "mappings", "value": []object{}},
		{"id": "unit", "value": "s"},
		{"id": "decimals", "value": 1},
		{"id": "thresholds", "value": object{"mode": "absolute", "steps": steps(idle)}},
	}}}
	return p.sized(13, 26)
}

func stateWritten() panel {
	p := is("State written, ago", 4, about{
		shows: "How long ago the exporter wrote what it must not lose in a restart.",
		good:  "less than two minutes.",
		ifNot: "\"not kept\": each restart costs a request for every sensor; set --storage.path. More than 5 min: it cannot be written; the disk is full or " +
			"read-only, the log says which.",
	}, mapped(state{-1, "not kept", "yellow"}), now(ofAccounts("max by (instance) (time() - innius_exporter_state_last_write_timestamp_seconds{$exporters}"+
		" or innius_exporter_config_last_reload_successful{$exporters} * 0 - 1)"), "{{instance}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("semi-dark-green", 300, "dark-red")
	return p
}

func discovered() panel {
	p := is("Lists are as of, ago", 4, about{
		shows: "Since when all lists of machines and sensors have been read. New machines and sensors are found by reading them again.",
		good:  "not much more than discovery.interval, an hour unless configured. The plan (innius_exporter plan) says how far the allowance stretches it.",
		ifNot: "a list cannot be read: /status and the log say which. Status 403: the key may not see it; 404: endpoints.",
	}, nil, now(ofAccounts("max by (account) (time() - innius_exporter_discovery_last_success_timestamp_seconds{$accounts})"), "{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 1, steps("semi-dark-green", 2*3600, "yellow", 4*3600, "dark-red")
	return p
}

func clashes() panel {
	p := is("Clashes of names", 4, about{
		shows: "Sensors whose name another one of the same machine has, so that their ids were appended.",
		good:  "0.",
		ifNot: "nothing is lost. For readable names rename one of them in innius, or set labels: id. The demo has two.",
	}, nil, now(ofAccounts("max by (account) (innius_exporter_name_clashes{$accounts})"), "{{account}}"))
	p.decimals, p.thresholds = 0, steps("semi-dark-green", 1, "#7d8590")
	return p
}

func clocks() panel {
	p := is("Clock difference", 3, about{
		shows: "How far the clock of the API is ahead of the exporter's.",
		good:  "below a minute.",
		ifNot: "the exporter judges ages by the clock of the API, Prometheus by its own: set the wrong clock right (NTP).",
	}, nil, now(ofAccounts("max by (account) (innius_exporter_api_clock_difference_seconds{$accounts})"), "{{account}}"))
	p.unit, p.decimals, p.thresholds = "s", 0, steps("dark-red", -60, "semi-dark-green", 60, "dark-red")
	return p
}

func version() panel {
	p := is("Running for", 4, about{
		shows: "The version of each exporter, and for how long it has been running.",
		good:  "the newest version; a time that grows.",
		ifNot: "a time that begins again and again: it is started anew, or killed for its memory; look at its log and at the memory below.",
	}, nil, now(ofAccounts("time() - process_start_time_seconds{$exporters} * on (instance, job) group_left (version) innius_exporter_build_info{$exporters}"),
		"{{instance}} {{version}}"))
	p.unit, p.decimals, p.options["colorMode"] = "s", 1, "value"
	return p
}

func sent() panel {
	p := graph("Requests an hour: kept to, sent", 8, 9, about{
		shows: "The rate that the exporter keeps to, and what it sent in the last 15 min, as requests an hour.",
		good:  "sent just under kept to, after a first burst. With few or slow sensors, far less may do.",
		ifNot: "kept to falls: innius refused more; see \"Limit\". Sent is 0: paused, or innius does not answer. Sent far less than kept to although " +
			"\"Demand\" is above 1: requests take too long; see \"Time of an answer\".",
	},
		over(ofAccounts("sum by (account) (innius_exporter_api_allowance_requests_per_hour{$accounts})"), "{{account}}: kept to"),
		over(ofAccounts("sum by (account) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600"), "{{account}}: sent"))
	p.unit, p.decimals, p.minimum = "req/h", 0, 0
	return p
}

func demand() panel {
	p := graph("Demand, in allowances", 8, 9, about{
		shows: "What it would take to see every reading (no sensor more often than min_interval), divided by the allowance. 3 means: a third of " +
			"what there is can be seen.",
		good: "1 or less: each reading is picked up. Above it readings are missed, which is usual where sensors report every second.",
		ifNot: "exclude sensors that nobody looks at, raise refresh.min_interval, give a weight or a max_age to those that matter, or ask innius for the limit that " +
			"innius_exporter plan names.",
	}, over(ofAccounts("sum by (account) (innius_exporter_demand_requests_per_hour{$accounts})"+
		" / sum by (account) (innius_exporter_api_allowance_requests_per_hour{$accounts})"), "{{account}}"))
	p.unit, p.decimals, p.minimum = "×", 1, 0
	p.thresholds = steps("transparent", 1, "orange")
	p.custom["thresholdsStyle"] = object{"mode": "line"}
	return p
}

func left() panel {
	p := graph("What is left", 8, 9, about{
		shows: "Requests that could be sent at once.",
		good:  "near 0 where the demand is above the allowance: nothing lies idle. After a pause it may stand at the burst.",
		ifNot: "it stays high though values are old: the exporter is paused, or innius does not answer.",
	}, over(ofAccounts("sum by (account) (innius_exporter_api_allowance_remaining_requests{$accounts})"), "{{account}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func byOperation() panel {
	p := graph("Requests by operation", 12, 9, about{
		shows: "Requests an hour, by what was asked for, over 15 min each: values of sensors, and lists of the company, of machines, of sensors.",
		good:  "nearly all are values; lists take at most 5 %.",
		ifNot: "many lists: the exporter starts again and again without --storage.path, or discovery.interval is short.",
	}, over(ofAccounts("sum by (operation) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600"), "{{operation}}")).stacked().legendAside()
	p.unit, p.decimals, p.minimum = "req/h", 0, 0
	return p
}

func byStatus() panel {
	p := graph("Requests by status", 12, 9, about{
		shows: "Requests an hour by the status of their answer, over 15 min each; error: there was none.",
		good:  "all 200.",
		ifNot: "401, 403: the key. 404: endpoints. 429: see below. 5xx: innius' fault, wait. error: network, DNS, proxy, timeout.",
	}, over(ofAccounts("sum by (code) (rate(innius_exporter_api_requests_total{$accounts}[15m])) * 3600"), "{{code}}")).stacked().legendAside()
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
		shows: "How many requests innius refused in the hour before, because there were too many.",
		good:  "0, but for one in some 30 h where the limit is lower than configured: that is how it is searched for.",
		ifNot: "set requests_per_hour and burst to what innius grants, or find out who else uses the key. The exporter slows down by itself meanwhile.",
	}, over(ofAccounts("sum by (account) (increase(innius_exporter_api_requests_total{$accounts, code=\"429\"}[1h]))"), "{{account}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p.custom["fillOpacity"], p.custom["axisSoftMax"] = 20, 5
	return p
}

func duration() panel {
	p := graph("Time of an answer", 8, 9, about{
		shows: "How long innius took to answer in the last 15 min: half of the requests took less than the first line, 95 % less than the second.",
		good:  "well below a second.",
		ifNot: "innius or the way to it is slow. More than timeout (10 s) becomes an error. While answers times sensors take longer than the " +
			"allowance, raise concurrency.",
	}, quantiles("innius_exporter_api_request_duration_seconds", "15m")...)
	p.unit, p.minimum = "s", 0
	return p
}

// quantiles asks for the median and the 95th percentile of a histogram.
func quantiles(histogram, window string) []object {
	of := func(q string) string {
		return ofAccounts("histogram_quantile(" + q + ", sum by (account, le) (rate(" + histogram + "_bucket{$accounts}[" + window + "])))")
	}
	return []object{over(of("0.5"), "{{account}}: half below"), over(of("0.95"), "{{account}}: 95 % below")}
}

func wasted() panel {
	p := graph("Wasted requests", 8, 9, about{
		shows: "The share of requests for values that brought nothing new, over 15 min.",
		good:  "below 20 %. Sensors that are silent or irregular cost some: they must be asked to find out.",
		ifNot: "many sensors are silent or off: exclude those that are gone for good, or raise refresh.max_interval. Just after a start it is higher: " +
			"paces are being learned.",
	}, over(ofAccounts("sum by (account) (rate(innius_exporter_refreshes_without_news_total{$accounts}[15m]))"+
		" / (sum by (account) (rate(innius_exporter_api_requests_total{$accounts, operation=\"values\"}[15m])) > 0)"), "{{account}}"))
	p.unit, p.decimals, p.minimum = "percentunit", 1, 0
	return p
}

func pickup() panel {
	p := graph("Age of new readings when they are picked up", 12, 9, about{
		shows: "How old a reading was when the exporter got it, over the last 15 min: half were younger than the first line, 95 % younger than the second.",
		good:  "seconds. What a sensor measures after it was asked comes with the next answer only, so this is how well the exporter guesses the moment.",
		ifNot: "innius shows readings late, or clocks differ (innius_exporter check api tells), or sensors report irregularly, or the allowance is too " +
			"small to ask in time.",
	}, quantiles("innius_exporter_pickup_age_seconds", "15m")...)
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p
}

func exposedAges() panel {
	ageOf := "((time() - innius_sensor_timestamp_seconds{$exporters}) and innius_sensor_value{$exporters})" +
		" * on (instance, job, company) group_left (account) max by (instance, job, company, account) (innius_account_info{$accounts})"
	p := graph("Age of the values that are shown", 12, 9, about{
		shows: "How old the values on /metrics are now: half are younger than the first line, 95 % younger than the second.",
		good:  "95 % below the cycle that /status and innius_exporter plan name, plus the interval of slow sensors.",
		ifNot: "it climbs second by second: nothing new comes; see \"innius answers\". High and level: too many sensors for the allowance; see \"Demand\".",
	},
		over(ofAccounts("quantile by (account) (0.5, "+ageOf+")"), "{{account}}: half below"),
		over(ofAccounts("quantile by (account) (0.95, "+ageOf+")"), "{{account}}: 95 % below"))
	p.unit, p.decimals, p.minimum = "s", 1, 0
	return p
}

func sensorStates() panel {
	p := graph("Sensors by state", 10, 10, about{
		shows: "How many sensors are in each of the exporter's states.",
		good:  "nearly all fresh. Machines that are off make some stale.",
		ifNot: "waiting: a cold start goes on. late, stale: the sensor is silent; see the dashboard Plant. unreadable: text, or times that are not understood. failing: " +
			"innius refuses it. /status says why for each; filtered is your own config.",
	}, over(ofAccounts("sum by (state) (innius_exporter_sensors{$accounts})"), "{{state}}")).stacked().legendAside()
	p.unit, p.decimals, p.minimum = "none", 0, 0
	for _, s := range []state{
		{text: "fresh", color: "semi-dark-green"},
		{text: "late", color: "yellow"},
		{text: "stale", color: "dark-red"},
		{text: "waiting", color: "super-light-blue"},
		{text: "unreadable", color: "blue"},
		{text: "failing", color: "purple"},
		{text: "filtered", color: "#7d8590"},
	} {
		p.overrides = append(p.overrides, named(s.text, fixed(s.color)))
	}
	return p
}

func promises() panel {
	p := graph("Promises (max_age)", 7, 10, about{
		shows: "Sensors with a max_age in the config, by whether it is kept.",
		good:  "all kept. All three at 0: none is promised.",
		ifNot: "broken: a pause, an outage, or a sensor that fails. stretched: the promises together take more than 60 % of the requests; promise less, or " +
			"get a higher limit.",
	}, over(ofAccounts("sum by (state) (innius_exporter_promises{$accounts})"), "{{state}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p = p.legend("lastNotNull")
	p.overrides = []object{
		named("kept", fixed("semi-dark-green")), named("broken", fixed("dark-red")), named("stretched", fixed("yellow")),
	}
	p.custom["axisSoftMax"] = 5
	return p
}

func skipped() panel {
	p := graph("Skipped readings, in an hour", 7, 10, about{
		shows: "Readings of the hour before that could not be shown, by reason; each counted once.",
		good:  "0 of number, time, future and order. Text sensors make text grow.",
		ifNot: "text: map it to numbers with values in a rule. time: fields.time. future: correct the clock that is wrong. order: innius gave an older reading " +
			"than before.",
	}, over(ofAccounts("sum by (reason) (increase(innius_exporter_readings_skipped_total{$accounts}[1h]))"), "{{reason}}")).legendInLine()
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func memory() panel {
	p := graph("Memory", 8, 9, about{
		shows: "The exporter's memory: all of it, and what its data takes.",
		good:  "20 MB, and about 8 kB a sensor; level after some minutes.",
		ifNot: "it grows for days: report it, with a profile (--web.enable-pprof). It is killed for memory: raise the limit; docs/operations.md has a table.",
	},
		over(ofAccounts("process_resident_memory_bytes{$exporters}"), "{{instance}}: resident"),
		over(ofAccounts("go_memstats_heap_inuse_bytes{$exporters}"), "{{instance}}: heap in use"))
	p.unit, p.minimum = "bytes", 0
	return p
}

func processor() panel {
	p := graph("Processor", 8, 9, about{
		shows: "Processor time, as a share of one core.",
		good:  "a few per cent; most of it goes into scrapes.",
		ifNot: "scrape more seldom: it costs no freshness while the scrape interval is shorter than the cycle.",
	}, over(ofAccounts("rate(process_cpu_seconds_total{$exporters}[$__rate_interval])"), "{{instance}}"))
	p.unit, p.decimals, p.minimum = "percentunit", 1, 0
	return p
}

func scrapes() panel {
	p := graph("Time of a scrape", 8, 9, about{
		shows: "How long Prometheus took to scrape the exporter.",
		good:  "well below a second, and far below scrape_timeout (10 s).",
		ifNot: "many sensors (10,000 make 8 MB): scrape every 30 s or more seldom. Few sensors: the network, or a machine that is too busy.",
	}, over(ofAccounts("scrape_duration_seconds{$exporters}"), "{{instance}}"))
	p.unit, p.minimum = "s", 0
	return p
}

func seriesServed() panel {
	p := graph("Series of a scrape", 8, 8, about{
		shows: "How many series the exporter serves.",
		good:  "about 5 a sensor and 150 of its own; it changes with the plant.",
		ifNot: "0: the scrape fails. It jumps: machines came or went, or filters were changed.",
	}, over(ofAccounts("scrape_samples_scraped{$exporters}"), "{{instance}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}

func scrapeErrors() panel {
	p := graph("Errors of scrapes, in an hour", 8, 8, about{
		shows: "Scrapes of the hour before in which the exporter could not serve a series (gathering) or not all of them (encoding).",
		good:  "0.",
		ifNot: "gathering: a bug; its log has the series: report it. encoding: Prometheus gave up waiting; see \"Time of a scrape\".",
	}, over(ofAccounts("sum by (instance, cause) (increase(promhttp_metric_handler_errors_total{$exporters}[1h]))"), "{{instance}}: {{cause}}"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	p.custom["axisSoftMax"] = 5
	return p
}

func goroutines() panel {
	p := graph("Goroutines and open files", 8, 8, about{
		shows: "What the process holds open.",
		good:  "some dozens of both, level.",
		ifNot: "one that only grows is a leak: report it, with a profile (--web.enable-pprof).",
	},
		over(ofAccounts("go_goroutines{$exporters}"), "{{instance}}: goroutines"),
		over(ofAccounts("process_open_fds{$exporters}"), "{{instance}}: open files"))
	p.unit, p.decimals, p.minimum = "none", 0, 0
	return p
}
