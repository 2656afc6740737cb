// Package match holds the patterns and filters by which users choose machines and sensors.
//
// A Pattern is a regular expression that must match the whole id or the whole name of an object. Its zero value is
// "not set" and matches everything, so a rule needs no special case:
//
//	rule.Machine.Match(m.ID, m.Name) && rule.Sensor.Match(s.ID, s.Name)
//
// A Filter combines patterns; Reject returns why it leaves an object out. To find patterns that never matched, range
// over Filter.Include and Filter.Exclude; String returns the text of the user. Values are immutable and safe for
// concurrent use.
package match

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// Pattern is an anchored regular expression on the id or the name of an object.
type Pattern struct {
	text string
	re   *regexp.Regexp
}

// Compile makes a pattern of a regular expression (RE2). The empty text gives the zero Pattern. The error names the
// fault, not the text: a user may have pasted a secret.
func Compile(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, nil
	}
	p := Pattern{text: text}
	_, err := syntax.Parse(text, syntax.Perl) // "a)|(b" is valid only between the parentheses added below
	if err == nil {
		p.re, err = regexp.Compile("^(?s:" + text + ")$")
	}
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return Pattern{}, errors.New(e.Code.String())
	}
	return p, err
}

// MustCompile is Compile for constants; it panics on an invalid expression.
func MustCompile(text string) Pattern {
	p, err := Compile(text)
	if err != nil {
		panic(fmt.Sprintf("pattern %q: %v", text, err))
	}
	return p
}

// Match reports whether the pattern matches the whole id or the whole name. The zero Pattern matches everything.
func (p Pattern) Match(id, name string) bool {
	return p.re == nil || p.re.MatchString(id) || p.re.MatchString(name)
}

// String returns the expression as the user wrote it; empty for the zero Pattern.
func (p Pattern) String() string { return p.text }

// Filter selects objects. An empty Include selects all; Exclude wins over Include.
type Filter struct {
	Include []Pattern
	Exclude []Pattern
}

// Reject returns why the filter leaves an object out, in the words of the config, or "" when it selects the object. The key
// is where the filter stands in the config, such as discovery.machines.
func (f Filter) Reject(key, id, name string) string {
	matches := func(p Pattern) bool { return p.Match(id, name) }
	if i := slices.IndexFunc(f.Exclude, matches); i >= 0 {
		return fmt.Sprintf("%s.exclude %q", key, f.Exclude[i])
	}
	if len(f.Include) > 0 && !slices.ContainsFunc(f.Include, matches) {
		return "not in " + key + ".include"
	}
	return ""
}
