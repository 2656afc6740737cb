package poller

import (
	"log/slog"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// Options configures a Poller. Accounts, Counters and Logger are required.
type Options struct {
	Accounts          []Account
	Labels            inventory.LabelMode // default: LabelName
	DiscoveryInterval time.Duration       // between two looks at each list; default 1 h
	Machines, Sensors match.Filter
	MinInterval       time.Duration    // never ask one sensor more often; default 10 s
	MaxInterval       time.Duration    // nor more seldom, while the allowance permits; default 1 h
	StaleAfter        time.Duration    // a value older than this is not exposed; 0: auto
	SilentAfter       time.Duration    // no new reading for longer means silent; 0: 3 reporting intervals, at least 15 min
	Rules             []inventory.Rule // first match wins
	Counters          *Counters
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
		o.Labels = inventory.LabelName
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
