package innius

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
