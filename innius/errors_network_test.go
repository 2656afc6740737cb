package innius_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"innius_exporter/innius"
)

// failing is a way to the network that always fails in the same way.
type failing struct {
	err   error
	tries int
}

func (f *failing) RoundTrip(*http.Request) (*http.Response, error) {
	f.tries++
	return nil, f.err
}

// unverified is what crypto/tls makes of a certificate that it does not like.
func unverified(err error) error { return &tls.CertificateVerificationError{Err: err} }

func throughProxy(err error) error { return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err} }

func TestLastingFailureNamesTheCureAndIsNotRetried(t *testing.T) {
	notTLS := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	for name, row := range map[string]struct {
		err   error
		end   string // of the text
		tries int
	}{
		"unknown CA": {
			unverified(x509.UnknownAuthorityError{}),
			"signed by unknown authority; name the CA that signed the certificate in tls_config.ca_file", 1,
		},
		"unknown CA at proxy": {throughProxy(unverified(x509.UnknownAuthorityError{})), "in tls_config.ca_file", 1},
		"another name": {
			unverified(x509.HostnameError{Host: "innius.test", Certificate: &x509.Certificate{DNSNames: []string{"other.test"}}}),
			"certificate is valid for other.test, not innius.test; correct the url, or set tls_config.server_name", 1,
		},
		"expired": {
			unverified(x509.CertificateInvalidError{Reason: x509.Expired, Detail: "it is late"}),
			"it is late; look at the clock of this machine, and at the server's certificate", 1,
		},
		"407": {
			&innius.ProxyError{Proxy: "proxy.test:3128", Status: 407},
			"status 407 (Proxy Authentication Required): the variable HTTPS_PROXY must hold its user name and password", 1,
		},
		"403": {
			&innius.ProxyError{Proxy: "proxy.test:3128", Status: 403},
			"the proxy proxy.test:3128 responded with status 403 (Forbidden): " +
				"it must permit the host of the url, or that host be excepted from the proxy", 1,
		},
		"503": {
			&innius.ProxyError{Proxy: "proxy.test:3128", Status: 503},
			"status 503 (Service Unavailable): it could not reach the host of the url", 3,
		},
		"no TLS proxy": {throughProxy(notTLS), "; the proxy's URL must begin with http:// unless the proxy itself speaks TLS", 3},
		"no TLS":       {notTLS, "first record does not look like a TLS handshake", 3},
		"refused": {
			&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")},
			"dial tcp: connection refused", 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				way := &failing{err: row.err}
				c := dial(t, nil, func(o *innius.Options) { o.HTTPClient = &http.Client{Transport: way} })
				_, err := c.Company(t.Context())
				network := typed[*innius.NetworkError](t, err)
				if !strings.HasSuffix(network.Error(), row.end) || strings.Contains(err.Error(), "innius.test/v1") {
					t.Errorf("got %s, want at its end %s", err, row.end)
				}
				want(t, "requests", way.tries, row.tries)
			})
		})
	}
}
