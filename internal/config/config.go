// Package config reads the settings from a YAML file, or from flags and a variable. Each key is declared once, as a tagged
// field of Config: decoding, defaults, bounds, the printed config and the check of the documentation follow from it. All
// errors are reported at once, each with file, line and key. No error and no printed Config contains an API key.
package config

import (
	"net/url"
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
//
// Rules between keys are in validate.go.
type Config struct {
	Accounts  []Account    `yaml:"accounts" required:"the config needs at least one account with a name, a url and a key"`
	Discovery Discovery    `yaml:"discovery"`
	Refresh   Refresh      `yaml:"refresh"`
	Sensors   []SensorRule `yaml:"sensors"` // the first that matches a sensor wins
	Labels    string       `yaml:"labels" default:"name" oneof:"name id"`
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

// HTTPClient sets how connections to innius are made. It cannot contain a secret: a proxy's credentials are in HTTPS_PROXY, a
// client key is in a file.
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
}

// SensorRule sets what holds for the sensors that it matches.
type SensorRule struct {
	Machine     match.Pattern      `yaml:"machine"`
	Sensor      match.Pattern      `yaml:"sensor"`
	MaxAge      time.Duration      `yaml:"max_age" min:"1s"`                        // 0: no max-age target
	Weight      float64            `yaml:"weight" default:"1" above:"0" max:"1000"` // how much a second of age matters
	StaleAfter  time.Duration      `yaml:"stale_after" min:"1m"`                    // 0: as Refresh.StaleAfter
	SilentAfter time.Duration      `yaml:"silent_after" min:"1m"`                   // 0: as Refresh.SilentAfter
	Values      map[string]float64 `yaml:"values"`                                  // numbers for text values; nil: none
}

// Default returns a config with every default and no account.
func Default() *Config { return withDefaults[Config]() }

// DefaultAccount returns an account with every default. Name, URL and Key have none: a guessed host would get the user's key.
func DefaultAccount() Account { return *withDefaults[Account]() }
