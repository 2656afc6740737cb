package poller

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// LabelMode says what the labels company, machine and sensor hold.
type LabelMode string

// The label modes.
const (
	LabelName LabelMode = "name" // names: people read and write them
	LabelID   LabelMode = "id"   // ids: series outlive a rename
)

// Options configures a Poller. Accounts, Metrics and Logger are required.
type Options struct {
	Accounts          []Account
	Labels            LabelMode     // default: LabelName
	DiscoveryInterval time.Duration // between two looks at each list; default 1 h
	Machines, Sensors Filter
	MinInterval       time.Duration // never ask one sensor more often; default 10 s
	MaxInterval       time.Duration // nor more seldom, while the allowance permits; default 1 h
	StaleAfter        time.Duration // a value older than this is not exposed; 0: auto
	SilentAfter       time.Duration // no new reading for longer means silent; 0: 3 reporting intervals, at least 15 min
	Rules             []Rule        // first match wins
	Metrics           *Metrics
	Logger            *slog.Logger
	Kept              *Snapshot // of an earlier process or config; nil: start anew. It is not changed

	newScheduler func(schedule.Options) Scheduler // of each account; default: NewScheduler
}

// Account is one key of the API and what belongs to it.
type Account struct {
	Name        string
	Origin      string // which API it is of, such as the host of its URL: kept state of another is not taken
	Client      *innius.Client
	Pacer       *innius.Pacer  // the same that the client waits for
	Concurrency int            // requests in flight at most; default 4
	KeyTrouble  func() string  // why the last good key is in use; empty: it is not. May be nil; must not block
	Company     innius.Company // set by the user: the company request is not sent; without an ID: the API names the company
}

func (o Options) withDefaults() Options {
	if o.Labels == "" {
		o.Labels = LabelName
	}
	if o.DiscoveryInterval == 0 {
		o.DiscoveryInterval = time.Hour
	}
	if o.MinInterval == 0 {
		o.MinInterval = 10 * time.Second
	}
	if o.MaxInterval == 0 {
		o.MaxInterval = time.Hour
	}
	if o.newScheduler == nil {
		o.newScheduler = NewScheduler
	}
	o.Accounts = slices.Clone(o.Accounts)
	for i := range o.Accounts {
		o.Accounts[i].Concurrency = max(1, o.Accounts[i].Concurrency)
	}
	return o
}

// Filter selects machines or sensors by anchored expressions on id or name. An empty Include selects all.
type Filter struct{ Include, Exclude []*regexp.Regexp }

// reject says why an object is filtered out; empty where it is not.
func (f Filter) reject(what, id, name string) string {
	if re := firstMatch(f.Exclude, id, name); re != nil {
		return fmt.Sprintf("discovery.%s.exclude %q", what, unanchored(re))
	}
	if len(f.Include) > 0 && firstMatch(f.Include, id, name) == nil {
		return fmt.Sprintf("not in discovery.%s.include", what)
	}
	return ""
}

func firstMatch(expressions []*regexp.Regexp, id, name string) *regexp.Regexp {
	for _, re := range expressions {
		if re.MatchString(id) || re.MatchString(name) {
			return re
		}
	}
	return nil
}

// unanchored gives an expression back as the user wrote it.
func unanchored(re *regexp.Regexp) string {
	text := re.String()
	inner, closed := strings.CutSuffix(text, ")$")
	for _, head := range []string{"^(?:", "^(?s:"} {
		if bare, ok := strings.CutPrefix(inner, head); ok && closed {
			return bare
		}
	}
	return text
}

// Rule sets what holds for the sensors that it matches.
type Rule struct {
	Machine, Sensor *regexp.Regexp     // on id or name; nil matches all
	StaleAfter      time.Duration      // 0: as Options
	SilentAfter     time.Duration      // 0: as Options
	MaxAge          time.Duration      // target: a reading is polled before it is older; 0: none
	Weight          float64            // of its lag against that of others; 0: 1
	Values          map[string]float64 // numbers for text values
}

func (r *Rule) matches(m innius.Machine, s innius.Sensor) bool {
	return (r.Machine == nil || r.Machine.MatchString(m.ID) || r.Machine.MatchString(m.Name)) &&
		(r.Sensor == nil || r.Sensor.MatchString(s.ID) || r.Sensor.MatchString(s.Name))
}

// noRule holds for sensors that no rule matches.
var noRule = &Rule{}

func (o *Options) ruleFor(m innius.Machine, s innius.Sensor) *Rule {
	for i := range o.Rules {
		if o.Rules[i].matches(m, s) {
			return &o.Rules[i]
		}
	}
	return noRule
}
