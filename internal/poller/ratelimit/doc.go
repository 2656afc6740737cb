// Package ratelimit learns how many requests an API really accepts, from the requests that it accepted and those that it
// refused with status 429. It is pure: no I/O, no clock, no randomness. Rates are requests per hour. A refused request is
// assumed not to count.
//
// # What a refusal shows
//
// A refusal at t with a stated wait ends at u = t + wait. Waits are whole seconds, rounded up. How the API counts is not
// documented, so each refusal is read by the hypothesis that it fits:
//
//   - Hourly, as a fixed hour of the clock or the last 60 minutes: then u is the end of the hour, or the time when the
//     oldest request leaves it, and the limit is exactly the number of requests accepted from u - 1h to t.
//   - Token bucket: then it holds exactly one request at u. With n accepted from one such moment to the next, D seconds
//     later, its rate is between n/(D+1) and n/(D-1). The upper bound holds only if the sender used all that it had,
//     because a full bucket gains nothing. Without a refusal, the k-th request accepted D seconds after u shows a rate
//     above (k-1)/(D+1). The bounds are narrowed by trying rates between them until they are within 4 %.
//
// A bucket of the configured burst that gains one request in wait - 1 s, the fastest that fits, cannot accept more than
// burst + t/(wait-1) in any time t, and after a refusal not more than 1 + t/(wait-1). If more was accepted, the limit is
// hourly. If both fit, a bucket is assumed: the error costs one more 429, at a lower rate.
//
// An hourly figure is uncertain if the hour began before our record does, or if an hour of the clock since the last refusal
// had accepted clearly more: a single failure, or a limit that has just changed. Then the rate is lowered by 5 % only; a
// second refusal soon after is taken as it is.
//
// A refusal without a wait shows only that the rate was too high. Then the rate is found by bisection, 2 h for each step.
//
// # The rate in force
//
//   - 3 % below an estimate. With hourly limits the burst is so small that rate and burst together stay below it.
//   - With hourly limits the last 60 minutes are also kept below the limit, until the first step up: they still contain
//     what was sent before the rate was lowered.
//   - After a refusal the rate is always lower than before, and a refused rate is not used again within 24 h.
//   - If the refused requests were sent from the burst, ahead of the rate, only the burst is lowered. The rate still drops
//     by 1 %, because of the rule above.
//   - 6 h after the last refusal the rate rises by 5 %, and after each 2 h without a refusal by twice the last step, up to
//     the configured rate. A refused step is undone, and the next one follows 30 h later: 24 h would be the same hour of
//     the day.
//
// # Why the rate is lower
//
// A limit lower than configured and a key that others use look the same. Only if the refused rate rose by more than 10 % and
// then fell by as much, without a change of ours, the key must be shared.
package ratelimit
