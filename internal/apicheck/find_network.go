package apicheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"innius_exporter/innius"
)

// network says why there was no answer.
func (w *walk) network(e *innius.NetworkError) *Finding {
	if errors.Is(e, context.Canceled) {
		return stopped()
	}
	if refusal, ok := errors.AsType[*innius.ProxyError](e); ok {
		return w.proxyRefuses(w.show(refusal.Proxy), refusal.Status)
	}
	if op, ok := errors.AsType[*net.OpError](e); ok && (op.Op == "proxyconnect" || op.Op == "socks connect") {
		return fail("proxy", w.yaml(w.throughProxy("# correct it: this proxy does not answer")...),
			"The proxy "+w.proxy()+" cannot be reached: "+e.Detail+".", w.passwordHint())
	}
	if f := w.certificate(e); f != nil {
		return f
	}
	return w.unreached(e)
}

// unreached is a connection that could not be made, or gave no answer.
func (w *walk) unreached(e *innius.NetworkError) *Finding {
	host := w.host()
	if dns, ok := errors.AsType[*net.DNSError](e); ok && !dns.IsTimeout {
		return fail("dns", w.yaml(w.otherURL("# correct the host: it stands in the API reference")...),
			"No host "+host+" is known to this machine's DNS. Either the host in the url is misspelled, or this machine reaches the "+
				"internet through a proxy only.")
	}
	switch {
	case e.Timeout:
		return fail("timeout", w.yaml(append([]string{"timeout: 30s  # longer than " + w.account.Timeout.String()},
			w.proxyComments()...)...),
			"No answer came from "+host+" within "+w.account.Timeout.String()+". Either the API is slow, or a firewall drops what "+
				"does not go through a proxy.")
	case errors.Is(e, syscall.ECONNREFUSED):
		return fail("refused", w.yaml(w.otherURL("# correct the host, or its port")...),
			"Nobody listens at "+host+": the connection was refused. The host or the port in the url is wrong, or a firewall refuses.")
	}
	return fail("network", w.yaml(w.otherURL("# is this the API?")...), "The connection to "+host+" failed: "+e.Detail+".")
}

// certificate says what is wrong with TLS; nil where nothing is.
func (w *walk) certificate(e *innius.NetworkError) *Finding {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](e); ok {
		return w.unknownAuthority(unknown)
	}
	if name, ok := errors.AsType[x509.HostnameError](e); ok {
		return w.otherName(name)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e); ok {
		return fail("tls-certificate", w.yaml(w.urlLine()+"  # is this the API? then its certificate must be renewed"),
			"The certificate of "+w.host()+" is not valid: "+w.show(invalid.Error())+". If this machine's clock is right, only the "+
				"owner of that host can mend it.")
	}
	_, header := errors.AsType[tls.RecordHeaderError](e)
	if header || errors.Is(e, http.ErrSchemeMismatch) {
		return w.plainHTTP()
	}
	if alert, ok := errors.AsType[*net.OpError](e); ok && alert.Op == "remote error" {
		return fail("tls", w.yaml("http_client:", "  tls_config:",
			"    cert_file: client.pem      # a client certificate and its key, if the host asks for one", "    key_file: client-key.pem"),
			"The TLS handshake with "+w.host()+" failed: the host says: "+e.Detail+".")
	}
	return nil
}

func (w *walk) unknownAuthority(e x509.UnknownAuthorityError) *Finding {
	issuer := "an authority"
	if e.Cert != nil {
		issuer = quote(w.show(e.Cert.Issuer.String()))
	}
	return fail("tls-ca", w.yaml("http_client:", "  tls_config:", "    ca_file: ca.pem  # that authority's certificate, in PEM form"),
		"The certificate of "+w.host()+" was issued by "+issuer+", which this machine does not trust. That is usual where a company's "+
			"proxy opens TLS: its administrators have the authority's certificate. If it is not your company's, do not go on: "+
			"somebody may be listening.")
}

