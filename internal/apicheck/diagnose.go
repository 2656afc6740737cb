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
	"strings"
	"syscall"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

const windowHint = "The API may require a window of time, or other names or units for it: add it to endpoints.values by its " +
	"names in the API reference, with {from_ms}, {from_s} or {from_rfc3339}, and the same with to."

// diagnosis explains a response by what is known when it comes.
type diagnosis struct {
	setup
	used      *url.URL    // proxy; nil: none
	companyID string      // in the request
	otherIDs  [][]Setting // that the object of the request may have
	proven    bool        // a request with this key has succeeded
}

// explain returns why a request failed or its readings are of no use; nil if neither is so.
func (d *diagnosis) explain(in *innius.Inspection) *Finding {
	if in.Err == nil {
		return d.unusable(in)
	}
	if e, ok := errors.AsType[*innius.KeyError](in.Err); ok {
		return failure("key-source", "The key cannot be read: "+d.show(e.Err.Error())+". Nothing was sent.").check(d.keySetting())
	}
	if e, ok := errors.AsType[*innius.NetworkError](in.Err); ok {
		return d.network(e)
	}
	if e, ok := errors.AsType[*innius.RedirectError](in.Err); ok {
		return d.redirected(in, e)
	}
	if e, ok := errors.AsType[*innius.Error](in.Err); ok {
		return d.refused(in, e)
	}
	if e, ok := errors.AsType[*innius.ResponseError](in.Err); ok {
		return d.notUnderstood(in, e)
	}
	return stopped()
}

func stopped() *Finding { return failure("stopped", "The check was stopped before its end.") }

// network explains a request without a response.
func (d *diagnosis) network(e *innius.NetworkError) *Finding {
	if refusal, ok := errors.AsType[*innius.ProxyError](e); ok {
		return d.proxyRefused(refusal.Status)
	}
	f := failure("network", "The connection to "+d.show(d.account.URL.Host)+" failed: "+e.Detail+".").check(d.urlSetting())
	op, isOp := errors.AsType[*net.OpError](e)
	dns, isDNS := errors.AsType[*net.DNSError](e)
	authority, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](e)
	name, otherName := errors.AsType[x509.HostnameError](e)
	_, invalid := errors.AsType[x509.CertificateInvalidError](e)
	_, plain := errors.AsType[tls.RecordHeaderError](e)
	switch {
	case errors.Is(e, context.Canceled):
		return stopped()
	case isOp && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		setting, proxy := d.proxy()
		return f.because("proxy", "The proxy "+proxy+" cannot be reached: see http_client.proxy_url or HTTPS_PROXY.").correct(setting)
	case unknownAuthority:
		return f.because("tls-ca", "The certificate was issued by "+d.quoted(authority.Cert.Issuer.String())+". Continue only if "+
			"that is your company's proxy: get the certificate of this CA.").correct(Setting{"http_client.tls_config.ca_file", "ca.pem"})
	case otherName:
		f.because("tls-name", "The host in the url may be wrong. Set server_name only if innius owns that name.")
		for _, name := range name.Certificate.DNSNames {
			if !strings.HasPrefix(name, "*") {
				return f.correct(Setting{"http_client.tls_config.server_name", d.show(name)})
			}
		}
	case invalid:
		f.Kind = "tls-certificate"
	case plain || errors.Is(e, http.ErrSchemeMismatch):
		f.because("tls-plain", "The server does not speak TLS: the port in the url is wrong, or it is not the API.")
		if innius.Loopback(d.account.URL.Hostname()) {
			f.try([]Setting{{"url", strings.Replace(d.account.URL.String(), "https:", "http:", 1)}})
		}
	case isOp && op.Op == "remote error":
		return f.because("tls", "The server may require a client certificate.").correct(
			Setting{"http_client.tls_config.cert_file", "client.pem"}, Setting{"http_client.tls_config.key_file", "client-key.pem"})
	case isDNS && !dns.IsTimeout:
		f.because("dns", "The host is misspelled, or the internet is reached through a proxy only: see http_client.proxy_url.")
	case e.Timeout:
		return f.because("timeout", "The API is slow, or a firewall permits only a proxy.").correct(Setting{"timeout", "30s"})
	case errors.Is(e, syscall.ECONNREFUSED):
		f.because("refused", "It was refused: the host or the port in the url is wrong, or a firewall refuses.")
	}
	return f
}

