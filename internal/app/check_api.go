package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
)

// APICheck holds the flags of check api.
type APICheck struct {
	Output  string // text or json
	All     bool
	Account string // empty: every account

	dial dialFunc
}

// errFailures ends a check that found failures.
var errFailures = errors.New("the exporter will not work with these settings, see the report")

// Run checks the API of each account, one after another, and writes the reports. It saves nothing.
func (c *APICheck) Run(ctx context.Context, source config.Source, w io.Writer) error {
	cfg, err := source.Load(os.Getenv)
	if err != nil {
		return err
	}
	text := &apicheck.Text{W: w, ConfigFile: source.File}
	if c.Output == "json" {
		text.W = io.Discard
	}
	whole := struct {
		OK       bool               `json:"ok"`
		Accounts []*apicheck.Report `json:"accounts"`
	}{OK: true}
	for i, a := range cfg.Accounts {
		if c.Account != "" && c.Account != a.Name {
			continue
		}
		if len(whole.Accounts) > 0 {
			fmt.Fprintln(text.W)
		}
		report, err := c.check(ctx, cfg, i, text)
		if err != nil {
			return fmt.Errorf("account %q: %w", a.Name, err)
		}
		whole.OK = whole.OK && report.OK
		whole.Accounts = append(whole.Accounts, report)
	}
	if len(whole.Accounts) == 0 {
		return c.noAccount(cfg)
	}
	if c.Output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(whole); err != nil {
			return err
		}
	}
	if !whole.OK {
		return errFailures
	}
	return nil
}

func (c *APICheck) noAccount(cfg *config.Config) error {
	var names []string
	for _, a := range cfg.Accounts {
		names = append(names, fmt.Sprintf("%q", a.Name))
	}
	return fmt.Errorf("--account %q: the config has no such account; it has: %s", c.Account, strings.Join(names, ", "))
}

// check checks the account of an index and prints the report as text.
func (c *APICheck) check(ctx context.Context, cfg *config.Config, index int, text *apicheck.Text) (*apicheck.Report, error) {
	a := cfg.Accounts[index]
	account, err := newAccount(a, &poller.Counters{}, c.dial, func() {})
	if err != nil {
		return nil, err
	}
	report := apicheck.Run(ctx, apicheck.Options{
		Client: account.Client, Account: a, Index: index, Config: cfg, Proxy: proxyOf(a), All: c.All, Text: text,
	})
	text.End(report)
	return report, nil
}

// proxyOf returns the proxy for the URL of an account; nil if there is none, or the variables contain no valid one.
func proxyOf(a config.Account) *url.URL {
	if transport, err := a.HTTPClient.Transport(); err == nil && transport.Proxy != nil {
		proxy, _ := transport.Proxy(&http.Request{URL: a.URL}) // nil with an error
		return proxy
	}
	return nil
}
