// Package allowance learns how many requests an API really permits, from those it accepted and those it refused with
// 429, and says what rate to keep to. It is pure: no I/O, no clock, no randomness. Rates are requests per hour. A refused
// request is assumed to cost nothing.
//
// # What a refusal tells
//
// A refusal at t asks to wait until u = t + wait. Waits are whole seconds, rounded up. Nobody documents how the API
// counts, so each refusal is read by the hypothesis that it fits:
//
//   - Hourly, a fixed hour of the clock or the last 60 minutes: then u is when the hour ends, or when the oldest request
//     leaves it, and the limit is exactly what was accepted from u - 1h to t.
//   - Token bucket: then it holds just one request at u. With n accepted from one such moment to the next, D seconds
//     later, its rate is between n/(D+1) and n/(D-1); the upper bound holds only while the sender used all it had, for a
//     bucket that is full lets requests go unused. Without a refusal, the k-th request accepted D seconds after u shows a
//     rate above (k-1)/(D+1). So the bounds are narrowed by going between them, up and down, until they are within 4 %.
//
// A bucket of the configured burst that gains one request in wait - 1 s, the fastest that fits, cannot have accepted more
// than burst + t/(wait-1) in any time t, and after a refusal no more than 1 + t/(wait-1). Where more was accepted, the
// limit is hourly. Where both fit, bucket is tried: it errs by one more 429, at a lower rate.
//
// An hourly figure is doubted where the hour began before our knowledge does, or where an hour of the clock since the last
// refusal had accepted clearly more: a hiccup, or a limit just changed. Doubt costs 5 %; a second refusal soon after is believed.
//
// A refusal without a wait tells only that the rate was too high: then bisection, each step lasting 2 h.
//
// # What is kept to
//
//   - 3 % under an estimate; on hourly limits with a burst so small that rate and burst together stay under it.
//   - On hourly limits also the last 60 minutes are kept under the limit, until the first step up: what was sent before the
//     rate was lowered is still in them.
//   - After a refusal always a lower rate, and never again one that was refused within 24 h.
//   - Where what was refused was sent out of the burst, ahead of the rate, only the burst is to blame. The rate still goes
//     down by 1 %, for the rule above.
//   - 6 h after the last refusal 5 % more, and, each time that lasted 2 h, twice the step, up to the configured rate. A
//     step that is refused is taken back, and the next is tried 30 h later: 24 would meet the same hour of the day.
//
// # Why it is lower
//
// A limit lower than configured and a key that others use too look alike. Only where what is refused went up by more
// than 10 % and then down again by as much, without our doing, the key must be shared.
package ratelimit
