package innius

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"sync/atomic"
	"time"
)

// retryDelays are the waits before the second and third attempt after a transient failure, each varied by half.
var retryDelays = []time.Duration{250 * time.Millisecond, time.Second}

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
	start := Now()
	resp, err := c.send(ctx, r, key)
	seen := Attempt{Operation: r.op, Duration: Now().Sub(start)}
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
	came := Now()
	r := &response{
		status: received.StatusCode, header: received.Header, clock: c.apiTime(), came: came,
		request: request, key: key, fields: c.opts.Fields, zone: c.zone,
	}
	if date, err := http.ParseTime(r.header.Get("Date")); err == nil && !date.Before(earliest) && date.Before(latest) {
		if r.clock = date; r.status < 300 { // whatever refuses requests before the API may have another clock
			c.noteClock(date, came)
		}
	}
	limit := maxBody
	if r.status != http.StatusOK {
		limit = maxFailure
	}
	body, err := ReadBody(received, int64(limit)+1)
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

// ReadBody reads the body of a response, at most so many bytes. That of a 101 is the connection itself, which neither a timeout nor
// the end of the context closes: it is taken for empty.
func ReadBody(r *http.Response, most int64) ([]byte, error) {
	if r.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(r.Body, most))
}
