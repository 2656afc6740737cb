package innius_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestErrorOfRateLimitHoldsTheWait(t *testing.T) {
	for _, row := range []struct {
		name, header string
		clock        time.Duration // of the API, to ours
		want         innius.Error
	}{
		{"seconds", "37", 0, innius.Error{RetryAfter: 37 * time.Second, Stated: true}},
		{"seconds amid white space", " 5 ", 0, innius.Error{RetryAfter: 5 * time.Second, Stated: true}},
		{"none to wait", "0", 0, innius.Error{Stated: true}},
		{"a day", "86400", 0, innius.Error{RetryAfter: 24 * time.Hour, Stated: true}},
		{"more than a day", "86401", 0, innius.Error{RetryAfter: 24 * time.Hour, Stated: true}},
		{"more than a number holds", "99999999999999999999999", 0, innius.Error{RetryAfter: 24 * time.Hour, Stated: true}},
		{"a date", "Mon, 02 Mar 2026 12:01:30 GMT", 0, innius.Error{RetryAfter: 90 * time.Second, Stated: true}},
		{
			"a date by a clock that is ahead", "Mon, 02 Mar 2026 13:01:30 GMT", time.Hour,
			innius.Error{RetryAfter: 90 * time.Second, Stated: true},
		},
		{
			"a date of the second kind", "Monday, 02-Mar-26 12:01:30 GMT", 0,
			innius.Error{RetryAfter: 90 * time.Second, Stated: true},
		},
		{"a date of the third kind", "Mon Mar  2 12:01:30 2026", 0, innius.Error{RetryAfter: 90 * time.Second, Stated: true}},
		{"a date gone by", "Mon, 02 Mar 2026 11:00:00 GMT", 0, innius.Error{Stated: true}},
		{"a date next year", "Tue, 02 Mar 2027 12:00:00 GMT", 0, innius.Error{RetryAfter: 24 * time.Hour, Stated: true}},
		{"absent", "", 0, innius.Error{}},
		{"words", "soon", 0, innius.Error{}},
		{"negative", "-5", 0, innius.Error{}},
		{"a fraction", "1.5", 0, innius.Error{}},
		{"signed", "+5", 0, innius.Error{}},
		{"a duration", "5s", 0, innius.Error{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				date := noon().Add(row.clock).Format(http.TimeFormat)
				h := recorded(respondWith(429, `{"message":"Limit exceeded of `+canary+`"}`, "Retry-After", row.header, "Date", date))
				_, err := dial(t, h).Company(t.Context())
				row.want.Status, row.want.Message = 429, "Limit exceeded of <secret>"
				want(t, "error", *typed[*innius.Error](t, err), row.want)
				want(t, "StatusOf", innius.StatusOf(err), 429)
				want(t, "requests", len(h.uris()), 1)

				// The same of a 503, which is tried again at once only where it states no wait.
				h = recorded(respondWith(503, `{"message":"`+canary+`"}`, "Retry-After", row.header, "Date", date))
				_, err = dial(t, h).Company(t.Context())
				row.want.Status, row.want.Message = 503, "<secret>"
				want(t, "503", *typed[*innius.Error](t, err), row.want)
				want(t, "requests of the 503", len(h.uris()), map[bool]int{true: 1, false: 3}[row.want.Stated])
			})
		})
	}
}

func TestErrorOfRateLimitNamesTheWait(t *testing.T) {
	want(t, "stated", &innius.Error{Status: http.StatusTooManyRequests, Message: "m", RetryAfter: 90 * time.Second, Stated: true},
		"status 429 (limit exceeded, retry after 1m30s): m")
	want(t, "absent", &innius.Error{Status: http.StatusTooManyRequests, Message: "m"}, "status 429 (limit exceeded, no Retry-After): m")
}

func TestEveryFormOfRetryAfterIsExact(t *testing.T) {
	for form, name := range []string{"seconds", "date", "absent"} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				limits := simulator.Limits{PerHour: 60, Burst: 1, RetryAfter: simulator.RetryAfterForm(form)}
				c, server := simulated(t, hall(), simulator.Options{Limits: limits})
				_, err := c.Company(t.Context())
				want(t, "within the limit", err, nil)
				_, err = c.Company(t.Context())
				limit := typed[*innius.Error](t, err)
				want(t, "stated", limit.Stated, name != "absent")
				time.Sleep(max(limit.RetryAfter, time.Minute))
				_, err = c.Company(t.Context())
				want(t, "after the wait", err, nil)
				want(t, "too early", server.Stats().TooEarly, 0)
			})
		})
	}
}

func TestPauseStopsARequestBeforeItIsSent(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		pacer := innius.NewPacer(1000, 10)
		c, server := simulated(t, hall(), simulator.Options{}, func(o *innius.Options) { o.Pacer = pacer })
		pacer.Pause(noon().Add(time.Minute))
		_, err := c.Company(t.Context())
		want(t, "paused", errors.Is(err, innius.ErrPaused), true)
		want(t, "error", err, "get the company: paused: a limit of the key was exceeded")
		want(t, "requests", server.Stats().Requests, 0)
	})
}
