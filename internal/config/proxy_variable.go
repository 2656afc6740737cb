package config

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

const proxyVariableInvalid = "is no valid proxy URL; it must look like http://host:3128 or http://user:password@host:3128 " +
	"(http, https, socks5 or socks5h), with the signs @ : / ? # % of a password written as %40 %3A %2F %3F %23 %25"

// badProxy refuses a variable that an account would take its proxy from and that is no proxy's URL: Go would ignore it
// without a word and connect directly, or take a part of the password for the host. The error does not quote it.
func badProxy(c *Config, file string, getenv func(string) string) error {
	var mistakes []Mistake
	for _, a := range c.Accounts {
		name, text := proxyVariable(a, getenv)
		again := slices.ContainsFunc(mistakes, func(m Mistake) bool { return m.Path == name })
		if text != "" && !again && !proxyAddress(text) {
			mistakes = append(mistakes, Mistake{Path: name, Text: proxyVariableInvalid})
		}
	}
	return asError(file, mistakes)
}

// proxyVariable returns the variable that an account's proxy comes from, and what it holds; empty where it has none.
func proxyVariable(a Account, getenv func(string) string) (name, text string) {
	if !a.HTTPClient.ProxyFromEnvironment || a.URL == nil {
		return "", ""
	}
	upper := strings.ToUpper(a.URL.Scheme) + "_PROXY"
	lower := strings.ToLower(upper)
	name = upper
	if getenv(upper) == "" {
		name = lower
	}
	return name, cmp.Or(getenv(upper), getenv(lower))
}

// proxyAddress reports whether a text is a proxy's URL, or host and port, as Go understands the latter.
func proxyAddress(text string) bool {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && validPort(u.Port()) && slices.Contains(proxySchemes, u.Scheme)
}
