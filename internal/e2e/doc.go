// Package e2e holds the tests that run the exporter against real servers: Prometheus with the example config and rules, and
// Alertmanager with a receiver of notifications. They take minutes of real time and run with `make e2e` only.
package e2e
