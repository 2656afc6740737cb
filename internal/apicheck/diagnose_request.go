package apicheck

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

// The kinds of findings that the walk acts on.
const (
	kindCompanies   = "companies"
	kindKeyReturned = "key-returned"
	kindValue       = "value"
)

const windowHint = "The API may require a window of time, or other names or units for it: add it to endpoints.values by its " +
	"names in the API reference, with {from_ms}, {from_s} or {from_rfc3339}, and the same with to."

// diagnosis explains one response, or why there is none.
type diagnosis struct {
	*walk
	in *innius.Inspection
}

// diagnose returns why a request failed or its readings are of no use; nil if neither is so.
func (w *walk) diagnose(in *innius.Inspection) *Finding {
	d := diagnosis{w, in}
	if in.Err == nil {
		return d.unusable()
	}
	if e, ok := errors.AsType[*innius.KeyError](in.Err); ok {
		return failure("key-source", "The key cannot be read: "+d.show(e.Err.Error())+". Nothing was sent.").correct(d.keySetting())
	}
	if e, ok := errors.AsType[*innius.NetworkError](in.Err); ok {
		return d.network(e)
	}
	if e, ok := errors.AsType[*innius.RateLimitError](in.Err); ok {
		return d.rateLimited(e)
	}
	if e, ok := errors.AsType[*innius.RedirectError](in.Err); ok {
		return d.redirected(e)
	}
	if e, ok := errors.AsType[*innius.Error](in.Err); ok {
		return d.refused(e)
	}
	if e, ok := errors.AsType[*innius.ResponseError](in.Err); ok {
		return d.notUnderstood(e)
	}
	return stopped()
}

func stopped() *Finding { return failure("stopped", "The check was stopped before its end.") }

// network explains a request without a response.
func (d diagnosis) network(e *innius.NetworkError) *Finding {
	if refusal, ok := errors.AsType[*innius.ProxyError](e); ok {
		return d.proxyRefused(d.show(refusal.Proxy), refusal.Status)
	}
	host := d.show(d.account.URL.Host)
	noTLS := "TLS with " + host + " failed: " + e.Detail + "."
	op, _ := errors.AsType[*net.OpError](e)
	dns, noHost := errors.AsType[*net.DNSError](e)
	authority, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](e)
	name, otherName := errors.AsType[x509.HostnameError](e)
	_, invalid := errors.AsType[x509.CertificateInvalidError](e)
	_, plain := errors.AsType[tls.RecordHeaderError](e)
	switch {
	case errors.Is(e, context.Canceled):
		return stopped()
	case op != nil && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return failure("proxy", "The proxy "+d.proxyHost()+" cannot be reached: "+e.Detail+
			". It is set in http_client.proxy_url or in the variable HTTPS_PROXY.").correct(d.proxySetting())
	case unknownAuthority:
		return failure("tls-ca", noTLS, "The certificate was issued by "+d.quoted(authority.Cert.Issuer.String())+". If that is your "+
			"company's proxy, get the certificate of this CA from its administrators. If not, the connection may be intercepted: "+
			"do not continue.").correct(Setting{"http_client.tls_config.ca_file", "ca.pem"})
	case otherName:
		f := failure("tls-name", noTLS, "Most likely the host in the url is wrong. Set server_name only if innius owns that name.")
		names := name.Certificate.DNSNames
		if i := slices.IndexFunc(names, func(name string) bool { return !strings.HasPrefix(name, "*") }); i >= 0 {
			return f.correct(Setting{"http_client.tls_config.server_name", d.show(names[i])})
		}
		return f.correct(d.urlSetting())
	case invalid:
		return failure("tls-certificate", noTLS).correct(d.urlSetting())
	case plain || errors.Is(e, http.ErrSchemeMismatch):
		f := failure("tls-plain", "The server at "+host+" does not speak TLS. Either the port in the url is wrong, or it is not the API.")
		if innius.Loopback(d.account.URL.Hostname()) {
			f.tries = d.scheme("http")
		}
		return f.correct(d.urlSetting())
	case op != nil && op.Op == "remote error":
		return failure("tls", noTLS, "The server may require a client certificate.").correct(
			Setting{"http_client.tls_config.cert_file", "client.pem"}, Setting{"http_client.tls_config.key_file", "client-key.pem"})
	case noHost && !dns.IsTimeout:
		return failure("dns", "The DNS of this machine does not know the host "+host+". Either the host in the url is misspelled, or this "+
			"machine reaches the internet through a proxy only: set http_client.proxy_url.").correct(d.urlSetting())
	case e.Timeout:
		return failure("timeout", "No response came from "+host+" within "+d.account.Timeout.String()+". Either the API is slow, or a "+
			"firewall drops what does not go through a proxy.").correct(Setting{"timeout", "30s"})
	case errors.Is(e, syscall.ECONNREFUSED):
		return failure("refused", "The connection to "+host+" was refused. Either the host or the port in the url is wrong, or a "+
			"firewall refuses.").correct(d.urlSetting())
	}
	return failure("network", "The connection to "+host+" failed: "+e.Detail+".").correct(d.urlSetting())
}

