// Package apicheck walks an innius API with a real key, from the company to a value, and reports what was sent, what came,
// how it was understood and what to set. It sends through innius.Client.Inspect, so that what it understands is what the
// exporter understands. It writes nothing but its report.
//
// The walk is in walk*.go, what it finds wrong in find_*.go, one file a subject, what it tries in cure.go, and the settings,
// as YAML and by their paths, in settings.go. A Report is data; text.go prints it for people and encoding/json for programs.
package apicheck
