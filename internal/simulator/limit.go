package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// Limits of one key. A request over the limit is refused with 429 and costs nothing; every other request with a valid
// key costs one, whatever its response.
type Limits struct {
	Kind       LimitKind
	PerHour    int  // requests an hour; 0: no limit
	Burst      int  // of TokenBucket only: what a rested bucket holds, at least 1
	MaxPage    int  // results a page at most; 0: 1000
	ClampPage  bool // a limit above MaxPage is lowered to it in silence instead of refused with 400
	RetryAfter RetryAfterForm
}

// LimitKind names how requests are counted.
type LimitKind int

// The kinds of limit.
const (
	TokenBucket LimitKind = iota // Burst at once, and one more each 3600/PerHour seconds
	FixedHour                    // PerHour in each hour of the UTC clock
	SlidingHour                  // PerHour in any 60 minutes
)

// RetryAfterForm names how a 429 states its wait.
type RetryAfterForm int

// The forms of Retry-After. Seconds and Date are the wait in whole seconds, rounded up; Zero and One state no true wait.
const (
	Seconds RetryAfterForm = iota
	Date
	Absent
	Zero
	One
)

const (
	defaultMaxPage = 1000
	defaultPage    = 100 // results a page where the request names no limit
)

func (l Limits) maxPage() int {
	if l.MaxPage > 0 {
		return l.MaxPage
	}
	return defaultMaxPage
}

// meter counts requests against limits, in whole nanoseconds: after exactly the stated wait there is room, without a
// rounding that could refuse it. The caller holds the Server's lock.
type meter struct {
	limits  Limits
	full    time.Time   // TokenBucket: when the bucket is full again
	hour    time.Time   // FixedHour: the hour that is counted
	count   int         // FixedHour: requests in it
	granted []time.Time // SlidingHour: requests of the last hour, oldest first
}

// set changes the limits; requests that were used under the same kind stay used.
func (m *meter) set(l Limits, now time.Time) {
	if l.Kind != m.limits.Kind {
		*m = meter{}
	}
	if used := m.full.Sub(now); used > 0 && l.PerHour > 0 {
		m.full = now.Add(time.Duration(float64(used) * float64(m.limits.PerHour) / float64(l.PerHour)))
	}
	m.limits = l
}

// charge takes one request from the rate limit, or returns how long there is no room for it.
func (m *meter) charge(now time.Time) (wait time.Duration) {
	if m.limits.PerHour <= 0 {
		return 0
	}
	switch m.limits.Kind {
	case FixedHour:
		return m.chargeFixed(now)
	case SlidingHour:
		return m.chargeSliding(now)
	default:
		return m.chargeBucket(now)
	}
}

func (m *meter) chargeBucket(now time.Time) time.Duration {
	each := time.Hour / time.Duration(m.limits.PerHour)
	full := now
	if m.full.After(now) {
		full = m.full
	}
	full = full.Add(each)
	if wait := full.Sub(now) - each*time.Duration(max(1, m.limits.Burst)); wait > 0 {
		return wait
	}
	m.full = full
	return 0
}

func (m *meter) chargeFixed(now time.Time) time.Duration {
	if hour := now.Truncate(time.Hour); !hour.Equal(m.hour) {
		m.hour, m.count = hour, 0
	}
	if m.count >= m.limits.PerHour {
		return m.hour.Add(time.Hour).Sub(now)
	}
	m.count++
	return 0
}

func (m *meter) chargeSliding(now time.Time) time.Duration {
	for len(m.granted) > 0 && now.Sub(m.granted[0]) >= time.Hour {
		m.granted = m.granted[1:]
	}
	if over := len(m.granted) - m.limits.PerHour; over >= 0 {
		return m.granted[over].Add(time.Hour).Sub(now)
	}
	m.granted = append(m.granted, now)
	return 0
}

// retryAfter writes the header for a wait; empty: none is sent.
func (l Limits) retryAfter(now time.Time, wait time.Duration) string {
	switch l.RetryAfter {
	case Absent:
		return ""
	case Zero:
		return "0"
	case One:
		return "1"
	case Date:
		return now.Add(wait + time.Second - 1).UTC().Format(http.TimeFormat)
	default:
		return strconv.FormatInt(int64(roundUp(wait)/time.Second), 10)
	}
}

// roundUp rounds up to whole seconds.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
