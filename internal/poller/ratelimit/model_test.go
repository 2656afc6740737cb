package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// kind is how a modelled API counts. Unlike the simulator it is pure, so that thousands of hours take seconds.
type kind int

const (
	bucket kind = iota
	fixed
	sliding
)

var kinds = map[string]kind{"bucket": bucket, "fixed hour": fixed, "sliding hour": sliding}

// api is a modelled API.
type api struct {
	kind     kind
	perHour  float64
	burst    float64
	tokens   float64
	at       time.Time
	accepted []time.Time
}

// request counts one request, or returns the time until there is room.
func (a *api) request(now time.Time) time.Duration {
	if a.kind == bucket {
		a.tokens = min(a.burst, a.tokens+a.perHour*now.Sub(a.at).Hours())
		a.at = now
		if a.tokens < 1-1e-9 {
			return time.Duration((1 - a.tokens) / a.perHour * float64(time.Hour))
		}
		a.tokens--
		return 0
	}
	for len(a.accepted) > 0 && !a.accepted[0].After(a.windowStart(now)) {
		a.accepted = a.accepted[1:]
	}
	if over := len(a.accepted) - int(a.perHour); over >= 0 {
		if a.kind == fixed {
			return now.Truncate(time.Hour).Add(time.Hour).Sub(now)
		}
		return a.accepted[over].Add(time.Hour).Sub(now)
	}
	a.accepted = append(a.accepted, now)
	return 0
}

// windowStart is the time before which requests no longer count.
func (a *api) windowStart(now time.Time) time.Time {
	if a.kind == fixed {
		return now.Truncate(time.Hour).Add(-1)
	}
	return now.Add(-time.Hour)
}

// run is a sender that uses the limit of a learner.
type run struct {
	*testing.T
	api      *api
	learner  *Learner
	now      time.Time
	tokens   float64
	refilled time.Time // when tokens was computed
	paused   time.Time // until
	unstated int       // 429s in a row without a wait
	absent   bool      // 429s state no wait
	uses     float64   // part of the learned rate that it uses
	chance   *rand.Rand
	others   func(now time.Time) float64 // requests per hour that others send
	next     time.Time                   // of others
	events   []event
}

// event is a 429.
type event struct {
	at         time.Duration // since the start
	rate, held float64
	accepted   int
}

// start is not the start of an hour.
var start = time.Date(2026, 1, 5, 6, 17, 31, 0, time.UTC)

func begin(t *testing.T, a *api, configured Limit) *run {
	a.tokens, a.at = a.burst, start
	return &run{
		T: t, api: a, learner: New(configured), now: start, tokens: float64(configured.Burst), refilled: start,
		uses: 1, chance: rand.New(rand.NewPCG(1, 2)),
	}
}

// until runs the sender until a time after the start.
func (r *run) until(end time.Duration) {
	for r.now.Sub(start) < end {
		r.learner.Advance(r.now)
		if wait := r.wait(); wait > 0 {
			r.now = r.now.Add(min(wait, 15*time.Second))
			continue
		}
		r.tokens--
		r.sendOthers()
		refusal := r.api.request(r.now)
		latency := time.Duration(50+r.chance.IntN(200)) * time.Millisecond
		r.now = r.now.Add(latency)
		r.receive(refusal, latency)
	}
}

// wait refills the tokens and returns how long there are none.
func (r *run) wait() time.Duration {
	if r.now.Before(r.paused) {
		return r.paused.Sub(r.now)
	}
	limit := r.learner.Limit()
	if !r.paused.IsZero() {
		r.tokens, r.refilled, r.paused = min(r.tokens+limit.PerHour*r.paused.Sub(r.refilled).Hours(), 1), r.paused, time.Time{}
	}
	r.tokens = min(float64(limit.Burst), r.tokens+r.uses*limit.PerHour*r.now.Sub(r.refilled).Hours())
	r.refilled = r.now
	if wait := r.learner.Wait(r.now, 0); wait > 0 {
		return wait
	}
	if r.tokens >= 1 {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-r.tokens)/(r.uses*limit.PerHour)*float64(time.Hour)))
}

// sendOthers sends the requests of other users.
func (r *run) sendOthers() {
	if r.others == nil {
		return
	}
	for !r.next.After(r.now) {
		rate := r.others(r.next)
		if rate > 0 && !r.next.IsZero() {
			r.api.request(r.next)
		}
		if r.next.IsZero() {
			r.next = r.now
		}
		r.next = r.next.Add(time.Duration(r.chance.ExpFloat64() / max(rate, 60) * float64(time.Hour)))
	}
}

func (r *run) receive(refusal, latency time.Duration) {
	if refusal == 0 {
		r.unstated = 0
		r.learner.Accepted(r.now, 1)
		return
	}
	r.refuse(refusal - latency)
}

// refuse delivers a 429 with a wait.
func (r *run) refuse(wait time.Duration) {
	wait = (wait + time.Second - 1).Truncate(time.Second)
	wait = max(time.Second, wait)
	if r.absent {
		wait = min(time.Hour, time.Minute<<min(r.unstated, 10))
		r.unstated++
	}
	r.events = append(r.events, event{r.now.Sub(start), r.learner.Limit().PerHour, r.tokens, r.learner.past.total})
	r.learner.Refused(Refusal{At: r.now, Wait: wait, Stated: !r.absent, Remaining: r.tokens})
	r.paused = r.now.Add(wait)
}

// between counts 429s.
func (r *run) between(from, to time.Duration) int {
	n := 0
	for _, e := range r.events {
		if e.at >= from && e.at < to {
			n++
		}
	}
	return n
}

// checkNotRepeated fails if a rate was refused twice within 24 h.
func (r *run) checkNotRepeated() {
	r.Helper()
	for i, e := range r.events {
		for _, earlier := range r.events[:i] {
			if e.at-earlier.at < 24*time.Hour && e.rate >= earlier.rate {
				r.Errorf("429 after %s at a rate of %.1f: %.1f was refused after %s", e.at, e.rate, earlier.rate, earlier.at)
			}
		}
	}
}

// most429s is the largest number of 429s within span, from a time on.
func (r *run) most429s(from, span time.Duration) int {
	most := 0
	for _, e := range r.events {
		if e.at >= from {
			most = max(most, r.between(e.at, e.at+span))
		}
	}
	return most
}