// proxyRefused explains a proxy that responded itself.
func (d *diagnosis) proxyRefused(status int) *Finding {
	setting, proxy := d.proxy()
	f := failure("proxy", "The proxy "+proxy+" refuses the connection to "+d.show(d.account.URL.Host)+": "+
		http.StatusText(status)+".")
	switch {
	case status == http.StatusProxyAuthRequired:
		return f.add("Others may read the config: remove proxy_url, and set HTTPS_PROXY=http://USER:PASSWORD@" + proxy + ".").
			correct(Setting{"http_client.proxy_from_environment", true})
	case d.account.HTTPClient.ProxyURL == nil:
		f.correct(Setting{"http_client.proxy_from_environment", false})
	default:
		f.correct(setting, Setting{"http_client.no_proxy", d.account.URL.Hostname()})
	}
	return f.add("Its administrators must permit the host, or you connect without it.")
}

// proxy is the URL of the proxy in use, without a password, and its host; an example if there is none.
func (d *diagnosis) proxy() (setting Setting, host string) {
	proxy := url.URL{Scheme: "http", Host: "proxy.example.com:3128"}
	if d.used != nil {
		proxy = url.URL{Scheme: d.used.Scheme, Host: d.show(d.used.Host)}
	}
	return Setting{"http_client.proxy_url", proxy.String()}, proxy.Host
}

// rateLimited explains a 429.
func (d *diagnosis) rateLimited(e *innius.Error) *Finding {
	when := "The response does not state when to try again; wait an hour."
	if e.Stated {
		when = "Try again in " + humanize.Duration(e.RetryAfter) + "."
	}
	limit := d.account.RateLimit
	return failure("rate-limit", fmt.Sprintf("The rate limit of the key is reached (status 429, %q). %s", e.Message, when),
		"Every program with this key counts, a running exporter too. If there is none, set the limit that innius permits.",
	).check(Setting{"rate_limit.requests_per_hour", limit.RequestsPerHour}, Setting{"rate_limit.burst", limit.Burst})
}

// redirected proposes what the target of a redirect shows. A target on another host is never tried: it would get the key.
func (d *diagnosis) redirected(in *innius.Inspection, e *innius.RedirectError) *Finding {
	f := failure("redirect", fmt.Sprintf("innius redirects this request (status %d, to %q). The exporter does not follow, or your "+
		"key would go there.", e.Status, in.Location)).check(d.urlSetting())
	own := d.account.URL
	target, err := own.Parse(in.Location)
	if err != nil || in.Location == "" {
		return f
	}
	f.add("Set this url only if innius owns the host " + d.quoted(target.Host) + "; otherwise the url is wrong.")
	path, _, _ := strings.Cut(in.Request, "?")
	base := url.URL{Scheme: own.Scheme, Host: target.Host, Path: own.Path}
	if below, found := strings.CutSuffix(target.Path, path); found {
		base.Path = below
	}
	if target.Host != own.Host || target.Scheme != own.Scheme {
		base.Scheme = "https"
		return f.correct(Setting{"url", d.show(base.String())})
	}
	setting := Setting{"url", d.show(base.String())}
	if target.Path == own.Path+path+"/" {
		path, query, _ := strings.Cut(d.template(in.Operation), "?")
		setting = endpoint(in.Operation, withQuery(path+"/", query))
	}
	return f.correct(setting).try([]Setting{setting})
}

