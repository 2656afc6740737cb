package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"

	"innius_exporter/collector"
	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
)

// options returns the settings of the poller that a config describes.
func (e *Exporter) options(cfg *config.Config, counters *poller.Counters, logger *slog.Logger) (poller.Options, error) {
	opts := settings(cfg)
	opts.Counters, opts.Logger = counters, logger
	for i, r := range cfg.Sensors {
		if cfg.TooShort(r) {
			logger.Warn("max_age is shorter than refresh.min_interval and cannot be met", "rule", i+1, "max_age", r.MaxAge)
		}
	}
	for _, a := range cfg.Accounts {
		for _, warning := range a.Warnings() {
			e.warnOnce(logger, a.Name, warning)
		}
		account, err := newAccount(a, opts.Counters, e.dial, func() { e.warnOnce(logger, a.Name, a.Key.Exposed()) })
		if err != nil {
			return opts, fmt.Errorf("account %q: %w", a.Name, err)
		}
		account.Origin = origin(&a, e.Demo)
		opts.Accounts = append(opts.Accounts, account)
	}
	return opts, nil
}

// warnOnce logs a warning of an account once per process; an empty one is none.
func (e *Exporter) warnOnce(logger *slog.Logger, account, warning string) {
	if warning == "" {
		return
	}
	if _, known := e.warned.LoadOrStore([2]string{account, warning}, true); !known {
		logger.Warn(warning, "account", account)
	}
}

// settings are the settings for all accounts.
func settings(cfg *config.Config) poller.Options {
	opts := poller.Options{
		Labels: inventory.LabelMode(cfg.Labels), DiscoveryInterval: cfg.Discovery.Interval,
		Machines: cfg.Discovery.Machines, Sensors: cfg.Discovery.Sensors,
		MinInterval: cfg.Refresh.MinInterval, MaxInterval: cfg.Refresh.MaxInterval,
		StaleAfter: cfg.Refresh.StaleAfter, SilentAfter: cfg.Refresh.SilentAfter,
	}
	for _, r := range cfg.Sensors {
		opts.Rules = append(opts.Rules, inventory.Rule(r))
	}
	return opts
}

// register registers all metrics of the process but those of the state and those of what is polled.
func register(registry *prometheus.Registry, r *reloader) {
	registry.MustRegister(
		r.successful, r.at, versioncollector.NewCollector(Name),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
}

// gatherer joins what a registry has with what is polled: that is too much for a registry to look at in each scrape.
func gatherer(registry *prometheus.Registry, l *reloadable) prometheus.TransactionalGatherer {
	return prometheus.NewMultiTRegistry(prometheus.ToTransactionalGatherer(registry), collector.New(l.poller))
}

// dialFunc connects the clients of accounts; nil: as a http.Transport does. Tests connect them to a simulated API.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newAccount makes the client of an account; afterRead is called whenever the key was read.
func newAccount(a config.Account, counters *poller.Counters, dial dialFunc, afterRead func()) (poller.Account, error) {
	transport, err := a.HTTPClient.Transport()
	if err != nil {
		return poller.Account{}, err
	}
	if dial != nil {
		transport.DialContext = dial
	}
	key := func() (innius.Secret, error) {
		defer afterRead() // a rotation may have left the file readable by others
		return a.Key.Key()
	}
	pacer := pacer(&a)
	client, err := innius.New(innius.Options{
		BaseURL: a.URL, AllowHTTP: a.AllowHTTP, Key: key, Pacer: pacer, HTTPClient: &http.Client{Transport: transport},
		Timeout: a.Timeout, PageSize: a.PageSize, Lookback: a.Lookback, Endpoints: a.Endpoints, Fields: a.Fields,
		UserAgent: Name + "/" + cmp.Or(version.Version, "unstamped"), Observe: counters.Of(a.Name).Observe,
	})
	return poller.Account{
		Name: a.Name, Client: client, Pacer: pacer, Concurrency: a.Concurrency, KeyTrouble: a.Key.Stale, Company: company(&a),
	}, err
}

// company is the one that the user set, else one without an id.
func company(a *config.Account) innius.Company {
	return innius.Company{ID: a.CompanyID, Name: cmp.Or(a.CompanyName, a.CompanyID)}
}

// pacer keeps the exporter's share of an account's rate limit.
func pacer(a *config.Account) *innius.Pacer {
	return innius.NewPacer(a.RateLimit.Own(), a.RateLimit.OwnBurst())
}

// origin names the API of an account; empty without a URL, which only a plan permits. A demo's API has another address at
// each start.
func origin(a *config.Account, demo bool) string {
	if demo {
		return "demo"
	}
	return cmp.Or(a.URL, &url.URL{}).Host
}
