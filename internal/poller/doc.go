// Package collector keeps the newest reading of every sensor in memory and translates it to Prometheus metrics.
//
// [Poller] runs one loop per account: it learns what exists (discovery.go), decides who is asked next (schedule.go),
// obeys what the API answers (gate.go), keeps to what it permits (learn.go, package allowance) and stores readings
// (cell.go) under the catalogue (catalogue.go). [Collector] reads all that at each scrape: it does no I/O and waits for no
// writer. The package knows no URL, no key and no YAML.
//
// [Plans] says beforehand what an allowance buys, by the schedule itself (plan.go).
//
// What should outlive a restart leaves as a [Snapshot] (snapshot.go) and comes back as Options.Kept (restore.go).
package poller
