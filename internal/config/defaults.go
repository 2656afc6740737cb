package config

import (
	"crypto/tls"
	"time"

	"innius_exporter/innius"
)

// Default returns a config with every default and no account: the start of every decode, and of a config that main
// builds itself.
func Default() *Config {
	return &Config{
		Discovery: Discovery{Interval: time.Hour},
		Refresh:   Refresh{MinInterval: 10 * time.Second, MaxInterval: time.Hour},
		Labels:    LabelsName,
	}
}

// DefaultAccount returns an account with every default. Name, URL and Key have none: a guessed host would be handed
// the user's key.
func DefaultAccount() Account {
	return Account{
		RateLimit:   RateLimit{RequestsPerHour: 1000, Burst: 30, Share: 0.95},
		PageSize:    100,
		Timeout:     10 * time.Second,
		Concurrency: 4,
		Lookback:    24 * time.Hour,
		Endpoints:   innius.DefaultEndpoints,
		HTTPClient:  HTTPClient{ProxyFromEnvironment: true, TLS: TLSConfig{MinVersion: tls.VersionTLS12}},
	}
}

// defaultRule is a rule that changes nothing.
func defaultRule() SensorRule { return SensorRule{Weight: 1} }
