package config

import (
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"innius_exporter/innius"
)

const (
	maxName     = 64 // bytes; it is a label value and a word in every log line
	keyWhere    = "create a key in the innius Admin app, under API keys"
	keyMissing  = "has no key: set api_key_file or api_key_env; " + keyWhere
	nameMissing = "is missing; it becomes the label account of the exporter's own metrics"
	keyTwice    = "stands beside api_key_file; keep exactly one of the two"
	keySameAs   = "has the same key as %s: both would spend the one allowance of that key; " +
		"remove one account, or give it a key of its own"
	nameSameAs = "is also the name of %s; every account needs a name of its own"
	proxyReads = "must not hold a proxy_url beside an http:// url: the proxy could read the key, and this machine is reached " +
		"without one; allow_http: true permits it nevertheless"
	companyNameless = "needs company_id: without it the name in the API counts, and this one has no effect"
	nameTooLong     = "must have at most %d bytes, not %d"
	nameControls    = "must not hold control characters"
)

// accounts decodes the list and the rules between its entries.
func (v value) accounts() []Account {
	var all []Account
	names, owners := map[string]string{}, map[innius.Secret]string{}
	v.list(func(v value) {
		a := v.account(names)
		all = append(all, a)
		key := a.Key.known()
		if key.Empty() {
			return
		}
		if owner, taken := owners[key]; taken {
			v.report(keySameAs, owner)
			return
		}
		owners[key] = v.path
	})
	return all
}

func (v value) account(names map[string]string) Account {
	a := DefaultAccount()
	var address, file, env string
	seen := v.object(keys{
		"name":         func(n value) { n.name(&a.Name, names, v.path) },
		"url":          func(v value) { v.address(&address) },
		"api_key_file": func(v value) { v.text(&file) },
		"api_key_env":  func(v value) { v.text(&env) },
		"company_id":   func(v value) { v.text(&a.CompanyID) },
		"company_name": func(v value) { v.text(&a.CompanyName) },
		"allow_http":   func(v value) { v.boolean(&a.AllowHTTP) },
		"rate_limit":   func(v value) { v.rateLimit(&a.RateLimit) },
		"page_size":    func(v value) { v.integer(&a.PageSize, 1, 10000) },
		"timeout":      func(v value) { v.duration(&a.Timeout, time.Second, 5*time.Minute) },
		"concurrency":  func(v value) { v.integer(&a.Concurrency, 1, 64) },
		"lookback":     func(v value) { v.duration(&a.Lookback, time.Minute, 0) },
		"endpoints":    func(v value) { v.endpoints(&a.Endpoints) },
		"fields":       func(v value) { v.fields(&a.Fields) },
		"http_client":  func(v value) { v.httpClient(&a.HTTPClient) },
	})
	if !v.sound() {
		return a
	}
	v.missing(seen, "name", nameMissing)
	v.missing(seen, "url", urlMissing)
	v.checkedURL(seen, address, &a)
	if name, ok := seen["company_name"]; ok && name.sound() && !attempted(seen, "company_id") {
		name.report(companyNameless)
	}
	if a.URL != nil && a.URL.Scheme == "http" && !a.AllowHTTP && a.HTTPClient.ProxyURL != nil {
		seen["http_client"].report(proxyReads)
	}
	a.Key = v.key(seen, file, env)
	return a
}

// missing reports a key that has no default and does not stand there. One that is only misspelled was reported.
func (v value) missing(seen map[string]value, key, text string) {
	if !attempted(seen, key) {
		v.d.report(v.line, v.path+"."+key, "%s", text)
	}
}

// attempted reports whether one of the keys seen is, or nearly is, the wanted one.
func attempted(seen map[string]value, wanted string) bool {
	for name := range seen {
		if nearest(name, keys{wanted: nil}) != "" {
			return true
		}
	}
	return false
}

func (v value) name(set *string, names map[string]string, account string) {
	var name string
	v.text(&name)
	owner, taken := names[name]
	switch {
	case name == "":
	case len(name) > maxName:
		v.report(nameTooLong, maxName, len(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		v.report(nameControls)
	case taken:
		v.report(nameSameAs, owner)
	default:
		names[name], *set = account, name
	}
}

// address decodes the base URL; it is checked when allow_http is known.
func (v value) address(set *string) {
	if v.null() || v.node.Kind == yaml.ScalarNode && strings.TrimSpace(v.node.Value) == "" {
		v.report("%s", urlMissing)
		return
	}
	v.text(set)
}

func (v value) checkedURL(seen map[string]value, address string, a *Account) {
	if address == "" {
		return
	}
	u, err := checkURL(address, a.AllowHTTP)
	if err != nil {
		seen["url"].report("%s", err)
		return
	}
	a.URL = u
}

func (v value) rateLimit(set *RateLimit) {
	v.object(keys{
		"requests_per_hour": func(v value) { v.positive(&set.RequestsPerHour, 1e7) },
		"burst":             func(v value) { v.integer(&set.Burst, 1, 0) },
		"share":             func(v value) { v.positive(&set.Share, 1) },
	})
}

func (v value) endpoints(set *innius.Endpoints) {
	template := func(op innius.Operation, set *string) func(value) {
		return func(v value) {
			var text string
			if v.text(&text); text == "" {
				return
			}
			if err := innius.CheckEndpoint(op, text); err != nil {
				v.report("%s", masked(err.Error()))
				return
			}
			*set = text
		}
	}
	v.object(keys{
		"company":  template(innius.OpCompany, &set.Company),
		"machines": template(innius.OpMachines, &set.Machines),
		"sensors":  template(innius.OpSensors, &set.Sensors),
		"values":   template(innius.OpValues, &set.Values),
	})
}

// fieldKey is a key under fields and what it sets.
type fieldKey struct {
	name string
	set  *string
}

func fieldKeys(f *innius.Fields) []fieldKey {
	return []fieldKey{
		{"company_id", &f.CompanyID},
		{"company_name", &f.CompanyName},
		{"machine_id", &f.MachineID},
		{"machine_name", &f.MachineName},
		{"sensor_id", &f.SensorID},
		{"sensor_name", &f.SensorName},
		{"unit", &f.Unit},
		{"time", &f.Time},
		{"value", &f.Value},
		{"machines", &f.Machines},
		{"sensors", &f.Sensors},
		{"values", &f.Values},
		{"time_zone", &f.TimeZone},
	}
}

func (v value) fields(set *innius.Fields) {
	known := keys{}
	for _, key := range fieldKeys(set) {
		known[key.name] = func(v value) { v.text(key.set) }
	}
	seen := v.object(known)
	if _, err := innius.TimeZone(set.TimeZone); err != nil {
		seen["time_zone"].report("%s, not %s", err, shown(set.TimeZone))
	}
}
