// Package config turns a YAML file, or two flags and a variable, into a validated Config: defaults, then a strict
// decode, then the rules between keys. What Load returns is possible; what is wrong is reported whole, one line a
// mistake, with file, line and key. No error and no printed Config ever holds a key.
//
// The keys, their defaults and their meaning are told in config.example.yml.
package config

import (
	"net/url"
	"regexp"
	"time"

	"innius_exporter/innius"
)

// Labels says what the labels company, machine and sensor hold.
const (
	LabelsName = "name"
	LabelsID   = "id"
)

// Config is everything that the config file can say. It is read-only once loaded; a reload makes a new one.
type Config struct {
	Accounts  []Account // at least one
	Discovery Discovery
	Refresh   Refresh
	Sensors   []SensorRule // the first that matches a sensor wins
	Labels    string       // LabelsName or LabelsID
}

// Account is one API key and how to use it.
type Account struct {
	Name        string   // unique; the label account of the exporter's own metrics
	URL         *url.URL // base URL without userinfo, query, fragment and closing slash
	Key         KeySource
	CompanyID   string // saves the company request; empty: the API names the company
	CompanyName string // the label company; empty: CompanyID
	AllowHTTP   bool   // permits http:// to a host that is not this machine
	RateLimit   RateLimit
	PageSize    int           // results a page
	Timeout     time.Duration // of one request, without the wait for allowance
	Concurrency int           // requests in flight at most
	Lookback    time.Duration // how far the first request for a sensor's values reaches back
	Endpoints   innius.Endpoints
	Fields      innius.Fields
	HTTPClient  HTTPClient
}

// RateLimit is the request allowance of a key, and the share of it that the exporter may take.
type RateLimit struct {
	RequestsPerHour float64
	Burst           int
	Share           float64 // above 0, at most 1; the rest is left to the user's own tools
}

// Own is the rate that the exporter keeps to, in requests per hour.
func (r RateLimit) Own() float64 { return r.RequestsPerHour * r.Share }

// OwnBurst is the burst that the exporter keeps to, in requests, at least 1.
func (r RateLimit) OwnBurst() int { return max(1, int(float64(r.Burst)*r.Share)) }

// Discovery says how often, and for what, the catalogue of machines and sensors is read.
type Discovery struct {
	Interval          time.Duration
	Machines, Sensors Filter
}

// Filter chooses by id or name. The patterns are anchored: each must match the whole text.
type Filter struct {
	Include []*regexp.Regexp // empty: all
	Exclude []*regexp.Regexp // wins over Include
}

// Refresh bounds how often a sensor is asked, and how long its value is exposed.
type Refresh struct {
	MinInterval, MaxInterval time.Duration
	StaleAfter               time.Duration // 0: auto, from the sensor's learned pace
}

// SensorRule is what the user wants of the sensors that it matches.
type SensorRule struct {
	Machine, Sensor *regexp.Regexp     // anchored, on id or name; nil matches all
	MaxAge          time.Duration      // promise of a greatest age; 0: none
	Weight          float64            // how much a second of age matters, against 1 for the others
	StaleAfter      time.Duration      // 0: as Refresh.StaleAfter
	Values          map[string]float64 // numbers for text values; nil: none
}
