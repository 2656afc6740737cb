package innius

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// retryDelays are the waits before the second and third attempt after a transient failure, each varied by half.
var retryDelays = []time.Duration{250 * time.Millisecond, time.Second}

// response is status, body and the API's clock, with all that is needed to read them.
type response struct {
	status int
	header http.Header
	body   []byte
	unread bool // the body could not be read to its end

	clock   time.Time // the header Date, our own clock where it is missing
	came    time.Time // when, by our own clock
	took    time.Duration
	request request
	key     Secret // to be removed from every text
	fields  Fields
	zone    *time.Location // of times without one; nil: they are unreadable
}

// get sends a request and retries transient failures, each attempt within the rate limit. Without an error the status is a
// success.
func (c *Client) get(ctx context.Context, r request) (*response, error) {
	resp, err := c.attempt(ctx, r)
	for _, delay := range retryDelays {
		if !isTransient(err) || sleep(ctx, delay/2+rand.N(delay)) != nil {
			break
		}
		again, errAgain := c.attempt(ctx, r)
		if errors.Is(errAgain, ErrPaused) {
			break // nothing was sent: the failure before it is what is known
		}
		resp, err = again, errAgain
	}
	return resp, err
}

// attempt is the whole way of one request: rate limit, key, send, check. With an error, it returns the response too if there
// is one.
func (c *Client) attempt(ctx context.Context, r request) (*response, error) {
	if err := c.opts.Pacer.Wait(ctx); err != nil {
		return nil, err
	}
	key, err := c.key() // only now: the wait may have been long enough for a rotation
	if err != nil {
		c.opts.Pacer.refund()
		return nil, err
	}
	start := time.Now()
	resp, err := c.send(ctx, r, key)
	seen := Attempt{Operation: r.op, Duration: time.Since(start)}
	if resp != nil {
		seen.Status, resp.took = resp.status, seen.Duration
	}
	c.opts.Observe(seen)
	if err != nil {
		return resp, err
	}
	return resp, resp.check()
}

// send sends one request and reads its whole response within the timeout. With an error, it returns a response that was begun.
func (c *Client) send(ctx context.Context, r request, key Secret) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	var sent atomic.Bool
	ctx, end := c.payRepetitions(ctx, r.op, &sent)
	defer end(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+c.opts.Endpoints.expand(r), http.NoBody)
	if err != nil {
		return nil, &NetworkError{Detail: "the url and the endpoint's template make no valid address"}
	}
	req.Header.Set("x-api-key", key.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.opts.UserAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(context.Cause(ctx), errUnpaid) {
			err = errUnpaid // HTTP/2 would name the end of the context only
		}
		if longHeader.MatchString(err.Error()) {
			return nil, &ResponseError{Detail: "its header is too large"}
		}
		failure := networkError(err, key, c.opts.Timeout)
		failure.Sent = sent.Load()
		return nil, failure
	}
	defer func() { _ = resp.Body.Close() }()
	return c.read(resp, r, key)
}

// longHeader matches the failure of a request for a header beyond Transport.MaxResponseHeaderBytes: net/http has no error of its
// own for that, neither over HTTP/1.1 nor over HTTP/2.
var longHeader = regexp.MustCompile("response headers exceeded|response header list larger")

// errUnpaid ends a request that net/http repeats by itself while the rate limit permits none.
var errUnpaid = errors.New("the connection broke, and the rate limit permits no repetition at once")

// payRepetitions takes a request from the pacer before each repetition that net/http sends by itself, silently: where a kept
// connection breaks, or an HTTP/2 server refuses a stream. Where the pacer has none, the request ends with errUnpaid as its
// context's cause, unsent. Sent is set once a request has left.
func (c *Client) payRepetitions(ctx context.Context, op Operation, sent *atomic.Bool) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	paid := true // by attempt
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			switch {
			case paid:
				paid = false
			case c.opts.Pacer.repeat():
				c.opts.Observe(Attempt{Operation: op})
			default:
				cancel(errUnpaid)
				if secure, ok := got.Conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
					_ = got.Conn.Close() // HTTP/1.1 looks at the context only after it has written the request
				}
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				sent.Store(true)
			}
		},
	}), cancel
}

