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
	"strconv"
	"strings"
	"time"

	commonconfig "github.com/prometheus/common/config"

	"innius_exporter/innius"
	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
)

// ConfigCheck holds the flags of check config.
type ConfigCheck struct {
	*Planning
	SyntaxOnly bool // without keys and the files that the config names
}

// Run validates a config without network and prints what it means, with a plan if sensors are known.
func (c *ConfigCheck) Run(source config.Source, w io.Writer) error {
	p := c.Planning
	if err := p.check(); err != nil {
		return err
	}
	load := func() (*config.Config, error) { return source.Load(os.Getenv) }
	if c.SyntaxOnly {
		load = source.LoadSyntax
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	if source.File != "" {
		fmt.Fprintf(w, "%s is valid.\n\n", source.File)
	}
	cfg.Explain(w)
	fmt.Fprintln(w)
	plans, err := p.write(cfg, w)
	if err != nil {
		fmt.Fprintf(w, "no plan: %v\n", err)
	}
	if p.Sensors > 0 {
		plans = nil // how often the assumed sensors report is not known
	}
	for _, r := range cfg.RemoteWrite {
		fmt.Fprintln(w)
		writeReceiver(w, &r, cfg.Accounts, plans)
	}
	return nil
}

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
	var known []string
	for i, a := range cfg.Accounts {
		known = append(known, strconv.Quote(a.Name))
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
		return fmt.Errorf("--account %q: the config has no such account; it has: %s", c.Account, strings.Join(known, ", "))
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

// check checks the account of an index and prints the report as text.
func (c *APICheck) check(ctx context.Context, cfg *config.Config, index int, text *apicheck.Text) (*apicheck.Report, error) {
	a := cfg.Accounts[index]
	client, err := newClient(&a, newAccount(&a, false).Pacer, &poller.Counters{}, c.dial, func() {})
	if err != nil {
		return nil, err
	}
	report := apicheck.Run(ctx, apicheck.Options{
		Client: client, Account: a, Index: index, Config: cfg, Proxy: proxyOf(a), All: c.All, Text: text,
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

// HealthCheck checks whether a running exporter is healthy, for containers without a shell.
type HealthCheck struct {
	URL        string
	HTTPConfig string // file with credentials and TLS, as promtool takes it; empty: none
}

// Run returns an error unless the exporter responds with 200 within 5 s.
func (h *HealthCheck) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := h.client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no response: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := innius.ReadBody(resp, 1024) // the status code is sufficient
		return fmt.Errorf("unhealthy: status %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
	}
	return nil
}

func (h *HealthCheck) client() (*http.Client, error) {
	if h.HTTPConfig == "" {
		return &http.Client{}, nil
	}
	cfg, _, err := commonconfig.LoadHTTPConfigFile(h.HTTPConfig)
	if err != nil {
		return nil, fmt.Errorf("--http.config.file: %w", err)
	}
	return commonconfig.NewClientFromConfig(*cfg, "health")
}
