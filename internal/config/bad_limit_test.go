package config

// badLimit are the mistakes in an account's numbers, templates and connection.
func badLimit() []badConfig {
	return []badConfig{
		{"bad-burst-fraction.yml", `5: accounts[0].rate_limit.burst: must be a whole number such as 30, not "1.5"`},
		{"bad-burst-octal.yml", `5: accounts[0].rate_limit.burst: must be a whole number such as 30, not "010"`},
		{"bad-burst-text.yml", `5: accounts[0].rate_limit.burst: must be a whole number such as 30, not "many"`},
		{"bad-burst-zero.yml", "7: accounts[0].rate_limit.burst: must be at least 1, not 0"},
		{"bad-concurrency-large.yml", "5: accounts[0].concurrency: must be at most 64, not 65"},
		{"bad-concurrency-zero.yml", "5: accounts[0].concurrency: must be at least 1, not 0"},
		{"bad-endpoint-id-missing.yml", "5: accounts[0].endpoints.values: must name {sensor}, or every sensor would get the same response"},
		{"bad-endpoint-placeholder.yml", "5: accounts[0].endpoints.machines: placeholder {compny} is not known here; known are {limit}, " +
			"{start_key}, {company}"},
		{"bad-endpoint-slash.yml", `5: accounts[0].endpoints.company: must start with "/": it is a path below url`},
		{"bad-endpoint-unknown.yml", `5: accounts[0].endpoints.value: is not a known key; did you mean "values"?`},
		{"bad-field-empty.yml", "5: accounts[0].fields.unit: must not be empty"},
		{"bad-field-unknown.yml", "5: accounts[0].fields.timestamp: is not a known key; known here are company_id, company_name, " +
			"machine_id, machine_name, machines, sensor_id, sensor_name, sensors, time, time_zone, unit, value, values"},
		{"bad-field-zone.yml", "5: accounts[0].fields.time_zone: must be a name of the IANA time zone database, such as Europe/Amsterdam, " +
			`not "CEST"`},
		{"bad-lookback-short.yml", "5: accounts[0].lookback: must be at least 1m, not 59s"},
		{"bad-no-proxy-alone.yml", "5: accounts[0].http_client.no_proxy: has no effect without proxy_url; set that, or use the variable " +
			"NO_PROXY"},
		{"bad-page-size-large.yml", "5: accounts[0].page_size: must be at most 10000, not 10001"},
		{"bad-page-size-zero.yml", "5: accounts[0].page_size: must be at least 1, not 0"},
		{"bad-proxy-both.yml", "7: accounts[0].http_client.proxy_from_environment: must not be true beside proxy_url; keep one of the two"},
		{"bad-proxy-http.yml", "5: accounts[0].http_client: must not hold a proxy_url beside an http:// url: the proxy could read the key, " +
			"and this machine is reached without one; allow_http: true permits it nevertheless"},
		{"bad-proxy-invalid.yml", "5: accounts[0].http_client.proxy_url: is no valid proxy URL; it must look like http://host:3128 (http, " +
			"https, socks5 or socks5h)"},
		{"bad-proxy-userinfo.yml", "5: accounts[0].http_client.proxy_url: must not hold a user name or password: anyone who can read the " +
			"config could read it; put the proxy with its credentials into the variable HTTPS_PROXY and leave " +
			"proxy_url out"},
		{"bad-rate-limit-scalar.yml", "5: accounts[0].rate_limit: must be a mapping of keys, not a single value"},
		{"bad-requests-large.yml", "5: accounts[0].rate_limit.requests_per_hour: must be at most 10000000, not 1000000000"},
		{"bad-requests-nan.yml", `5: accounts[0].rate_limit.requests_per_hour: must be a number, not ".nan"`},
		{"bad-requests-negative.yml", "5: accounts[0].rate_limit.requests_per_hour: must be above 0, not -3.5"},
		{"bad-requests-null.yml", "6: accounts[0].rate_limit.requests_per_hour: has no value; it must be a number"},
		{"bad-requests-quoted.yml", "5: accounts[0].rate_limit.requests_per_hour: must be a number without quotes"},
		{"bad-requests-zero.yml", "6: accounts[0].rate_limit.requests_per_hour: must be above 0, not 0"},
		{"bad-share-above-one.yml", "5: accounts[0].rate_limit.share: must be at most 1, not 95"},
		{"bad-share-zero.yml", "5: accounts[0].rate_limit.share: must be above 0, not 0"},
		{"bad-timeout-fraction.yml", `5: accounts[0].timeout: must be in whole units, such as 1500ms for 1.5s, not "1.5s"`},
		{"bad-timeout-list.yml", "5: accounts[0].timeout: must be a duration such as 90s, 15m, 1h30m or 1d, not a list"},
		{"bad-timeout-long.yml", "5: accounts[0].timeout: must be at most 5m, not 6m"},
		{"bad-timeout-negative.yml", `5: accounts[0].timeout: must be a duration such as 90s, 15m, 1h30m or 1d, not "-5s"`},
		{"bad-timeout-no-unit.yml", `5: accounts[0].timeout: needs a unit: write seconds as 90s, minutes as 15m, not "10"`},
		{"bad-timeout-short.yml", "5: accounts[0].timeout: must be at least 1s, not 500ms"},
		{"bad-timeout-text.yml", `5: accounts[0].timeout: must be a duration such as 90s, 15m, 1h30m or 1d, not "soon"`},
		{"bad-tls-ca-absent.yml", "5: accounts[0].http_client.tls_config.ca_file: the file it names cannot be read: no such file or " +
			"directory"},
		{"bad-tls-ca-no-pem.yml", "5: accounts[0].http_client.tls_config.ca_file: the file it names holds no certificate in PEM form"},
		{"bad-tls-cert-alone.yml", "5: accounts[0].http_client.tls_config.cert_file: needs key_file beside it; a client certificate has both"},
		{"bad-tls-key-alone.yml", "5: accounts[0].http_client.tls_config.key_file: needs cert_file beside it; a client certificate has both"},
		{"bad-tls-pair-absent.yml", "5: accounts[0].http_client.tls_config.cert_file: the file it names cannot be read: no such file or " +
			"directory"},
		{"bad-tls-pair-no-pem.yml", "5: accounts[0].http_client.tls_config.cert_file: it and key_file are no pair of certificate and key: " +
			"tls: failed to find any PEM data in certificate input"},
		{"bad-tls-skip.yml", `5: accounts[0].http_client.tls_config.insecure_skip_verify: must be true or false, not "yes"`},
		{"bad-tls-version.yml", `5: accounts[0].http_client.tls_config.min_version: must be TLS12 or TLS13, not "TLS10"`},
	}
}
