// Package poller polls every sensor of an account and keeps its newest reading in memory.
//
// [Poller] runs one loop per account (loop.go). The loop sends a request when the circuit breaker (breaker.go), the rate limit
// (limiter.go) and the schedule permit one, and applies its result. Discovery (discovery.go) decides which list to request,
// package schedule which sensor to poll. The lister (lister.go) publishes what the lists contain. Package inventory holds what
// exists, package reading what each sensor reported. account.go holds, publishes, saves and restores the state of the loop.
// view.go reads what is published; no reader blocks the loop. verdict.go computes the status of sensors and machines from it. The
// package knows no URL, no key and no YAML.
//
// What survives a restart leaves as a [State] and comes back in [Options]. A reload continues with [Poller.HandOver]
// (handover.go). [Plans] computes what a rate limit yields, with the schedule itself (plan.go).
package poller
