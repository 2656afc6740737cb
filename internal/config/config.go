// Package config reads the settings from a YAML file, or from flags and a variable. Each key is declared once, as a tagged
// field of Config: decoding, defaults, bounds, the printed config and the check of the documentation follow from it. All
// errors are reported at once, each with file, line and key. No error and no printed Config contains an API key.
package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
)

// Config is a validated config file with every default filled in. It is read-only once loaded; a reload makes a new one.
//
// The tags of its fields, and of those of the types below:
//
//	yaml      the key; "-" is not read from the file. Without it: the name of the field in snake case
//	default   the value when the key is absent, as in the file. A key without it is optional and has the zero value
//	required  why the key must be present
//	min, above, max, oneof   what is permitted; max of a text is in bytes
//	zero      the word that stands for 0
//	format    "path": a relative path starts at the directory of the config file
//	schemes   of a URL
//	names     kind of the names in a mapping: text, label or header
//
// Rules between keys are in the methods validate.
type Config struct {
	Accounts  []Account    `yaml:"accounts" required:"the config needs at least one account with a name, a url and a key"`
	Discovery Discovery    `yaml:"discovery"`
	Refresh   Refresh      `yaml:"refresh"`
	Sensors   []SensorRule `yaml:"sensors"` // the first that matches a sensor wins
	Labels    string       `yaml:"labels" default:"name" oneof:"name id"`

	RemoteWrite []RemoteWrite `yaml:"remote_write"`
}

// Account is one API key and how to use it.
type Account struct {
	// Name is unique; it is the label account of the exporter's own metrics.
	Name string `yaml:"name" max:"64" required:"it becomes the label account of the exporter's own metrics"`
	// URL is the base URL without userinfo, query, fragment and trailing slash.
	URL *url.URL `yaml:"url" schemes:"https http" required:"it is in the API reference of the innius developer portal"`

	KeyFile string    `yaml:"api_key_file" format:"path"` // exactly one of KeyFile and KeyEnv is set
	KeyEnv  string    `yaml:"api_key_env"`
	Key     KeySource `yaml:"-"`

	CompanyID   string           `yaml:"company_id"`                 // saves the company request; empty: the API names the company
	CompanyName string           `yaml:"company_name"`               // the label company; empty: CompanyID
	AllowHTTP   bool             `yaml:"allow_http" default:"false"` // permits http:// to another machine
	RateLimit   RateLimit        `yaml:"rate_limit"`
	PageSize    int              `yaml:"page_size" default:"100" min:"1" max:"10000"` // results per page
	Timeout     time.Duration    `yaml:"timeout" default:"10s" min:"1s" max:"5m"`     // of one request
	Concurrency int              `yaml:"concurrency" default:"4" min:"1" max:"64"`    // requests in flight at most
	Lookback    time.Duration    `yaml:"lookback" default:"1d" min:"1m"`              // longest time window of a values request
	Endpoints   innius.Endpoints `yaml:"endpoints"`
	Fields      innius.Fields    `yaml:"fields"`
	HTTPClient  HTTPClient       `yaml:"http_client"`
}

// RateLimit is what innius permits for a key, and the share of it that the exporter uses.
type RateLimit struct {
	RequestsPerHour float64 `yaml:"requests_per_hour" default:"1000" above:"0" max:"10000000"`
	Burst           int     `yaml:"burst" default:"30" min:"1"`
	Share           float64 `yaml:"share" default:"0.95" above:"0" max:"1"` // the rest is for the user's own programs
}

// Own returns the exporter's share of the rate limit in requests per hour.
func (r RateLimit) Own() float64 { return r.RequestsPerHour * r.Share }

// OwnBurst returns the exporter's share of the burst in requests, at least 1.
func (r RateLimit) OwnBurst() int { return max(1, int(float64(r.Burst)*r.Share)) }

// HTTPClient sets how connections to innius or a receiver are made. It cannot contain a secret: a proxy's credentials are in
// HTTPS_PROXY, a client key is in a file.
type HTTPClient struct {
	ProxyURL             *url.URL  `yaml:"proxy_url" schemes:"http https socks5 socks5h"`
	NoProxy              string    `yaml:"no_proxy"`                              // hosts reached without ProxyURL, as NO_PROXY
	ProxyFromEnvironment bool      `yaml:"proxy_from_environment" default:"true"` // false whenever ProxyURL is set
	TLS                  TLSConfig `yaml:"tls_config"`
}

// TLSConfig names PEM files; the paths are resolved.
type TLSConfig struct {
	CAFile             string `yaml:"ca_file" format:"path"` // trusted instead of the system's roots
	CertFile           string `yaml:"cert_file" format:"path"`
	KeyFile            string `yaml:"key_file" format:"path"`
	ServerName         string `yaml:"server_name"`
	MinVersion         string `yaml:"min_version" default:"TLS12" oneof:"TLS12 TLS13"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify" default:"false"`
}

// Discovery sets how often the lists of machines and sensors are read, and which of them are polled.
type Discovery struct {
	Interval time.Duration `yaml:"interval" default:"1h" min:"1m"`
	Machines match.Filter  `yaml:"machines"`
	Sensors  match.Filter  `yaml:"sensors"`
}

