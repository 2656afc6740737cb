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

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/logging"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
)

// options returns the settings of the poller that a config describes.
func (e *Exporter) options(cfg *config.Config, counters *poller.Counters, logger *slog.Logger) (poller.Options, error) {
	opts := settings(cfg)
	opts.Counters, opts.Logger = counters, logger
	for i, r := range cfg.Sensors {
		if cfg.TooShort(r) {
			logger.Warn("max_age is shorter than refresh.min_interval and cannot be met",
				"rule", fmt.Sprintf("sensors[%d]", i), "max_age", r.MaxAge)
		}
	}
	for _, a := range cfg.Accounts {
		for _, warning := range a.Warnings() {
			e.warnOnce(logger, "account", a.Name, warning)
		}
		account := newAccount(&a, e.Demo)
		client, err := newClient(&a, account.Pacer, counters, e.dial, func() { e.warnOnce(logger, "account", a.Name, a.Key.Exposed()) })
		if err != nil {
			return opts, fmt.Errorf("account %q: %w", a.Name, err)
		}
		account.Client, account.KeyTrouble = client, a.Key.Stale
		opts.Accounts = append(opts.Accounts, account)
	}
	return opts, nil
}

// warnOnce logs a warning of an account or a receiver once per process; an empty one is none.
func (e *Exporter) warnOnce(logger *slog.Logger, of, name, warning string) {
	if warning == "" {
		return
	}
	if _, known := e.warned.LoadOrStore([3]string{of, name, warning}, true); !known {
		logger.Warn(warning, of, name)
	}
}

// settings are the settings for all accounts.
func settings(cfg *config.Config) poller.Options {
	opts := poller.Options{
		Labels: inventory.LabelMode(cfg.Labels), DiscoveryInterval: cfg.Discovery.Interval,
		Machines: cfg.Discovery.Machines, Sensors: cfg.Discovery.Sensors,
		MinInterval: cfg.Refresh.MinInterval, MaxInterval: cfg.Refresh.MaxInterval,
		StaleAfter: cfg.Refresh.StaleAfter, SilentAfter: cfg.Refresh.SilentAfter, Complete: cfg.Refresh.Complete,
	}
	for _, r := range cfg.Sensors {
		opts.Rules = append(opts.Rules, inventory.Rule(r))
	}
	return opts
}

// register registers all metrics of the process but those of the state and those of what is polled.
func register(registry *prometheus.Registry, r *reloader) {
	registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "innius_exporter_log_lines_dropped_total",
			Help: "Log lines that were lost because the log was not read or could not be written.",
		}, func() float64 { return float64(logging.Dropped()) }),
		r.successful, r.at, standbyGauge(0), versioncollector.NewCollector(Name),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
}

// dialFunc connects the clients of accounts; nil: as a http.Transport does. Tests connect them to a simulated API.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newAccount returns an account without a client. A demo's API has another address at each start; only a plan may lack the URL.
func newAccount(a *config.Account, demo bool) poller.Account {
	account := poller.Account{
		Name: a.Name, Origin: cmp.Or(a.URL, &url.URL{}).Host, Concurrency: a.Concurrency,
		PageSize: a.PageSize, Pacer: innius.NewPacer(a.RateLimit.Own(), a.RateLimit.OwnBurst()),
		Company: innius.Company{ID: a.CompanyID, Name: cmp.Or(a.CompanyName, a.CompanyID)},
	}
	if demo {
		account.Origin = "demo"
	}
	return account
}

// newClient makes the client of an account; afterRead is called whenever the key was read.
func newClient(a *config.Account, p *innius.Pacer, c *poller.Counters, dial dialFunc, afterRead func()) (*innius.Client, error) {
	transport, err := a.HTTPClient.Transport()
	if err != nil {
		return nil, err
	}
	if dial != nil {
		transport.DialContext = dial
	}
	key := func() (innius.Secret, error) {
		defer afterRead() // a rotation may have left the file readable by others
		return a.Key.Key()
	}
	return innius.New(innius.Options{
		BaseURL: a.URL, AllowHTTP: a.AllowHTTP, Key: key, Pacer: p, HTTPClient: &http.Client{Transport: transport},
		Timeout: a.Timeout, PageSize: a.PageSize, Lookback: a.Lookback, Endpoints: a.Endpoints, Fields: a.Fields,
		UserAgent: Name + "/" + cmp.Or(version.Version, "unstamped"), Observe: c.Of(a.Name).Observe,
	})
}
