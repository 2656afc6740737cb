package config

// badAccount are the mistakes around name, URL and key.
func badAccount() []badConfig {
	return []badConfig{
		{"bad-account-null.yml", "2: accounts[0].name: is missing; it becomes the label account of the exporter's own metrics\n" +
			"2: accounts[0].url: is missing: the base URL stands in the API reference of the innius developer portal; " +
			"there is no default, because a guessed host would be handed your key\n" +
			"2: accounts[0]: has no key: set api_key_file or api_key_env; create a key in the innius Admin app, under " +
			"API keys"},
		{"bad-account-scalar.yml", "2: accounts[0]: must be a mapping of keys, not a single value"},
		{"bad-accounts-empty.yml", "1: accounts: must hold at least one account"},
		{"bad-accounts-mapping.yml", "1: accounts: must be a list, not a mapping"},
		{"bad-accounts-null.yml", "1: accounts: must hold at least one account"},
		{"bad-allow-http-type.yml", `5: accounts[0].allow_http: must be true or false, not "maybe"`},
		{"bad-api-key-both.yml", "4: accounts[0].api_key_env: stands beside api_key_file; keep exactly one of the two"},
		{"bad-api-key-env-form.yml", "4: accounts[0].api_key_env: the variable it names must hold a key of one line of printable ASCII " +
			"characters without spaces inside; it goes into a header"},
		{"bad-api-key-env-unset.yml", "4: accounts[0].api_key_env: the variable it names is not set, or empty; it must hold the key: create a " +
			"key in the innius Admin app, under API keys"},
		{"bad-api-key-file-absent.yml", "4: accounts[0].api_key_file: the file it names cannot be read: no such file or directory; a relative " +
			"path starts at the config file's directory"},
		{"bad-api-key-file-directory.yml", "4: accounts[0].api_key_file: the file it names cannot be read: is a directory"},
		{"bad-api-key-file-empty.yml", "4: accounts[0].api_key_file: the file it names is empty"},
		{"bad-api-key-file-two-lines.yml", "4: accounts[0].api_key_file: the file it names must hold a key of one line " +
			"of printable ASCII characters " +
			"without spaces inside; it goes into a header"},
		{"bad-api-key-missing.yml", "2: accounts[0]: has no key: set api_key_file or api_key_env; create a key in the innius Admin app, under " +
			"API keys"},
		{"bad-api-key-misspelled.yml", `4: accounts[0].api_key_evn: is not a known key; did you mean "api_key_env"?`},
		{"bad-api-key-null.yml", "4: accounts[0].api_key_env: has no value; it must be a text"},
		{"bad-api-key-quotes.yml", "4: accounts[0].api_key_file: the file it names holds quotes around the key; remove them: they would be " +
			"sent as part of it"},
		{"bad-company-name-alone.yml", "5: accounts[0].company_name: needs company_id: without it the name in the API counts, and this one " +
			"has no effect"},
		{"bad-inline-api-key.yml", "4: accounts[0].api_key: a key in the file itself is refused: anyone who can read the config could read " +
			"the key; use api_key_file or api_key_env"},
		{"bad-inline-apikey-dash.yml", `5: accounts[0]["x-api-key"]: a key in the file itself is refused: anyone who can read the config could ` +
			"read the key; use api_key_file or api_key_env"},
		{"bad-inline-key.yml", "4: accounts[0].key: a key in the file itself is refused: anyone who can read the config could read the " +
			"key; use api_key_file or api_key_env"},
		{"bad-inline-password.yml", "6: accounts[0].http_client.password: a key in the file itself is refused: anyone who can read the config " +
			"could read the key; use the variable HTTPS_PROXY for a proxy's password"},
		{"bad-inline-tls-ca.yml", "7: accounts[0].http_client.tls_config.ca: is not a known key; use ca_file"},
		{"bad-inline-tls-cert.yml", "7: accounts[0].http_client.tls_config.cert: is not a known key; use cert_file"},
		{"bad-inline-tls-key.yml", "7: accounts[0].http_client.tls_config.key: a key in the file itself is refused: anyone who can read the " +
			"config could read the key; use key_file"},
		{"bad-inline-token.yml", "5: accounts[0].token: a key in the file itself is refused: anyone who can read the config could read the " +
			"key; use api_key_file or api_key_env"},
		{"bad-key-as-file-name.yml", "4: accounts[0].api_key_file: the file it names cannot be read: no such file or directory; a relative " +
			"path starts at the config file's directory"},
		{"bad-key-as-variable.yml", "4: accounts[0].api_key_env: the variable it names is not set, or empty; it must hold the key: create a " +
			"key in the innius Admin app, under API keys"},
		{"bad-key-in-comment.yml", "5: a key in the file itself is refused: anyone who can read the config could read the key; use " +
			"api_key_file or api_key_env"},
		{"bad-key-twice.yml", "5: accounts[1]: has the same key as accounts[0]: both would spend the one allowance of that key; remove " +
			"one account, or give it a key of its own"},
		{"bad-key-written-elsewhere.yml", "6: a key in the file itself is refused: anyone who can read the config could read the key; use " +
			"api_key_file or api_key_env"},
		{"bad-name-control.yml", "2: accounts[0].name: must not hold control characters"},
		{"bad-name-empty.yml", "2: accounts[0].name: must not be empty"},
		{"bad-name-list.yml", "2: accounts[0].name: must be a text, not a list"},
		{"bad-name-long.yml", "2: accounts[0].name: must have at most 64 bytes, not 66"},
		{"bad-name-missing.yml", "2: accounts[0].name: is missing; it becomes the label account of the exporter's own metrics"},
		{"bad-name-misspelled.yml", `2: accounts[0].nam: is not a known key; did you mean "name"?`},
		{"bad-name-null.yml", "2: accounts[0].name: has no value; it must be a text"},
		{"bad-name-twice.yml", "5: accounts[1].name: is also the name of accounts[0]; every account needs a name of its own"},
		{"bad-no-accounts.yml", "1: accounts: is missing; the config needs at least one account with a name, a url and a key"},
		{"bad-url-empty.yml", "3: accounts[0].url: is missing: the base URL stands in the API reference of the innius developer portal; " +
			"there is no default, because a guessed host would be handed your key"},
		{"bad-url-fragment.yml", "3: accounts[0].url: must not hold a query or fragment; put the query into the templates under endpoints"},
		{"bad-url-http-lookalike.yml", "3: accounts[0].url: must begin with https://: over http:// anyone on the way could read the key; " +
			"allow_http: true in the config file permits it nevertheless"},
		{"bad-url-http.yml", "3: accounts[0].url: must begin with https://: over http:// anyone on the way could read the key; " +
			"allow_http: true in the config file permits it nevertheless"},
		{"bad-url-missing.yml", "2: accounts[0].url: is missing: the base URL stands in the API reference of the innius developer portal; " +
			"there is no default, because a guessed host would be handed your key"},
		{"bad-url-no-host.yml", "3: accounts[0].url: is no valid URL; it must look like https://host/path"},
		{"bad-url-no-scheme.yml", "3: accounts[0].url: is no valid URL; it must look like https://host/path"},
		{"bad-url-null.yml", "3: accounts[0].url: is missing: the base URL stands in the API reference of the innius developer portal; " +
			"there is no default, because a guessed host would be handed your key"},
		{"bad-url-port.yml", "3: accounts[0].url: is no valid URL; it must look like https://host/path"},
		{"bad-url-query.yml", "3: accounts[0].url: must not hold a query or fragment; put the query into the templates under endpoints"},
		{"bad-url-scheme.yml", "3: accounts[0].url: is no valid URL; it must look like https://host/path"},
		{"bad-url-userinfo-broken.yml", "3: accounts[0].url: must not hold a user name or password; innius knows only the key"},
		{"bad-url-userinfo.yml", "3: accounts[0].url: must not hold a user name or password; innius knows only the key"},
	}
}
