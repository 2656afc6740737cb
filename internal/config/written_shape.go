package config

import "go.yaml.in/yaml/v4"

// The shapes in which a config is written: the keys in the order of config.example.yml.
type (
	writtenConfig struct {
		Accounts  []writtenAccount `yaml:"accounts"`
		Discovery writtenDiscovery `yaml:"discovery"`
		Refresh   writtenRefresh   `yaml:"refresh"`
		Sensors   []writtenRule    `yaml:"sensors"`
		Labels    string           `yaml:"labels"`
	}
	writtenAccount struct {
		Name        string            `yaml:"name"`
		URL         string            `yaml:"url,omitempty"`
		KeyFile     string            `yaml:"api_key_file,omitempty"`
		KeyVariable string            `yaml:"api_key_env,omitempty"`
		CompanyID   string            `yaml:"company_id,omitempty"`
		CompanyName string            `yaml:"company_name,omitempty"`
		AllowHTTP   bool              `yaml:"allow_http"`
		RateLimit   writtenLimit      `yaml:"rate_limit"`
		PageSize    int               `yaml:"page_size"`
		Timeout     string            `yaml:"timeout"`
		Concurrency int               `yaml:"concurrency"`
		Lookback    string            `yaml:"lookback"`
		Endpoints   map[string]string `yaml:"endpoints"`
		Fields      map[string]string `yaml:"fields"`
		HTTPClient  writtenClient     `yaml:"http_client"`
	}
	writtenLimit struct {
		RequestsPerHour *yaml.Node `yaml:"requests_per_hour"`
		Burst           int        `yaml:"burst"`
		Share           *yaml.Node `yaml:"share"`
	}
	writtenClient struct {
		ProxyURL             string     `yaml:"proxy_url,omitempty"`
		NoProxy              string     `yaml:"no_proxy,omitempty"`
		ProxyFromEnvironment bool       `yaml:"proxy_from_environment"`
		TLS                  writtenTLS `yaml:"tls_config"`
	}
	writtenTLS struct {
		CAFile             string `yaml:"ca_file,omitempty"`
		CertFile           string `yaml:"cert_file,omitempty"`
		KeyFile            string `yaml:"key_file,omitempty"`
		ServerName         string `yaml:"server_name,omitempty"`
		MinVersion         string `yaml:"min_version"`
		InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
	}
	writtenDiscovery struct {
		Interval string        `yaml:"interval"`
		Machines writtenFilter `yaml:"machines"`
		Sensors  writtenFilter `yaml:"sensors"`
	}
	writtenFilter struct {
		Include []string `yaml:"include"`
		Exclude []string `yaml:"exclude"`
	}
	writtenRefresh struct {
		MinInterval string `yaml:"min_interval"`
		MaxInterval string `yaml:"max_interval"`
		StaleAfter  string `yaml:"stale_after"`
	}
	writtenRule struct {
		Machine    string                `yaml:"machine,omitempty"`
		Sensor     string                `yaml:"sensor,omitempty"`
		MaxAge     string                `yaml:"max_age,omitempty"`
		Weight     *yaml.Node            `yaml:"weight"`
		StaleAfter string                `yaml:"stale_after,omitempty"`
		Values     map[string]*yaml.Node `yaml:"values,omitempty"`
	}
)
