// Package apicheck walks an innius API with a real key, from the company to a value, and tells what was asked, what came
// and how it was understood; where something is missing, it tells what to set, as YAML to be pasted. It asks through
// innius.Client.Inspect, so that what it understands is what the exporter understands. It writes nothing but its report.
//
// The walk is in walk.go, what it finds wrong in find_*.go, one file a subject, and what to set in snippet.go. A Report is
// data; text.go prints it for people and encoding/json for programs.
package apicheck