func (c *Client) read(received *http.Response, request request, key Secret) (*response, error) {
	came := time.Now()
	r := &response{
		status: received.StatusCode, header: received.Header, clock: came, came: came,
		request: request, key: key, fields: c.opts.Fields, zone: c.zone,
	}
	if date, err := http.ParseTime(r.header.Get("Date")); err == nil {
		if r.clock = date; r.status < 300 { // whatever refuses requests before the API may have another clock
			c.noteClock(date, came)
		}
	}
	limit := maxBody
	if r.status != http.StatusOK {
		limit = maxFailure
	}
	body, err := io.ReadAll(io.LimitReader(received.Body, int64(limit)+1))
	var failure error
	switch {
	case isTimeout(err), errors.Is(err, context.Canceled): // that the caller ends is no fault of the response
		failure = networkError(err, key, c.opts.Timeout)
	case err != nil:
		failure = r.errorf("the body was cut off after %d bytes: %s", len(body), key.redactError(err.Error()))
	case len(body) > limit:
		failure = r.errorf("the body is larger than %d MiB", maxBody>>20)
	default:
		r.body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")) // no JSON permits a byte order mark, some servers send one
	}
	if failure != nil && r.status != http.StatusOK && !errors.Is(err, context.Canceled) {
		r.unread, failure = true, nil // status and header are enough, of a 429 above all
	}
	return r, failure
}

// errorf makes the error of a response that cannot be used. Its arguments must be redacted or our own.
func (r *response) errorf(format string, args ...any) error {
	return &ResponseError{Status: r.status, Detail: fmt.Sprintf(format, args...)}
}

// check turns every status but 200 into exactly one type of error.
func (r *response) check() error {
	wait, stated := parseRetryAfter(r.header.Get("Retry-After"), r.clock)
	switch {
	case r.status == http.StatusOK, r.status == http.StatusNoContent && r.request.op.mayBeEmpty():
		return nil
	case r.status == http.StatusTooManyRequests:
		return &RateLimitError{Message: r.message(), RetryAfter: wait, Stated: stated}
	case r.status >= 300 && r.status < 400:
		failure := &RedirectError{Status: r.status}
		target, err := url.Parse(r.key.redactError(r.header.Get("Location"))) // first, for the key may reach beyond the host
		if err == nil {
			failure.Host = target.Host
		}
		return failure
	case r.status < 300:
		return r.errorf("only 200 is known as success")
	}
	failure := &Error{Status: r.status, Message: r.message()}
	if r.status == http.StatusServiceUnavailable {
		failure.RetryAfter, failure.Stated = wait, stated
	}
	return failure
}

// message returns the field message of a failure's body, or what the body is instead. Half a text is not shown: it may end in
// half a key.
func (r *response) message() string {
	if r.unread {
		return "its body could not be read to its end"
	}
	top, _ := r.parse()
	body, _ := objectOf(top)
	if text := plain(body["message"]); strings.TrimSpace(text) != "" {
		return r.key.redactError(text)
	}
	return r.notJSON()
}

var htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// notJSON describes a body that is no JSON, in a few words.
func (r *response) notJSON() string {
	text := beginning(string(r.body))
	switch {
	case text == "":
		return "empty body"
	case !strings.HasPrefix(text, "<"):
		return r.key.redactError(text)
	}
	if m := htmlTitle.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("an HTML page titled %q", r.key.redactError(html.UnescapeString(m[1])))
	}
	return "an HTML page"
}

// maxRetryAfter bounds a Retry-After: a larger one is a mistake of the server.
const maxRetryAfter = 24 * time.Hour

// parseRetryAfter reads the header Retry-After: whole seconds, or an HTTP date, which is taken relative to the
// response's own clock so that a wrong clock on either side cancels out. The second result is false where the header
// is absent or unreadable. The wait is never negative and at most 24 h.
func parseRetryAfter(header string, clock time.Time) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(clock)), maxRetryAfter), true
	}
	if header == "" || strings.Trim(header, "0123456789") != "" {
		return 0, false
	}
	seconds, err := strconv.ParseInt(header, 10, 64)
	if err != nil || seconds > int64(maxRetryAfter/time.Second) {
		return maxRetryAfter, true
	}
	return time.Duration(seconds) * time.Second, true
}
