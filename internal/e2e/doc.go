// Package e2e tests the exporter with real servers: Prometheus with the example config and rules, and Alertmanager with a webhook
// receiver. These tests take minutes and run only with make e2e. Others check the queries of the dashboards.
package e2e
