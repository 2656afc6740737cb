package poller

import (
	"errors"
	"net/http"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

// resultClass is what the result of one request means for the account.
type resultClass int

const (
	resultOK        resultClass = iota
	resultLimited               // 429: the account pauses
	resultKey                   // the key is refused or cannot be read
	resultForbidden             // 403: wrong path, missing permission, or a dead key
	resultObject                // 400, 404 and other 4xx: concerns one machine or sensor
	resultNetwork               // no response
	resultServer                // 5xx
	resultInvalid               // a response that cannot be used, or a redirect
	resultNotSent               // a pause, or the process ends
)

// reasons are the values of the label reason of innius_exporter_account_failure.
var reasons = [resultNotSent + 1]string{
	resultKey: "key", resultNetwork: "network", resultServer: "server",
	resultInvalid: "invalid_response", resultForbidden: "invalid_response", resultObject: "invalid_response",
}

// reason returns the reason of an account failure; empty if the class is none.
func (c resultClass) reason() string { return reasons[c] }

func classify(err error) resultClass {
	failure, hasStatus := errors.AsType[*innius.Error](err)
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, innius.ErrPaused):
		return resultNotSent
	case is[*innius.KeyError](err):
		return resultKey
	case is[*innius.NetworkError](err):
		return resultNetwork
	case is[*innius.RateLimitError](err):
		return resultLimited
	case !hasStatus:
		return resultInvalid
	case failure.Status == http.StatusUnauthorized:
		return resultKey
	case failure.Status == http.StatusForbidden:
		return resultForbidden
	case failure.Status < http.StatusInternalServerError:
		return resultObject
	}
	return resultServer
}

// is reports whether a chain of errors holds one of a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// requestResult is one result as the circuit breaker sees it.
type requestResult struct {
	class   resultClass
	machine string
	object  string        // that was requested
	values  bool          // values of a sensor; or, while no sensor is known, a machine's list of sensors
	account bool          // the request that probes the account
	first   bool          // the object has never been read
	more    bool          // a first page of several: not a success yet
	probe   bool          // values that were requested as a probe
	unsent  bool          // no connection, and not for a timeout: never the fault of one object
	stated  bool          // the API stated a wait
	wait    time.Duration // that it stated

	sensors, machines int // that exist
}

// addError takes over what an error shows of the account.
func (r *requestResult) addError(err error) {
	if limited, ok := errors.AsType[*innius.RateLimitError](err); ok {
		r.stated, r.wait = limited.Stated, limited.RetryAfter
	}
	if failure, ok := errors.AsType[*innius.Error](err); ok {
		r.stated, r.wait = failure.Stated, failure.RetryAfter
	}
	if r.stated {
		r.wait = max(time.Second, r.wait)
	}
	if network, ok := errors.AsType[*innius.NetworkError](err); ok {
		r.unsent = !network.Sent && !network.Timeout
	}
}

// isUnknownPath reports whether an error is a gateway's response to an unknown path.
func isUnknownPath(err error) bool {
	failure, ok := errors.AsType[*innius.Error](err)
	return ok && failure.UnknownPath()
}

// Unreadable explains why a reading cannot be used, and the cure.
func Unreadable(r innius.Reading) string {
	switch hint := r.Hint(); {
	case r.Skip == innius.SkipTime && hint != "":
		return "cannot parse the time " + r.Shown() + "; set fields.time_zone to its time zone"
	case r.Skip == innius.SkipTime:
		return "cannot parse the time " + r.Shown() + "; set fields.time if another field has the time"
	case r.Skip == innius.SkipFuture:
		return "the newest reading is more than 5 min ahead of the API clock: " + humanize.Time(r.Time)
	case r.Skip == innius.SkipText && hint != "":
		return "the newest reading is not a number: " + r.Shown() + "; endpoints.values may request another form"
	case r.Skip == innius.SkipText:
		return "the newest reading is the text " + r.Shown() + "; map it to a number with values in a rule"
	}
	return "the newest reading is not a number: " + r.Text
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
