package config

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"time"

	commonconfig "github.com/prometheus/common/config"

	"innius_exporter/innius"
)

// idleConnections is kept open to one host. Go's default is 2, and closing the others after each response would cost a TLS
// handshake per request at a greater concurrency.
const idleConnections = 64

// An HTTP/2 connection whose path went silent would be used for as long as the kernel tries to deliver, a quarter of an hour and
// more. After pingAfter without data a ping is sent; without a response within pingTimeout the connection is closed.
const (
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
)

// maxHeader bounds the header of a response, in bytes; Go's own bound is 10 MB.
const maxHeader = 64 << 10

// Transport returns Go's default transport with the proxy and TLS settings. The CA file is read now, a client
// certificate at each handshake.
func (h HTTPClient) Transport() (*http.Transport, error) {
	tlsConfig, err := h.TLS.build(readAtMost)
	if err != nil {
		return nil, fmt.Errorf("set up TLS: %w", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = tlsConfig
	t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes = idleConnections, maxHeader
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	t.Proxy, t.OnProxyConnectResponse = h.proxy(), refusal
	return t, nil
}

func (h HTTPClient) proxy() func(*http.Request) (*url.URL, error) {
	choice := commonconfig.ProxyConfig{ProxyFromEnvironment: h.ProxyFromEnvironment}
	if h.ProxyURL != nil {
		choice = commonconfig.ProxyConfig{ProxyURL: commonconfig.URL{URL: h.ProxyURL}, NoProxy: h.NoProxy}
	}
	choose := choice.Proxy()
	if choose == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		proxy, err := choose(r)
		if proxy != nil && proxy.User != nil {
			redactCredentials(proxy.User)
		}
		return proxy, err
	}
}

// redactCredentials makes errors redact what a proxy is sent: it may come back in a response. Without a password the name is one.
func redactCredentials(user *url.Userinfo) {
	name := user.Username()
	password, _ := user.Password()
	secret := cmp.Or(password, name)
	basic := base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
	for _, text := range []string{secret, url.QueryEscape(secret), basic} {
		innius.Remember(innius.NewSecret(text))
	}
}

// refusal returns the error of a proxy whose response to CONNECT is not 200. Go's own error has only the text of the status, as
// if the response came from innius.
func refusal(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &innius.ProxyError{Proxy: proxy.Host, Status: response.StatusCode}
}

// maxPEM bounds a certificate file; the system's own bundle of roots has a quarter of it.
const maxPEM = 1 << 20

func (c TLSConfig) build(read reader) (*tls.Config, error) {
	t := &tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.InsecureSkipVerify}
	if c.MinVersion == "TLS13" {
		t.MinVersion = tls.VersionTLS13
	}
	if c.CAFile != "" {
		roots, err := loadRoots(c.CAFile, read)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		t.RootCAs = roots
	}
	if c.CertFile != "" {
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := loadPair(c.CertFile, c.KeyFile, read)
			if err != nil {
				return nil, fmt.Errorf("cert_file: %w", err)
			}
			return pair, nil
		}
	}
	return t, nil
}

func loadRoots(path string, read reader) (*x509.CertPool, error) {
	pem, err := read(path, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file %s cannot be read: %w", shownPath(path), cause(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the file %s contains no certificate in PEM form", shownPath(path))
	}
	return roots, nil
}

func loadPair(certFile, keyFile string, read reader) (*tls.Certificate, error) {
	cert, err := read(certFile, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file %s cannot be read: %w", shownPath(certFile), cause(err))
	}
	key, err := read(keyFile, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file of key_file, %s, cannot be read: %w", shownPath(keyFile), cause(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s are not a certificate and its key: %w", shownPath(certFile), shownPath(keyFile), err)
	}
	return &pair, nil
}
