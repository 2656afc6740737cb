package config

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"innius_exporter/innius"
)

// YAML writes the config as a file that would load as it is: every default filled in, paths resolved, and of a key only
// where it comes from. A key that is in neither file nor variable, as the demo's, has no place in a file; a comment says so.
func (c *Config) YAML() string {
	var text bytes.Buffer
	text.WriteString("# The config in force, with every default filled in. Keys are not shown, only where they come from.\n")
	for _, a := range c.Accounts {
		if a.Key.File() == "" && a.Key.Variable() == "" {
			fmt.Fprintf(&text, "# The key of account %q was made by the program itself.\n", a.Name)
		}
	}
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(c.written()); err != nil {
		return fmt.Sprintf("# The config cannot be written: %v\n", err) // texts and numbers always can
	}
	return withoutKeys(text.String(), c.Accounts)
}

// withoutKeys takes the text of every key out, should one stand where it does not belong. A config in which one stands is
// refused, but a key may have been changed since.
func withoutKeys(text string, accounts []Account) string {
	for _, a := range accounts {
		if key := a.Key.known().Reveal(); len(key) >= minKeyLength {
			text = strings.ReplaceAll(text, key, "<secret>")
		}
	}
	return text
}

func (c *Config) written() writtenConfig {
	w := writtenConfig{
		Accounts: []writtenAccount{}, Sensors: []writtenRule{}, Labels: c.Labels,
		Discovery: writtenDiscovery{
			Interval: span(c.Discovery.Interval), Machines: c.Discovery.Machines.written(), Sensors: c.Discovery.Sensors.written(),
		},
		Refresh: writtenRefresh{
			MinInterval: span(c.Refresh.MinInterval), MaxInterval: span(c.Refresh.MaxInterval), StaleAfter: "auto",
		},
	}
	if c.Refresh.StaleAfter > 0 {
		w.Refresh.StaleAfter = span(c.Refresh.StaleAfter)
	}
	for _, a := range c.Accounts {
		w.Accounts = append(w.Accounts, a.written())
	}
	for _, r := range c.Sensors {
		w.Sensors = append(w.Sensors, r.written())
	}
	return w
}

func (a Account) written() writtenAccount {
	w := writtenAccount{
		Name: a.Name, URL: urlText(a.URL), KeyFile: a.Key.File(), KeyVariable: a.Key.Variable(),
		CompanyID: a.CompanyID, CompanyName: a.CompanyName, AllowHTTP: a.AllowHTTP,
		RateLimit: writtenLimit{
			RequestsPerHour: numeral(a.RateLimit.RequestsPerHour), Burst: a.RateLimit.Burst, Share: numeral(a.RateLimit.Share),
		},
		PageSize: a.PageSize, Timeout: span(a.Timeout), Concurrency: a.Concurrency, Lookback: span(a.Lookback),
		Endpoints: map[string]string{}, Fields: map[string]string{}, HTTPClient: a.HTTPClient.written(),
	}
	for _, op := range innius.Operations {
		w.Endpoints[string(op)] = a.Endpoints.Of(op)
	}
	for _, field := range fieldKeys(&a.Fields) {
		if *field.set != "" {
			w.Fields[field.name] = *field.set
		}
	}
	return w
}

func (h HTTPClient) written() writtenClient {
	w := writtenClient{
		ProxyURL: urlText(h.ProxyURL), NoProxy: h.NoProxy, ProxyFromEnvironment: h.ProxyFromEnvironment,
		TLS: writtenTLS{
			CAFile: h.TLS.CAFile, CertFile: h.TLS.CertFile, KeyFile: h.TLS.KeyFile, ServerName: h.TLS.ServerName,
			MinVersion: "TLS12", InsecureSkipVerify: h.TLS.InsecureSkipVerify,
		},
	}
	if h.TLS.MinVersion == tls.VersionTLS13 {
		w.TLS.MinVersion = "TLS13"
	}
	return w
}

func (f Filter) written() writtenFilter {
	return writtenFilter{Include: patternTexts(f.Include), Exclude: patternTexts(f.Exclude)}
}

func (r SensorRule) written() writtenRule {
	w := writtenRule{
		Machine: patternText(r.Machine), Sensor: patternText(r.Sensor), MaxAge: optional(r.MaxAge), Weight: numeral(r.Weight),
		StaleAfter: optional(r.StaleAfter),
	}
	if r.Values != nil {
		w.Values = map[string]*yaml.Node{}
	}
	for text, number := range r.Values {
		w.Values[text] = numeral(number)
	}
	return w
}

func urlText(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func patternTexts(patterns []*regexp.Regexp) []string {
	texts := make([]string, len(patterns))
	for i, re := range patterns {
		texts[i] = written(re)
	}
	return texts
}

func patternText(re *regexp.Regexp) string {
	if re == nil {
		return ""
	}
	return written(re)
}

// optional writes a duration of which 0 is none.
func optional(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return span(d)
}

// numeral writes a number as the config reads it, which is narrower than YAML.
func numeral(n float64) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: figure(n)}
}
