// Package grafana makes the dashboards, and reads the queries out of the files that it made.
//
// The files innius-*.json beside it are what people import and what Grafana provisions: `make dashboards` writes them, a
// test sees that they are what the code says. The schema is the one of Grafana 9.3 (schemaVersion 37), which newer
// versions read; so only panels and options that 9.3 knows are used.
//
// A name may hold quotes of both kinds, backslashes and whatever a regular expression minds. Grafana 9.3 escapes double
// quotes nowhere, so selectors are written in backticks with the format regex, and links with the format percentencode.
package grafana