// refused explains every other status code.
func (d *diagnosis) refused(in *innius.Inspection, e *innius.Error) *Finding {
	status := fmt.Sprintf("status %d, %q", e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized:
		return failure("key", d.wrongKey(status))
	case e.Status == http.StatusForbidden, e.Status == http.StatusNotFound:
		return d.absent(in, e, status)
	case e.Status == http.StatusTooManyRequests:
		return d.rateLimited(e)
	case e.Status == http.StatusBadRequest && strings.Contains(in.Raw, "HTTP request to an HTTPS server"):
		return failure("scheme", d.show(d.account.URL.Host)+" requires https://.").check(d.urlSetting()).try(
			[]Setting{{"url", strings.Replace(d.account.URL.String(), "http:", "https:", 1)}})
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return d.badParameter(in, e.Message, status)
	case e.Status >= http.StatusInternalServerError:
		return failure("server", "innius or a gateway has a fault ("+status+"). There is nothing to set. Try later.").showing(in)
	}
	return failure("status", "The API does not support this request ("+status+").").check(d.pathSetting(in.Operation)).showing(in)
}

func (d *diagnosis) wrongKey(status string) string {
	source := d.keySetting()
	return fmt.Sprintf("innius does not accept the key (%s). It comes from %s: %s. Replace it there; "+
		"keys are created in the innius Admin app.", status, source.Path, source.Value)
}

// absent explains a 403 or a 404. API gateways send a 403 for a path that they do not know. So after a request with the same
// key has succeeded, the key is the least likely cause.
func (d *diagnosis) absent(in *innius.Inspection, e *innius.Error, status string) *Finding {
	path, proven := d.pathSetting(in.Operation), d.proven
	f := failure("path", "There is nothing at this path ("+status+").").showing(in)
	if e.Status == http.StatusForbidden && !e.UnknownPath() {
		f = failure(map[bool]string{true: "forbidden", false: "key"}[proven], "The API refuses this object ("+status+").")
	}
	f.try(d.otherIDs...)
	if in.Operation == innius.OpMachines {
		source := map[bool]string{true: "the response for the company", false: "company_id in the config"}[d.account.CompanyID == ""]
		f.add("The id of the company in this request is " + d.quoted(d.companyID) + ", from " + source + ". If innius has another " +
			"one, set company_id. If not, the path (" + path.Path + ") is wrong.")
	}
	if proven {
		return f.add("Other requests with this key succeeded. Check the path (" + path.Path + ") first. Then check in the innius " +
			"Admin app whether the key may read this object. Check the key itself last.").check(path)
	}
	f.add("The url, or the path below it ("+path.Path+"), is not the one of the API reference.").check(d.urlSetting(), path)
	if e.Status != http.StatusNotFound {
		f.add("If the path is right, " + d.wrongKey(status))
	}
	return f
}

// badParameter tries what the message of a refusal suggests, then what is usual.
func (d *diagnosis) badParameter(in *innius.Inspection, message, status string) *Finding {
	op := in.Operation
	_, sent, _ := strings.Cut(in.Request, "?")
	f := failure("parameter", "The API does not accept a parameter ("+status+"). Sent were: "+
		cmp.Or(strings.ReplaceAll(sent, "&", ", "), "none")+".").check(d.pathSetting(op)).showing(in).try(d.renamed(op, message)...)
	var windows, lookbacks [][]Setting
	if op == innius.OpValues {
		f.add(windowHint)
		windows, lookbacks = d.windows(message), d.lookbacks(message)
	}
	sizes := d.sizes(op, message)
	if names, _ := namesOf(message); aboutSize.MatchString(message) && names == nil {
		f.try(windows[:min(1, len(windows))]...).try(sizes...) // one window first: the size may not matter
	}
	if aboutRange.MatchString(message) {
		f.try(lookbacks...)
	}
	return f.try(windows...).try(sizes...).try(lookbacks...) // what was tried is not sent again
}

