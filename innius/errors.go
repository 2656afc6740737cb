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
	"strings"
	"time"
)

// All error types are pointers and are found with errors.As. Their texts are redacted.

// Error is a response with a status other than 200 that no other type describes: 400 malformed parameter, 401 no
// valid key, 403 the key may not read this object, 404 unknown path or object, 429 a limit of the key was exceeded, 5xx a
// fault on innius' side.
type Error struct {
	Status  int
	Message string // the field message of the body, or what stood there instead

	RetryAfter time.Duration // of a 429 or 503: how long nothing more should be sent
	Stated     bool          // false: the header Retry-After was absent or unreadable, and RetryAfter is 0
}

// UnknownPath reports whether this is how Amazon's API Gateway refuses a path that it does not know: a 403 with one of
// two fixed messages. Assumed: innius may run behind such a gateway.
func (e *Error) UnknownPath() bool {
	return e.Status == http.StatusForbidden &&
		(strings.EqualFold(e.Message, "Missing Authentication Token") || strings.EqualFold(e.Message, "Forbidden"))
}

func (e *Error) Error() string {
	what := http.StatusText(e.Status)
	switch {
	case e.Status == http.StatusTooManyRequests && e.Stated:
		what = fmt.Sprintf("limit exceeded, retry after %s", e.RetryAfter)
	case e.Status == http.StatusTooManyRequests:
		what = "limit exceeded, no Retry-After"
	}
	return fmt.Sprintf("status %d (%s): %s", e.Status, what, e.Message)
}

// RedirectError is a 3xx. It is not followed, because Go would carry the key to the other host. The cure is a base
// URL that needs no redirect.
type RedirectError struct {
	Status int
	Host   string // of the target; empty if the response names none
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("status %d: redirect to host %q is not followed, or the key would go there; correct the url",
		e.Status, e.Host)
}

// ResponseError is a response that cannot be used: not JSON (a maintenance page, an empty or cut body),
// too large, or JSON in which the expected list or fields are not found.
type ResponseError struct {
	Status int // 0: the header is too large to be read
	Detail string

	// OfAnother: it names another machine or sensor than the one requested, as from a cache that ignores the path. It is a failure
	// of this object only, since a cache may be right for others, and a pause would lose those. But only those who run the way to
	// innius can cure it, not those of the sensor, so a poll has the remark OtherSensor, which is of the account.
	OfAnother bool
}

func (e *ResponseError) Error() string {
	if e.Status == 0 {
		return "unexpected response: " + e.Detail
	}
	return fmt.Sprintf("unexpected response (status %d): %s", e.Status, e.Detail)
}

// NetworkError is a request without a response: no connection, a broken one, or a timeout.
type NetworkError struct {
	Detail  string
	Timeout bool
	Sent    bool // the request had left: innius may have counted it
	cause   error
}

func (e *NetworkError) Error() string { return "no response: " + e.Detail }

// Unwrap gives the cause, so that errors.Is(err, context.Canceled) works.
func (e *NetworkError) Unwrap() error { return e.cause }

// ProxyError is a proxy's refusal to let a connection through to the API. It occurs as the cause of a NetworkError: the
// API was not reached. It holds no credentials, whatever the proxy's URL holds.
type ProxyError struct {
	Proxy  string // host and port
	Status int    // of the response to CONNECT
}

func (e *ProxyError) Error() string {
	cure := "it could not reach the host of the url"
	switch {
	case e.Status == http.StatusProxyAuthRequired:
		cure = "the variable HTTPS_PROXY must hold its user name and password"
	case e.refused():
		cure = "it must permit the host of the url, or that host be excepted from the proxy"
	}
	return fmt.Sprintf("the proxy %s responded with status %d (%s): %s", e.Proxy, e.Status, http.StatusText(e.Status), cure)
}

// refused reports whether an immediate retry is useless; a proxy may lock out a client that repeats a wrong password.
func (e *ProxyError) refused() bool { return e.Status < http.StatusInternalServerError }

// KeyError occurs before anything is sent: the key could not be read.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return "read the key: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *KeyError) Unwrap() error { return e.Err }

// ErrPaused occurs before anything is sent: the pacer is paused.
var ErrPaused = errors.New("paused: a limit of the key was exceeded")

// StatusOf returns the status that err carries, or 0 without a response.
func StatusOf(err error) int {
	e, ok := errors.AsType[interface {
		error
		statusCode() int
	}](err)
	if !ok {
		return 0
	}
	return e.statusCode()
}

func (e *Error) statusCode() int         { return e.Status }
func (e *RedirectError) statusCode() int { return e.Status }
func (e *ResponseError) statusCode() int { return e.Status }

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

// isTransient reports whether a failure is worth another attempt at once: the connection failed, or a gateway responded 502,
// 503 or 504, but for a 503 that states when to try again. A timeout is not: it has cost its time already. Nor is a
// certificate that is not trusted, or a proxy that refuses.
func isTransient(err error) bool {
	if network, ok := errors.AsType[*NetworkError](err); ok {
		proxy, ok := errors.AsType[*ProxyError](err)
		lasting := ok && proxy.refused() || is[*tls.CertificateVerificationError](err)
		return !lasting && !network.Timeout && !errors.Is(err, context.Canceled)
	}
	failure, ok := errors.AsType[*Error](err)
	return ok && !failure.Stated && failure.Status >= http.StatusBadGateway && failure.Status <= http.StatusGatewayTimeout
}

// isTimeout reports whether err is the end of a timeout.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
