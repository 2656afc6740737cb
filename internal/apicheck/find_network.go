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

// network explains why no response came.
func (w *walk) network(e *innius.NetworkError) *Finding {
	if errors.Is(e, context.Canceled) {
		return stopped()
	}
	if refusal, ok := errors.AsType[*innius.ProxyError](e); ok {
		return w.proxyRefuses(w.show(refusal.Proxy), refusal.Status)
	}
	if op, ok := errors.AsType[*net.OpError](e); ok && (op.Op == "proxyconnect" || op.Op == "socks connect") {
		return fail("proxy", w.yaml(w.proxySetting()), "The proxy "+w.proxy()+" cannot be reached: "+e.Detail+
			". It is the one of http_client.proxy_url, or of the variable HTTPS_PROXY.")
	}
	if f := w.handshake(e); f != nil {
		return f
	}
	host := w.show(w.account.URL.Host)
	dns, noHost := errors.AsType[*net.DNSError](e)
	switch {
	case noHost && !dns.IsTimeout:
		return fail("dns", w.yaml(w.urlSetting()), "No host "+host+" is known to this machine's DNS. Either the host in the url is "+
			"misspelled, or this machine reaches the internet through a proxy only: set http_client.proxy_url.")
	case e.Timeout:
		return fail("timeout", w.yaml(Setting{"timeout", "30s"}), "No response came from "+host+" within "+
			w.account.Timeout.String()+". Either the API is slow, or a firewall drops what does not go through a proxy.")
	case errors.Is(e, syscall.ECONNREFUSED):
		return fail("refused", w.yaml(w.urlSetting()), "The connection to "+host+" was refused. The host or the port in the url is "+
			"wrong, or a firewall refuses.")
	}
	return fail("network", w.yaml(w.urlSetting()), "The connection to "+host+" failed: "+e.Detail+".")
}

// handshake explains why TLS failed; nil where it did not.
func (w *walk) handshake(e *innius.NetworkError) *Finding {
	text := "TLS with " + w.show(w.account.URL.Host) + " failed: " + e.Detail + "."
	if authority, ok := errors.AsType[x509.UnknownAuthorityError](e); ok {
		return fail("tls-ca", w.yaml(Setting{"http_client.tls_config.ca_file", "ca.pem"}), text,
			"The certificate was issued by "+w.name(authority.Cert.Issuer.String())+". If that is your company's proxy, get the "+
				"certificate of this CA from its administrators. If not, the connection may be intercepted: do not continue.")
	}
	if e, ok := errors.AsType[x509.HostnameError](e); ok {
		set := w.urlSetting()
		all := e.Certificate.DNSNames
		if i := slices.IndexFunc(all, func(name string) bool { return !strings.HasPrefix(name, "*") }); i >= 0 {
			set = Setting{"http_client.tls_config.server_name", w.show(all[i])}
		}
		return fail("tls-name", w.yaml(set), text,
			"Most likely the host in the url is wrong. Set server_name only if innius owns that name.")
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](e); ok {
		return fail("tls-certificate", w.yaml(w.urlSetting()), text)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](e); ok || errors.Is(e, http.ErrSchemeMismatch) {
		return w.plainHTTP()
	}
	if op, ok := errors.AsType[*net.OpError](e); ok && op.Op == "remote error" {
		return fail("tls", w.yaml(Setting{"http_client.tls_config.cert_file", "client.pem"},
			Setting{"http_client.tls_config.key_file", "client-key.pem"}), text, "The server may require a client certificate.")
	}
	return nil
}

func (w *walk) plainHTTP() *Finding {
	f := fail("tls-plain", w.yaml(w.urlSetting()),
		"The server at "+w.show(w.account.URL.Host)+" does not speak TLS. Either the port in the url is wrong, or it is not the API.")
	if u := *w.account.URL; net.ParseIP(u.Hostname()).IsLoopback() || u.Hostname() == "localhost" {
		u.Scheme = "http"
		f.tries = [][]Setting{{{"url", u.String()}}}
	}
	return f
}

// proxyRefuses is a proxy that sends a response of its own.
func (w *walk) proxyRefuses(proxy string, status int) *Finding {
	text := "The proxy " + proxy + " refuses the connection to " + w.show(w.account.URL.Host) + ": "
	if status == http.StatusProxyAuthRequired {
		return fail("proxy", w.yaml(Setting{"http_client.proxy_from_environment", true}),
			text+"it requires a user name and a password (407). Remove proxy_url, and set the variable HTTPS_PROXY=http://USER:PASSWORD@"+
				proxy+" for the exporter: others may read the config.")
	}
	settings := []Setting{{"http_client.proxy_from_environment", false}}
	if w.account.HTTPClient.ProxyURL != nil {
		settings = []Setting{w.proxySetting(), {"http_client.no_proxy", w.account.URL.Hostname()}}
	}
	return fail("proxy", w.yaml(settings...),
		text+http.StatusText(status)+". Request access to the host from its administrators, or do not use it.")
}

func (w *walk) proxySetting() Setting {
	scheme := "http"
	if w.o.Proxy != nil {
		scheme = w.o.Proxy.Scheme
	}
	return Setting{"http_client.proxy_url", scheme + "://" + w.proxy()}
}

func (w *walk) proxy() string {
	if w.o.Proxy == nil {
		return "proxy.example.com:3128"
	}
	return w.show(w.o.Proxy.Host)
}