// scheme tries the url with another scheme.
func (d diagnosis) scheme(scheme string) [][]Setting {
	u := *d.account.URL
	u.Scheme = scheme
	return [][]Setting{{{"url", u.String()}}}
}

// proxyRefused explains a proxy that responded itself.
func (d diagnosis) proxyRefused(proxy string, status int) *Finding {
	text := "The proxy " + proxy + " refuses the connection to " + d.show(d.account.URL.Host) + ": "
	if status == http.StatusProxyAuthRequired {
		return failure("proxy", text+"it requires a user name and a password (407). Remove proxy_url, and set the variable "+
			"HTTPS_PROXY=http://USER:PASSWORD@"+proxy+" for the exporter: others may read the config.",
		).correct(Setting{"http_client.proxy_from_environment", true})
	}
	settings := []Setting{{"http_client.proxy_from_environment", false}}
	if d.account.HTTPClient.ProxyURL != nil {
		settings = []Setting{d.proxySetting(), {"http_client.no_proxy", d.account.URL.Hostname()}}
	}
	return failure("proxy", text+http.StatusText(status)+". Request access to the host from its administrators, or do not use it.").correct(settings...)
}

// rateLimited explains a 429.
func (d diagnosis) rateLimited(e *innius.RateLimitError) *Finding {
	when := "The response does not state when to try again; wait an hour."
	if e.Stated {
		when = "Try again in " + humanize.Duration(e.RetryAfter) + "."
	}
	return failure("rate-limit", "The rate limit of the key is reached (status 429, "+strconv.Quote(e.Message)+"). "+when,
		"Every program that uses this key counts, a running exporter too. If there is none, set the rate limit that innius permits.",
	).correct(Setting{"rate_limit.requests_per_hour", d.account.RateLimit.RequestsPerHour},
		Setting{"rate_limit.burst", d.account.RateLimit.Burst})
}

// redirected proposes the base URL of a redirect's target. A target on another host is never tried: it would get the key.
func (d diagnosis) redirected(e *innius.RedirectError) *Finding {
	f := failure("redirect", fmt.Sprintf("innius redirects this request (status %d, to %q). The exporter does not follow, or your key "+
		"would go there.", e.Status, d.in.Location)).correct(d.urlSetting())
	own := d.account.URL
	target, err := own.Parse(d.in.Location)
	if err != nil || d.in.Location == "" {
		return f
	}
	f.add("Set this url only if innius owns the host " + d.quoted(target.Host) + "; otherwise the url is wrong.")
	path, _, _ := strings.Cut(d.in.Request, "?")
	base := url.URL{Scheme: "https", Host: target.Host, Path: own.Path}
	if below, found := strings.CutSuffix(target.Path, path); found {
		base.Path = below
	}
	if target.Host != own.Host || target.Scheme != own.Scheme {
		return f.correct(Setting{"url", d.show(base.String())})
	}
	base.Scheme = target.Scheme
	setting := Setting{"url", d.show(base.String())}
	if target.Path == own.Path+path+"/" {
		path, query, _ := strings.Cut(d.template(d.in.Operation), "?")
		setting = endpoint(d.in.Operation, withQuery(path+"/", query))
	}
	f.tries = [][]Setting{{setting}}
	return f.correct(setting)
}

