package config

import (
	"fmt"
	"net/url"
	"strings"

	"innius_exporter/innius"
)

// The rules between keys.

func (c *Config) validate(n node) {
	if len(c.Accounts) == 0 && n.has("accounts") && n.valid("accounts") {
		n.at("accounts").report("must have at least one account")
	}
	names, keys := map[string]int{}, map[innius.Secret]int{} // to 1 + the index of the account
	for i, a := range c.Accounts {
		account := n.at(fmt.Sprintf("accounts[%d]", i))
		if first := names[a.Name]; first > 0 && a.Name != "" {
			account.at("name").report("is also the name of accounts[%d]; each account needs its own name", first-1)
		}
		key := a.Key.known()
		if first := keys[key]; first > 0 && !key.Empty() {
			account.report("has the same key as accounts[%d], and both would use up its one rate limit; remove one account, or give it "+
				"another key", first-1)
		}
		names[a.Name], keys[key] = i+1, i+1
	}
}

func (a *Account) validate(n node) {
	if n.has("company_name") && !n.has("company_id") {
		n.at("company_name").report("needs company_id: without it the label company is the name in the API")
	}
	for _, op := range innius.Operations {
		if key := "endpoints." + string(op); n.has(key) && n.valid(key) {
			if err := innius.CheckEndpoint(op, a.Endpoints.Of(op)); err != nil {
				n.at(key).report("%s", masked(err.Error()))
			}
		}
	}
	if _, err := innius.TimeZone(a.Fields.TimeZone); err != nil {
		n.at("fields.time_zone").report("%s, not %s", err, shown(a.Fields.TimeZone))
	}
	if a.URL != nil {
		var err error
		if a.URL, err = baseURL(a.URL, a.AllowHTTP); err != nil {
			n.at("url").report("%s", err)
		} else if a.URL.Scheme == "http" && !a.AllowHTTP && a.HTTPClient.ProxyURL != nil {
			n.at("http_client").report("must not have a proxy_url when url begins with http://: the proxy could read the key, and this " +
				"machine is reached without one. allow_http: true permits it")
		}
	}
	a.validateKey(n)
}

// baseURL checks a base URL and returns it as it will be sent, without trailing slashes.
func baseURL(u *url.URL, allowHTTP bool) (*url.URL, error) {
	if err := innius.CheckBaseURL(u, allowHTTP); err != nil {
		return nil, err
	}
	trimmed := *u
	trimmed.Path, trimmed.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return parseURL(trimmed.String(), []string{"https", "http"}) // what was not escaped is now
}

const createKey = "create a key in the innius Admin app, under API keys"

// validateKey finds the account's key. Errors name neither the path nor the variable: people write the key itself there.
func (a *Account) validateKey(n node) {
	key, err := "api_key_file", error(nil)
	switch hasFile, hasEnv := n.has("api_key_file"), n.has("api_key_env"); {
	case hasFile && hasEnv:
		n.at("api_key_env").report("is set together with api_key_file; keep exactly one of the two")
	case !hasFile && !hasEnv && !n.d.keyless:
		n.report("has no key: set api_key_file or api_key_env; " + createKey)
	case n.d.keyless || !n.valid("api_key_file") || !n.valid("api_key_env"):
	case hasFile:
		a.Key, err = fileKey(a.KeyFile, n.d.read)
	default:
		key = "api_key_env"
		a.Key, err = envKey(a.KeyEnv, n.d.getenv)
	}
	if err != nil {
		n.at(key).report("%s", err)
	}
}

func (h *HTTPClient) validate(n node) {
	if !n.has("proxy_url") {
		if n.has("no_proxy") {
			n.at("no_proxy").report("has no effect without proxy_url; set that, or use the variable NO_PROXY")
		}
		return
	}
	if u := h.ProxyURL; u != nil && strings.Trim(u.Path, "/") != "" {
		n.at("proxy_url").report("must have no path; it must look like http://host:3128")
	}
	if n.has("proxy_from_environment") && h.ProxyFromEnvironment {
		n.at("proxy_from_environment").report("must not be true together with proxy_url; keep one of the two")
	}
	h.ProxyFromEnvironment = false
}

// validate reads the files once, so that a wrong one is reported now and not at the first request.
func (c *TLSConfig) validate(n node) {
	const pair = "needs %s, too; a client certificate has both"
	if c.CAFile != "" {
		if _, err := loadRoots(c.CAFile, n.d.read); err != nil {
			n.at("ca_file").report("%s", err)
		}
	}
	switch cert, key := n.has("cert_file"), n.has("key_file"); {
	case cert && !key:
		n.at("cert_file").report(pair, "key_file")
	case key && !cert:
		n.at("key_file").report(pair, "cert_file")
	case c.CertFile != "" && c.KeyFile != "":
		if _, err := loadPair(c.CertFile, c.KeyFile, n.d.read); err != nil {
			n.at("cert_file").report("%s", err)
		}
	}
}

func (r *Refresh) validate(n node) {
	switch {
	case r.MaxInterval >= r.MinInterval || !n.valid("min_interval") || !n.valid("max_interval"):
	case n.has("max_interval"):
		n.at("max_interval").report("must be at least min_interval (%s), not %s", span(r.MinInterval), span(r.MaxInterval))
	default:
		n.at("min_interval").report("must be at most max_interval (%s by default), not %s", span(r.MaxInterval), span(r.MinInterval))
	}
}

func (r *SensorRule) validate(n node) {
	if len(n.yaml.Content) == 0 {
		n.report("is empty, and no later rule would match any sensor; set a key, or remove the rule")
	}
}

// Warnings returns the settings by which others may get the key.
func (a Account) Warnings() []string {
	var all []string
	if a.URL != nil && a.URL.Scheme == "http" && (!innius.Loopback(a.URL.Hostname()) || a.HTTPClient.ProxyURL != nil) {
		all = append(all, "the key is sent over http:// and can be read on the way")
	}
	if a.HTTPClient.TLS.InsecureSkipVerify {
		all = append(all, "the server's certificate is not verified: any server that accepts the connection gets the key")
	}
	if text := a.Key.Exposed(); text != "" {
		all = append(all, text)
	}
	return all
}