// Refresh bounds how often a sensor is polled, how long its value is exposed, and when it counts as silent.
type Refresh struct {
	MinInterval time.Duration `yaml:"min_interval" default:"10s" min:"1s"`
	MaxInterval time.Duration `yaml:"max_interval" default:"1h" min:"1s"`
	StaleAfter  time.Duration `yaml:"stale_after" default:"auto" zero:"auto" min:"1m"`
	SilentAfter time.Duration `yaml:"silent_after" default:"auto" zero:"auto" min:"1m"`
	Complete    bool          `yaml:"complete" default:"false"` // poll before the page overflows, if the rate limit permits
}

// SensorRule sets what holds for the sensors that it matches.
type SensorRule struct {
	Machine     match.Pattern      `yaml:"machine"`
	Sensor      match.Pattern      `yaml:"sensor"`
	MaxAge      time.Duration      `yaml:"max_age" min:"1s"`                        // 0: no max-age target
	Weight      float64            `yaml:"weight" default:"1" above:"0" max:"1000"` // how much a second of age matters
	StaleAfter  time.Duration      `yaml:"stale_after" min:"1m"`                    // 0: as Refresh.StaleAfter
	SilentAfter time.Duration      `yaml:"silent_after" min:"1m"`                   // 0: as Refresh.SilentAfter
	Values      map[string]float64 `yaml:"values" names:"text"`                     // numbers for text values; nil: none
	Extremes    bool               `yaml:"extremes"`                                // expose minimum and maximum
	States      []string           `yaml:"states" format:"state"`                   // texts that are states; nil: none
	RemoteWrite bool               `yaml:"remote_write" default:"true"`             // send the readings to the receivers
}

// Default returns a config with every default and no account.
func Default() *Config { return withDefaults[Config]() }

// DefaultAccount returns an account with every default. Name, URL and Key have none: a guessed host would get the user's key.
func DefaultAccount() Account { return *withDefaults[Account]() }

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
		if maskedRuns(a.Name) != a.Name {
			account.at("name").report("may be a key; the name is shown on all pages and is the label account, so choose words")
		}
		names[a.Name], keys[key] = i+1, i+1
	}
	c.validateReceivers(n)
}

func (a *Account) validate(n node) {
	if n.has("company_name") && !n.has("company_id") {
		n.at("company_name").report("needs company_id: without it the label company is the name in the API")
	}
	for _, op := range innius.Operations {
		if key := "endpoints." + string(op); n.has(key) && n.valid(key) {
			if err := innius.CheckEndpoint(op, a.Endpoints.Of(op)); err != nil {
				n.at(key).report("%s", err)
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

// validateKey finds the account's key. Errors do not quote the values of its keys: people write the key itself there. Where no key
// is needed, one that can be read is still kept out of what is shown.
func (a *Account) validateKey(n node) {
	key, err, read := "api_key_file", error(nil), n.d.read
	if n.d.keyless {
		read = readAtMost
	}
	switch hasFile, hasEnv := n.has("api_key_file"), n.has("api_key_env"); {
	case hasFile && hasEnv:
		n.at("api_key_env").report("is set together with api_key_file; keep exactly one of the two")
	case !hasFile && !hasEnv && !n.d.keyless:
		n.report("has no key: set api_key_file or api_key_env; " + createKey)
	case read == nil || !n.valid("api_key_file") || !n.valid("api_key_env"):
	case hasFile:
		a.Key, err = fileKey(a.KeyFile, read)
	default:
		key = "api_key_env"
		a.Key, err = envKey(a.KeyEnv, n.d.getenv)
	}
	if err != nil && !n.d.keyless {
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

// validate reads the files once, if it may, so that a wrong one is reported now and not at the first request.
func (c *TLSConfig) validate(n node) {
	const pair = "needs %s, too; a client certificate has both"
	if c.CAFile != "" && n.d.read != nil {
		if _, err := loadRoots(c.CAFile, n.d.read); err != nil {
			n.at("ca_file").report("%s", err)
		}
	}
	switch cert, key := n.has("cert_file"), n.has("key_file"); {
	case cert && !key:
		n.at("cert_file").report(pair, "key_file")
	case key && !cert:
		n.at("key_file").report(pair, "cert_file")
	case c.CertFile != "" && c.KeyFile != "" && n.d.read != nil:
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
	r.validateStates(n)
}

// maxStates bounds the series of a sensor.
const maxStates = 20

func (r *SensorRule) validateStates(n node) {
	if len(r.States) > maxStates {
		n.at("states").report("must have at most %d texts, not %d: each is a series of each sensor; others count as other",
			maxStates, len(r.States))
	}
	for i, text := range r.States {
		entry := n.at(fmt.Sprintf("states[%d]", i))
		switch first := slices.Index(r.States, text); {
		case !n.valid(fmt.Sprintf("states[%d]", i)):
		case text == "other" || text == "unknown":
			entry.report("must not be %s: the exporter uses it for texts that are not listed, and for time of which "+
				"no reading shows the state", text)
		case !innius.IsState(text):
			entry.report("can never match: white space around a text is removed, an empty text is other, " +
				"and a number has its shortest form")
		case first < i:
			entry.report("is also states[%d]; remove one of the two", first)
		}
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