// otherName proposes a name of the certificate, if there is one that is a host's.
func (w *walk) otherName(e x509.HostnameError) *Finding {
	text := "The certificate that answers is not for " + w.host() + "."
	if e.Certificate == nil {
		return fail("tls-name", w.yaml(w.otherURL("# correct the host")...), text)
	}
	all := e.Certificate.DNSNames
	text += " It is for: " + w.show(strings.Join(all, ", ")) + ". Most likely the host in the url is wrong; if it is right (an " +
		"address, or another name of the same host), server_name says which name the certificate has."
	i := slices.IndexFunc(all, func(name string) bool { return !strings.HasPrefix(name, "*") })
	if i < 0 {
		return fail("tls-name", w.yaml(w.otherURL("# correct the host")...), text)
	}
	return fail("tls-name", w.yaml("http_client:", "  tls_config:",
		"    server_name: "+quote(w.show(all[i]))+"  # only if that is innius' own name", "# or correct the host:", "# "+w.urlLine()), text)
}

func (w *walk) plainHTTP() *Finding {
	text := "At " + w.host() + " answers a server that does not speak TLS. Either the port in the url is wrong, or that server is not " +
		"the API."
	if u := *w.account.URL; net.ParseIP(u.Hostname()).IsLoopback() || u.Hostname() == "localhost" {
		u.Scheme = "http"
		f := fail("tls-plain", w.yaml("url: "+quote(w.show(u.String()))+"  # without TLS, on this machine only"), text)
		f.tries = [][]Setting{{{"url", u.String()}}}
		return f
	}
	return fail("tls-plain", w.yaml(w.otherURL("# correct the port, or the host")...), text)
}

// proxyRefuses is a proxy that answers, but not with the API.
func (w *walk) proxyRefuses(proxy string, status int) *Finding {
	text := "The proxy " + proxy + " does not let this machine through to " + w.host() + ": "
	if status == http.StatusProxyAuthRequired {
		return fail("proxy", w.yaml("http_client:", "  proxy_from_environment: true  # and no proxy_url"),
			text+"it asks for a user name and a password (407).",
			"They do not belong into the config, which others may read. Set the variable "+
				"HTTPS_PROXY=http://USER:PASSWORD@"+proxy+" for the exporter.")
	}
	lines := []string{"http_client:", "  proxy_from_environment: false  # go without the proxy"}
	if w.account.HTTPClient.ProxyURL != nil {
		lines = append([]string{}, w.throughProxy("")...)
		lines = append(lines, "  no_proxy: "+quote(w.account.URL.Hostname())+"  # reach innius without it")
	}
	advice := ". Ask its administrators to permit the host, or go without it."
	if status != http.StatusForbidden {
		advice = ". Is that a proxy at all? If so, its log says more; else correct it, or go without."
	}
	return fail("proxy", w.yaml(lines...), text+"it says "+http.StatusText(status)+advice)
}

// passwordHint is for a proxy of the environment whose user and password a proxy_url could not hold.
func (w *walk) passwordHint() string {
	if w.o.Proxy == nil || w.o.Proxy.User == nil {
		return "It is the one of http_client.proxy_url, or of the variable HTTPS_PROXY."
	}
	return "It needs a user name and a password, which do not belong into the config: correct the variable HTTPS_PROXY instead of setting proxy_url."
}

func (w *walk) throughProxy(comment string) []string {
	scheme := "http"
	if w.o.Proxy != nil {
		scheme = w.o.Proxy.Scheme
	}
	return []string{"http_client:", strings.TrimRight("  proxy_url: "+quote(scheme+"://"+w.proxy())+"  "+comment, " ")}
}

// otherURL is the line of the url, to be corrected, and how to name a proxy instead.
func (w *walk) otherURL(comment string) []string {
	return append([]string{w.urlLine() + "  " + comment}, w.proxyComments()...)
}

func (w *walk) proxyComments() []string {
	if w.o.Proxy != nil {
		return []string{
			"# It was asked through the proxy " + w.proxy() + ". To go without it:", "# http_client:",
			"#   proxy_from_environment: false",
		}
	}
	return []string{
		"# or, where only a proxy leads out, which was not used now:", "# http_client:",
		"#   proxy_url: http://proxy.example.com:3128",
	}
}

func (w *walk) proxy() string {
	if w.o.Proxy == nil {
		return "proxy.example.com:3128"
	}
	return w.show(w.o.Proxy.Host)
}

func (w *walk) host() string { return w.show(w.account.URL.Host) }