// refused explains every other status code.
func (d diagnosis) refused(e *innius.Error) *Finding {
	status := fmt.Sprintf("status %d, %q", e.Status, e.Message)
	path := d.pathSetting(d.in.Operation)
	switch e.Status {
	case http.StatusUnauthorized:
		return failure("key", d.wrongKey(status)).correct(d.keySetting())
	case http.StatusForbidden, http.StatusNotFound:
		return d.absent(e, status)
	case http.StatusProxyAuthRequired:
		return d.proxyRefused(d.proxyHost(), e.Status)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if strings.Contains(d.in.Raw, "HTTP request to an HTTPS server") {
			f := failure("scheme", "The server at "+d.show(d.account.URL.Host)+" requires https://.").correct(d.urlSetting())
			f.tries = d.scheme("https")
			return f
		}
		return d.badParameter(e.Message, status)
	}
	if e.Status >= http.StatusInternalServerError {
		return failure("server", "innius, or a gateway before it, has a fault ("+status+").", "There is nothing to set: try again in a "+
			"few minutes. The exporter retries by itself.").showing(d.in)
	}
	return failure("status", "The API does not support this request ("+status+").").correct(path).showing(d.in)
}

func (d diagnosis) wrongKey(status string) string {
	source := d.keySetting()
	return fmt.Sprintf("innius does not accept the key (%s). It comes from %s: %s. Keys are created in the innius Admin app.",
		status, source.Path, source.Value)
}

// absent explains a 403 or a 404. API gateways send a 403 for a path that they do not know. So after a request with the same
// key has succeeded, the key is the least likely cause.
func (d diagnosis) absent(e *innius.Error, status string) *Finding {
	path, first, forbidden := d.pathSetting(d.in.Operation), len(d.succeeded) == 0, e.Status == http.StatusForbidden
	f := failure("path", "There is nothing at this path ("+status+").").showing(d.in)
	if forbidden && !e.UnknownPath() {
		f = failure("forbidden", "The API refuses this object ("+status+").")
	}
	f.tries = d.otherIDs(d.in.Operation)
	switch {
	case d.in.Operation == innius.OpMachines:
		source := "the response for the company"
		if d.account.CompanyID != "" {
			source = "company_id in the config"
		}
		f.add("The id of the company in this request is " + d.quoted(d.companyID()) + ", from " + source + ". If innius has another id for " +
			"it, set company_id. If not, the path (" + path.Path + ") is wrong.")
	case first:
		f.add("The url, or the path below it (" + path.Path + "), is not the one of the API reference.")
	default:
		f.add("Other requests with this key succeeded. Check the path (" + path.Path + ") first.")
	}
	switch {
	case !first:
		if forbidden {
			f.add("Then check in the innius Admin app whether the key may read this object. Check the key itself last.")
		}
		return f.correct(path)
	case !forbidden:
		return f.correct(d.urlSetting(), path)
	}
	if f.Kind == "forbidden" {
		f.Kind = "key"
	}
	f.add("If the path is right, " + d.wrongKey(status))
	return f.correct(d.urlSetting(), path, d.keySetting())
}

// badParameter tries what the message of a refusal suggests, then what is usual.
func (d diagnosis) badParameter(message, status string) *Finding {
	op := d.in.Operation
	_, sent, _ := strings.Cut(d.in.Request, "?")
	f := failure("parameter", "The API does not accept a parameter ("+status+"). Sent were: "+
		cmp.Or(strings.ReplaceAll(sent, "&", ", "), "none")+".").correct(d.pathSetting(op)).showing(d.in)
	var likely, usual [][]Setting
	add := func(suggested bool, tries [][]Setting) {
		if suggested {
			likely = append(likely, tries...)
		} else {
			usual = append(usual, tries...)
		}
	}
	window, _ := namesOf(message)
	add(true, d.renamed(op, message))
	if op != innius.OpCompany {
		add(aboutSize.MatchString(message) && window == nil, d.sizes(message))
	}
	if op == innius.OpValues {
		f.add(windowHint)
		add(aboutRange.MatchString(message), d.lookbacks(message))
		add(true, d.windows(message))
	}
	f.tries = slices.Concat(likely, usual)
	return f
}

func (d diagnosis) proxySetting() Setting {
	scheme := "http"
	if d.o.Proxy != nil {
		scheme = d.o.Proxy.Scheme
	}
	return Setting{"http_client.proxy_url", scheme + "://" + d.proxyHost()}
}