// notUnderstood explains a response with an unknown shape.
func (d *diagnosis) notUnderstood(in *innius.Inspection, e *innius.ResponseError) *Finding {
	path := d.pathSetting(in.Operation)
	kind, hint := "shape", "It is JSON in an unknown shape. If the path is right, please report it, with the response below."
	switch {
	case strings.HasPrefix(e.Detail, "the API returned the key"):
		return failure("key-returned", "The response is not used, because it holds the key: "+e.Detail+". Please report to innius "+
			"that it, or a gateway before it, sends the key back.")
	case e.OfAnother:
		return failure("of-another", "The response is not used: "+e.Detail+".").check(path).showing(in)
	case in.Form == innius.FormHTML:
		kind, hint = "html", "The url is that of a web site, or of a sign-in page. The API reference has the base URL."
	case in.Form == innius.FormEmpty && strings.HasPrefix(e.Detail, "the body"):
		return failure("broken", "The response is incomplete: "+e.Detail+". Try again; smaller pages are safer.").correct(
			Setting{"page_size", max(1, d.account.PageSize/10)})
	case in.Form != innius.FormJSON:
		kind, hint = "not-json", "The url, or the path, is wrong."
	}
	for _, fact := range in.Facts {
		isID := strings.HasSuffix(fact.Name, "_id")
		if isID && fact.Missing > 0 || (fact.Name == "time" || fact.Name == "value") && fact.Missing == in.Items {
			return d.withoutField(in, fact)
		}
	}
	if len(in.IDs) > 1 && in.Operation == innius.OpCompany {
		return failure("companies", "The response holds several companies: "+d.show(strings.Join(in.IDs, ", "))+".")
	}
	f := failure(kind, "The response is not understood: "+e.Detail+". "+hint).showing(in)
	if kind == "shape" {
		return f.check(path).try(d.lists(in)...)
	}
	return f.check(d.urlSetting(), path)
}

// lists returns the field of data that holds the list, if only one of them can be read.
func (d *diagnosis) lists(in *innius.Inspection) [][]Setting {
	var names []string
	for _, f := range in.Unknown {
		if name, inData := strings.CutPrefix(f.Name, "data."); inData && f.Example == "a list" && in.Operation != innius.OpCompany {
			names = append(names, name)
		}
	}
	return d.only("fields."+string(in.Operation), names, func(s setup) bool { return s.client.Reread(in).Err == nil })
}

// withoutField explains items that lack a fact which they must have.
func (d *diagnosis) withoutField(in *innius.Inspection, fact innius.Fact) *Finding {
	f := failure(fact.Name[strings.Index(fact.Name, "_")+1:]+"-field", fmt.Sprintf(
		"%d of %d items have no known field for %s: looked for %s. Not understood are: %s.", fact.Missing, in.Items,
		fact.Name, strings.Join(fact.Known, ", "), cmp.Or(fieldNames(in.Unknown, false), "none"))).showing(in)
	fields := otherFields(fact, in)
	if len(fields) == 0 {
		f.add("None of these can be it. If the response below holds it in another way, please report it.")
	}
	return f.try(d.lists(in)...).choose(fact.Name, fields)
}

// unusable explains a page of values of which no reading can be used, for its time or because it has no number; nil if one can.
func (d *diagnosis) unusable(in *innius.Inspection) *Finding {
	v := in.Values
	switch {
	case v.Usable+v.Skipped[innius.SkipText]+v.Skipped[innius.SkipFuture] > 0:
	case v.Skipped[innius.SkipTime] > 0:
		f := failure("time-unit", "The time of a reading is not understood: "+first(in, innius.SkipTime).Shown()+
			". Known are RFC 3339 with a zone, and seconds, milli-, micro- or nanoseconds since 1970.",
			"If it has no zone, set fields.time_zone. If another field holds the time, set fields.time. Otherwise please report it.")
		return d.zones(in, f.showing(in).choose("time", otherFields(in.Facts[0], in)))
	case v.Skipped[innius.SkipNumber] > 0:
		f := failure("value", "The readings of this sensor hold no number ("+first(in, innius.SkipNumber).Text+").").showing(in)
		return f.choose("value", otherFields(in.Facts[1], in))
	}
	return nil
}

// first returns the first reading that is skipped for a reason.
func first(in *innius.Inspection, reason innius.SkipReason) innius.Reading {
	for _, r := range in.Values.Readings {
		if r.Skip == reason {
			return r
		}
	}
	return innius.Reading{}
}

