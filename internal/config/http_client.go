package config

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	commonconfig "github.com/prometheus/common/config"

	"innius_exporter/innius"
)

// HTTPClient says how connections to innius are made. Nothing in it can hold a secret; a proxy's credentials belong
// in HTTPS_PROXY, a client key in a file.
type HTTPClient struct {
	ProxyURL             *url.URL // nil: none of our own
	NoProxy              string   // hosts not reached through ProxyURL, as in the variable NO_PROXY
	ProxyFromEnvironment bool     // HTTPS_PROXY and its like; false wherever ProxyURL is set
	TLS                  TLSConfig
}

// TLSConfig names files of PEM; paths are resolved.
type TLSConfig struct {
	CAFile             string // trusted instead of the system's roots
	CertFile, KeyFile  string // of a client certificate
	ServerName         string
	MinVersion         uint16 // tls.VersionTLS12 or above
	InsecureSkipVerify bool
}

// idleConnections kept to one host: Go keeps 2, and closing the others after each answer would cost a TLS handshake
// a request at a greater concurrency.
const idleConnections = 64

// A connection over HTTP/2 whose path went silent would be used for as long as the kernel tries to deliver, a quarter of an
// hour and more: where nothing comes for pingAfter, a ping is sent, and one without a response within pingTimeout closes it.
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
	t := &http.Transport{ForceAttemptHTTP2: true}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
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
	return choice.Proxy()
}

// refusal makes the error of a proxy that answers CONNECT with anything but 200. Go would say no more than the text that
// stands beside the status, which reads as if innius had answered.
func refusal(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &innius.ProxyError{Proxy: proxy.Host, Status: answer.StatusCode}
}

// maxPEM bounds a certificate file; the system's own bundle of roots has a quarter of it.
const maxPEM = 1 << 20

func (c TLSConfig) build(read reader) (*tls.Config, error) {
	t := &tls.Config{ServerName: c.ServerName, MinVersion: c.MinVersion, InsecureSkipVerify: c.InsecureSkipVerify}
	if c.CAFile != "" {
		roots, err := loadRoots(c.CAFile, read)
		if err != nil {
			return nil, fmt.Errorf("ca_file %s: %w", c.CAFile, err)
		}
		t.RootCAs = roots
	}
	if c.CertFile != "" {
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := loadPair(c.CertFile, c.KeyFile, read)
			if err != nil {
				return nil, fmt.Errorf("cert_file %s: %w", c.CertFile, err)
			}
			return pair, nil
		}
	}
	return t, nil
}

// loadRoots and loadPair are used for the check of the config too; their errors name no path, as it is the user's text.
func loadRoots(path string, read reader) (*x509.CertPool, error) {
	pem, err := read(path, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file it names cannot be read: %w", cause(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file it names holds no certificate in PEM form")
	}
	return roots, nil
}

func loadPair(certFile, keyFile string, read reader) (*tls.Certificate, error) {
	cert, err := read(certFile, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file it names cannot be read: %w", cause(err))
	}
	key, err := read(keyFile, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("the file that key_file names cannot be read: %w", cause(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("it and key_file are no pair of certificate and key: %w", err)
	}
	return &pair, nil
}
