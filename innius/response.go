package innius

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// response is status, body and the API's clock, with all that is needed to read them.
type response struct {
	status int
	header http.Header
	body   []byte
	unread bool // the body could not be read to its end

	clock   time.Time // the header Date, or Client.apiTime where it is missing
	came    time.Time // when, by Now
	took    time.Duration
	request request
	key     Secret // to be removed from every text
	fields  Fields
	zone    *time.Location // of times without one; nil: they are unreadable
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
	if r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable {
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

// parse reads the body as JSON, within the bounds of a response.
func (r *response) parse() (any, error) {
	decoding.Lock()
	defer decoding.Unlock()
	body := bytes.TrimSpace(r.body)
	if len(body) == 0 || body[0] == '<' {
		return nil, r.errorf("no JSON: %s", r.notJSON())
	}
	if err := r.bounded(); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.UseNumber() // ids that are numbers are kept as written, never through a float
	var top any
	err := decoder.Decode(&top)
	if err == nil {
		if _, errEnd := decoder.Token(); errEnd != io.EOF {
			err = errors.New("more text after the end of the JSON")
		}
	}
	switch {
	case err == nil:
		return top, nil
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, r.errorf("the JSON is cut off after %d bytes", len(r.body))
	}
	return nil, r.errorf("no JSON: %s: %s", r.key.redactError(err.Error()), r.notJSON())
}

// fieldNames lists what is there, for an error: the user may choose from them.
func (r *response) fieldNames(o object) string {
	return cmp.Or(r.key.redactError(strings.Join(slices.Sorted(maps.Keys(o)), ", ")), "none")
}

// time reads a time as one of the API.
func (r *response) time(value any) (time.Time, bool) {
	at, _, ok := readTime(plain(value), r.zone)
	return at, ok
}

// Bounds of a response: what it takes to read it is a multiple of its size. A page of 10,000 readings with ten fields each is
// within them.
const (
	maxBody    = 4 << 20   // bytes after decompression
	maxFailure = 256 << 10 // the same, of a response with another status than 200
	maxDepth   = 32        // lists and objects inside each other
	maxFields  = 1000      // of one object
	maxValues  = 250_000   // JSON values, an object counted as objectCost
	// An object takes as much memory as so many numbers.
	objectCost = 8
)

// decoding is held while a body is decoded, which takes the most memory: one at a time in a process.
var decoding sync.Mutex

// bounded looks at the size of a JSON text before it is decoded. Whether it is JSON is not its matter.
func (r *response) bounded() error {
	var fields [maxDepth + 1]int // of the object at each depth
	values, depth, quoted := 0, 0, false
	for i := 0; i < len(r.body); i++ {
		switch c := r.body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			values++
			if c == '{' {
				values += objectCost - 1
			}
			if depth++; depth > maxDepth {
				return r.errorf("the JSON is nested more than %d levels deep", maxDepth)
			}
			fields[depth] = 0
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		case c == ',':
			values++
		case c == ':':
			fields[depth]++
		}
		switch {
		case values > maxValues:
			return r.errorf("the JSON holds too many values: lower page_size or lookback")
		case fields[depth] > maxFields:
			return r.errorf("an object in the JSON has more than %d fields", maxFields)
		}
	}
	return nil
}

// MaxRetryAfter bounds a Retry-After: a larger one is a mistake of the server.
const MaxRetryAfter = 24 * time.Hour

// parseRetryAfter reads the header Retry-After: whole seconds, or an HTTP date, which is taken relative to the
// response's own clock so that a wrong clock on either side cancels out. The second result is false where the header
// is absent or unreadable. The wait is never negative and at most 24 h.
func parseRetryAfter(header string, clock time.Time) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(clock)), MaxRetryAfter), true
	}
	if header == "" || strings.Trim(header, "0123456789") != "" {
		return 0, false
	}
	seconds, err := strconv.ParseInt(header, 10, 64)
	if err != nil || seconds > int64(MaxRetryAfter/time.Second) {
		return MaxRetryAfter, true
	}
	return time.Duration(seconds) * time.Second, true
}