// zones tries the time zone in which the newest reading is recent. If it is not much older in another zone, each would be a
// guess: the sensor may have been silent for as long as the zones differ.
func (d *diagnosis) zones(in *innius.Inspection, f *Finding) *Finding {
	names := []string{"UTC", "Europe/Amsterdam", time.Local.String()} // the name "Local" is refused
	slices.Sort(names)
	var ages []string
	recent := false
	likely := d.only("fields.time_zone", slices.Compact(names), func(s setup) bool {
		age := apiTime(in).Sub(s.client.Reread(in).Values.Newest)
		if age <= -time.Minute || age > 3*time.Hour { // Amsterdam is two hours ahead of UTC in summer
			return false
		}
		ages = append(ages, "As "+s.account.Fields.TimeZone+" the newest reading would be "+humanize.Duration(max(0, age))+" old.")
		recent = age < 15*time.Minute
		return true
	})
	if likely != nil && recent {
		return f.try(likely...)
	}
	return f.add(ages...)
}

// future explains readings that are all ahead of the clock: another field may hold the right time.
func (s setup) future(in *innius.Inspection, sensor string) *Finding {
	f := failure("future", "All readings of "+sensor+" are more than 5 minutes ahead of innius' clock, the newest by "+
		humanize.Duration(time.Until(in.Values.Newest).Abs())+". The exporter skips them.")
	fields := candidates("time", slices.Concat(in.Facts[0].Alternatives, in.Unknown))
	fields = slices.DeleteFunc(fields, func(field innius.Field) bool {
		return s.only("fields.time", []string{field.Name}, func(with setup) bool {
			v := with.client.Reread(in).Values
			return v.Skipped[innius.SkipFuture] == 0 && apiTime(in).Sub(v.Newest) < 24*time.Hour
		}) == nil
	})
	if len(fields) == 0 {
		f.add("There is no setting for it: correct the clock of the sensor's gateway, or of this machine (NTP).")
	}
	for _, settings := range f.choose("time", fields).tries {
		f.add("With this field, the times are right:")
		s.prove(f, settings...)
	}
	return f
}

// remarks returns what is not wrong with a response, but should be checked once.
func (s setup) remarks(in *innius.Inspection) (all []*Finding) {
	for _, f := range in.Facts {
		if len(f.Alternatives) > 0 {
			other := f.Alternatives[0]
			two := note("ambiguous", fmt.Sprintf("There are two fields for %s: %s holds %q and is used, %s holds %q. If that is the "+
				"wrong one, set fields.%s.", f.Name, f.Field, f.Example, other.Name, other.Example, f.Name))
			two.field = "fields." + f.Name
			all = append(all, two)
		}
		likely := candidates(f.Name, in.Unknown)
		if (strings.HasSuffix(f.Name, "_name") || f.Name == "unit") && f.Missing == in.Items && likely != nil {
			text := "No field is known for " + f.Name + ". It may be one of these: " + fieldNames(likely, false) + "."
			all = append(all, note("no-"+f.Name, text).correct(fieldSettings(f.Name, likely)[0]...))
		}
	}
	if in.Operation != innius.OpCompany && in.Items > 0 && in.NextForm == "" && in.Items == s.account.PageSize {
		all = append(all, s.fullPage(in))
	}
	return all
}

// fullPage reports a list that may be cut: certainly if a field with a name that no setting can express looks like the key of
// the next page.
func (s setup) fullPage(in *innius.Inspection) *Finding {
	f := warning("full-page", fmt.Sprintf("The page of %s is exactly full (%d), and the response has no next_key.",
		in.Operation, in.Items))
	if in.Operation == innius.OpValues && in.Values.Order != innius.Ascending {
		f.Severity = Note
		return f.add("The exporter reads newest values only, and these come first.")
	}
	f.add("If there are more, the exporter does not see them: compare the number with innius, or increase page_size.")
	for _, field := range in.Unknown {
		if field.Outer && leadsOn.MatchString(field.Name) && field.Example != "null" && field.Example != "false" && f.Raw == "" {
			f.Severity, f.Raw = Failure, in.Raw
			f.add("The field " + quote(field.Name) + " may lead to the next page. No setting can express that: please report it.")
		}
	}
	return f
}
