package grafana

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Offers are the values that the variables of one dashboard offer. A suite that goes through Queries in their order fills
// them: each variable by what Query.Values finds, before the queries that use it.
type Offers map[string][]string

// Values are those that a variable offers, from the labels of what Prometheus answered to its expression.
func (q Query) Values(answer []map[string]string) []string {
	all := map[string]bool{}
	for _, labels := range answer {
		value := labels[q.Label]
		if q.Label == "" { // Grafana writes such a row as a text, and takes the value out by the expression
			if m := regexp.MustCompile(q.Regex).FindStringSubmatch(`{unit="` + labels["unit"] + `"} 1 0`); m != nil {
				value = m[1]
			}
		}
		if value != "" {
			all[value] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Exprs are the expressions that Grafana would send for a query with everything chosen: one, or of a repeated panel one for
// each value that it is repeated for.
func (q Query) Exprs(offers Offers) []string {
	if q.Repeat == "" {
		return []string{q.Interpolate(offers)}
	}
	var all []string
	for _, value := range offers[q.Repeat] {
		chosen := maps.Clone(offers)
		chosen[q.Repeat] = []string{value}
		all = append(all, q.Interpolate(chosen))
	}
	return all
}

// anyValue are the variables whose All stands for any value, offered or not.
var anyValue = []string{"company", "machine", "sensor", "unit", "account"}

var (
	reference = regexp.MustCompile(`\$\{([a-z]+):(regex|raw)\}`)
	special   = regexp.MustCompile(`[\\^$*+?.()|[\]{}/]`)
)

// Interpolate puts chosen values into the expression, as Grafana does with the formats that the dashboards use. A variable
// without values is All, where that stands for any value.
func (q Query) Interpolate(chosen Offers) string {
	expr := strings.NewReplacer("$__rate_interval", "1m", "$__range", "6h").Replace(q.Expr)
	return reference.ReplaceAllStringFunc(expr, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		values := chosen[m[1]]
		switch {
		case len(values) == 0 && slices.Contains(anyValue, m[1]):
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
