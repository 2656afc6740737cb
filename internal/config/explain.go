package config

import (
	"cmp"
	"fmt"
	"io"

	"innius_exporter/innius"
)

// Explain writes what the config means: for each account the host, where the key comes from (never the key), its
// allowance, the requests used, and then the filters and rules. Errors of w are lost: it is meant for a terminal.
func (c *Config) Explain(w io.Writer) {
	p := page{w}
	for _, a := range c.Accounts {
		p.account(a)
	}
	p.heading("all accounts")
	p.line("discovery", "every %s, stretched where it would take more than 5 %% of the allowance", span(c.Discovery.Interval))
	p.line("machines", "%s", c.Discovery.Machines)
	p.line("sensors", "%s", c.Discovery.Sensors)
	p.line("refresh", "a sensor at most every %s, and at least every %s while the allowance permits",
		span(c.Refresh.MinInterval), span(c.Refresh.MaxInterval))
	p.line("stale after", "%s", staleText(c.Refresh.StaleAfter))
	p.line("labels", "company, machine and sensor hold the %s", c.Labels)
	for i, r := range c.Sensors {
		p.line(fmt.Sprintf("rule %d", i+1), "%s", r)
		if r.MaxAge > 0 && r.MaxAge < c.Refresh.MinInterval {
			p.line("WARNING", "max_age %s is shorter than refresh.min_interval %s: it cannot be kept", span(r.MaxAge), span(c.Refresh.MinInterval))
		}
	}
}

// page writes headings and lines of two columns.
type page struct{ w io.Writer }

func (p page) heading(text string) { fmt.Fprintln(p.w, text) }

func (p page) line(label, format string, args ...any) {
	fmt.Fprintf(p.w, "  %-18s %s\n", label, fmt.Sprintf(format, args...))
}

func (p page) account(a Account) {
	p.heading(fmt.Sprintf("account %q", a.Name))
	p.line("host", "%s", address(a.URL))
	p.line("key", "%s", a.Key)
	if a.CompanyID != "" {
		p.line("company", "%q, labelled %q; no request for it", a.CompanyID, cmp.Or(a.CompanyName, a.CompanyID))
	}
	p.line("allowance", "%s", a.RateLimit)
	p.line("requests", "%d results a page, %s timeout, at most %d in flight, time windows of at most %s",
		a.PageSize, span(a.Timeout), a.Concurrency, span(a.Lookback))
	for _, op := range innius.Operations {
		if op != innius.OpCompany || a.CompanyID == "" {
			p.line("ask for "+string(op), "%s", a.Endpoints.Of(op))
		}
	}
	for _, field := range fieldKeys(&a.Fields) {
		if *field.set != "" {
			p.line("field "+field.name, "%s", *field.set)
		}
	}
	p.line("connection", "%s", a.HTTPClient)
	for _, warning := range a.Warnings() {
		p.line("WARNING", "%s", warning)
	}
}

// Warnings tells, in words, by which settings others may get the key.
func (a Account) Warnings() []string {
	var all []string
	if a.URL != nil && a.URL.Scheme == "http" && (!innius.Loopback(a.URL.Hostname()) || a.HTTPClient.ProxyURL != nil) {
		all = append(all, "the key travels over http:// and can be read on the way")
	}
	if a.HTTPClient.TLS.InsecureSkipVerify {
		all = append(all, "the server's certificate is not verified: whoever answers gets the key")
	}
	if text := a.Key.Exposed(); text != "" {
		all = append(all, text)
	}
	return all
}
