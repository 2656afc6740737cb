package grafana

import (
	"regexp"
	"strings"
)

// All chooses every value of a variable, for Interpolate.
const All = "$__all"

var (
	reference = regexp.MustCompile(`\$\{([a-z]+):(regex|raw)\}`)
	special   = regexp.MustCompile(`[\\^$*+?.()|[\]{}/]`)
)

// Interpolate puts chosen values into an expression, as Grafana does with the formats that the dashboards use. A variable
// that is not in chosen is All.
func Interpolate(expr string, chosen map[string][]string) string {
	expr = strings.ReplaceAll(expr, "$__rate_interval", "1m")
	return reference.ReplaceAllStringFunc(expr, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		values := chosen[m[1]]
		switch {
		case len(values) == 0 || values[0] == All:
			return anything
		case m[2] == "raw":
			return strings.Join(values, ",")
		}
		return alternatives(values)
	})
}

// alternatives are values in the format regex.
func alternatives(values []string) string {
	escaped := make([]string, len(values))
	for i, v := range values {
		escaped[i] = special.ReplaceAllString(v, `\$0`)
	}
	if len(escaped) == 1 {
		return escaped[0]
	}
	return "(" + strings.Join(escaped, "|") + ")"
}
