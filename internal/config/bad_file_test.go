package config

// badFile are the mistakes of a text that is no config.
func badFile() []badConfig {
	return []badConfig{
		{"bad-alias.yml", "2: accounts[0].name: uses a YAML anchor, alias or tag, which is not supported; write the value out, or " +
			"put it in quotes\n" +
			"5: labels: uses a YAML anchor, alias or tag, which is not supported; write the value out, or put it in " +
			"quotes"},
		{"bad-anchor.yml", "5: accounts[0].rate_limit: uses a YAML anchor, alias or tag, which is not supported; write the value " +
			"out, or put it in quotes"},
		{"bad-backslash.yml", "6: a backslash in double quotes begins an escape; put the value in single quotes"},
		{"bad-bare-at.yml", "6: a value must not begin with this sign; put it in quotes"},
		{"bad-bare-star.yml", `6: a value that begins with "*" or "&" must be in quotes; YAML aliases are not supported`},
		{"bad-comments-only.yml", "1: is empty; it needs at least accounts with a name, a url and a key: see config.example.yml"},
		{"bad-complex-key.yml", "5: holds a key that is no plain text"},
		{"bad-control-character.yml", "2: holds a control character; is this a text file?"},
		{"bad-duplicate-key.yml", "6: accounts[0].timeout: stands here a second time; the first is in line 5"},
		{"bad-empty.yml", "1: is empty; it needs at least accounts with a name, a url and a key: see config.example.yml"},
		{"bad-indentation.yml", `3: the indentation does not fit the list above; each entry begins with "- " in the same column`},
		{"bad-merge-key.yml", `5: accounts[0]["<<"]: is not a known key; ` +
			"known here are allow_http, api_key_env, api_key_file, company_id, company_name, " +
			"concurrency, endpoints, fields, http_client, lookback, name, page_size, rate_limit, timeout, url"},
		{"bad-missing-colon.yml", `5: a ":" is missing after the key`},
		{"bad-not-a-mapping.yml", "1: must be a mapping of keys, not a list"},
		{"bad-not-utf8.yml", "2: is not UTF-8 here; save the file as UTF-8"},
		{"bad-null-document.yml", "1: is empty; it needs at least accounts with a name, a url and a key: see config.example.yml"},
		{"bad-scalar-root.yml", "1: must be a mapping of keys, not a single value"},
		{"bad-second-document.yml", "5: a second YAML document begins here; a config is one document"},
		{"bad-several.yml", "1: labels: must be name or id, not \"both\"\n" +
			"3: accounts[0]: has no key: set api_key_file or api_key_env; create a key in the innius Admin app, under " +
			"API keys\n" +
			"4: accounts[0].rate_limit.burst: must be at least 1, not 0\n" +
			"4: accounts[0].rate_limit.share: must be at most 1, not 2\n" +
			"5: accounts[0].url: must begin with https://: over http:// anyone on the way could read the key; " +
			"allow_http: true in the config file permits it nevertheless\n" +
			"7: discovery.interval: must be at least 1m, not 1s"},
		{"bad-syntax-hides-secret.yml", `3: a value that begins with "*" must be in quotes; YAML aliases are not supported`},
		{"bad-tab-nested.yml", "3: a tab indents this line; YAML allows only spaces"},
		{"bad-tab.yml", "2: a tab indents this line; YAML allows only spaces"},
		{"bad-tag.yml", "5: accounts[0].page_size: uses a YAML anchor, alias or tag, which is not supported; write the value out, " +
			"or put it in quotes"},
		{"bad-two-colons.yml", `5: a ":" is not allowed here; indent the line as its neighbours, or put the value in quotes`},
		{"bad-unclosed-list.yml", `6: the list that begins here with "[" lacks a comma or its "]"`},
		{"bad-unclosed-mapping.yml", `5: the mapping that begins here with "{" lacks a comma or its "}"`},
		{"bad-unclosed-quote.yml", "2: the quote that begins here is never closed"},
		{"bad-unknown-alias.yml", `6: a value that begins with "*" must be in quotes; YAML aliases are not supported`},
		{"bad-unknown-http-client-key.yml", "6: accounts[0].http_client.basic_auth: is not a known key; known here are no_proxy, " +
			"proxy_from_environment, proxy_url, tls_config"},
		{"bad-unknown-key-case.yml", `5: accounts[0].Timeout: is not a known key; did you mean "timeout"?`},
		{"bad-unknown-key-far.yml", "6: accounts[0].rate_limit.colour: is not a known key; known here are burst, requests_per_hour, share"},
		{"bad-unknown-key-secret-like.yml", `5: accounts[0]["<secret>"]: is not a known key; ` +
			"known here are allow_http, api_key_env, api_key_file, company_id, company_name, " +
			"concurrency, endpoints, fields, http_client, lookback, name, page_size, rate_limit, timeout, url"},
		{"bad-unknown-key.yml", `6: accounts[0].rate_limit.burts: is not a known key; did you mean "burst"?`},
		{"bad-unknown-root-key.yml", "5: global: is not a known key; known here are accounts, discovery, labels, refresh, sensors"},
	}
}
