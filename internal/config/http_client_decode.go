package config

import (
	"crypto/tls"
	"errors"
)

const (
	proxyUserinfo = "must not hold a user name or password: anyone who can read the config could read it; " +
		"put the proxy with its credentials into the variable HTTPS_PROXY and leave proxy_url out"
	proxyInvalid = "is no valid proxy URL; it must look like http://host:3128 (http, https, socks5 or socks5h)"
	proxyBoth    = "must not be true beside proxy_url; keep one of the two"
	noProxyAlone = "has no effect without proxy_url; set that, or use the variable NO_PROXY"
	pairHalf     = "needs %s beside it; a client certificate has both"
)

var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

func (v value) httpClient(set *HTTPClient) {
	seen := v.object(keys{
		"proxy_url":              func(v value) { v.proxyURL(set) },
		"no_proxy":               func(v value) { v.text(&set.NoProxy) },
		"proxy_from_environment": func(v value) { v.boolean(&set.ProxyFromEnvironment) },
		"tls_config":             func(v value) { v.tlsConfig(&set.TLS) },
	})
	environment, chosen := seen["proxy_from_environment"]
	exception, hasException := seen["no_proxy"]
	if !attempted(seen, "proxy_url") {
		if hasException && exception.sound() {
			exception.report(noProxyAlone)
		}
		return
	}
	if chosen && environment.sound() && set.ProxyFromEnvironment {
		environment.report(proxyBoth)
	}
	set.ProxyFromEnvironment = false
}

func (v value) proxyURL(set *HTTPClient) {
	var address string
	if v.text(&address); address == "" {
		return
	}
	u, err := parseHostURL(address, proxySchemes...)
	switch {
	case errors.Is(err, errURLUserinfo):
		v.report(proxyUserinfo)
	case err != nil || u.Opaque != "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		v.report(proxyInvalid)
	default:
		set.ProxyURL = u
	}
}

func (v value) tlsConfig(set *TLSConfig) {
	var version string
	seen := v.object(keys{
		"ca_file":              func(v value) { v.file(&set.CAFile) },
		"cert_file":            func(v value) { v.file(&set.CertFile) },
		"key_file":             func(v value) { v.file(&set.KeyFile) },
		"server_name":          func(v value) { v.text(&set.ServerName) },
		"min_version":          func(v value) { v.choice(&version, "TLS12", "TLS13") },
		"insecure_skip_verify": func(v value) { v.boolean(&set.InsecureSkipVerify) },
	})
	if version == "TLS13" {
		set.MinVersion = tls.VersionTLS13
	}
	v.checkFiles(seen, *set)
}

// file decodes the path of a file.
func (v value) file(set *string) {
	var name string
	if v.text(&name); name != "" {
		*set = v.d.path(name)
	}
}

// checkFiles reads the files once, so that a wrong one is told now and not at the first request.
func (v value) checkFiles(seen map[string]value, c TLSConfig) {
	if c.CAFile != "" {
		if _, err := loadRoots(c.CAFile, v.d.read); err != nil {
			seen["ca_file"].report("%s", err)
		}
	}
	cert, hasCert := seen["cert_file"]
	key, hasKey := seen["key_file"]
	switch {
	case hasCert && !attempted(seen, "key_file"):
		cert.report(pairHalf, "key_file")
	case hasKey && !attempted(seen, "cert_file"):
		key.report(pairHalf, "cert_file")
	case c.CertFile != "" && c.KeyFile != "":
		if _, err := loadPair(c.CertFile, c.KeyFile, v.d.read); err != nil {
			cert.report("%s", err)
		}
	}
}
