package poller

import (
	"cmp"
	"log/slog"
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
	DiscoveryInterval time.Duration       // between two requests of each list; default 1 h
	Machines, Sensors match.Filter
	MinInterval       time.Duration    // between two polls of a sensor, at least; default 10 s
	MaxInterval       time.Duration    // and at most, if the rate limit permits it; default 1 h
	StaleAfter        time.Duration    // a value older than this is not exposed; 0: auto
	SilentAfter       time.Duration    // no new reading for longer means silent; 0: 3 reporting intervals, at least 15 min
	Rules             []inventory.Rule // first match wins
	Counters          *Counters
	Logger            *slog.Logger
	State             *State // of an earlier process; nil: none. It is not changed

	newScheduler func(schedule.Options) Scheduler // of each account; default: NewScheduler
}

// Account is one key of the API and what belongs to it.
type Account struct {
	Name        string
	Origin      string // the API, such as the host of its URL: state of another API is not restored
	Client      *innius.Client
	Pacer       *innius.Pacer  // that the client waits for
	Concurrency int            // maximum of requests in flight, at least 1
	KeyTrouble  func() string  // why the last good key is in use; empty: the current one is. May be nil; must not block
	Company     innius.Company // set by the user; without an ID the API names the company
}

func (o Options) withDefaults() Options {
	o.Labels = cmp.Or(o.Labels, inventory.LabelName)
	o.DiscoveryInterval = cmp.Or(o.DiscoveryInterval, time.Hour)
	o.MinInterval, o.MaxInterval = cmp.Or(o.MinInterval, 10*time.Second), cmp.Or(o.MaxInterval, time.Hour)
	if o.newScheduler == nil {
		o.newScheduler = NewScheduler
	}
	return o
}
