package innius

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// networkError describes a request without a response. It drops the URL that net/http adds, which holds ids; the caller
// names operation and object.
func networkError(err error, key Secret, timeout time.Duration) *NetworkError {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if isTimeout(err) {
		return &NetworkError{Detail: fmt.Sprintf("timeout after %s", timeout), Timeout: true, cause: err}
	}
	return &NetworkError{Detail: key.redactError(err.Error()) + cure(err), cause: err}
}

// cure returns what to do about a lasting failure; empty for others.
func cure(err error) string {
	operation, _ := errors.AsType[*net.OpError](err)
	switch {
	case is[x509.UnknownAuthorityError](err):
		return "; name the CA that signed the certificate in tls_config.ca_file"
	case is[x509.HostnameError](err):
		return "; correct the url, or set tls_config.server_name"
	case is[x509.CertificateInvalidError](err):
		return "; look at the clock of this machine, and at the server's certificate"
	case is[tls.RecordHeaderError](err) && operation != nil && operation.Op == "proxyconnect":
		return "; the proxy's URL must begin with http:// unless the proxy itself speaks TLS"
	}
	return ""
}

// is reports whether a chain of errors holds one of a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// isTransient reports whether a failure is worth another attempt at once: the connection failed, or a gateway responded 502, 503 or
// 504, but for a 503 that states when to try again. A timeout is not: it has cost its time already. Nor is a certificate that
// is not trusted, or a proxy that refuses.
func isTransient(err error) bool {
	if network, ok := errors.AsType[*NetworkError](err); ok {
		proxy, ok := errors.AsType[*ProxyError](err)
		lasting := ok && proxy.refused() || is[*tls.CertificateVerificationError](err)
		return !lasting && !network.Timeout && !errors.Is(err, context.Canceled)
	}
	failure, ok := errors.AsType[*Error](err)
	return ok && !failure.Stated && failure.Status >= http.StatusBadGateway && failure.Status <= http.StatusGatewayTimeout
}
